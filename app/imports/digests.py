"""What the keys of a file's rows show while it is read: that none is repeated, and no member's rows are in conflict.

Digests of 8 bytes are kept instead of keys; the database, which takes many times as long, is queried only if two are
equal and may belong to a problem. They lie in parts by their last bits, a few in memory and many in files without a
name, and are compared a part at a time: a file may have any number of rows.
"""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.catalogue.vocabulary import AffiliationRole
from app.imports.columns import Dataset
from app.imports.rows.checks import Chunk
from app.imports.rows.texts import Values, text_bytes, text_lengths, true_mask

Digests: TypeAlias = NDArray[np.uint64]
Days: TypeAlias = NDArray[np.int32]

_PARTS = 64
"""Parts, at most 256; of a hundred million spans each takes some 100 MB while it is compared."""

IN_MEMORY = 1 << 19
"""Bytes of a part beyond which it is moved to a file."""

_LONGEST_VALUE = 256
"""Bytes of the longest code: 64 characters of 4 bytes."""

_EVER = np.iinfo(np.int32).max

_SPAN = np.dtype(
    [("member", np.uint64), ("branch", np.uint32), ("start", np.int32), ("end", np.int32), ("primary", np.bool_)]
)
"""A row of a member: digests of it and its branch, first day, day after the last; primary, as every employment is."""


class KeyDigests:
    """Digests of the keys of a dataset's rows; a context manager.

    Parameters
    ----------
    dataset
        The dataset.
    folder
        Where files for many rows are.
    """

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        numbers = np.frombuffer(secrets.token_bytes(8 * _LONGEST_VALUE * len(dataset.key)), np.uint64)
        self._factors = dict(zip(dataset.key, np.split(numbers, len(dataset.key)), strict=True))
        self._of_members = {"member_ref", "start_on"} <= set(dataset.key)
        self._files = ExitStack()
        self._keys, self._spans = (_Parts(self._files, folder) for _ in range(2))

    def __enter__(self) -> Self:
        """Return the digests."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Remove the files."""
        self._files.close()

    def watched(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Yield chunks and record their keys; an absent column of a key counts as blank."""
        for chunk in chunks:
            present = [name for name in self._factors if name in chunk.present]
            columns = {
                name: _weighted(chunk.table.column(name).combine_chunks(), self._factors[name]) for name in present
            }
            keys = sum(columns.values(), np.zeros(len(chunk.rows), np.uint64))
            self._keys.add(keys, keys)
            if self._of_members and not chunk.bad.all():  # rows without these columns are all bad
                spans = _spans(chunk, columns)
                self._spans.add(spans, spans["member"])
            yield chunk

    @property
    def may_repeat(self) -> bool:
        """Whether a key may be repeated; false is certain."""
        return any(map(_repeats, self._keys.read(np.dtype(np.uint64))))

    @property
    def may_conflict(self) -> bool:
        """Whether valid rows of one member may exclude each other by their spans; false is certain.

        Employments do if they overlap, affiliations if they do at one branch or are both primary.
        """
        return any(map(_conflicts, self._spans.read(_SPAN)))


class _Parts:
    """Rows in parts by the last bits of their digests."""

    def __init__(self, files: ExitStack, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self._parts: list[tempfile.SpooledTemporaryFile[bytes]] = []

    def add(self, rows: NDArray[Any], digests: Digests) -> None:
        """Add rows to the parts of their digests."""
        if not self._parts:
            self._parts = [
                self._files.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(self._folder)))  # noqa: SIM115
                for _ in range(_PARTS)
            ]
        place = (digests % np.uint64(_PARTS)).astype(np.uint8)
        rows = rows[np.argsort(place, kind="stable")]
        ends = np.cumsum(np.bincount(place, minlength=_PARTS)).tolist()
        for file, start, end in zip(self._parts, [0, *ends], ends, strict=False):
            file.write(rows[start:end].tobytes())

    def read(self, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        """Yield the rows of each part."""
        for file in self._parts:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype)


def _spans(chunk: Chunk, columns: dict[str, Digests]) -> NDArray[Any]:
    """Return the spans of the valid rows of a chunk."""
    spans = np.zeros(len(chunk.rows), _SPAN)
    spans["member"] = columns["member_ref"]
    spans["start"] = _days(chunk.table.column("start_on"))
    spans["end"] = _days(chunk.table.column("end_on")) if "end_on" in chunk.present else _EVER
    if "branch_code" in columns:
        spans["branch"] = columns["branch_code"] >> np.uint64(32)
        primary = pc.equal(chunk.table.column("role").combine_chunks(), AffiliationRole.PRIMARY)
        spans["primary"] = true_mask(primary)
    else:
        spans["primary"] = True
    valid: NDArray[Any] = spans[~chunk.bad]
    return valid


def _repeats(digests: Digests) -> bool:
    digests = np.sort(digests)
    return bool((digests[1:] == digests[:-1]).any())


def _conflicts(spans: NDArray[Any]) -> bool:
    """Say whether spans of one member overlap that are both primary, or at one branch."""
    spans = spans[_of_repeated(spans["member"])]
    at_branches = spans["member"] ^ (spans["branch"].astype(np.uint64) << np.uint64(16))
    primary = spans[spans["primary"]]
    return _overlap(primary["member"], primary) or _overlap(at_branches, spans)


def _of_repeated(digests: Digests) -> NDArray[np.intp]:
    """Return the places of the digests that occur more than once."""
    order = np.argsort(digests)
    same = np.flatnonzero(np.diff(digests[order]) == 0)
    return order[np.union1d(same, same + 1)]


def _overlap(groups: Digests, spans: NDArray[Any]) -> bool:
    """Return whether two spans of a group overlap; then two that follow each other by their starts do, too."""
    order = np.lexsort((spans["start"], groups))
    groups, spans = groups[order], spans[order]
    return bool(((groups[1:] == groups[:-1]) & (spans["start"][1:] < spans["end"][:-1])).any())


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
