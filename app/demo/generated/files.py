"""Generated arrays as Arrow columns and Parquet files, and random arrays.

Days are integers since 1970-01-01. `UNKNOWN` in positions and counts and `NO_DAY` in days become null.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from app.demo.files import DatasetFile
from app.imports.columns import Kind
from app.imports.datasets import find_dataset

Integers = npt.NDArray[np.integer[Any]]
"""Integers, one per row: positions, days or counts."""

Flags = npt.NDArray[np.bool_]
"""One boolean per row."""

Characters = npt.NDArray[np.uint8]
"""Texts of equal width as UTF-8 bytes, shape (rows, width)."""

Shares = npt.NDArray[np.float64]
"""Probabilities, weights or sizes, one per choice or row."""

UNKNOWN = -1
"""Null in positions and counts."""

NO_DAY = int(np.iinfo(np.int32).min)
"""Null in days."""


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to a date."""
    return (day - date(1970, 1, 1)).days


def characters(texts: Sequence[str]) -> Characters:
    """Return the bytes of texts that have the same width in UTF-8."""
    return np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(len(texts), -1)


def numbered(prefix: str, numbers: Integers, width: int) -> Characters:
    """Return the bytes of a prefix and each number in decimal, padded with zeros to `width` digits."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits = (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)
    lead = np.broadcast_to(np.frombuffer(prefix.encode(), dtype=np.uint8), (len(numbers), len(prefix.encode())))
    return np.concatenate([lead, digits], axis=1)


def texts(rows: Characters) -> pa.Array:
    """Return a text column from rows of bytes; never null."""
    count, width = rows.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(rows)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def picks(values: Sequence[str], index: Integers) -> pa.Array:
    """Return a text column of values by position; null where the position is `UNKNOWN`."""
    return pa.array(values, pa.string()).take(pa.array(index.astype(np.int32), mask=index == UNKNOWN))


def rows_of(table: Characters, index: Integers) -> pa.Array:
    """Return a text column of rows of bytes by position; null where the position is `UNKNOWN`."""
    known = index != UNKNOWN
    found = texts(table[np.where(known, index, 0)])
    if known.all():
        return found
    return found.take(pa.array(np.arange(len(index), dtype=np.int32), mask=~known))


def days(numbers: Integers) -> pa.Array:
    """Return a date column; null where the number is `NO_DAY`."""
    return pa.array(numbers.astype(np.int32), mask=numbers == NO_DAY).cast(pa.date32())


def counts(numbers: Integers) -> pa.Array:
    """Return an integer column; null where the number is `UNKNOWN`."""
    return pa.array(numbers.astype(np.int32), mask=numbers == UNKNOWN)


def flags(values: Flags, known: Flags) -> pa.Array:
    """Return a boolean column; null where not `known`."""
    return pa.array(values, mask=~known)


def happens(share: float, rows: int, rng: np.random.Generator) -> Flags:
    """Draw true for each row with a probability of 0 to 1."""
    return np.less(rng.random(rows), share)


def days_between(first: date, last: date, rows: int, rng: np.random.Generator) -> Integers:
    """Draw a day from `first` to `last`, both included, for each row."""
    return rng.integers(day_number(first), day_number(last), rows, dtype=np.int32, endpoint=True)


def pick(shares: Shares, rows: int, rng: np.random.Generator) -> Integers:
    """Draw a position for each row, with probabilities proportional to the shares."""
    bounds = np.cumsum(shares)
    drawn = np.searchsorted(bounds, rng.random(rows) * bounds[-1], side="right")
    positions: Integers = np.minimum(drawn, len(shares) - 1).astype(np.int32)
    return positions


class Writer(AbstractContextManager["Writer"], Protocol):
    """Writer of a dataset; a context manager."""

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows; columns have equal lengths, missing ones are null, and those of no dataset are left out."""


class DatasetWriter(Writer):
    """Writer of a dataset's Parquet file; a context manager.

    Parameters
    ----------
    folder
        An existing folder; the file is `<dataset>.parquet`.
    dataset
        Name of the dataset as imports know it.
    """

    def __init__(self, folder: Path, dataset: str) -> None:
        self.file = DatasetFile(dataset, folder / f"{dataset}.parquet")
        self._schema = schema_of(dataset)
        repeated = [name for name in self._schema.names if _is_repeated(dataset, name)]
        self._writer = pq.ParquetWriter(self.file.path, self._schema, use_dictionary=repeated)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file in any case."""
        self._writer.close()

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows as a row group; columns have equal lengths, and missing columns of the dataset are null."""
        rows = len(next(iter(columns.values())))
        if rows == 0:
            return
        arrays = [columns.get(field.name, pa.nulls(rows, field.type)) for field in self._schema]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))


def write_whole(opened: Writer, rows: Sequence[Mapping[str, str]]) -> None:
    """Write a small dataset of texts; empty cells are null, columns that are not the dataset's are left out."""
    with opened as writer:
        writer.write({name: pa.array([row[name] or None for row in rows], pa.string()) for name in rows[0]})


def schema_of(dataset: str) -> pa.Schema:
    """Return the Arrow schema of a dataset: codes, texts and enumerations as string, date32, int32, bool."""
    return pa.schema([(column.name, _type(column.kind)) for column in find_dataset(dataset).columns])


def _type(kind: Kind) -> pa.DataType:
    match kind:
        case Kind.DATE | Kind.MONTH:
            return pa.date32()
        case Kind.COUNT | Kind.YEAR:
            return pa.int32()
        case Kind.BOOLEAN:
            return pa.bool_()
        case _:
            return pa.string()


def _is_repeated(dataset: str, name: str) -> bool:
    """Say whether a column has few distinct values: only then is dictionary encoding smaller and faster."""
    column = find_dataset(dataset).column(name)
    return column.kind is Kind.ENUMERATION or column.refers_to in {"districts", "industries"}
