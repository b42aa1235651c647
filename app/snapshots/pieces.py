"""Pieces: some enterprises, whole counties of them, made into a table and counted alone; and a table made of pieces."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from app.catalogue.measures import ROW_MEASURES
from app.catalogue.metrics import SHARES
from app.catalogue.vocabulary import Basis
from app.errors import Report
from app.snapshots.correlation import Components, components, estimated
from app.snapshots.facts import StoredRows
from app.snapshots.folders import write_parts
from app.snapshots.ordering import Indices, OrderedTree, at, known, order_enterprises
from app.snapshots.placement import COUNTY, DIVISION
from app.snapshots.pool import each
from app.snapshots.public import Firsts, PlaceSums, places_of
from app.snapshots.rounding import first_codes
from app.snapshots.shards import Division
from app.snapshots.sums import Axes, Ints, Placed, Sums, added_up, sums_of
from app.snapshots.tables import Columns, Withheld, axes_of, enterprise_columns, group_columns, placed_in, withheld_in
from app.store.arrays import Int64
from app.store.format import write_table
from app.store.manifest import Correlation, TableInfo

_MEMBERS = "members"


@dataclass(frozen=True)
class Common:
    """What the work on every piece needs.

    Parameters
    ----------
    districts, industries
        The trees.
    axes
        What is summed by.
    first
        From `first_codes`.
    key
        The rounding key; null: nothing is protected.
    """

    districts: OrderedTree
    industries: OrderedTree
    axes: Axes
    first: Firsts
    key: bytes | None


@dataclass(frozen=True)
class Counted:
    """What is counted of a piece besides its sums.

    Parameters
    ----------
    components
        Of the correlation of members and, by metric, of shares.
    places
        The protected ones; null: nothing is protected.
    """

    withheld: Withheld
    components: dict[str, Components]
    places: PlaceSums | None


class Task(NamedTuple):
    """A piece to be made: its number, its facts, and the file of its table."""

    number: int
    rows: StoredRows
    path: Path


Made = tuple[Sums, Counted]

Step = Callable[[Common, Task], Made | None]
"""A way to make a piece; null: it is left to the next step."""


def common_of(
    trees: tuple[OrderedTree, OrderedTree],
    industry_groups: pa.Table,
    superseded: pa.Table,
    counts: Indices,
    key: bytes | None,
) -> Common:
    """Return what all pieces have in common.

    Parameters
    ----------
    trees
        Districts and industries.
    industry_groups, superseded
        As in `Facts`.
    counts
        Enterprises of each district itself and, last, of none.
    key
        The rounding key; null: nothing is protected.
    """
    axes = axes_of(*trees, group_columns(industry_groups)["industries"], counts)
    before = dict(zip(superseded["code"].to_pylist(), superseded["supersedes"].to_pylist(), strict=True))
    return Common(*trees, axes, first_codes(before), key)


def work_on(
    division: Division, common: Common, folder: Path, processes: int, report: Report, steps: Sequence[Step]
) -> tuple[list[Path], Sums, list[Counted]]:
    """Write the table of each piece into a folder; return the files, the sums of all, and what else is counted."""
    facts = [piece.rows for shard in division.shards for piece in shard]
    tasks = [Task(number, rows, folder / f"piece-{number}.arrow") for number, rows in enumerate(facts)]
    counted = list[Counted]()
    report("adding up", 0, len(tasks))

    def sums() -> Iterator[Sums]:  # added as they come, since those of all would be as large as the table
        left = tasks
        for step in steps:
            tried, left = left, []
            for task, made in zip(tried, each(step, common, tried, processes), strict=True):
                if made is None:
                    left.append(task)
                    continue
                counted.append(made[1])
                report("adding up", len(counted), len(tasks))
                yield made[0]

    return [task.path for task in tasks], added_up(sums(), common.axes), counted


def make_piece(common: Common, task: Task) -> Made:
    """Write the table of a piece; return its sums and what else is counted."""
    enterprises, *nodes = order_enterprises(task.rows, common.districts, common.industries)
    placed = placed_in(enterprises, nodes[0], nodes[1], common.axes)
    columns = enterprise_columns(enterprises, placed)
    write_table(task.path, columns)
    trees = common.districts, common.industries
    sums = sums_of(((measure.code, _whole(columns[measure.code])) for measure in ROW_MEASURES), placed)
    return sums, Counted(
        withheld_in(enterprises, placed, *trees),
        _components(columns, placed, *trees),
        None if common.key is None else places_of(columns, placed, trees, common.first, common.key),
    )


def write_enterprises(folder: Path, division: Division, paths: Sequence[Path], codes: pa.Array) -> TableInfo:
    """Write the table of all enterprises from those of the pieces, a file per shard; return what is said of it."""
    left = iter(paths)
    parts = [
        ([next(left) for _ in shard], codes[shard[0].first].as_py() if shard[0].first < len(codes) else None)
        for shard in division.shards
    ]
    return write_parts(folder, "enterprises", parts)


def correlation_of(pieces: Sequence[Counted]) -> tuple[Correlation, str]:
    """Return the correlations over all enterprises, and their source."""
    found = {
        code: estimated([piece.components[code] for piece in pieces], floor_by_parts=code == _MEMBERS)
        for code in pieces[0].components
    }
    members = found.pop(_MEMBERS)
    shares = {code: share.value for code, share in found.items()}
    return Correlation(members.value, members.strata, members.firms, members.parts, shares), members.source


def _components(
    enterprises: Columns, placed: Placed, districts: OrderedTree, industries: OrderedTree
) -> dict[str, Components]:
    """Return those of operating enterprises, stratum division × county, without those of unknown division or county."""
    county = at(districts.nearest(COUNTY), placed.districts)
    division = at(industries.nearest(DIVISION), placed.industries)
    stratum = division * (len(districts.codes) + 1) + county
    located = placed.masks[placed.axes.bases.index(Basis.OPERATING)] & (county >= 0) & (division >= 0)
    headcount, members = _whole(enterprises["headcount"]), _whole(enterprises["members"])
    used = located & (headcount >= 1) & known(enterprises["members"])
    found = {_MEMBERS: components(members[used], headcount[used], stratum[used])}
    for metric in SHARES:
        added, less = metric.denominator, metric.less
        is_known = np.logical_and.reduce([known(enterprises[code]) for code in (*added, *less)])
        denominator = _added(enterprises, added) - _added(enterprises, less)
        used = located & is_known & (denominator >= 1)
        part = _added(enterprises, metric.numerator)
        found[metric.code] = components(part[used], denominator[used], stratum[used])
    return found


def _added(enterprises: Columns, codes: Sequence[str]) -> Int64:
    total: Int64 = np.sum([_whole(enterprises[code]) for code in codes], axis=0, dtype=np.int64)
    return total


def _whole(column: pa.Array) -> Ints:
    """Return a column of counts; 0 for null."""
    counts: Ints = np.asarray(column.fill_null(0))
    return counts
