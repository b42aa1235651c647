"""Generated branches and their coverage of enterprises.

The branches of a county are consecutive: its committee, general branches, branches of single firms, joint ones,
residential ones, functional ones (for dual affiliation).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from app.catalogue.vocabulary import BranchForm, BranchKind, CoverageMeans
from app.demo.generated.enterprises import CHUNK, Enterprises
from app.demo.generated.files import (
    NO_DAY,
    UNKNOWN,
    Characters,
    Flags,
    Integers,
    day_number,
    days,
    days_between,
    happens,
    numbered,
    picks,
    rows_of,
    texts,
)
from app.demo.generated.reference import Places

OWN_SHARE, JOINT_SHARE = 0.5, 0.2
"""Shares of a county's branches that belong to a single firm, and that cover several firms."""

FIRMS_PER_JOINT = 3
"""Enterprises that a joint branch covers."""

LEAST_OWN = 3
"""Members that an enterprise needs for a branch of its own."""

BRANCHES_PER_GENERAL, BRANCHES_PER_FUNCTIONAL = 16, 24
"""Branches of a county per general branch, and per functional one."""

LEAST_WEIGHT = 1e-6
"""Weight of a county without members, so that a registry without placed members has branches too."""

LEAST_WITH_FUNCTIONAL = 5
"""Least number of branches of a county with a functional one."""

SHARED_MEANS = (CoverageMeans.JOINT, CoverageMeans.AREA, CoverageMeans.INDUSTRY, CoverageMeans.ATTACHED)
SHARED_SHARES = (0.55, 0.25, 0.12, 0.08)
"""Means by which a branch for several firms covers them, and their shares."""

WORK_MEANS = (
    (CoverageMeans.INSTRUCTOR, 0.1),
    (CoverageMeans.LIAISON, 0.04),
    (CoverageMeans.TRADE_UNION, 0.06),
    (CoverageMeans.YOUTH_LEAGUE, 0.03),
)
"""Work means and the share of all enterprises that each covers."""


@dataclass(frozen=True)
class Branches:
    """All branches, one entry per branch, and the positions of each county's kinds of branches.

    Parameters
    ----------
    codes
        Codes of the branches, 9 bytes each.
    county
        Position in the counties of the places, per branch; ascending.
    parent
        Position of the parent branch, `UNKNOWN` for a root.
    general, own, joint, residential, functional
        Position of the first such branch per county; each kind ends where the next begins.
    end
        Position after the last branch per county.
    """

    codes: Characters
    county: Integers
    parent: Integers
    general: Integers
    own: Integers
    joint: Integers
    residential: Integers
    functional: Integers
    end: Integers

    def __len__(self) -> int:
        """Return the number of branches."""
        return len(self.codes)


def lay_out_branches(count: int, enterprises: Enterprises, places: Places) -> Branches:
    """Give each county branches in proportion to the members who work there, and divide them into kinds."""
    county = _counties_of(count, enterprises, places)
    size = np.bincount(county, minlength=len(places.counties))
    end = np.cumsum(size)
    first = end - size
    general = first + (size > 1)
    own = general + size // BRANCHES_PER_GENERAL
    functional = end - np.where(size >= LEAST_WITH_FUNCTIONAL, np.maximum(size // BRANCHES_PER_FUNCTIONAL, 1), 0)
    joint = own + np.floor((functional - own) * OWN_SHARE).astype(np.int64)
    residential = joint + np.floor((functional - own) * JOINT_SHARE).astype(np.int64)
    codes = numbered("b", np.arange(count), 8)
    parent = _parents(county, first, general, own)
    return Branches(codes, county, parent, general, own, joint, residential, functional, end)


def assign_branches(enterprises: Enterprises, branches: Branches, rng: np.random.Generator) -> Integers:
    """Give enterprises a branch of their own or a joint one, more often those with many members.

    Returns
    -------
    Integers
        Position of the branch of each enterprise, `UNKNOWN` if it is not organised.
    """
    counties = len(branches.end)
    open_members = np.where(enterprises.is_closed | (enterprises.county == UNKNOWN), 0, enterprises.members)
    wish = open_members * rng.uniform(0.3, 1.7, len(open_members))
    county = np.where(enterprises.county == UNKNOWN, counties, enterprises.county)
    order = np.lexsort((-wish, county))
    size = np.bincount(county, minlength=counties + 1)
    rank = np.empty(len(county), dtype=np.int64)
    rank[order] = np.arange(len(county)) - np.repeat(np.cumsum(size) - size, size)
    placed = np.minimum(county, counties - 1)
    owned = branches.own[placed] + rank
    shared = branches.joint[placed] + (rank - (branches.joint - branches.own)[placed]) // FIRMS_PER_JOINT
    is_own = (owned < branches.joint[placed]) & (open_members >= LEAST_OWN)
    is_joint = (shared >= branches.joint[placed]) & (shared < branches.residential[placed]) & (open_members > 0)
    return np.where(is_own, owned, np.where(is_joint, shared, UNKNOWN)).astype(np.int32)


def pick_branch(first: Integers, end: Integers, rng: np.random.Generator) -> Integers:
    """Draw a position from `first` to before `end`, for each pair."""
    return first + np.floor((end - first) * rng.random(len(first))).astype(np.int64)


def is_own_branch(position: Integers, branches: Branches) -> Flags:
    """Return which branches belong to a single firm; positions must not be `UNKNOWN`."""
    single: Flags = position < branches.joint[branches.county[position]]
    return single


def branch_chunks(
    branches: Branches, assigned: Integers, enterprises: Enterprises, places: Places, rng: np.random.Generator
) -> Iterator[dict[str, pa.Array]]:
    """Draw the columns of `branches`, chunk by chunk; a firm's own branch is in the firm's district."""
    for first in range(0, len(branches), CHUNK):
        position = np.arange(first, min(first + CHUNK, len(branches)))
        rows, dual = len(position), position >= branches.functional[branches.county[position]]
        established = days_between(date(1995, 1, 1), date(2015, 12, 31), rows, rng)
        dissolved = days_between(date(2016, 1, 1), date(2017, 6, 30), rows, rng)
        dissolves = happens(0.01, rows, rng) & ~dual & (position >= branches.own[branches.county[position]])
        kind, form = _sorts(position, branches)
        yield {
            "code": texts(branches.codes[position]),
            "name": texts(numbered("党组织", position, 8)),
            "kind": kind,
            "parent_code": rows_of(branches.codes, branches.parent[position]),
            "district_code": _districts(position, branches, assigned, enterprises, places),
            "form": form,
            "dual_affiliation": pa.array(dual),
            "established_on": days(np.where(happens(0.03, rows, rng), NO_DAY, established)),
            "dissolved_on": days(np.where(dissolves, dissolved, NO_DAY)),
        }


def coverage_chunks(
    enterprises: Enterprises, branches: Branches, assigned: Integers, rng: np.random.Generator
) -> Iterator[dict[str, pa.Array]]:
    """Draw the columns of `coverage`, by chunks of enterprises: organised ones, then each work means."""
    for first in range(0, len(enterprises), CHUNK):
        index = np.arange(first, min(first + CHUNK, len(enterprises)))
        organised = index[assigned[index] != UNKNOWN]
        yield _organisation(enterprises, branches, organised, assigned[organised], rng)
        for means, share in WORK_MEANS:
            yield _work(enterprises, index[rng.random(len(index)) < share], means, rng)


def _counties_of(count: int, enterprises: Enterprises, places: Places) -> Integers:
    """Return the county of each branch, ascending, each county in proportion to its members."""
    placed = enterprises.county != UNKNOWN
    members = np.bincount(enterprises.county[placed], enterprises.members[placed], minlength=len(places.counties))
    bounds = np.cumsum(members + LEAST_WEIGHT)
    counties = np.searchsorted(bounds / bounds[-1], (np.arange(count) + 0.5) / count)
    return np.minimum(counties, len(bounds) - 1).astype(np.int32)


def _parents(county: Integers, first: Integers, general: Integers, own: Integers) -> Integers:
    """Put general branches under the committee, and others in rotation under the general branches, if any."""
    position = np.arange(len(county))
    generals = (own - general)[county]
    in_turn = general[county] + (position - own[county]) % np.maximum(generals, 1)
    above = np.where((position >= own[county]) & (generals > 0), in_turn, first[county])
    return np.where(position == first[county], UNKNOWN, above).astype(np.int32)


def _sorts(position: Integers, branches: Branches) -> tuple[pa.Array, pa.Array]:
    """Return kind and form of branches by their position."""
    county = branches.county[position]
    starts = (branches.general, branches.own, branches.joint, branches.residential, branches.functional)
    sort = np.sum([position >= start[county] for start in starts], axis=0)
    kind = np.minimum(sort, 2)
    forms = (BranchForm.STANDALONE, BranchForm.JOINT, BranchForm.FUNCTIONAL)
    form = np.array([UNKNOWN, UNKNOWN, 0, 1, UNKNOWN, 2])[sort]
    return picks((BranchKind.COMMITTEE, BranchKind.GENERAL_BRANCH, BranchKind.BRANCH), kind), picks(forms, form)


def _districts(
    position: Integers, branches: Branches, assigned: Integers, enterprises: Enterprises, places: Places
) -> pa.Array:
    owner = np.full(len(branches), UNKNOWN, dtype=np.int32)
    organised = np.flatnonzero(assigned != UNKNOWN)
    owner[assigned[organised]] = organised
    county = branches.county[position]
    single = (owner[position] != UNKNOWN) & (position < branches.joint[county])
    place = np.where(single, enterprises.place[owner[position]], len(places.codes) + county)
    return picks((*places.codes, *places.counties), place)


def _organisation(
    enterprises: Enterprises, branches: Branches, index: Integers, branch: Integers, rng: np.random.Generator
) -> dict[str, pa.Array]:
    shared = rng.choice(len(SHARED_MEANS), len(index), p=SHARED_SHARES) + 1
    means = np.where(is_own_branch(branch, branches), 0, shared)
    return {
        "enterprise_code": texts(enterprises.codes[index]),
        "branch_code": rows_of(branches.codes, branch),
        "means": picks((CoverageMeans.STANDALONE, *SHARED_MEANS), means),
        **_interval(enterprises.registered[index], happens(0.02, len(index), rng), rng),
    }


def _work(
    enterprises: Enterprises, index: Integers, means: CoverageMeans, rng: np.random.Generator
) -> dict[str, pa.Array]:
    return {
        "enterprise_code": texts(enterprises.codes[index]),
        "means": picks((means,), np.zeros(len(index), dtype=np.int32)),
        **_interval(enterprises.registered[index], happens(0.05, len(index), rng), rng),
    }


def _interval(registered: Integers, ends: Flags, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Draw starts up to mid-2016 (more late ones), none before registration, and for some an end in 2017."""
    first, last = day_number(date(2008, 1, 1)), day_number(date(2016, 6, 30))
    start = first + np.floor((last - first) * rng.random(len(ends)) ** 0.7).astype(np.int64)
    end = days_between(date(2017, 1, 1), date(2017, 6, 30), len(ends), rng)
    return {"start_on": days(np.maximum(start, registered)), "end_on": days(np.where(ends, end, NO_DAY))}
