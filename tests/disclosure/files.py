"""The numbers that files of statistics hold: whoever has the JSON of the same question must have them all."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pyarrow.parquet
from python_calamine import CalamineWorkbook

Numbers = set[float]


def of_csv(content: bytes) -> Iterator[Any]:
    """Cells, with or without a byte order mark."""
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        yield from row


def of_xlsx(content: bytes) -> Iterator[Any]:
    """Cells of the table and of the notes beside it, but for the number of rows, which can be counted."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    table, *notes = (workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names)
    counted = {str(number) for number in range(len(table))}
    yield from (cell for row in table for cell in row)
    yield from (cell for sheet in notes for row in sheet for cell in row if cell not in counted)


def of_parquet(content: bytes) -> Iterator[Any]:
    """Cells."""
    for row in pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist():
        yield from row.values()


def of_jsonstat(content: bytes) -> Iterator[Any]:
    """Cells, codes, and what stands beside them."""
    return scalars(msgspec.json.decode(content))


def of_json(content: bytes) -> Iterator[Any]:
    """All values, however deep."""
    return scalars(msgspec.json.decode(content))


ABOUT_THE_FILE = ("version", "size", "decimals", "rows")
"""What JSON says of the table rather than in it."""


def scalars(found: Any) -> Iterator[Any]:
    """The values of a tree."""
    if isinstance(found, dict):
        for name, part in found.items():
            yield from () if name in ABOUT_THE_FILE else scalars(part)
    elif isinstance(found, list):
        for part in found:
            yield from scalars(part)
    else:
        yield found


FORMATS: dict[str, Callable[[bytes], Iterator[Any]]] = {
    "csv": of_csv, "records": of_json, "xlsx": of_xlsx, "parquet": of_parquet, "jsonstat": of_jsonstat,
}  # fmt: skip
"""What is in a file of a format, by what paths call it."""


def numbers(cells: Iterable[Any]) -> Numbers:
    """The numbers among cells, those in text too, to twelve digits: a workbook keeps no more than fifteen."""
    found: Numbers = set()
    for cell in cells:
        if cell is not None:
            with suppress(ValueError):
                found.add(float(f"{float(str(cell)):.12g}"))
    return found
