"""Dual affiliation: members by home branch and joint branch, and the effect on coverage."""

from dataclasses import dataclass, replace

import numpy as np

from app.catalogue.metrics import METRIC
from app.statistics.aggregates import count_selection
from app.statistics.inference import precision_of
from app.statistics.population import Selection, resolve, rows_of
from app.statistics.question import Question
from app.statistics.rates import Counts, Rates, rates_of
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

UPLIFT = tuple(
    METRIC[code] for code in ("organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach")
)
"""The rates that accompany the matrix, in order."""


@dataclass(frozen=True)
class Matrix:
    """Distinct members, withheld ones included, with a living secondary affiliation to a joint branch in a district.

    Parameters
    ----------
    homes, joint_branches
        For each cell, the rows of its home (-1: none) and of its joint branch in `branches`.
    members
        Members in each cell.
    home_members
        Row of each home and its members, each counted once over all joint branches; a home of -1 comes last.
    joint_members
        Row of each joint branch and its members.
    total
        All members, each counted once.
    """

    homes: Int64
    joint_branches: Int64
    members: Int64
    home_members: tuple[tuple[int, int], ...]
    joint_members: tuple[tuple[int, int], ...]
    total: int


@dataclass(frozen=True)
class Uplift:
    """What dual affiliation adds to the coverage of a population.

    Parameters
    ----------
    rates
        Organisation coverage without and with dual affiliation, work coverage, dual reach.
    work_coverage_without
        Work coverage if nobody were in dual affiliation.
    unreached
        Members in unorganised enterprises who are known to have no living secondary affiliation.
    """

    rates: Rates
    work_coverage_without: Rates
    unreached: int


def matrix_of(snapshot: Snapshot, question: Question) -> Matrix:
    """Return the matrix of the joint branches in the question's district, sorted by code of home, then joint branch."""
    district = resolve(snapshot, question.population).district
    table = snapshot.table("dual_affiliation")
    members = table.values("members").astype(np.int64)
    homes = _rows(snapshot, table.texts("home_code"))
    joint = _rows(snapshot, table.texts("joint_branch_code"))
    cells = np.flatnonzero((joint >= 0) & _inside(snapshot, district, joint))
    cells = cells[np.lexsort((joint[cells], np.where(homes[cells] < 0, len(snapshot.branches), homes[cells])))]
    margin = np.flatnonzero((joint < 0) & _of_district(snapshot, district))
    margin = margin[np.argsort(np.where(homes[margin] < 0, len(snapshot.branches), homes[margin]))]
    columns, inverse = np.unique(joint[cells], return_inverse=True)
    sums = np.zeros(len(columns), np.int64)
    np.add.at(sums, inverse, members[cells])
    return Matrix(
        homes=homes[cells],
        joint_branches=joint[cells],
        members=members[cells],
        home_members=tuple(zip(homes[margin].tolist(), members[margin].tolist(), strict=True)),
        joint_members=tuple(zip(columns.tolist(), sums.tolist(), strict=True)),
        total=int(members[margin].sum()),
    )


def uplift_of(snapshot: Snapshot, question: Question) -> Uplift:
    """Return what dual affiliation adds to the coverage of the question's population."""
    selection, precision = resolve(snapshot, question.population), precision_of(snapshot.manifest)
    counts = count_selection(snapshot, selection)
    without = _without_dual(snapshot, selection, counts)
    reached = counts.row("members_reached_by_dual") + counts.row("members_reached_by_dual_unknown")
    return Uplift(
        rates_of(counts, UPLIFT, precision),
        rates_of(without, (METRIC["work_coverage"],), precision),
        int((counts.row("members_unorganised") - reached)[0]),
    )


def _without_dual(snapshot: Snapshot, selection: Selection, counts: Counts) -> Counts:
    """Return the counts if nobody were in dual affiliation; enterprises reached by a work means too remain reached."""
    rows, mask = rows_of(snapshot, selection)
    table = snapshot.enterprises
    by_work = (table.values("work_reached")[rows] == 1) & (table.values("organised")[rows] == 0) & mask
    values = counts.values.copy()
    values[counts.codes.index("enterprises_reached_by_dual")] = 0
    values[counts.codes.index("enterprises_work_only")] = np.count_nonzero(by_work)
    return replace(counts, values=values)


def _rows(snapshot: Snapshot, codes: tuple[str | None, ...]) -> Int64:
    return np.array([-1 if code is None else snapshot.branch_index[code] for code in codes], np.int64)


def _inside(snapshot: Snapshot, district: int | None, branches: Int64) -> Mask:
    """Return which branches are in a district's subtree; meaningless for rows of -1."""
    if district is None or len(snapshot.branches) == 0:
        return np.ones(len(branches), bool)
    nodes = snapshot.branch_districts[branches]
    return np.asarray((nodes >= district) & (nodes < snapshot.districts.ends[district]))


def _of_district(snapshot: Snapshot, district: int | None) -> Mask:
    """Return which rows of the table are about exactly this district; null: about the whole registry."""
    table = snapshot.table("dual_affiliation")
    valid = table.valid("district")
    known = np.ones(len(table), bool) if valid is None else valid
    return ~known if district is None else known & (table.values("district") == district)
