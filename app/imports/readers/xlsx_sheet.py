"""The XML of a worksheet, read without keeping it: the first row, and how far its cells reach.

The extent is found before a library allocates the whole rectangle.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, NoReturn
from xml.parsers import expat

from app.imports.readers.layout import MOST_COLUMNS, UnreadableFile
from app.imports.readers.xlsx_archive import Archive

_LONGEST_ROW = 1 << 20
_LONGEST_TAG = 1 << 20
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_SHORT_NUMBER = re.compile(r"[0-9]{1,9}")
_LETTERS = 26
_TEXT, _PHONETIC = "t", "rPh"


class Sheet(NamedTuple):
    """The name of a worksheet and the part of the archive that holds it."""

    name: str
    part: str


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


def parsed(
    archive: Archive,
    part: str,
    start: Callable[[str, dict[str, str]], object],
    end: Callable[[str], object] | None = None,
    text: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Parse a part of a workbook, stopping after each block for the caller to look at what was found.

    Parameters
    ----------
    archive, part
        The workbook and the part.
    start, end, text
        Called with the name (without prefix) and attributes of each element, its name where it ends, and its text.

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
        except (expat.ExpatError, LookupError, ValueError) as error:  # the latter: encodings that there are not
            raise UnreadableFile("The XML of the workbook is broken.") from error
        fed += len(block)
        # A tag without an end would be scanned from its start again with every block.
        if fed - parser.CurrentByteIndex > _LONGEST_TAG:
            raise UnreadableFile(f"The XML of the workbook has a tag of more than {_LONGEST_TAG} bytes.")
        yield


def cell_place(attributes: Mapping[str, str], row: int, column: int) -> tuple[int, int]:
    """Return row and column of a cell, from 1: as it says, or the next to the one before."""
    reference = _REFERENCE.fullmatch(attributes.get("r", ""))
    return (row, column + 1) if reference is None else (int(reference[2]), column_number(reference[1]))


def row_number(attributes: Mapping[str, str], before: int) -> int:
    """Return the number of a row: as it says, or the next to the one before."""
    stated = attributes.get("r", "")
    return int(stated) if _SHORT_NUMBER.fullmatch(stated) else before + 1


@cache
def column_number(letters: str) -> int:
    """Return the number of a column by its up to three capital letters: A is 1, AA 27."""
    number = 0
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number


def _first_cells(archive: Archive, sheet: Sheet) -> list[_Cell]:
    cells: list[_Cell] = []
    row, column, characters = 0, 0, 0
    for event, text in _texts(archive, sheet.part, ("v", _TEXT)):
        if event.name == "row":
            row = row_number(event.attributes, row)
            if event.kind == "end" or row > 1:
                break
        elif event.name == "c" and event.kind == "start":
            _, column = cell_place(event.attributes, row, column)
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
    """Return the parts of a kind that the workbook names, by the id of their relation."""
    relations = (event.attributes for event in _events(archive, "xl/_rels/workbook.xml.rels") if event.kind == "start")
    return {
        attributes.get("Id", ""): posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
        for attributes in relations
        if attributes.get("Type", "").endswith(kind)
    }


def _refuse_doctype(*_declaration: object) -> NoReturn:
    raise UnreadableFile("The XML of the workbook declares a document type, which no workbook does.")


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
