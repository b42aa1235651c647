"""Dual affiliation: members by home branch and joint branch, and the effect on coverage."""

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from app.catalogue.metrics import METRIC
from app.statistics import sums
from app.statistics.aggregates import count_selection
from app.statistics.inference import precision_of
from app.statistics.population import Selection, in_spans, resolve, spans_of
from app.statistics.question import Population, Question
from app.statistics.rates import Counts, Rates, rates_of
from app.store.arrays import Indices, Int64
from app.store.snapshot import Snapshot

_NONE = np.iinfo(np.int64).max
"""Stands for the row of no home, which comes last."""

UPLIFT = tuple(
    METRIC[code] for code in ("organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach")
)
"""The rates that accompany the matrix, in order."""


@dataclass(frozen=True)
class Matrix:
    """Distinct members, withheld ones included, with a living secondary affiliation to a joint branch in the districts.

    Parameters
    ----------
    homes, joint_branches
        For each cell, the rows of its home (-1: none) and of its joint branch in `branches`.
    members
        Members in each cell.
    home_members
        Rows of the homes, and the members of each, counted once over all joint branches; a home of -1 comes last.
    joint_members
        Rows of the joint branches, and the members of each.
    total
        All members, each counted once.
    """

    homes: Int64
    joint_branches: Int64
    members: Int64
    home_members: tuple[Int64, Int64]
    joint_members: tuple[Int64, Int64]
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
    """Return the matrix of the joint branches in the asked districts, sorted by code of home, then joint branch."""
    table = snapshot.table("dual_affiliation")
    rows = _in_districts(snapshot, snapshot.branches_of(table, "joint_branch_code"), question.population)
    members = table.values("members").astype(np.int64)[rows]
    homes, joint = (
        snapshot.branches_of(table, name)[rows].astype(np.int64) for name in ("home_code", "joint_branch_code")
    )
    homes[homes < 0] = _NONE
    _, first = np.unique(table.values("group")[rows], return_index=True)
    (cells_of, joint_of), cells = _sums(np.stack([homes, joint]), members)
    [margin], home_members = _sums(homes[first][None], members[first])
    [columns], joint_members = _sums(joint[None], members)
    return Matrix(
        homes=np.where(cells_of == _NONE, -1, cells_of),
        joint_branches=joint_of,
        members=cells,
        home_members=(np.where(margin == _NONE, -1, margin), home_members),
        joint_members=(columns, joint_members),
        total=int(members[first].sum()),
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
    value_of = snapshot.enterprises.values
    by_work = (
        (value_of("work_reached", rows) == 1) & (value_of("organised", rows) == 0)
        for rows in sums.listed_parts(snapshot, selection)
    )
    values = counts.values.copy()
    values[counts.codes.index("enterprises_reached_by_dual")] = 0
    values[counts.codes.index("enterprises_work_only")] = sum(map(np.count_nonzero, by_work))
    return replace(counts, values=values)


def _in_districts(snapshot: Snapshot, branches: Indices, population: Population) -> Int64:
    """Return the places of the branches that are in one of a population's districts."""
    districts = resolve(snapshot, population).districts
    if not districts or not len(branches):
        return np.arange(len(branches))
    return np.flatnonzero(in_spans(snapshot.branch_districts[branches], spans_of(snapshot.districts, districts)))


def _sums(keys: Int64, members: Int64) -> tuple[Int64, Int64]:
    """Return the distinct columns of the keys, ascending, and the sum of the members of each."""
    distinct, inverse = np.unique(keys, axis=1, return_inverse=True)
    sums = np.zeros(distinct.shape[1], np.int64)
    np.add.at(sums, inverse.reshape(-1), members)
    return distinct, sums
