"""Establishment proposals: which branches to found next, and what that would change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

import numpy as np

from app.catalogue.metrics import METRIC
from app.catalogue.vocabulary import Basis, IndustryLevel
from app.statistics import sums
from app.statistics.aggregates import count_selection
from app.statistics.establishment_gaps import NearBranches, street_of
from app.statistics.inference import precision_of
from app.statistics.population import resolve, rows_of
from app.statistics.question import Population
from app.statistics.rates import Counts, Rates, rates_of
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

_DIVISION = list(IndustryLevel).index(IndustryLevel.DIVISION)

_MOST_TOGETHER = 5
"""Enterprises that a joint branch covers, in general at most: Regulations on Party branches (2018), Art. 5."""

EFFECTS = tuple(METRIC[code] for code in ("organisation_coverage", "establishment_rate", "employee_coverage"))
"""The rates that are compared before and after, in order."""

_SUMMED = ("enterprises", "full_members", "members", "headcount", "enterprises_headcount_unknown")
_FIGURES = frozenset({"enterprises", "members_unorganised", *(code for metric in EFFECTS for code in metric.needs)})


class ProposalKind(StrEnum):
    """What is proposed.

    `standalone`: a branch of its own; `joint`: one branch of several enterprises; `attach`: an existing branch takes
    the enterprise; `instructor`: no branch can, so somebody is sent, and it stays unorganised.
    """

    STANDALONE = "standalone"
    JOINT = "joint"
    ATTACH = "attach"
    INSTRUCTOR = "instructor"


@dataclass(frozen=True)
class Proposal:
    """What is proposed for some enterprises, by their rows.

    Parameters
    ----------
    district
        Node of the street or site; -1: none.
    branch
        Row of the branch that takes the enterprise; -1: none.
    """

    kind: ProposalKind
    enterprises: tuple[int, ...]
    district: int
    branch: int = -1


@dataclass(frozen=True)
class Proposals:
    """All proposals for a population, in order, and their effect.

    Parameters
    ----------
    snapshot
        Their snapshot.
    rows
        The proposals.
    full_members, members
        Sums over the enterprises of each.
    headcount
        As these, of the enterprises where it is known; -1: of none.
    eligible
        How many enterprises of each must establish an organisation.
    before, after
        The counts of the population now, and if all were done.
    undecided
        Operating enterprises without an organisation of which it is not known whether they have a full member.
    """

    snapshot: Snapshot
    rows: tuple[Proposal, ...]
    full_members: Int64
    members: Int64
    headcount: Int64
    eligible: Int64
    before: Counts
    after: Counts
    undecided: int

    def effects(self, counts: Counts) -> Rates:
        """Return the rates that are compared."""
        return rates_of(counts, EFFECTS, precision_of(self.snapshot.manifest))

    def coverage_after(self, start: int, end: int) -> Rates:
        """Return the organisation coverage of the population with each of some proposals and all before it."""
        done = np.cumsum([_organises(row) * len(row.enterprises) for row in self.rows[:end]], dtype=np.int64)[start:]
        counts = _changed(self.before.taken([0] * len(done)), {"enterprises_organised": done})
        return rates_of(counts, EFFECTS[:1], precision_of(self.snapshot.manifest))


def propose(snapshot: Snapshot, population: Population) -> Proposals:
    """Return the branches that could be founded next for the unorganised enterprises of a population.

    Raises
    ------
    InvalidRequest
        See `resolve`.
    """
    selection = resolve(snapshot, population)
    span, mask = rows_of(snapshot, selection)
    open_rows = _rows_without(snapshot, span, mask)
    full, known = _column(snapshot, "full_members", open_rows)
    members, members_known = _column(snapshot, "members", open_rows)
    proposals = _Planner(snapshot, open_rows[known & (full >= 1)]).proposals()
    rows = np.array([row for one in proposals for row in one.enterprises], np.int64)
    lengths = np.array([len(one.enterprises) for one in proposals], np.int64)
    count, full_members, people, staff, unknown = sums.of_runs(snapshot, rows, lengths, _SUMMED)
    eligible = np.array([one.kind is ProposalKind.STANDALONE for one in proposals], np.int64)
    smallest = [min(snapshot.enterprise_code_ranks[list(one.enterprises)].tolist()) for one in proposals]
    order = np.lexsort((np.array(smallest, np.int64), -people, -eligible))
    before = count_selection(snapshot, replace(selection, figures=_FIGURES))
    done = np.array([_organises(one) for one in proposals], bool)
    effect = {
        "enterprises_organised": count,
        "enterprises_eligible_organised": eligible,
        "headcount_organised": staff,
        "members_unorganised": -people,
    }
    return Proposals(
        snapshot,
        tuple(proposals[place] for place in order.tolist()),
        full_members[order],
        people[order],
        np.where(unknown == count, -1, staff)[order],
        eligible[order],
        before,
        _changed(before, {code: change[done].sum() for code, change in effect.items()}),
        int(np.count_nonzero(~known & (~members_known | (members >= 1)))),
    )


def _rows_without(snapshot: Snapshot, span: slice, mask: Mask) -> Int64:
    """Return the selected rows that operate and are not organised."""
    is_open = snapshot.in_basis(Basis.OPERATING, span) & (snapshot.enterprises.values("organised")[span] == 0)
    rows: Int64 = span.start + np.flatnonzero(mask & is_open)
    return rows


def _column(snapshot: Snapshot, name: str, rows: Int64) -> tuple[Int64, Mask]:
    """Return the values of some rows, 0 where unknown, and where they are known."""
    valid = snapshot.enterprises.valid(name)
    known = np.ones(len(rows), bool) if valid is None else valid[rows]
    return snapshot.enterprises.values(name)[rows].astype(np.int64), known


def _organises(proposal: Proposal) -> bool:
    return proposal.kind is not ProposalKind.INSTRUCTOR


def _changed(counts: Counts, changes: dict[str, Int64]) -> Counts:
    values = counts.values.copy()
    for code, change in changes.items():
        values[counts.codes.index(code)] += change
    return replace(counts, values=values)


class _Planner:
    """Puts enterprises together into branches.

    Parameters
    ----------
    snapshot
        Their snapshot.
    rows
        Operating enterprises without an organisation, each with a full member.
    """

    def __init__(self, snapshot: Snapshot, rows: Int64) -> None:
        self._snapshot = snapshot
        self._enough = snapshot.manifest.settings.eligible_full_members
        full = snapshot.enterprises.values("full_members")[rows].astype(np.int64)
        divisions = _division_ranks(snapshot, snapshot.industry_of[rows].astype(np.int64))
        order = np.lexsort((snapshot.enterprise_code_ranks[rows], -full, divisions))
        self._rows: list[int] = rows[order].tolist()
        self._full: list[int] = full[order].tolist()
        self._nodes: list[int] = snapshot.district_of[rows[order]].tolist()
        self._near = NearBranches.of(snapshot)
        self._covered: list[int] = snapshot.branches.values("own_enterprises_covered").tolist()

    def proposals(self) -> list[Proposal]:
        """Return the proposals, in no order; enterprises are named by their place in the order of the rules."""
        tree = self._snapshot.districts
        streets = {node: street_of(tree, node) for node in set(self._nodes)}
        alone = [place for place, full in enumerate(self._full) if full >= self._enough]
        others = [place for place, full in enumerate(self._full) if full < self._enough]
        found = [self._one(ProposalKind.STANDALONE, place, streets) for place in alone]
        by_street = sorted(others, key=lambda place: streets[self._nodes[place]])
        for street, places in groupby(by_street, key=lambda place: streets[self._nodes[place]]):
            if street < 0:
                found += [self._one(ProposalKind.INSTRUCTOR, place, streets) for place in places]
            else:
                found += self._in_street(street, [*places])
        return found

    def _one(self, kind: ProposalKind, place: int, streets: dict[int, int]) -> Proposal:
        node = self._nodes[place]
        return Proposal(kind, (self._rows[place],), node if streets[node] >= 0 else -1)

    def _in_street(self, street: int, places: Sequence[int]) -> Iterator[Proposal]:
        """Yield the proposals for the enterprises of a street and its sites that are too small for their own."""
        tree = self._snapshot.districts
        joint: list[tuple[int, list[int]]] = []
        left: list[int] = []
        at = {node: [*found] for node, found in groupby(sorted(places, key=self._node), key=self._node)}
        for node in sorted(at, key=lambda node: int(tree.code_ranks[node])):
            if node != street:
                left += self._put_together(node, at[node], joint)
        left = self._put_together(street, sorted([*left, *at.get(street, ())]), joint)
        while left and joint and len(joint[-1][1]) < _MOST_TOGETHER:
            joint[-1][1].append(left.pop(0))
        for node, together in joint:
            yield Proposal(ProposalKind.JOINT, tuple(self._rows[place] for place in together), node)
        for place in left:
            branch = self._branch_for(self._nodes[place])
            kind = ProposalKind.INSTRUCTOR if branch < 0 else ProposalKind.ATTACH
            yield Proposal(kind, (self._rows[place],), self._nodes[place], branch)

    def _node(self, place: int) -> int:
        return self._nodes[place]

    def _put_together(self, node: int, places: Sequence[int], joint: list[tuple[int, list[int]]]) -> list[int]:
        """Add the joint branches of a place; return who is left over."""
        together: list[int] = []
        full = 0
        for place in places:
            together.append(place)
            full += self._full[place]
            if full >= self._enough:
                joint.append((node, together))
                together, full = [], 0
        return together

    def _branch_for(self, node: int) -> int:
        """Return the first candidate with room, which then has less of it; -1: none."""
        for candidate in self._near.candidates(node):
            if self._covered[candidate.branch] < _MOST_TOGETHER:
                self._covered[candidate.branch] += 1
                return candidate.branch
        return -1


def _division_ranks(snapshot: Snapshot, nodes: Int64) -> Int64:
    """Return the rank of each industry's division, or what is nearest above it, by code; none comes last."""
    tree = snapshot.industries
    distinct, place = np.unique(nodes, return_inverse=True)
    ranks = [
        int(tree.code_ranks[tree.nearest(node, _DIVISION)]) if node < len(tree.codes) else len(tree.codes)
        for node in distinct.tolist()
    ]
    return np.array(ranks, np.int64)[place]
