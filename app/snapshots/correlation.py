"""The intra-enterprise correlation: how similar those of one firm are, in being a member or in what members are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import fsum
from typing import Any

import numpy as np
import numpy.typing as npt

from app.store.manifest import UNDISCLOSED

FALLBACK = UNDISCLOSED.value
"""The correlation where it cannot be estimated, and the floor where there are few members."""

ENOUGH_PERSONS = 500
"""Members, of a share persons in its denominator, in the strata used, from which the estimate needs no floor."""

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

_SUMMED = ("numerators", "remainders")


@dataclass(frozen=True)
class Estimate:
    """An estimated correlation.

    Parameters
    ----------
    value
        Truncated to [0, 1], 4 decimals; `FALLBACK` where the data cannot tell.
    source
        `estimate`, `estimate with floor` or `fallback`.
    strata, firms, parts
        Strata that it is computed from, and their firms and members, of a share those who are part of it.
    """

    value: float
    source: str
    strata: int
    firms: int
    parts: int


@dataclass(frozen=True)
class Components:
    """What some strata add to an estimate.

    Parameters
    ----------
    numerators, remainders
        N and D of each stratum.
    firms, persons, parts
        Their firms, and headcount and members of these, of a share its denominators and those who are part of it.
    """

    numerators: Floats
    remainders: Floats
    firms: int
    persons: int
    parts: int


def estimate(members: Ints, headcount: Ints, stratum: Ints) -> Estimate:
    """Return the correlation of members among employees, at least 0.1 with fewer than 500 members.

    The stratified analysis-of-variance ratio N / (N + D).

    Parameters
    ----------
    members, headcount
        Of each operating enterprise with known headcount >= 1 and known members; members are clipped to the headcount.
    stratum
        A number for the enterprise's division and county.
    """
    return estimated([components(members, headcount, stratum)], floor_by_parts=True)


def estimate_share(part: Ints, denominator: Ints, stratum: Ints) -> Estimate:
    """Return the correlation of a share, at least 0.1 with fewer than 500 persons in its denominators.

    Parameters
    ----------
    part, denominator
        Of each operating enterprise whose denominator of the share is known and at least 1.
    stratum
        As in `estimate`.
    """
    return estimated([components(part, denominator, stratum)], floor_by_parts=False)


def components(members: Ints, headcount: Ints, stratum: Ints) -> Components:
    """Return what some strata add to an estimate; parameters as those of `estimate`, or of `estimate_share`."""
    order = np.argsort(stratum, kind="stable")
    h = headcount[order].astype(np.int64)
    m = np.minimum(members[order].astype(np.int64), h)
    starts = np.flatnonzero(np.r_[True, np.diff(stratum[order]) != 0]) if len(h) else np.empty(0, np.int64)
    ends = np.r_[starts[1:], len(h)] if len(h) else starts
    total_h, total_m = _sums(h, starts), _sums(m, starts)
    usable = (ends - starts > 1) & (total_h > ends - starts)
    numerators, remainders = _components(m, h, starts[usable], ends[usable])
    firms, persons, parts = (int(counts[usable].sum()) for counts in (ends - starts, total_h, total_m))
    return Components(numerators, remainders, firms, persons, parts)


def estimated(found: Sequence[Components], *, floor_by_parts: bool) -> Estimate:
    """Return the correlation over the strata of all components, each of them whole; their order changes nothing.

    `floor_by_parts`: whether the floor depends on the members, as in `estimate`, or on the denominators.
    """
    n, d = (fsum(chain.from_iterable(getattr(one, name).tolist() for one in found)) for name in _SUMMED)
    parts, persons = sum(one.parts for one in found), sum(one.persons for one in found)
    value, source = _decide(n, d, parts if floor_by_parts else persons)
    strata, firms = sum(len(one.numerators) for one in found), sum(one.firms for one in found)
    return Estimate(round(value, 4), source, strata, firms, parts)


def _sums(values: npt.NDArray[np.int64], starts: Ints) -> npt.NDArray[np.int64]:
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0, np.int64)


def _components(m: npt.NDArray[np.int64], h: npt.NDArray[np.int64], starts: Ints, ends: Ints) -> tuple[Floats, Floats]:
    """Return BSS - (k - 1) W and b W of each stratum, with A = Σ m²/h rounded once."""
    if len(starts) == 0:
        return np.empty(0), np.empty(0)
    shares = (m * m / h).tolist()
    a = np.array([fsum(shares[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
    members, headcount, squares = (_between(values, starts, ends).astype(np.float64) for values in (m, h, h * h))
    k = (ends - starts).astype(np.float64)
    within = (members - a) / (headcount - k)
    numerators = (a - members * members / headcount) - (k - 1) * within
    return numerators, (headcount - squares / headcount) * within


def _between(values: npt.NDArray[np.int64], starts: Ints, ends: Ints) -> npt.NDArray[np.int64]:
    """Return the sum of the values from each start up to its end, exactly."""
    running = np.concatenate(([0], np.cumsum(values)))
    return np.asarray(running[ends] - running[starts], np.int64)


def _decide(n: float, d: float, persons: int) -> tuple[float, str]:
    if n + d <= 0:
        return FALLBACK, "fallback"
    estimated = min(1.0, max(0.0, n / (n + d)))
    if persons < ENOUGH_PERSONS:
        return max(estimated, FALLBACK), "estimate with floor"
    return estimated, "estimate"
