"""Dual affiliation: who takes part where, and what that does to coverage."""

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
"""The rates beside the matrix, in order."""


@dataclass(frozen=True)
class Matrix:
    """Distinct members with a living secondary affiliation to a joint branch of a district, everybody.

    Parameters
    ----------
    homes, joint_branches
        Of each cell the row of its home in `branches`, -1 for none, and of its joint branch.
    members
        Of each cell.
    home_members
        Row of each home and its members, each counted once over all joint branches; a home of -1 comes last.
    joint_members
        Row of each joint branch and its members.
    total
        All of them, each counted once.
    """

    homes: Int64
    joint_branches: Int64
    members: Int64
    home_members: tuple[tuple[int, int], ...]
    joint_members: tuple[tuple[int, int], ...]
    total: int


@dataclass(frozen=True)
class Uplift:
    """What dual affiliation adds to the coverage of a scope.

    Parameters
    ----------
    rates
        As they are: organisation coverage without and with dual affiliation, work coverage, dual reach.
    work_coverage_without
        Work coverage as if nobody were in dual affiliation.
    unreached
        Members in enterprises that are not organised, known to be without a living secondary affiliation.
    """

    rates: Rates
    work_coverage_without: Rates
    unreached: int


def matrix_of(snapshot: Snapshot, question: Question) -> Matrix:
    """Return who takes part where, of the joint branches in the question's district; homes and branches by code."""
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
    """Return counts as if nobody were in dual affiliation: who is reached by a work means besides, still is."""
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
    """Return which branches are in a district's subtree; a row of -1 is some branch, whichever."""
    if district is None or len(snapshot.branches) == 0:
        return np.ones(len(branches), bool)
    nodes = snapshot.branch_districts[branches]
    return np.asarray((nodes >= district) & (nodes < snapshot.districts.ends[district]))


def _of_district(snapshot: Snapshot, district: int | None) -> Mask:
    """Return which rows of the table are about exactly this district; null: about all of them."""
    table = snapshot.table("dual_affiliation")
    valid = table.valid("district")
    known = np.ones(len(table), bool) if valid is None else valid
    return ~known if district is None else known & (table.values("district") == district)
