"""Shards: the enterprises in runs of whole counties, which are files; and in smaller runs, each worked on alone.

Counties stay whole, since placement, withheld figures and the strata of the correlation end there. Runs depend on the
data alone, never on who works on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

import duckdb
import numpy as np
import pyarrow as pa

from app.config import Settings
from app.snapshots.facts import StoredRows, limits
from app.snapshots.ordering import Indices, OrderedTree
from app.snapshots.placement import COUNTY


@dataclass(frozen=True)
class Sizes:
    """Most enterprises of a file, and of what is worked on alone; more only where one county has more."""

    shard: int = 1 << 22
    piece: int = 1 << 18


SIZES = Sizes()


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


def divide(rows: StoredRows, districts: OrderedTree, settings: Settings, sizes: Sizes) -> Division:
    """Divide the enterprises; where there are several pieces, the facts of each are written beside those of all."""
    with duckdb.connect(config=limits(rows.path.parent, settings)) as connection:
        connection.execute("SET enable_progress_bar = false")
        facts = connection.read_parquet(str(rows.path / "*.parquet" if rows.path.is_dir() else rows.path))
        found = facts.aggregate("district_code, count(*) AS enterprises").to_arrow_table()
        nodes = districts.index_of(found["district_code"])
        counts = np.zeros(len(districts.codes) + 1, np.int64)
        np.add.at(counts, nodes, np.asarray(found["enterprises"]))
        shards = runs(counts, districts, sizes)
        firsts = [first for shard in shards for first in shard]
        if len(firsts) == 1:
            return Division(counts, [[Piece(rows, firsts[0])]])
        folder = rows.path.with_name("pieces")
        piece = np.searchsorted(firsts, nodes, side="right") - 1
        connection.register("route", pa.table({"district_code": found["district_code"], "piece": piece}))
        facts.create_view("fact")
        routed = connection.sql(
            "SELECT fact.*, route.piece FROM fact "
            "JOIN route ON route.district_code IS NOT DISTINCT FROM fact.district_code"
        )
        routed.write_parquet(str(folder), compression="zstd", partition_by=["piece"])
    numbers = count()
    return Division(
        counts, [[Piece(StoredRows(folder / f"piece={next(numbers)}"), first) for first in shard] for shard in shards]
    )


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
