"""Shards: the enterprises in runs of whole counties, which are files; and in smaller runs, each worked on alone.

Counties stay whole, since placement, withheld figures and the strata of the correlation end there. Runs depend on the
data alone, never on who works on them.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.read_ahead import read_ahead
from app.snapshots.facts import Sizes, StoredRows
from app.snapshots.ordering import Indices, OrderedTree
from app.snapshots.placement import COUNTY
from app.store.arrays import edges

_BATCH_ROWS = 1 << 16
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Piece:
    """Enterprises that are worked on alone.

    Parameters
    ----------
    rows
        Their facts.
    first
        The first district that has any of them; the number of districts: none.
    """

    rows: StoredRows
    first: int


@dataclass(frozen=True)
class Division:
    """All enterprises, divided.

    Parameters
    ----------
    counts
        Enterprises of each district itself and, last, of none.
    shards
        The pieces of each shard, both in the order of districts.
    """

    counts: Indices
    shards: Sequence[Sequence[Piece]]


def divide(rows: StoredRows, districts: OrderedTree, sizes: Sizes) -> Division:
    """Divide the enterprises; where there are several pieces, the facts of each are written beside those of all."""
    counts = np.zeros(len(districts.codes) + 1, np.int64)
    for batch in _batches(rows, ["district_code"]):
        counts += np.bincount(districts.index_of(batch.column(0)), minlength=len(counts))
    shards = runs(counts, districts, sizes)
    firsts = [first for shard in shards for first in shard]
    if len(firsts) == 1:
        return Division(counts, [[Piece(rows, firsts[0])]])
    folder = rows.path.with_name("pieces")
    folder.mkdir()
    paths = [folder / f"{number}.arrow" for number in range(len(firsts))]
    with ExitStack() as files, closing(read_ahead(_batches(rows))) as batches:
        writers: dict[int, pa.RecordBatchWriter] = {}
        for batch in batches:
            piece = np.searchsorted(firsts, districts.index_of(batch.column("district_code")), side="right") - 1
            routed, bounds = batch.take(pa.array(np.argsort(piece))), edges(np.sort(piece), len(paths))
            for number in np.unique(piece).tolist():
                if number not in writers:
                    writer = pa.ipc.new_file(paths[number], batch.schema, options=_COMPRESSED)
                    writers[number] = files.enter_context(writer)
                start, end = bounds[number : number + 2].tolist()
                writers[number].write_batch(routed.slice(start, end - start))
    pa.default_memory_pool().release_unused()
    left = iter(paths)
    return Division(counts, [[Piece(BatchedRows(next(left)), first) for first in shard] for shard in shards])


def _batches(rows: StoredRows, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    for path in sorted(rows.path.glob("*.parquet")) if rows.path.is_dir() else [rows.path]:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False)


@dataclass(frozen=True)
class BatchedRows(StoredRows):
    """Rows in an Arrow file of many batches."""

    def __getitem__(self, name: str) -> pa.Array:
        """Return a column."""
        with pa.memory_map(str(self.path)) as file:
            place = pa.ipc.open_file(file).schema.get_field_index(name)
            read = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=[place])).read_all()
            return read[name].combine_chunks()


def runs(counts: Indices, districts: OrderedTree, sizes: Sizes) -> list[list[int]]:
    """Return the first district of each piece of each shard, where any enterprise is.

    Parameters
    ----------
    counts
        Enterprises of each district itself and, last, of none.
    """
    if not counts.any():
        return [[0]]
    starts = _whole_counties(np.flatnonzero(counts), districts)
    ends = np.append(starts[1:], len(counts))
    rows = np.append(0, np.cumsum(counts))
    in_run = rows[ends] - rows[starts]
    return [
        [int(starts[start + piece]) for piece, _ in _greedy(in_run[start:end], sizes.piece)]
        for start, end in _greedy(in_run, sizes.shard)
    ]


def _whole_counties(occupied: Indices, districts: OrderedTree) -> Indices:
    """Return those of the districts with enterprises before which no county has any that has some from there on too.

    What stands for the county of a district without one is the nearest above it, as for streets of a city without
    counties.
    """
    county = np.append(districts.nearest(COUNTY), -1)[occupied]
    held = np.where(county < 0, occupied, county)
    last = np.zeros(len(districts.codes) + 1, np.int64)
    np.maximum.at(last, held, occupied)
    reach = np.maximum.accumulate(last[held])
    starts: Indices = occupied[np.append(True, reach[:-1] < occupied[1:])]
    return starts


def _greedy(sizes: Indices, most: int) -> list[tuple[int, int]]:
    """Return consecutive runs, each as long as it has at most so many together, or is one alone."""
    starts, together = [0], 0
    for place, size in enumerate(sizes.tolist()):
        if together and together + size > most:
            starts.append(place)
            together = 0
        together += size
    return list(pairwise([*starts, len(sizes)]))
