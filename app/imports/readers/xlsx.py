"""XLSX workbooks: the first worksheet, up to 100,000 rows, numbers and dates turned to text, under limits of memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from app.imports.columns import Dataset
from app.imports.issues import RowIssue, Rule, row_issue
from app.imports.readers.layout import FileFormat, Header, Layout, UnreadableFile
from app.imports.readers.xlsx_archive import MOST_INFLATED, Archive
from app.imports.readers.xlsx_sheet import Extent, first_row, first_sheet, sheet_extent
from app.imports.rows.checks import RawBatch

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


@contextmanager
def limited(memory_bytes: int, seconds: int) -> Iterator[None]:
    """Bound what the process may do inside the block; where the system has no such limits, nothing is bound.

    The process ends by a signal or a failed allocation where it goes beyond: for processes that do one job.

    Parameters
    ----------
    memory_bytes
        Memory it may take on top of what it has.
    seconds
        Processor time it may use on top of what it has used.
    """
    try:
        import resource  # noqa: PLC0415  # not on every system
    except ImportError:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    bounds = {
        resource.RLIMIT_DATA: _data_bytes() + memory_bytes,
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + seconds,
    }
    before = {kind: resource.getrlimit(kind) for kind in bounds}
    try:
        for kind, bound in bounds.items():
            resource.setrlimit(kind, (_lower(bound, *before[kind]), before[kind][1]))
        yield
    finally:
        for kind, limits in before.items():
            resource.setrlimit(kind, limits)


def _lower(bound: int, soft: int, hard: int) -> int:
    return min([bound, *(limit for limit in (soft, hard) if limit >= 0)])


def _data_bytes() -> int:
    """Return the private memory of the process, as Linux counts it for the limit."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmData:"))


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
    width = len(header.fields)
    blanks = [""] * (sheet.start[1] if sheet.start else 0)
    rows = islice(sheet.iter_rows(), 1, None)
    first = 2
    while block := [blanks + row for row in islice(rows, _ROWS_AT_A_TIME)]:
        after = first + len(block)
        columns = list(zip(*block, strict=True))
        texts = [_texts(values) for values in columns[:width]]
        texts += [[None] * len(block)] * (width - len(texts))
        issues = (
            *_error_values([error for error in extent.errors if first <= error[0] < after], header),
            *_inexact(columns, texts, first, header),
            *_beyond(columns[width:], first),
        )
        arrays = tuple(pa.array(column, pa.string()) for column in texts)
        yield RawBatch(np.arange(first, after, dtype=np.int64), arrays, issues, min(1.0, after / max(1, extent.rows)))
        first = after


def _texts(values: Sequence[object]) -> list[str | None]:
    """Return the cells of a column as text; null where a number is not what was typed."""
    return [value if isinstance(value, str) else _AS_TEXT.get(value.__class__, str)(value) for value in values]


def _number_text(number: Any) -> str | None:
    if abs(number) >= EXACT_INTEGERS:
        return None
    return str(int(number)) if number == int(number) else str(number)


def _time_text(when: Any) -> str:
    return when.date().isoformat() if when.time() == time() else str(when)


_AS_TEXT: Mapping[type, Callable[[Any], str | None]] = {
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
