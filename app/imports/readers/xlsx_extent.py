"""The extent of a worksheet's cells, found before a library allocates the whole rectangle."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.imports.issues import Rule
from app.imports.readers.layout import MOST_COLUMNS, UnreadableFile
from app.imports.readers.xlsx_archive import Archive
from app.imports.readers.xlsx_sheet import Sheet, cell_place, column_number, parsed, row_number
from app.messages import say

MOST_ROWS = 100_000
"""Most rows of a sheet below its header; for more, CSV is better."""

MOST_CELLS = 5_000_000
"""Most cells in the rectangle of a sheet, blank ones included."""

_MOST_WRONG = 100_000
_LONGEST_REST = 1 << 20
_PLAIN_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
_PLAIN_ERROR = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]* t="e"')
_ANY_CELL = re.compile(rb"[<:]c[\s/>]")
_ANY_FORMULA = re.compile(rb"<f[\s/>]")
_PLAIN_START = re.compile(rb"(?:\xef\xbb\xbf)?<(?:\?xml[^>]*encoding=[\"'](?:utf|UTF)-8[\"']|worksheet)")


@dataclass
class Extent:
    """The extent of a sheet's cells; and those with an error (`#N/A`), or a formula that was never calculated.

    Parameters
    ----------
    rows, columns
        The last of each that is not blank, from 1; 0 for a blank sheet.
    header_row
        The row before the first that is read.
    wrong
        Row and column of each cell without a value, from 1, and the reason.
    """

    rows: int = 0
    columns: int = 0
    header_row: int = 1
    wrong: list[tuple[int, int, Rule]] = field(default_factory=list)

    def widen(self, row: int, column: int) -> None:
        """Extend to a cell."""
        self.rows, self.columns = max(row, self.rows), max(column, self.columns)

    def note_wrong(self, row: int, column: int, rule: Rule) -> None:
        """Note a cell without a value."""
        self.wrong.append((row, column, rule))
        if len(self.wrong) > _MOST_WRONG:
            message = "The sheet has more than {most} cells with an error, such as #N/A, or a formula without a value."
            raise UnreadableFile(say(message, most=_MOST_WRONG), row=row)

    def refuse_large(self) -> None:
        """Raise if there are more rows, columns or cells than allowed."""
        if self.rows > MOST_ROWS + self.header_row:
            message = say("The sheet has more than {most} rows; send them as CSV.", most=MOST_ROWS)
            raise UnreadableFile(message, row=MOST_ROWS + self.header_row + 1)
        if self.columns > MOST_COLUMNS or self.rows * self.columns > MOST_CELLS:
            message = say(
                "The sheet has cells as far as row {row} and column {column}; at most {columns} columns and {cells} "
                "cells are read. Send the rows as CSV.",
                row=self.rows,
                column=self.columns,
                columns=MOST_COLUMNS,
                cells=MOST_CELLS,
            )
            raise UnreadableFile(message, row=self.rows)


class _NotPlainError(Exception):
    """The XML is not as usual programs write it."""


def sheet_extent(archive: Archive, sheet: Sheet, header_row: int = 1) -> Extent:
    """Return the extent of a sheet, from all its cells.

    XML as usual programs write it is searched for cells; other XML, sheets with formulas, and sheets that seem too
    large (perhaps because of formatted blank cells) are parsed.

    Raises
    ------
    UnreadableFile
        It has more than `MOST_ROWS` rows, `MOST_COLUMNS` columns or `MOST_CELLS` cells, or the XML is broken.
    """
    try:
        extent = _searched(archive, sheet, Extent(header_row=header_row))
        extent.refuse_large()
    except (_NotPlainError, UnreadableFile):
        return _parsed(archive, sheet, Extent(header_row=header_row))
    return extent


def _searched(archive: Archive, sheet: Sheet, extent: Extent) -> Extent:
    for tags in _whole_tags(archive.inflate(sheet.part)):
        places = _PLAIN_CELL.findall(tags)
        if len(places) != len(_ANY_CELL.findall(tags)) or _ANY_FORMULA.search(tags):
            raise _NotPlainError
        for columns, rows in [map(set, zip(*places, strict=True))] if places else []:
            extent.widen(max(map(int, rows)), max(column_number(column.decode()) for column in columns))
        for column, row in _PLAIN_ERROR.findall(tags) if b't="e"' in tags else []:
            extent.note_wrong(int(row), column_number(column.decode()), Rule.SPREADSHEET_ERROR)
    return extent


def _whole_tags(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks that end before their last tag, which goes into the next block, so that no tag is split."""
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


class _Cells:
    """Collects the cells of a sheet as its XML is parsed."""

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self._row, self._column, self._kind = 0, 0, ""
        self._has_formula = self._in_value = self._has_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Process the start of an element."""
        if name == "row":
            self._row, self._column = row_number(attributes, self._row), 0
        elif name == "c":
            self._row, self._column = cell_place(attributes, self._row, self._column)
            self._kind, self._has_formula, self._has_value = attributes.get("t", ""), False, False
        elif name in {"v", "is", "f"}:
            self._extent.widen(self._row, self._column)
            self._extent.refuse_large()
            self._has_formula |= name == "f"
            self._in_value = name == "v"
            if self._kind == "e" and name == "v":
                self._extent.note_wrong(self._row, self._column, Rule.SPREADSHEET_ERROR)

    def text(self, text: str) -> None:
        """Process a text."""
        self._has_value |= self._in_value and bool(text)

    def end(self, name: str) -> None:
        """Process the end of an element; a formula whose value is no text is an error, or was not calculated."""
        if name == "v":
            self._in_value = False
        elif name == "c" and self._has_formula and not self._has_value and self._kind != "str":
            self._extent.note_wrong(self._row, self._column, Rule.FORMULA_WITHOUT_VALUE)


def _parsed(archive: Archive, sheet: Sheet, extent: Extent) -> Extent:
    cells = _Cells(extent)
    for _ in parsed(archive, sheet.part, cells.start, cells.end, cells.text):
        pass
    return extent
