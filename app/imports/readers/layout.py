"""What the first bytes of a file show: its format, its titles, and how they are written down."""

from dataclasses import dataclass
from enum import StrEnum

from app.errors import InvalidRequest

MOST_COLUMNS = 500
"""Columns that a file may have; no dataset has more than thirty."""


class FileFormat(StrEnum):
    """Format of a file, known by its first bytes."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class UnreadableFile(InvalidRequest):
    """The bytes of the file cannot be read as the format that they begin as; the message says where and why."""

    code = "unreadable-file"
    title = "Unreadable file"


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    Parameters
    ----------
    format
        Its format.
    titles
        The cells of its header row.
    encoding
        Of a CSV file: `utf-8` or `gb18030`, as far as its first bytes tell.
    delimiter
        Of a CSV file: comma, semicolon or tab.
    sheet
        Of an XLSX file: the name of its first worksheet.
    """

    format: FileFormat
    titles: tuple[str, ...]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
