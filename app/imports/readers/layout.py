"""The first bytes of a file: its format, titles and layout."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.imports.headers import Field, shown_title
from app.imports.refusals import FileRefused
from app.messages import Message, say

MOST_COLUMNS = 500
"""Most columns of a file; no dataset has more than thirty."""


class FileFormat(StrEnum):
    """Format of a file, known by its first bytes."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class UnreadableFile(FileRefused):
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
        Of a CSV file: `utf-8` or `gb18030`, according to its first bytes.
    delimiter
        Of a CSV file: comma, semicolon or tab.
    sheet, sheets
        Of an XLSX file: the name of the worksheet that is read, and the number of visible ones.
    is_1904
        Of an XLSX file: whether its dates count from 1904, not from 1900.
    header_row
        The row of the titles, as the spreadsheet numbers it.
    """

    format: FileFormat
    titles: tuple[str, ...]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: int = 1
    is_1904: bool = False
    header_row: int = 1


@dataclass(frozen=True)
class Header:
    """What is known of a file before its rows are read.

    Parameters
    ----------
    layout
        How the file is written.
    fields
        Its columns, by position.
    ignore_unknown, keys_only
        The options with which the fields were found.
    """

    layout: Layout
    fields: tuple[Field, ...]
    ignore_unknown: bool = False
    keys_only: bool = False

    @property
    def present(self) -> frozenset[str]:
        """The names of the dataset's columns in the file."""
        return frozenset(field.column.name for field in self.fields if field.column)

    @property
    def titles(self) -> dict[str, str]:
        """The headers as written in the file, by the names of their columns."""
        return {field.column.name: " ".join(field.title.split()) for field in self.fields if field.column}

    @property
    def notes(self) -> tuple[Message, ...]:
        """Which row is the header, and which columns are left out."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[Message]:
        if self.layout.sheets > 1:
            yield say("Sheet {sheet} was taken.", sheet=self.layout.sheet)
        if self.layout.header_row > 1:
            yield say(
                "Row {row} was taken for the header; what stands above it is left out.", row=self.layout.header_row
            )
        left = [
            (place, field.title) for place, field in enumerate(self.fields) if field.title.strip() and not field.column
        ]
        if left and not self.keys_only:
            titles = ", ".join(shown_title(title, place) for place, title in left)
            yield say("Columns left out: {titles}.", titles=titles)
