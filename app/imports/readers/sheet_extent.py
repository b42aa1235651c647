"""How far the cells of a worksheet reach: looked up before a library makes room for their whole rectangle."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.imports.readers.archive import Archive
from app.imports.readers.layout import MOST_COLUMNS, UnreadableFile
from app.imports.readers.sheet_xml import Sheet, cell_place, column_number, parsed, row_number

MOST_ROWS = 100_000
"""Rows that a sheet may have below its header; more are better sent as CSV."""

MOST_CELLS = 5_000_000
"""Cells in the rectangle of a sheet, blank ones included."""

_MOST_ERRORS = 100_000
_LONGEST_REST = 1 << 20
_PLAIN_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
_PLAIN_ERROR = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]* t="e"')
_ANY_CELL = re.compile(rb"[<:]c[\s/>]")
_PLAIN_START = re.compile(rb"(?:\xef\xbb\xbf)?<(?:\?xml[^>]*encoding=[\"'](?:utf|UTF)-8[\"']|worksheet)")


@dataclass
class Extent:
    """How far the cells of a sheet reach, and which of them hold an error of the spreadsheet (`#N/A`).

    Parameters
    ----------
    rows, columns
        The last of each with something in it, from 1; 0 where the sheet is blank.
    errors
        Row and column of each cell with an error, from 1.
    """

    rows: int = 0
    columns: int = 0
    errors: list[tuple[int, int]] = field(default_factory=list)

    def widen(self, row: int, column: int) -> None:
        """Take in a cell."""
        self.rows, self.columns = max(row, self.rows), max(column, self.columns)

    def note_error(self, row: int, column: int) -> None:
        """Take down a cell with an error."""
        self.errors.append((row, column))
        if len(self.errors) > _MOST_ERRORS:
            raise UnreadableFile(f"The sheet has more than {_MOST_ERRORS} cells with an error, such as #N/A.")

    def refuse_large(self) -> None:
        """Raise where there are more rows, columns or cells than are read."""
        if self.rows > MOST_ROWS + 1:
            raise UnreadableFile(f"The sheet has more than {MOST_ROWS} rows; send them as CSV.")
        if self.columns > MOST_COLUMNS or self.rows * self.columns > MOST_CELLS:
            raise UnreadableFile(
                f"The sheet has cells as far as row {self.rows} and column {self.columns}; at most {MOST_COLUMNS} "
                f"columns and {MOST_CELLS} cells are read. Send the rows as CSV."
            )


class _NotPlainError(Exception):
    """The XML is not as usual programs write it."""


def sheet_extent(archive: Archive, sheet: Sheet) -> Extent:
    """Return how far a sheet reaches, from every cell of it.

    XML as usual programs write it is searched for its cells; other XML, and sheets that seem too large (there may be
    formatted blank cells), are parsed.

    Raises
    ------
    UnreadableFile
        It has more than `MOST_ROWS` rows, `MOST_COLUMNS` columns or `MOST_CELLS` cells, or the XML is broken.
    """
    try:
        extent = _searched(archive, sheet)
        extent.refuse_large()
    except (_NotPlainError, UnreadableFile):
        return _parsed(archive, sheet)
    return extent


def _searched(archive: Archive, sheet: Sheet) -> Extent:
    extent = Extent()
    for tags in _whole_tags(archive.inflate(sheet.part)):
        places = _PLAIN_CELL.findall(tags)
        if len(places) != len(_ANY_CELL.findall(tags)):
            raise _NotPlainError
        for columns, rows in [map(set, zip(*places, strict=True))] if places else []:
            extent.widen(max(map(int, rows)), max(column_number(column.decode()) for column in columns))
        for column, row in _PLAIN_ERROR.findall(tags) if b't="e"' in tags else []:
            extent.note_error(int(row), column_number(column.decode()))
    return extent


def _whole_tags(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the blocks cut before their last tag, which goes with the next block, so that no tag is split."""
    rest = b""
    for place, block in enumerate(blocks):
        if place == 0 and not _PLAIN_START.match(block):
            raise _NotPlainError
        whole, bracket, cut = (rest + block).rpartition(b"<")
        yield whole
        rest = bracket + cut
        if len(rest) > _LONGEST_REST:
            raise _NotPlainError
    yield rest


def _parsed(archive: Archive, sheet: Sheet) -> Extent:
    extent = Extent()
    row, column, kind = 0, 0, ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind
        if name == "row":
            row, column = row_number(attributes, row), 0
        elif name == "c":
            row, column = cell_place(attributes, row, column)
            kind = attributes.get("t", "")
        elif name in {"v", "is", "f"}:
            extent.widen(row, column)
            extent.refuse_large()
            if kind == "e" and name == "v":
                extent.note_error(row, column)

    for _ in parsed(archive, sheet.part, start):
        pass
    return extent
