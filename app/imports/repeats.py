"""Whether any key of a file stands twice, told while the file is read: for certain where none does.

A digest of eight bytes per row is kept; two rows of one digest may still differ, and are then asked of the database.
"""

import secrets
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.imports.checks import Chunk
from app.imports.columns import Dataset
from app.imports.texts import Values, text_bytes, text_lengths

Digests: TypeAlias = NDArray[np.uint64]

MOST_ROWS = 5_000_000
"""Rows of which digests are kept (80 MB when they are sorted); of larger files the database is asked in any case."""

_LONGEST_VALUE = 256
"""Bytes of the longest code: 64 characters of four bytes."""


class RepeatedKeys:
    """Watches the keys of a dataset's rows go by."""

    def __init__(self, dataset: Dataset) -> None:
        numbers = np.frombuffer(secrets.token_bytes(8 * _LONGEST_VALUE * len(dataset.key)), np.uint64)
        self._factors = dict(zip(dataset.key, np.split(numbers, len(dataset.key)), strict=True))
        self._digests: list[Digests] = [np.empty(0, np.uint64)]
        self._rows = 0

    def watched(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Yield chunks and take note of their keys; an absent column of a key counts as blank."""
        for chunk in chunks:
            self._rows += len(chunk.rows)
            if self._rows <= MOST_ROWS:
                self._digests.append(self._digest(chunk.table))
            yield chunk

    @property
    def possible(self) -> bool:
        """Whether a key may have stood twice; false is certain."""
        if self._rows > MOST_ROWS:
            return True
        digests = np.concatenate(self._digests)
        digests.sort()
        return bool((digests[1:] == digests[:-1]).any())

    def _digest(self, rows: pa.Table) -> Digests:
        digest: Digests = np.zeros(len(rows), np.uint64)
        for name, factors in self._factors.items():
            if name in rows.column_names:
                digest = digest + _weighted(rows.column(name).combine_chunks(), factors)
        return digest


def _weighted(values: Values, factors: Digests) -> Digests:
    """Return the sum, mod 2^64, of the bytes of each value, each times the random number of its place.

    Two keys that differ have one sum with a probability of at most 2^-32: of the differences of their bytes (of a
    date, of the whole number) one is not zero, and below 2^32.
    """
    if not pa.types.is_string(values.type):
        days: NDArray[np.int32] = values.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
        products: Digests = days.astype(np.uint64) * factors[0]
        return products
    lengths = text_lengths(values).astype(np.int64)
    ends = np.cumsum(lengths)
    places = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    sums: Digests = np.zeros(len(places) + 1, np.uint64)
    np.cumsum(text_bytes(values).astype(np.uint64) * factors[places], out=sums[1:])
    weighted: Digests = sums[ends] - sums[ends - lengths]
    return weighted
