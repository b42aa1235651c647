"""NumPy arrays as Arrow columns: texts of fixed width, picks from a list, days, counts.

Days are whole numbers since 1970-01-01. `UNKNOWN` in picks and counts and `NO_DAY` in days become null.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.integer[Any]]
"""Whole numbers, one per row: positions, days or counts."""

Flags = npt.NDArray[np.bool_]
"""One yes or no per row."""

Characters = npt.NDArray[np.uint8]
"""Texts of one width as UTF-8 bytes, shape (rows, width)."""

UNKNOWN = -1
"""Null in picks and counts."""

NO_DAY = int(np.iinfo(np.int32).min)
"""Null in days."""


def day_number(day: date) -> int:
    """Days from 1970-01-01 to a date."""
    return (day - date(1970, 1, 1)).days


def characters(texts: Sequence[str]) -> Characters:
    """Bytes of texts that all have the same width in UTF-8."""
    return np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(len(texts), -1)


def numbered(prefix: str, numbers: Integers, width: int) -> Characters:
    """Bytes of a prefix followed by each number in decimal, padded with zeros to `width` digits."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits = (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)
    lead = np.broadcast_to(np.frombuffer(prefix.encode(), dtype=np.uint8), (len(numbers), len(prefix.encode())))
    return np.concatenate([lead, digits], axis=1)


def texts(rows: Characters) -> pa.Array:
    """Text column of rows of bytes; never null."""
    count, width = rows.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(rows)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def picks(values: Sequence[str], index: Integers) -> pa.Array:
    """Text column of values by position; null where the position is `UNKNOWN`."""
    return pa.array(values, pa.string()).take(pa.array(index.astype(np.int32), mask=index == UNKNOWN))


def rows_of(table: Characters, index: Integers) -> pa.Array:
    """Text column of rows of a table of bytes by position; null where the position is `UNKNOWN`."""
    known = index != UNKNOWN
    found = texts(table[np.where(known, index, 0)])
    if known.all():
        return found
    return found.take(pa.array(np.arange(len(index), dtype=np.int32), mask=~known))


def days(numbers: Integers) -> pa.Array:
    """Date column; null where the number is `NO_DAY`."""
    return pa.array(numbers.astype(np.int32), mask=numbers == NO_DAY).cast(pa.date32())


def counts(numbers: Integers) -> pa.Array:
    """Column of whole numbers; null where the number is `UNKNOWN`."""
    return pa.array(numbers.astype(np.int32), mask=numbers == UNKNOWN)


def flags(values: Flags, known: Flags) -> pa.Array:
    """Column of yes and no; null where not `known`."""
    return pa.array(values, mask=~known)
