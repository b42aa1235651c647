"""What the first bytes of a file show: its format, its titles, and how they are written down."""

from dataclasses import dataclass
from enum import StrEnum

from app.errors import InvalidRequest
from app.imports.headers import Field

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


@dataclass(frozen=True)
class Header:
    """What is known of a file before its rows are read.

    Parameters
    ----------
    layout
        How the file is written.
    fields
        Its columns, by position, and what they hold.
    ignore_unknown, keys_only
        As they were asked for when the fields were found.
    """

    layout: Layout
    fields: tuple[Field, ...]
    ignore_unknown: bool = False
    keys_only: bool = False

    @property
    def present(self) -> frozenset[str]:
        """The names of the dataset's columns that the file has."""
        return frozenset(field.column.name for field in self.fields if field.column)
