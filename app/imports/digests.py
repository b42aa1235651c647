"""What the keys of a file's rows show while it is read: that none is repeated, and no member's rows are in conflict.

Digests of 8 bytes are kept instead of keys, in arrays; the database, which takes many times as long, is queried only if
two are equal and may belong to a problem.
"""

import secrets
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.catalogue.vocabulary import AffiliationRole
from app.imports.columns import Dataset
from app.imports.rows.checks import Chunk
from app.imports.rows.texts import Mask, Values, text_bytes, text_lengths, true_mask

Digests: TypeAlias = NDArray[np.uint64]
Days: TypeAlias = NDArray[np.int32]

MOST_ROWS = 5_000_000
"""Most rows whose digests are kept (80 MB when sorted); for larger files the database is always queried."""

MOST_SPANS = 2_500_000
"""Most rows of members whose spans are kept too (100 MB when sorted)."""

_LONGEST_VALUE = 256
"""Bytes of the longest code: 64 characters of 4 bytes."""

_EVER = np.iinfo(np.int32).max


class KeyDigests:
    """Digests of the keys of a dataset's rows."""

    def __init__(self, dataset: Dataset) -> None:
        numbers = np.frombuffer(secrets.token_bytes(8 * _LONGEST_VALUE * len(dataset.key)), np.uint64)
        self._factors = dict(zip(dataset.key, np.split(numbers, len(dataset.key)), strict=True))
        self._digests: list[Digests] = [np.empty(0, np.uint64)]
        self._spans = _Spans() if {"member_ref", "start_on"} <= set(dataset.key) else None
        self._rows = 0

    def watched(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Yield chunks and record their keys; an absent column of a key counts as blank."""
        for chunk in chunks:
            self._rows += len(chunk.rows)
            if self._rows <= MOST_ROWS:
                self._record(chunk)
            yield chunk

    def _record(self, chunk: Chunk) -> None:
        present = [name for name in self._factors if name in chunk.present]
        columns = {name: _weighted(chunk.table.column(name).combine_chunks(), self._factors[name]) for name in present}
        self._digests.append(sum(columns.values(), np.zeros(len(chunk.rows), np.uint64)))
        if self._spans is not None and self._rows <= MOST_SPANS:
            self._spans.record(chunk, columns)

    @property
    def may_repeat(self) -> bool:
        """Whether a key may be repeated; false is certain."""
        if self._rows > MOST_ROWS:
            return True
        digests = np.concatenate(self._digests)
        digests.sort()
        return bool((digests[1:] == digests[:-1]).any())

    @property
    def may_conflict(self) -> bool:
        """Whether valid rows of one member may exclude each other by their spans; false is certain."""
        return self._spans is not None and (self._rows > MOST_SPANS or self._spans.may_conflict)


class _Spans:
    """Spans of employments or affiliations, with digests of their members, and of their branches if there are any."""

    def __init__(self) -> None:
        self._members: list[Digests] = [np.empty(0, np.uint64)]
        self._branches: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        self._primary: list[Mask] = [np.empty(0, np.bool_)]
        self._starts: list[Days] = [np.empty(0, np.int32)]
        self._ends: list[Days] = [np.empty(0, np.int32)]

    def record(self, chunk: Chunk, columns: dict[str, Digests]) -> None:
        valid = ~chunk.bad
        if not valid.any():  # also rows without these columns
            return
        self._members.append(columns["member_ref"][valid])
        self._starts.append(_days(chunk.table.column("start_on"))[valid])
        ends = _days(chunk.table.column("end_on")) if "end_on" in chunk.present else np.full(len(valid), _EVER)
        self._ends.append(ends[valid].astype(np.int32))
        if "branch_code" in columns:
            self._branches.append((columns["branch_code"] >> np.uint64(32)).astype(np.uint32)[valid])
            primary = pc.equal(chunk.table.column("role").combine_chunks(), AffiliationRole.PRIMARY)
            self._primary.append(true_mask(primary)[valid])

    @property
    def may_conflict(self) -> bool:
        """Whether spans of one member overlap: any, or with branches those at one branch, or primary ones."""
        members = np.concatenate(self._members)
        crowd = _of_repeated(members)
        members = members[crowd]
        starts, ends = (np.concatenate(days)[crowd] for days in (self._starts, self._ends))
        if len(self._branches) == 1:
            return _overlap(members, starts, ends)
        primary = np.concatenate(self._primary)[crowd]
        at_branches = members ^ (np.concatenate(self._branches)[crowd].astype(np.uint64) << np.uint64(16))
        return _overlap(members[primary], starts[primary], ends[primary]) or _overlap(at_branches, starts, ends)


def _of_repeated(digests: Digests) -> NDArray[np.intp]:
    """Return the places of the digests that occur more than once."""
    order = np.argsort(digests)
    same = np.flatnonzero(np.diff(digests[order]) == 0)
    return order[np.union1d(same, same + 1)]


def _overlap(groups: Digests, starts: Days, ends: Days) -> bool:
    """Return whether two spans of a group overlap; then two that follow each other by their starts do, too."""
    order = np.lexsort((starts, groups))
    groups, starts, ends = groups[order], starts[order], ends[order]
    return bool(((groups[1:] == groups[:-1]) & (starts[1:] < ends[:-1])).any())


def _days(dates: pa.ChunkedArray) -> Days:
    """Return dates as days since 1970; null as the last of all."""
    days: Days = dates.combine_chunks().cast(pa.int32()).fill_null(_EVER).to_numpy(zero_copy_only=False)
    return days


def _weighted(values: Values, factors: Digests) -> Digests:
    """Return the sum, mod 2^64, of the bytes of each value, each multiplied by the random number of its position.

    Two different keys have the same sum with a probability of at most 2^-32: at least one difference of their bytes (of
    a date, of the whole number) is not zero and below 2^32.
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
