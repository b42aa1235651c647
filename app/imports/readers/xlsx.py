"""XLSX workbooks: the worksheet with a known header, up to 100,000 rows, converted to text within memory limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from app.errors import ErrorCode, ErrorItem
from app.imports.columns import Dataset, Kind
from app.imports.headers import HEADER_WITHIN, Field, header_place, is_header
from app.imports.issues import RowIssue, Rule, row_issue
from app.imports.readers.layout import FileFormat, Header, Layout, UnreadableFile
from app.imports.readers.xlsx_archive import MOST_INFLATED, Archive
from app.imports.readers.xlsx_extent import Extent, sheet_extent
from app.imports.readers.xlsx_sheet import Head, Sheet, first_rows, read_book
from app.imports.refusals import FileRefused
from app.imports.rows.raw import RawBatch
from app.imports.spellings import normal
from app.messages import Message, say

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


INFLATED_FOR_HEADER = 64 << 20
"""Most bytes inflated before a workbook is accepted."""

EXACT_INTEGERS = 10**15
"""Spreadsheets keep fifteen digits: a larger number is not what was entered."""

MOST_SHEETS = 100
"""Worksheets of a workbook among which one with a known header is searched."""

_DAY_0, _DAY_0_OF_1904 = date(1899, 12, 30), date(1904, 1, 1)
"""Day 0 of spreadsheets; the first for all days since March 1900."""

_SERIAL_NUMBERS = range(10_000, 100_000)
"""Numbers that are days in a column of dates, 1927 to 2173; shorter ones may be years, longer ones dates."""

_ROWS_AT_A_TIME = 10_000


class SheetNeeded(FileRefused):
    """Which worksheet is meant cannot be told, or there is none of that name; `errors` lists those there are."""

    code = "sheet-needed"
    title = "Which sheet"


def xlsx_layout(path: Path, dataset: Dataset, wanted: str | None = None) -> Layout:
    """Return the titles of the worksheet that has a known header, without reading the rows.

    Return the titles of the worksheet with a known header, without reading the rows.
    ------
    SheetNeeded
        Several have one, or none has the given name.
    UnreadableFile
        The file is no workbook, is damaged, or inflates to too much before its first rows end.
    """
    with Archive(path, INFLATED_FOR_HEADER) as archive:
        book = read_book(archive)
        sheets = _looked_at(book.sheets, wanted)
        heads = first_rows(archive, sheets, HEADER_WITHIN)
    chosen = _chosen(sheets, heads, dataset)
    place = header_place(heads[chosen], dataset)
    titles = heads[chosen][place] if heads[chosen] else ()
    return Layout(
        FileFormat.XLSX,
        titles,
        sheet=sheets[chosen].name,
        sheets=len(sheets) if wanted is None else 1,
        is_1904=book.is_1904,
        header_row=place + 1,
    )


def _looked_at(sheets: Sequence[Sheet], wanted: str | None) -> Sequence[Sheet]:
    """Return the sheet with that name; without a name all visible sheets, or all if none is visible."""
    if wanted is None:
        return ([sheet for sheet in sheets if sheet.is_visible] or list(sheets))[:MOST_SHEETS]
    named = [sheet for sheet in sheets if normal(sheet.name) == normal(wanted)]
    if not named:
        raise _sheet_needed(say("There is no such sheet in the workbook."), sheets)
    return named[:1]


def _chosen(sheets: Sequence[Sheet], heads: Sequence[Head], dataset: Dataset) -> int:
    """Return the index of the sheet with a known header; without any, the first that is not blank."""
    for least in (2, 1):
        found = [place for place, head in enumerate(heads) if any(is_header(row, dataset, least) for row in head)]
        if len(found) > 1:
            raise _sheet_needed(
                say("Several sheets have a known header: say which one is meant, with sheet."),
                [sheets[place] for place in found],
            )
        if found:
            return found[0]
    return next((place for place, head in enumerate(heads) if head), 0)


def _sheet_needed(message: Message, sheets: Sequence[Sheet]) -> SheetNeeded:
    names = tuple(sheet.name for sheet in sheets)
    return SheetNeeded(message, [ErrorItem(ErrorCode.AMBIGUOUS_SHEET, "query/sheet", message, names)])


def xlsx_batches(path: Path, header: Header) -> Iterator[RawBatch]:
    """Yield the rows below the header, ten thousand at a time.

    Whole numbers have no decimal point, dates are ISO, booleans `true` and `false`; numbers of more than 15 digits,
    error values and formulas without a value are blank and listed in the issues, as are rows with cells to the right of
    the titles. In columns of dates the serial number of a day is that day.

    Raises
    ------
    UnreadableFile
        The workbook is damaged, inflates to too much, or has too many rows or cells.
    """
    with Archive(path, MOST_INFLATED) as archive:
        sheet = next(sheet for sheet in read_book(archive).sheets if sheet.name == header.layout.sheet)
        extent = sheet_extent(archive, sheet, header.layout.header_row)
        archive.inflate_all()
    with _sheet(path, header.layout.sheet) as opened:
        yield from _batches(opened, header, extent)


@contextmanager
def _sheet(path: Path, name: str) -> "Iterator[CalamineSheet]":
    import python_calamine  # noqa: PLC0415  # loaded only when needed

    try:
        with python_calamine.CalamineWorkbook.from_path(path) as workbook:
            sheet = workbook.get_sheet_by_name(name)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise UnreadableFile(say("The workbook is damaged.")) from error
    yield sheet


def _batches(sheet: "CalamineSheet", header: Header, extent: Extent) -> Iterator[RawBatch]:
    width = len(header.fields)
    blanks = [""] * (sheet.start[1] if sheet.start else 0)
    as_text = [_as_text(field, header.layout) for field in header.fields]
    rows = islice(sheet.iter_rows(), header.layout.header_row, None)
    first = header.layout.header_row + 1
    while block := [blanks + row for row in islice(rows, _ROWS_AT_A_TIME)]:
        after = first + len(block)
        columns = list(zip(*block, strict=True))
        texts = [_texts(values, say_as) for values, say_as in zip(columns[:width], as_text, strict=False)]
        texts += [[None] * len(block)] * (width - len(texts))
        issues = (
            *_without_value([cell for cell in extent.wrong if first <= cell[0] < after], header),
            *_inexact(columns, texts, first, header),
            *_beyond(columns[width:], first),
        )
        arrays = tuple(pa.array(column, pa.string()) for column in texts)
        yield RawBatch(np.arange(first, after, dtype=np.int64), arrays, issues, min(1.0, after / max(1, extent.rows)))
        first = after


_AsText = Mapping[type, Callable[[Any], str | None]]


def _as_text(field: Field, layout: Layout) -> _AsText:
    """Return the function that converts cells of a column other than texts to text."""
    if field.column is None or field.column.kind not in {Kind.DATE, Kind.MONTH}:
        return _AS_TEXT
    day_0 = _DAY_0_OF_1904 if layout.is_1904 else _DAY_0

    def day(number: Any) -> str | None:
        is_day = number in _SERIAL_NUMBERS
        return (day_0 + timedelta(days=int(number))).isoformat() if is_day else _number_text(number)

    return {**_AS_TEXT, int: day, float: day}


def _texts(values: Sequence[object], as_text: _AsText) -> list[str | None]:
    """Return the cells of a column as text; null for a number that is not what was entered."""
    return [value if isinstance(value, str) else as_text.get(value.__class__, str)(value) for value in values]


def _number_text(number: Any) -> str | None:
    if abs(number) >= EXACT_INTEGERS:
        return None
    return str(int(number)) if number == int(number) else str(number)


def _time_text(when: Any) -> str:
    return when.date().isoformat() if when.time() == time() else str(when)


_AS_TEXT: _AsText = {
    bool: lambda value: str(value).lower(),
    int: _number_text,
    float: _number_text,
    datetime: _time_text,
}


def _inexact(
    columns: Sequence[Sequence[object]], texts: Sequence[Sequence[str | None]], first: int, header: Header
) -> Iterator[RowIssue]:
    message = "is a number of more than 15 digits, of which a spreadsheet keeps 15; format the column as text"
    for field, column, _ in zip(header.fields, texts, columns, strict=False):
        if field.column is not None and None in column:
            for place in (place for place, text in enumerate(column) if text is None):
                yield row_issue(first + place, field.column.name, None, Rule.INEXACT_NUMBER, message)


_WITHOUT_VALUE = {
    Rule.SPREADSHEET_ERROR: say("holds an error of the spreadsheet, such as #N/A"),
    Rule.FORMULA_WITHOUT_VALUE: say(
        "is a formula that was never calculated: open the file in the spreadsheet and save it, then send it"
    ),
}


def _without_value(cells: Sequence[tuple[int, int, Rule]], header: Header) -> Iterator[RowIssue]:
    for row, place, rule in cells:
        column = header.fields[place - 1].column if place <= len(header.fields) else None
        if column is not None:
            yield row_issue(row, column.name, None, rule, _WITHOUT_VALUE[rule])


def _beyond(columns: Sequence[Sequence[object]], first: int) -> Iterator[RowIssue]:
    places = {place for values in columns for place, value in enumerate(values) if value != ""}
    for place in sorted(places):
        yield row_issue(first + place, None, None, Rule.RAGGED_ROW, "has cells to the right of the header")
