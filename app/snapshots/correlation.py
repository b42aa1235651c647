"""The intra-enterprise correlation: how similar the employees of one firm are in being a member or not."""

from math import fsum
from typing import Any

import numpy as np
import numpy.typing as npt

from app.store.manifest import UNDISCLOSED, Correlation

FALLBACK = UNDISCLOSED.value
"""The correlation where it cannot be estimated, and the floor where there are few members."""

ENOUGH_MEMBERS = 500
"""Members in the strata used from which the estimate needs no floor."""

Ints = npt.NDArray[np.integer[Any]]


def estimate(members: Ints, headcount: Ints, stratum: Ints) -> tuple[Correlation, str]:
    """Return the correlation of a snapshot and the source of its value.

    The stratified analysis-of-variance ratio N / (N + D), truncated to [0, 1], rounded to 4 decimals.

    Parameters
    ----------
    members, headcount
        Of each operating enterprise with known headcount >= 1 and known members; members are clipped to the headcount.
    stratum
        A number for the enterprise's division and county.
    """
    order = np.argsort(stratum, kind="stable")
    h = headcount[order].astype(np.int64)
    m = np.minimum(members[order].astype(np.int64), h)
    starts = np.flatnonzero(np.r_[True, np.diff(stratum[order]) != 0]) if len(h) else np.empty(0, np.int64)
    ends = np.r_[starts[1:], len(h)] if len(h) else starts
    total_h, total_m = _sums(h, starts), _sums(m, starts)
    usable = (ends - starts > 1) & (total_h > ends - starts)
    numerators, remainders = _components(m, h, starts[usable], ends[usable])
    n, d = fsum(numerators), fsum(remainders)
    used_members = int(total_m[usable].sum())
    value, source = _decide(n, d, used_members)
    firms = int((ends - starts)[usable].sum())
    return Correlation(round(value, 4), int(usable.sum()), firms, used_members), source


def _sums(values: npt.NDArray[np.int64], starts: Ints) -> npt.NDArray[np.int64]:
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0, np.int64)


def _components(
    m: npt.NDArray[np.int64], h: npt.NDArray[np.int64], starts: Ints, ends: Ints
) -> tuple[list[float], list[float]]:
    """Return BSS - (k - 1) W and b W of each stratum, with A = Σ m²/h summed exactly."""
    shares = (m * m / h).tolist()
    numerators, remainders = [], []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        k, headcount, members = end - start, int(h[start:end].sum()), int(m[start:end].sum())
        a = fsum(shares[start:end])
        between = a - members * members / headcount
        within = (members - a) / (headcount - k)
        b = headcount - int((h[start:end] ** 2).sum()) / headcount
        numerators.append(between - (k - 1) * within)
        remainders.append(b * within)
    return numerators, remainders


def _decide(n: float, d: float, members: int) -> tuple[float, str]:
    if n + d <= 0:
        return FALLBACK, "fallback"
    estimated = min(1.0, max(0.0, n / (n + d)))
    if members < ENOUGH_MEMBERS:
        return max(estimated, FALLBACK), "estimate with floor"
    return estimated, "estimate"
