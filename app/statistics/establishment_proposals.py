"""Establishment proposals: which branches to found next, and what that would change."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import chain

import numpy as np
from msgspec import structs

from app.catalogue.metrics import METRIC
from app.catalogue.vocabulary import Basis, IndustryLevel
from app.statistics import sums
from app.statistics.aggregates import count_selection
from app.statistics.establishment_gaps import NearBranches, street_of
from app.statistics.inference import precision_of
from app.statistics.population import Selection, resolve
from app.statistics.question import Population
from app.statistics.rates import Counts, Rates, rates_of
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

_DIVISION = list(IndustryLevel).index(IndustryLevel.DIVISION)

_MOST_TOGETHER = 5
"""Enterprises that a joint branch covers, in general at most: Regulations on Party branches (2018), Art. 5."""

EFFECTS = tuple(METRIC[code] for code in ("organisation_coverage", "establishment_rate", "employee_coverage"))
"""The rates that are compared before and after, in order."""

_SUMMED = ("full_members", "members", "headcount", "enterprises_headcount_unknown")
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


KINDS = tuple(ProposalKind)

_STANDALONE, _JOINT, _ATTACH, _INSTRUCTOR = range(len(KINDS))

_Drawn = tuple[int, list[int], int, int]
"""Kind, places of the enterprises, district and branch of a proposal."""


@dataclass(frozen=True)
class _Plan:
    """Proposals, each of which concerns one run of `enterprises`.

    Parameters
    ----------
    kinds
        Index into `KINDS`.
    enterprises
        Rows of the enterprises, those of one proposal together.
    lengths
        How many enterprises each proposal has.
    districts, branches
        Node of its street or site, and row of the branch that takes the enterprise; -1: none.
    """

    kinds: Int64
    enterprises: Int64
    lengths: Int64
    districts: Int64
    branches: Int64

    @property
    def starts(self) -> Int64:
        """Where the enterprises of each begin."""
        starts: Int64 = np.cumsum(self.lengths) - self.lengths
        return starts

    def taken(self, order: Int64) -> "_Plan":
        """Return the proposals in another order."""
        moved = replace(self, lengths=self.lengths[order])
        places = np.repeat(self.starts[order] - moved.starts, moved.lengths) + np.arange(len(self.enterprises))
        return _Plan(
            self.kinds[order], self.enterprises[places], moved.lengths, self.districts[order], self.branches[order]
        )


@dataclass(frozen=True)
class Proposals:
    """All proposals for a population, in order, and their effect.

    Parameters
    ----------
    snapshot, plan
        What is proposed, of which snapshot.
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
    plan: _Plan
    full_members: Int64
    members: Int64
    headcount: Int64
    eligible: Int64
    before: Counts
    after: Counts
    undecided: int

    def __len__(self) -> int:
        """Return the number of proposals."""
        return len(self.plan.kinds)

    def effects(self, counts: Counts) -> Rates:
        """Return the rates that are compared."""
        return rates_of(counts, EFFECTS, precision_of(self.snapshot.manifest))

    def coverage_after(self, rows: slice) -> Rates:
        """Return the organisation coverage of the population with each of some proposals and all before it."""
        done = np.cumsum(self.plan.lengths * _organises(self.plan))[rows]
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
    with_members, undecided = _unorganised(snapshot, selection)
    plan = _Planner(snapshot, with_members).plan()
    values_of = partial(snapshot.rows.values, rows=plan.enterprises)
    counts = sums.of_runs(values_of, plan.lengths, _SUMMED)
    eligible = (plan.kinds == _STANDALONE).astype(np.int64)
    order = np.lexsort((_smallest(snapshot, plan), -counts[_SUMMED.index("members")], -eligible))
    plan, eligible = plan.taken(order), eligible[order]
    full_members, people, staff, unknown = counts[:, order]
    before = count_selection(snapshot, structs.replace(selection, figures=_FIGURES))
    effect = {
        "enterprises_organised": plan.lengths,
        "enterprises_eligible_organised": eligible,
        "headcount_organised": staff,
        "members_unorganised": -people,
    }
    after = _changed(before, {code: (change * _organises(plan)).sum() for code, change in effect.items()})
    headcount = np.where(unknown == plan.lengths, -1, staff)
    return Proposals(snapshot, plan, full_members, people, headcount, eligible, before, after, undecided)


def _unorganised(snapshot: Snapshot, selection: Selection) -> tuple[Int64, int]:
    """Return who operates, is not organised and has a full member, and of how many more that is not known."""
    found, undecided = [], 0
    for rows in sums.listed_parts(snapshot, selection):
        is_loose = snapshot.in_basis(Basis.OPERATING, rows) & (snapshot.enterprises.values("organised", rows) == 0)
        loose = rows[is_loose]
        full, is_known = _column(snapshot, "full_members", loose)
        members, has_members = _column(snapshot, "members", loose)
        found.append(loose[is_known & (full >= 1)])
        undecided += int(np.count_nonzero(~is_known & (~has_members | (members >= 1))))
    return np.concatenate(found), undecided


def _column(snapshot: Snapshot, name: str, rows: Int64) -> tuple[Int64, Mask]:
    """Return the values of some rows, 0 where unknown, and where they are known."""
    valid = snapshot.enterprises.valid(name, rows)
    known = np.ones(len(rows), bool) if valid is None else valid
    return snapshot.enterprises.values(name, rows).astype(np.int64), known


def _smallest(snapshot: Snapshot, plan: _Plan) -> Int64:
    """Return the rank of the smallest code of each proposal."""
    if len(plan.kinds) == 0:
        return plan.kinds
    ranks: Int64 = np.minimum.reduceat(snapshot.enterprises.ranks("code", plan.enterprises), plan.starts)
    return ranks


def _organises(plan: _Plan) -> Mask:
    """Return which proposals leave their enterprises organised."""
    return np.asarray(plan.kinds != _INSTRUCTOR)


def _changed(counts: Counts, changes: dict[str, Int64]) -> Counts:
    values = counts.values.copy()
    for code, change in changes.items():
        values[counts.codes.index(code)] += change
    return structs.replace(counts, values=values)


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
        full = snapshot.enterprises.values("full_members", rows).astype(np.int64)
        divisions = _division_ranks(snapshot, snapshot.industry_of(rows).astype(np.int64))
        order = np.lexsort((snapshot.enterprises.ranks("code", rows), -full, divisions))
        self._rows, self._full = rows[order], full[order]
        self._nodes = snapshot.district_of(self._rows).astype(np.int64)
        self._near = NearBranches.of(snapshot, np.unique(self._nodes).tolist())
        self._attached: Counter[int] = Counter()

    def plan(self) -> _Plan:
        """Return the proposals, in no order; inside, enterprises are named by their place in the order of the rules."""
        distinct, place = np.unique(self._nodes, return_inverse=True)
        streets = np.array([street_of(self._snapshot.districts, node) for node in distinct.tolist()], np.int64)[place]
        is_enough = self._full >= self._enough
        alone, nowhere = np.flatnonzero(is_enough), np.flatnonzero(~is_enough & (streets < 0))
        small = np.flatnonzero(~is_enough & (streets >= 0))
        small = small[np.argsort(streets[small], kind="stable")]
        ends = np.flatnonzero(np.diff(streets[small], append=-1)) + 1
        found = [
            one
            for places in np.split(small, ends)
            if len(places)
            for one in self._in_street(int(streets[places[0]]), places.tolist())
        ]
        kinds, together, nodes, branches = zip(*found, strict=True) if found else ((), (), (), ())
        single = np.concatenate((alone, nowhere))
        unplaced = np.full(len(single), -1)
        return _Plan(
            np.concatenate((np.where(is_enough[single], _STANDALONE, _INSTRUCTOR), np.array(kinds, np.int64))),
            self._rows[np.concatenate((single, np.array([*chain(*together)], np.int64)))],
            np.concatenate((np.ones(len(single), np.int64), np.array([len(one) for one in together], np.int64))),
            np.concatenate((np.where(streets[single] < 0, -1, self._nodes[single]), np.array(nodes, np.int64))),
            np.concatenate((unplaced, np.array(branches, np.int64))),
        )

    def _in_street(self, street: int, places: list[int]) -> Iterator[_Drawn]:
        """Yield the proposals for the enterprises of a street and its sites that are too small for their own."""
        ranks, joint, left = self._snapshot.districts.code_ranks, list[tuple[int, list[int]]](), list[int]()
        at: dict[int, list[int]] = {}
        for place in places:
            at.setdefault(int(self._nodes[place]), []).append(place)
        for node in sorted(at.keys() - {street}, key=lambda node: int(ranks[node])):
            left += self._put_together(node, at[node], joint)
        left = self._put_together(street, sorted([*left, *at.get(street, ())]), joint)
        while left and joint and len(joint[-1][1]) < _MOST_TOGETHER:
            joint[-1][1].append(left.pop(0))
        yield from ((_JOINT, together, node, -1) for node, together in joint)
        for place in left:
            node = int(self._nodes[place])
            branch = self._branch_for(node)
            yield (_INSTRUCTOR if branch < 0 else _ATTACH, [place], node, branch)

    def _put_together(self, node: int, places: list[int], joint: list[tuple[int, list[int]]]) -> list[int]:
        """Add the joint branches of a place; return who is left over."""
        together: list[int] = []
        full = 0
        for place in places:
            together.append(place)
            full += int(self._full[place])
            if full >= self._enough:
                joint.append((node, together))
                together, full = [], 0
        return together

    def _branch_for(self, node: int) -> int:
        """Return the first candidate with room, which then has less of it; -1: none."""
        covered = self._snapshot.branches.values("own_enterprises_covered")
        for candidate in self._near.candidates(node):
            if covered[candidate.branch] + self._attached[candidate.branch] < _MOST_TOGETHER:
                self._attached[candidate.branch] += 1
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
