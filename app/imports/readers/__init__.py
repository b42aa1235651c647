"""Reading files: `inspect` says what the first bytes show, `read_chunks` brings the rows."""

from app.imports.checks import Chunk
from app.imports.readers.chunks import ColumnRefused, inspect, read_chunks
from app.imports.readers.layout import FileFormat, Header, UnreadableFile

__all__ = ["Chunk", "ColumnRefused", "FileFormat", "Header", "UnreadableFile", "inspect", "read_chunks"]
