"""XLSX workbooks: the first worksheet, up to 100,000 rows, its numbers and dates turned to text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from app.imports.batches import RawBatch
from app.imports.columns import Dataset
from app.imports.issues import RowIssue, Rule, row_issue
from app.imports.readers.archive import MOST_INFLATED, Archive
from app.imports.readers.layout import FileFormat, Header, Layout, UnreadableFile
from app.imports.readers.limits import limited
from app.imports.readers.sheet_xml import Extent, first_row, first_sheet, sheet_extent
from app.imports.texts import Texts

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

INFLATED_FOR_HEADER = 64 << 20
"""Bytes that may be inflated before a workbook is accepted."""

MEMORY_BYTES = 1 << 30
"""Memory that the process may take on top of its own while it holds a workbook."""

CPU_SECONDS = 300
"""Processor time that it may take for that."""

EXACT_INTEGERS = 10**15
"""Spreadsheets keep fifteen digits: a larger number is not what was typed."""

_ROWS_AT_A_TIME = 10_000


def xlsx_layout(path: Path, _dataset: Dataset) -> Layout:
    """Return the titles of the first worksheet, without reading the rows.

    Raises
    ------
    UnreadableFile
        The file is no workbook, is damaged, or inflates to too much before its first row ends.
    """
    with Archive(path, INFLATED_FOR_HEADER) as archive:
        sheet = first_sheet(archive)
        return Layout(FileFormat.XLSX, first_row(archive, sheet), sheet=sheet.name)


def xlsx_batches(path: Path, header: Header) -> Iterator[RawBatch]:
    """Yield the rows below the header, ten thousand at a time.

    Whole numbers come without a point, dates as ISO, truth as `true` and `false`; numbers of more than fifteen digits
    and error values are blank and stand in the issues, as do rows with cells to the right of the titles.

    Raises
    ------
    UnreadableFile
        The workbook is damaged, inflates to too much, or has too many rows or cells.
    """
    with Archive(path, MOST_INFLATED) as archive:
        extent = sheet_extent(archive, first_sheet(archive))
        archive.inflate_all()
    with limited(MEMORY_BYTES, CPU_SECONDS), _sheet(path, header.layout.sheet) as sheet:
        yield from _batches(sheet, header, extent)


@contextmanager
def _sheet(path: Path, name: str) -> "Iterator[CalamineSheet]":
    import python_calamine  # noqa: PLC0415  # starting stays quick

    try:
        with python_calamine.CalamineWorkbook.from_path(path) as workbook:
            sheet = workbook.get_sheet_by_name(name)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise UnreadableFile("The workbook is damaged.") from error
    yield sheet


def _batches(sheet: "CalamineSheet", header: Header, extent: Extent) -> Iterator[RawBatch]:
    left = sheet.start[1] if sheet.start else 0
    rows = islice(sheet.iter_rows(), 1, None)
    first = 2
    while block := list(islice(rows, _ROWS_AT_A_TIME)):
        after = first + len(block)
        columns = [*[("",) * len(block)] * left, *zip(*block, strict=True)]
        issues = (
            *_error_values([error for error in extent.errors if first <= error[0] < after], header),
            *_inexact(columns, first, header),
            *_beyond(columns[len(header.fields) :], first),
        )
        yield RawBatch(
            np.arange(first, after, dtype=np.int64),
            tuple(_texts(columns, place, len(block)) for place in range(len(header.fields))),
            issues,
            min(1.0, after / max(1, extent.rows)),
        )
        first = after


def _texts(columns: Sequence[Sequence[object]], place: int, rows: int) -> Texts:
    if place >= len(columns):
        return pa.nulls(rows, pa.string())
    return pa.array([value if value.__class__ is str else _text(value) for value in columns[place]], pa.string())


def _text(value: object) -> str | None:
    match value:
        case bool():
            return str(value).lower()
        case int() | float() if _is_inexact(value):
            return None
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case _:
            return str(value)


def _is_inexact(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) >= EXACT_INTEGERS


def _inexact(columns: Sequence[Sequence[object]], first: int, header: Header) -> Iterator[RowIssue]:
    message = "is a number of more than 15 digits, of which a spreadsheet keeps 15; format the column as text"
    for field, values in zip(header.fields, columns, strict=False):
        if field.column is not None:
            for place, value in enumerate(values):
                if value.__class__ is not str and _is_inexact(value):
                    yield row_issue(first + place, field.column.name, None, Rule.INEXACT_NUMBER, message)


def _error_values(errors: Sequence[tuple[int, int]], header: Header) -> Iterator[RowIssue]:
    for row, place in errors:
        column = header.fields[place - 1].column if place <= len(header.fields) else None
        if column is not None:
            message = "holds an error of the spreadsheet, such as #N/A"
            yield row_issue(row, column.name, None, Rule.SPREADSHEET_ERROR, message)


def _beyond(columns: Sequence[Sequence[object]], first: int) -> Iterator[RowIssue]:
    places = {place for values in columns for place, value in enumerate(values) if value != ""}
    for place in sorted(places):
        yield row_issue(first + place, None, None, Rule.RAGGED_ROW, "has cells to the right of the header")
