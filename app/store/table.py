"""A table of a snapshot, memory-mapped: its columns as arrays that share the pages of its files."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from app.store.arrays import Indices, Int64, edges
from app.store.format import Mask, joined

Values = npt.NDArray[Any]
Rows = slice | Int64
"""Rows of a table: from one up to another, or by number."""

_ALL = slice(None)

_FEW_OF = 64
"""Few rows are at most one of so many; for more it is worth making the order of all, which is kept."""

_RUN = 1 << 20
"""Rows that a question about all of them reads at once."""


class _Part:
    """A memory-mapped file; its columns are arrays, with 0 for null.

    Arrays pass between Arrow and NumPy as buffers: Arrow's own conversions, of single values too, load pandas, which
    costs a worker 25 MiB and its first answer 0.2 s.
    """

    def __init__(self, path: Path) -> None:
        self._file = pa.memory_map(str(path))
        self._numbers: dict[str, Values] = {}
        self._ranks: dict[str, npt.NDArray[np.int32]] = {}

    @cached_property
    def batch(self) -> pa.RecordBatch:
        """Its rows."""
        return pa.ipc.open_file(self._file).get_batch(0)

    def numbers(self, name: str) -> Values:
        """Return the numbers of an integer, date or dictionary column, without a copy; 0 for null."""
        if name not in self._numbers:
            self._numbers[name] = _numbers(self.batch.column(name))
        return self._numbers[name]

    def values(self, name: str, rows: Rows) -> Values:
        """Return the numbers of some rows; gathering is faster by `take`."""
        numbers = self.numbers(name)
        return numbers[rows] if isinstance(rows, slice) else numbers.take(rows)

    def valid(self, name: str, rows: Rows) -> Mask:
        """Return where some rows of a column are not null."""
        column = self.batch.column(name)
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(column))
            if column.null_count == 0:
                return np.ones(stop - start, bool)
            bits = np.frombuffer(column.buffers()[0], np.uint8)[start >> 3 : (stop + 7) >> 3]
            return np.unpackbits(bits, bitorder="little").view(bool)[start & 7 :][: stop - start]
        if column.null_count == 0:
            return np.ones(len(rows), bool)
        bits = np.frombuffer(column.buffers()[0], np.uint8)
        return np.asarray(bits[rows >> 3] >> (rows & 7).astype(np.uint8) & 1).view(bool)

    def ranks(self, name: str) -> npt.NDArray[np.int32]:
        """Return the rank of each row by a text column, compared as UTF-8 bytes."""
        if name not in self._ranks:
            self._ranks[name] = _ranks(self.batch.column(name))
        return self._ranks[name]


class Table:
    """A table in one file or several, the rows of one after those of the other.

    Where it has several, a question reads those that it is about, and what is kept in memory is kept for each.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._parts = tuple(map(_Part, paths))

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._starts[-1])

    @property
    def is_divided(self) -> bool:
        """Whether it has several files."""
        return len(self._parts) > 1

    @cached_property
    def _starts(self) -> Int64:
        """First row of each part and, last, the number of rows."""
        return np.cumsum([0, *(part.batch.num_rows for part in self._parts)])

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of its columns."""
        return frozenset(self._parts[0].batch.schema.names)

    def arrow(self, name: str) -> pa.Array | pa.ChunkedArray:
        """Return a column as an Arrow array; numbers in several parts are copied."""
        columns = [part.batch.column(name) for part in self._parts]
        if len(columns) == 1:
            return columns[0]
        return pa.chunked_array(columns) if pa.types.is_string(columns[0].type) else joined(columns)

    def values(self, name: str, rows: Rows = _ALL) -> Values:
        """Return the numbers of an integer, date or dictionary column; 0 for null. In one part, a slice is no copy."""
        return self._read(rows, lambda part, within: part.values(name, within))

    def columns(self, names: Iterable[str]) -> Iterator[Values]:
        """Yield the numbers of whole columns of a table in one file, without a copy; 0 for null."""
        [part] = self._parts
        return map(part.numbers, names)

    def valid(self, name: str, rows: Rows = _ALL) -> Mask | None:
        """Return where a column is not null; null if it has no nulls."""
        if all(part.batch.column(name).null_count == 0 for part in self._parts):
            return None
        return self._read(rows, lambda part, within: part.valid(name, within))

    def runs(self, rows: slice) -> Iterator[slice]:
        """Yield consecutive rows as slices that lie in one part each, of a million rows at most; at least one."""
        if rows.start == rows.stop:
            yield rows
        for start, stop in pairwise(self._starts.tolist()):
            first, end = max(start, rows.start), min(stop, rows.stop)
            for row in range(first, end, _RUN):
                yield slice(row, min(row + _RUN, end))

    def edges(self, name: str, count: int) -> Int64:
        """Return the first row of each node and the end of the last; the rows are sorted by this column of nodes."""
        columns = [(part.numbers(name), part.batch.column(name).null_count) for part in self._parts]
        first: Int64 = np.sum([edges(nodes[: len(nodes) - nulls], count) for nodes, nulls in columns], axis=0)
        return first

    def ranks(self, name: str, rows: Indices) -> Values:
        """Return numbers that order some rows by a text column, compared as UTF-8 bytes; for these rows alone.

        Few are sorted by themselves. Each part has an order of its own, which is kept; that of the whole table, for
        many rows of several, is as long as all rows, and is not.
        """
        if len(rows) * _FEW_OF <= len(self):
            return _ranks(self.taken(name, rows))
        place, last = self._places(np.array([rows.min(), rows.max()])).tolist()
        if place == last:
            of_part: Values = self._parts[place].ranks(name)[rows - self._starts[place]]
            return of_part
        return _ranks(self.arrow(name))[rows]

    def near(self, name: str, text: str, most: int) -> list[str]:
        """Return as many texts before and after a text in their order, of each part."""
        found: list[str] = []
        for part in self._parts:
            column, order = part.batch.column(name), np.argsort(part.ranks(name))
            place = bisect_left(order, text.encode(), key=lambda row: column[int(row)].as_py().encode())
            found += _taken(column, order[max(0, place - most) : place + most]).to_pylist()
        return found

    def around(self, name: str, text: str, rows: Int64, most: int) -> list[str]:
        """Return as many texts before and after a text among some rows in their order, as UTF-8 bytes."""
        column = self.arrow(name)
        place = bisect_left(rows, text.encode(), key=lambda row: column[int(row)].as_py().encode())
        return self.texts_of(name, rows[max(0, place - most) : place + most])

    def texts(self, name: str) -> tuple[Any, ...]:
        """Return a text or list column as Python values."""
        return tuple(self.arrow(name).to_pylist())

    def taken(self, name: str, rows: Indices) -> pa.Array:
        """Return some rows of a column as an Arrow array."""
        if len(self._parts) == 1:
            return _taken(self._parts[0].batch.column(name), rows)
        places = self._places(rows)
        order = np.argsort(places, kind="stable")
        found = [
            _taken(part.batch.column(name), rows[places == place] - self._starts[place])
            for place, part in enumerate(self._parts)
        ]
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return _taken(joined(found), back)

    def texts_of(self, name: str, rows: Int64) -> list[Any]:
        """Return some rows of a text column as Python values."""
        return list(self.taken(name, rows).to_pylist())

    def row_of(self, name: str, text: str) -> int | None:
        """Return the first row with this text; null if there is none."""
        encoded = text.encode()
        ends = np.array([0, len(encoded)], np.int32)
        wanted = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(encoded)])[0]
        for part, start in zip(self._parts, self._starts.tolist(), strict=False):
            row = int(pc.index(part.batch.column(name), wanted).as_py())
            if row >= 0:
                return int(start) + row
        return None

    def rows_of(self, name: str, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """Return the row of each of some texts in a column of distinct texts; -1 if not found."""
        rows = np.full(len(texts), -1, np.int32)
        for part, start in zip(self._parts, self._starts.tolist(), strict=False):
            found, place = pc.index_in(texts, value_set=part.batch.column(name)), 0
            for chunk in found.chunks if isinstance(found, pa.ChunkedArray) else [found]:
                some, numbers = _known(chunk), _numbers(chunk)
                rows[place : place + len(chunk)][some] = start + numbers[some]
                place += len(chunk)
        return rows

    def rows_of_few(self, name: str, texts: pa.Array) -> Int64:
        """Return the row of each of some texts, few different ones, in a column of distinct texts; -1 if not found.

        As `rows_of`, but without an index of the whole column.
        """
        encoded = texts.dictionary_encode()
        rows = np.full(len(encoded.dictionary) + 1, -1, np.int64)
        for part, start in zip(self._parts, self._starts.tolist(), strict=False):
            found = pc.index_in(part.batch.column(name), value_set=encoded.dictionary)
            places = np.flatnonzero(_known(found))
            rows[_numbers(found)[places]] = start + places
        return rows[np.where(_known(encoded.indices), _numbers(encoded.indices), -1)]

    def rows_among(self, name: str, texts: pa.Array, rows: Int64) -> Int64:
        """Return the one of some rows that has each of some texts in a column of distinct texts; each is there."""
        among: Int64 = rows[_numbers(pc.index_in(texts, value_set=self.taken(name, rows)))]
        return among

    def span_of(self, name: str, text: str) -> slice:
        """Return the rows with a text in a column by which the table is sorted, as UTF-8 bytes."""
        column, rows = self.arrow(name), range(len(self))
        start, end = (
            find(rows, text.encode(), key=lambda row: column[row].as_py().encode())
            for find in (bisect_left, bisect_right)
        )
        return slice(start, end)

    def among(self, name: str, texts: pa.Array) -> Mask:
        """Return which rows have one of some texts in a column."""
        found = [_known(pc.index_in(part.batch.column(name), value_set=texts)) for part in self._parts]
        return np.concatenate(found)

    def numbered(self, name: str, texts: pa.Array) -> Indices:
        """Return the number, among some texts, of the text in each row of a column without others; in few bytes."""
        found = (_numbers(pc.index_in(part.batch.column(name), value_set=texts)) for part in self._parts)
        return np.concatenate([numbers.astype(np.min_scalar_type(len(texts))) for numbers in found])

    def matching(self, name: str, numbers: Int64) -> Int64:
        """Return the rows with one of some numbers in a column by which the table is sorted."""
        column = self.values(name)
        wanted = np.unique(numbers).astype(column.dtype)  # of its type: searching for others would copy the column
        starts, ends = np.searchsorted(column, wanted), np.searchsorted(column, wanted, side="right")
        before = np.cumsum(ends - starts) - (ends - starts)
        return np.repeat(starts - before, ends - starts) + np.arange(int((ends - starts).sum()))

    def sorted_by(self, name: str, rows: Int64) -> Int64:
        """Return some rows in the order of a text column, as UTF-8 bytes."""
        in_order: Int64 = rows[np.from_dlpack(pc.sort_indices(self.taken(name, rows)))]
        return in_order

    def _places(self, rows: Indices) -> Int64:
        """Return the part that each row is in."""
        return np.searchsorted(self._starts[1:-1], rows, side="right")

    def _read(self, rows: Rows, read: Callable[[_Part, Rows], Values]) -> Values:
        """Return some rows of a column, each read from the part that it is in."""
        if len(self._parts) == 1:
            return read(self._parts[0], rows)
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            runs = list(self.runs(slice(start, stop)))
            if len(runs) > 1:
                return np.concatenate([self._read(run, read) for run in runs])
            place = int(self._places(np.array(start))) if start < len(self) else len(self._parts) - 1
            first = int(self._starts[place])
            return read(self._parts[place], slice(start - first, stop - first))
        places = self._places(rows)
        counts = np.bincount(places, minlength=len(self._parts))
        if counts.max() == len(rows):
            place = int(counts.argmax())
            return read(self._parts[place], rows - self._starts[place])
        order = None if (places[1:] >= places[:-1]).all() else np.argsort(places.astype(np.int16), kind="stable")
        ends = np.cumsum(counts)
        together = rows if order is None else rows[order]
        found = [
            read(self._parts[place], together[ends[place] - counts[place] : ends[place]] - self._starts[place])
            for place in np.flatnonzero(counts).tolist()
        ]
        values = np.concatenate(found)
        if order is not None:
            values[order] = values.copy()
        return values


def _numbers(column: pa.Array) -> Values:
    numbers = column.indices if pa.types.is_dictionary(column.type) else column
    kind = np.dtype(np.int32) if pa.types.is_date32(numbers.type) else np.dtype(numbers.type.to_pandas_dtype())
    if len(numbers) == 0:
        return np.empty(0, kind)
    return np.frombuffer(numbers.buffers()[1], kind, len(numbers))


def _known(column: pa.Array) -> Mask:
    """Return where an array is not null."""
    if column.null_count == 0:
        return np.ones(len(column), bool)
    bits = np.frombuffer(column.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=len(column), bitorder="little").view(bool)


def _taken(column: pa.Array, rows: Indices) -> pa.Array:
    numbers = pa.py_buffer(np.ascontiguousarray(rows, np.int64))
    return column.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, numbers]))


def _ranks(texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
    order = np.from_dlpack(pc.sort_indices(texts))
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks
