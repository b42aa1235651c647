"""Reading files: `inspect` examines the first bytes, `read_chunks` yields the rows."""

from app.imports.readers.file import ColumnRefused, inspect, read_chunks
from app.imports.readers.layout import FileFormat, Header, UnreadableFile
from app.imports.rows.checks import Chunk

__all__ = ["Chunk", "ColumnRefused", "FileFormat", "Header", "UnreadableFile", "inspect", "read_chunks"]
