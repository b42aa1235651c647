"""The XML of a workbook, read as a stream: its worksheets, and their first rows."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, NoReturn
from xml.parsers import expat

from app.imports.readers.layout import MOST_COLUMNS, UnreadableFile
from app.imports.readers.xlsx_archive import Archive
from app.messages import say

_LONGEST_ROW = 1 << 20
_LONGEST_TAG = 1 << 20
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_SHORT_NUMBER = re.compile(r"[0-9]{1,9}")
_LETTERS = 26
_SHARED_BYTES = 40 << 20
_MOST_BYTES_OF_CHARACTER, _BYTES_OF_TEXT = 3, 30
_TEXT, _PHONETIC = "t", "rPh"


class Sheet(NamedTuple):
    """A worksheet: its name, the part of the archive with its cells, and whether it is visible."""

    name: str
    part: str
    is_visible: bool = True


class Book(NamedTuple):
    """The worksheets of a workbook in their order, and whether its dates count from 1904."""

    sheets: tuple[Sheet, ...]
    is_1904: bool = False


Head = list[tuple[str, ...]]
"""The first rows of a sheet, from row 1: texts by column, empty if a cell is blank."""


class _Event(NamedTuple):
    """A start or end of an element by its name without prefix, or a piece of text."""

    kind: str
    name: str
    attributes: Mapping[str, str] = {}


@dataclass
class _Cell:
    row: int
    column: int
    type: str
    text: str = ""


def read_book(archive: Archive) -> Book:
    """Return the worksheets of a workbook.

    Raises
    ------
    UnreadableFile
        There is none, or the archive is no workbook.
    """
    if "xl/workbook.xml" not in archive.entries:
        raise UnreadableFile(say("The file is a ZIP archive but no XLSX workbook."))
    parts = _related(archive, "/worksheet")
    sheets, is_1904 = [], False
    for event in _events(archive, "xl/workbook.xml"):
        given = event.attributes
        if event.kind == "start" and event.name == "workbookPr":
            is_1904 = given.get("date1904", "") in {"1", "true"}
        relation = next((value for key, value in given.items() if key.endswith(":id")), "")
        if event.kind == "start" and event.name == "sheet" and relation in parts:
            sheets.append(Sheet(given.get("name", ""), parts[relation], given.get("state", "visible") == "visible"))
    if not sheets:
        raise UnreadableFile(say("The workbook has no worksheet."))
    return Book(tuple(sheets), is_1904)


def first_rows(archive: Archive, sheets: Sequence[Sheet], rows: int) -> list[Head]:
    """Return the first rows of worksheets, without blank rows at the end.

    Raises
    ------
    UnreadableFile
        The rows have more than a million characters, or the XML is broken.
    """
    found = [_first_cells(archive, sheet, rows) for sheet in sheets]
    wanted = {int(cell.text) for cells in found for cell in cells if _is_shared(cell)}
    shared = _shared_texts(archive, wanted)
    return [_head(cells, shared) for cells in found]


def _is_shared(cell: _Cell) -> bool:
    return cell.type == "s" and _SHORT_NUMBER.fullmatch(cell.text) is not None


def _head(cells: Sequence[_Cell], shared: Mapping[str, str]) -> Head:
    rows: dict[int, dict[int, str]] = defaultdict(dict)
    for cell in cells:
        rows[cell.row][cell.column] = shared.get(cell.text, "") if cell.type == "s" else cell.text
    texts = (rows.get(row, {}) for row in range(1, max(rows, default=0) + 1))
    return [tuple(row.get(column, "") for column in range(1, max(row, default=0) + 1)) for row in texts]


def parsed(
    archive: Archive,
    part: str,
    start: Callable[[str, dict[str, str]], object],
    end: Callable[[str], object] | None = None,
    text: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Parse a part of a workbook, pausing after each block so that the caller can use what was found.

    Parameters
    ----------
    archive, part
        The workbook and the part.
    start, end, text
        Called with the name (without prefix) and attributes of each element, its name at its end, and its text.

    Raises
    ------
    UnreadableFile
        The XML is broken, declares a document type, or has a tag of more than a million bytes.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = end and (lambda name: end(name.rpartition(":")[2]))
    parser.CharacterDataHandler = text
    fed = 0
    for block in archive.inflate(part):
        try:
            parser.Parse(block, False)  # noqa: FBT003  # takes no keywords
        except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: unknown encodings
            raise UnreadableFile(say("The XML of the workbook is broken.")) from error
        fed += len(block)
        # A tag without an end would be scanned from its start again with each block.
        if fed - parser.CurrentByteIndex > _LONGEST_TAG:
            raise UnreadableFile(say("The XML of the workbook has a tag of more than {most} bytes.", most=_LONGEST_TAG))
        yield


def cell_place(attributes: Mapping[str, str], row: int, column: int) -> tuple[int, int]:
    """Return row and column of a cell, from 1: as stated, or the next after the one before."""
    reference = _REFERENCE.fullmatch(attributes.get("r", ""))
    return (row, column + 1) if reference is None else (int(reference[2]), column_number(reference[1]))


def row_number(attributes: Mapping[str, str], before: int) -> int:
    """Return the number of a row: as stated, or the next after the one before."""
    stated = attributes.get("r", "")
    return int(stated) if _SHORT_NUMBER.fullmatch(stated) else before + 1


@cache
def column_number(letters: str) -> int:
    """Return the number of a column by its up to three capital letters: A is 1, AA 27."""
    number = 0
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number


def _first_cells(archive: Archive, sheet: Sheet, rows: int) -> list[_Cell]:
    """Return the cells with a text in the first rows; of columns beyond the limit, only one."""
    cells: list[_Cell] = []
    cell = _Cell(0, 0, "")
    characters = 0
    for event, text in _texts(archive, sheet.part, ("v", _TEXT)):
        if event.name == "row" and event.kind == "start":
            cell = _Cell(row_number(event.attributes, cell.row), 0, "")
            if cell.row > rows:
                break
        elif event.name == "c" and event.kind == "start":
            cell = _Cell(*cell_place(event.attributes, cell.row, cell.column), event.attributes.get("t", ""))
        elif text and cell.column <= MOST_COLUMNS + 1:
            if not cell.text:
                cells.append(cell)
            cell.text += text
            characters += len(text)
        if characters > _LONGEST_ROW:
            message = say("The header has more than {most} characters.", most=_LONGEST_ROW)
            raise UnreadableFile(message, row=cell.row)
    return cells


def _shared_texts(archive: Archive, wanted: set[int]) -> Mapping[str, str]:
    """Return shared texts by their number in cells; very late ones are left blank.

    A workbook may have more texts than are read before it is accepted; those of a header come early.
    """
    parts = list(_related(archive, "/sharedStrings").values())
    found: dict[str, str] = {}
    if not wanted or not parts:
        return found
    number, last, characters = -1, max(wanted), 0
    for event, text in _texts(archive, parts[0], (_TEXT,)):
        if event.kind == "start" and event.name == "si":
            number += 1
        characters += len(text)
        if number > last or _MOST_BYTES_OF_CHARACTER * characters + _BYTES_OF_TEXT * number > _SHARED_BYTES:
            break
        if text and number in wanted:
            found[str(number)] = found.get(str(number), "") + text
            if len(found[str(number)]) > _LONGEST_ROW:
                raise UnreadableFile(say("A text of the header has more than {most} characters.", most=_LONGEST_ROW))
    return found


def _texts(archive: Archive, part: str, holders: tuple[str, ...]) -> Iterator[tuple[_Event, str]]:
    """Yield all events, with the text inside one of the elements `holders`, without phonetic readings."""
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
    passes = parsed(
        archive,
        part,
        lambda name, attributes: found.append(_Event("start", name, attributes)),
        lambda name: found.append(_Event("end", name)),
        lambda text: found.append(_Event("text", text)),
    )
    for _ in passes:
        yield from found
        found.clear()


def _related(archive: Archive, kind: str) -> Mapping[str, str]:
    """Return the parts of a kind in the workbook, by the id of their relationship."""
    relations = (event.attributes for event in _events(archive, "xl/_rels/workbook.xml.rels") if event.kind == "start")
    return {
        attributes.get("Id", ""): posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
        for attributes in relations
        if attributes.get("Type", "").endswith(kind)
    }


def _refuse_doctype(*_declaration: object) -> NoReturn:
    raise UnreadableFile(say("The XML of the workbook declares a document type, which no workbook does."))
