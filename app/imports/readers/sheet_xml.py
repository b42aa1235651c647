"""The XML of a workbook, looked at without keeping it: its first row, and how far the cells of a sheet reach.

The library that takes the rows makes room for the whole rectangle of a sheet, so its corner is looked up first.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple, NoReturn
from xml.parsers import expat

from app.imports.readers.archive import Archive
from app.imports.readers.layout import MOST_COLUMNS, UnreadableFile

MOST_ROWS = 100_000
"""Rows that a sheet may have below its header; more are better sent as CSV."""

MOST_CELLS = 5_000_000
"""Cells in the rectangle of a sheet, blank ones included."""

_LONGEST_ROW = 1 << 20
_LONGEST_TAG = 1 << 20
_MOST_ERRORS = 100_000
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_SHORT_NUMBER = re.compile(r"[0-9]{1,9}")
_LETTERS = 26
_TEXT, _PHONETIC = "t", "rPh"


class Sheet(NamedTuple):
    """The name of a worksheet and the part of the archive that holds it."""

    name: str
    part: str


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


class _Event(NamedTuple):
    """A start or end of an element by its name without prefix, or a piece of text."""

    kind: str
    name: str
    attributes: Mapping[str, str] = {}


@dataclass
class _Cell:
    column: int
    type: str
    text: str = ""


def first_sheet(archive: Archive) -> Sheet:
    """Return the first worksheet of a workbook.

    Raises
    ------
    UnreadableFile
        There is none, or the archive holds something else than a workbook.
    """
    if "xl/workbook.xml" not in archive.entries:
        raise UnreadableFile("The file is a ZIP archive but no XLSX workbook.")
    parts = _related(archive, "/worksheet")
    for event in _events(archive, "xl/workbook.xml"):
        relation = next((value for key, value in event.attributes.items() if key.endswith(":id")), "")
        if event.kind == "start" and event.name == "sheet" and relation in parts:
            return Sheet(event.attributes.get("name", ""), parts[relation])
    raise UnreadableFile("The workbook has no worksheet.")


def first_row(archive: Archive, sheet: Sheet) -> tuple[str, ...]:
    """Return the texts of row 1 by column, empty where a cell is blank; nothing where the row is.

    Raises
    ------
    UnreadableFile
        The row has more than `MOST_COLUMNS` columns or more than a million characters, or the XML is broken.
    """
    cells = _first_cells(archive, sheet)
    wanted = {int(cell.text) for cell in cells if cell.type == "s" and _SHORT_NUMBER.fullmatch(cell.text)}
    shared = _shared_texts(archive, wanted)
    texts = {cell.column: shared.get(cell.text, "") if cell.type == "s" else cell.text for cell in cells}
    return tuple(texts.get(column, "") for column in range(1, max(texts, default=0) + 1))


def sheet_extent(archive: Archive, sheet: Sheet) -> Extent:
    """Return how far a sheet reaches, from every cell of it.

    Raises
    ------
    UnreadableFile
        It has more than `MOST_ROWS` rows, `MOST_COLUMNS` columns or `MOST_CELLS` cells, or the XML is broken.
    """
    extent = Extent()
    row, column, kind = 0, 0, ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind
        name = _local(name)
        if name == "c":
            row, column = _place(attributes, row, column)
            kind = attributes.get("t", "")
        elif name in {"v", "is", "f"}:
            _widen(extent, row, column, is_error=kind == "e" and name == "v")
        elif name == "row":
            row, column = _row_number(attributes, row), 0

    parser = _parser()
    parser.StartElementHandler = start
    for _ in _fed(parser, archive, sheet.part):
        pass
    return extent


def _widen(extent: Extent, row: int, column: int, *, is_error: bool) -> None:
    if row > extent.rows or column > extent.columns:
        extent.rows, extent.columns = max(row, extent.rows), max(column, extent.columns)
        _refuse_large(extent)
    if is_error:
        extent.errors.append((row, column))
        if len(extent.errors) > _MOST_ERRORS:
            raise UnreadableFile(f"The sheet has more than {_MOST_ERRORS} cells with an error, as #N/A.")


def _refuse_large(extent: Extent) -> None:
    if extent.rows > MOST_ROWS + 1:
        raise UnreadableFile(f"The sheet has more than {MOST_ROWS} rows; send them as CSV.")
    if extent.columns > MOST_COLUMNS or extent.rows * extent.columns > MOST_CELLS:
        raise UnreadableFile(
            f"The sheet has cells as far as column {extent.columns}; at most {MOST_COLUMNS} columns and {MOST_CELLS} "
            "cells are read. Send the rows as CSV."
        )


def _first_cells(archive: Archive, sheet: Sheet) -> list[_Cell]:
    cells: list[_Cell] = []
    row, column, characters = 0, 0, 0
    for event, text in _texts(archive, sheet.part, ("v", _TEXT)):
        if event.name == "row":
            row = _row_number(event.attributes, row)
            if event.kind == "end" or row > 1:
                break
        elif event.name == "c" and event.kind == "start":
            _, column = _place(event.attributes, row, column)
            cells.append(_Cell(column, event.attributes.get("t", "")))
        elif text and cells:
            cells[-1].text += text
            characters += len(text)
        if column > MOST_COLUMNS or characters > _LONGEST_ROW:
            raise UnreadableFile(f"The header has more than {MOST_COLUMNS} columns or {_LONGEST_ROW} characters.")
    return cells


def _shared_texts(archive: Archive, wanted: set[int]) -> Mapping[str, str]:
    """Return the shared texts of some numbers, by their number as cells write it."""
    parts = list(_related(archive, "/sharedStrings").values())
    found: dict[str, str] = {}
    if not wanted or not parts:
        return found
    number, last = -1, max(wanted)
    for event, text in _texts(archive, parts[0], (_TEXT,)):
        if event.kind == "start" and event.name == "si":
            number += 1
        if number > last:
            break
        if text and number in wanted:
            found[str(number)] = found.get(str(number), "") + text
            if len(found[str(number)]) > _LONGEST_ROW:
                raise UnreadableFile(f"A text of the header has more than {_LONGEST_ROW} characters.")
    return found


def _texts(archive: Archive, part: str, holders: tuple[str, ...]) -> Iterator[tuple[_Event, str]]:
    """Yield all events, with the text that stands inside one of the elements `holders`, phonetic readings left out."""
    holder, phonetic = "", False
    for event in _events(archive, part):
        if event.kind == "text":
            yield event, event.name if holder and not phonetic else ""
            continue
        if event.name == _PHONETIC:
            phonetic = event.kind == "start"
        if event.name in holders:
            holder = event.name if event.kind == "start" else ""
        yield event, ""


def _events(archive: Archive, part: str) -> Iterator[_Event]:
    found: list[_Event] = []
    parser = _parser()
    parser.StartElementHandler = lambda name, attributes: found.append(_Event("start", _local(name), attributes))
    parser.EndElementHandler = lambda name: found.append(_Event("end", _local(name)))
    parser.CharacterDataHandler = lambda text: found.append(_Event("text", text))
    for _ in _fed(parser, archive, part):
        yield from found
        found.clear()


def _related(archive: Archive, kind: str) -> Mapping[str, str]:
    """Return the parts of a kind that the workbook names, by the id of their relation."""
    relations = (event.attributes for event in _events(archive, "xl/_rels/workbook.xml.rels") if event.kind == "start")
    return {
        attributes.get("Id", ""): posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
        for attributes in relations
        if attributes.get("Type", "").endswith(kind)
    }


def _place(attributes: Mapping[str, str], row: int, column: int) -> tuple[int, int]:
    """Return row and column of a cell: as it says, or the next to the one before."""
    reference = _REFERENCE.fullmatch(attributes.get("r", ""))
    if reference is None:
        return row, column + 1
    number = 0
    for letter in takewhile(str.isalpha, reference[1]):
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return int(reference[2]), number


def _row_number(attributes: Mapping[str, str], before: int) -> int:
    """Return the number of a row: as it says, or the next to the one before."""
    stated = attributes.get("r", "")
    return int(stated) if _SHORT_NUMBER.fullmatch(stated) else before + 1


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _fed(parser: expat.XMLParserType, archive: Archive, part: str) -> Iterator[None]:
    """Parse a part of the archive, stopping after each block for the caller to look at what was found."""
    fed = 0
    for block in archive.inflate(part):
        try:
            parser.Parse(block, False)  # noqa: FBT003  # takes no keywords
        except expat.ExpatError as error:
            raise UnreadableFile("The XML of the workbook is broken.") from error
        fed += len(block)
        # A tag without an end would be scanned from its start again with every block.
        if fed - parser.CurrentByteIndex > _LONGEST_TAG:
            raise UnreadableFile(f"The XML of the workbook has a tag of more than {_LONGEST_TAG} bytes.")
        yield


def _refuse_doctype(*_declaration: object) -> NoReturn:
    raise UnreadableFile("The XML of the workbook declares a document type, which no workbook does.")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
