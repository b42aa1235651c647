"""Intervals and tests: Wilson intervals of counts and of effective counts, the error from rounding, tests of ratios.

Tests use tails of the binomial distribution, continued to real numbers of draws (Korn and Graubard 1998), and of the
beta distribution of the same mean and variance, for the heavier upper tail of clustered data; of a minimum effect
(McCarthy and Smyth 2009) the lower tail alone; false discovery rates after Benjamini and Hochberg (1995).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from app.store.manifest import Manifest

Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

Floats = npt.NDArray[np.float64]


class Precision(msgspec.Struct, frozen=True):
    """What limits the precision of a snapshot's ratios of persons.

    Parameters
    ----------
    correlation
        Intra-enterprise correlation.
    rounding
        Variance of the rounded value of one enterprise, persons²; null if figures are exact.
    shares
        Correlation of each share, by metric.
    """

    correlation: float
    rounding: float | None = None
    shares: Mapping[str, float] = msgspec.field(default_factory=dict)


def precision_of(manifest: Manifest) -> Precision:
    """Return the precision of a snapshot; only here does its disclosure protection affect intervals.

    Rounding to steps of b with a uniform random start has variance b²·(m/b)(1 − m/b), m the remainder of the value:
    (b² − 1)/6 on average over all remainders, 4 for b = 5.
    """
    b = manifest.disclosure.b
    correlation = manifest.intra_enterprise_correlation
    return Precision(correlation.value, None if b is None else (b * b - 1) / 6, correlation.shares)


def wilson(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any], effective: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper bounds of numerator/denominator with an effective number of draws.

    Exactly 0 where the numerator is 0, exactly 1 where it equals the denominator. Arrays of any shape; `denominator`
    and `effective` are above 0.
    """
    ratio = numerator / denominator
    z2 = Z * Z
    centre = ratio + z2 / (2 * effective)
    margin = Z * np.sqrt(np.maximum(ratio * (1 - ratio), 0) / effective + z2 / (4 * effective * effective))
    scale = 1 + z2 / effective
    low = np.where(numerator == 0, 0.0, np.maximum((centre - margin) / scale, 0.0))
    high = np.where(numerator == denominator, 1.0, np.minimum((centre + margin) / scale, 1.0))
    return low, high


def effective_headcount(headcount: Floats, squared: Floats, correlation: float | Floats) -> Floats:
    """Return H² / (H + ρ(Q − H)): the independent employees that are worth as much as a clustered headcount."""
    return headcount * headcount / (headcount + correlation * (squared - headcount))


def effective_share(
    denominator: npt.NDArray[Any], whole: npt.NDArray[Any], squared: npt.NDArray[Any], correlation: float | Floats
) -> Floats:
    """Return D / (1 + ρ(N₂/N − 1)): the independent persons that a share's denominator is worth.

    Parameters
    ----------
    denominator
        D, persons of whom it is known; above 0.
    whole, squared
        N, all persons that D is a part of, and N₂, the sum of its squares over enterprises.
    correlation
        ρ of this share.
    """
    effective: Floats = denominator / (1 + correlation * (squared / whole - 1))
    return effective


def rounding_error(ratio: Floats, shown: npt.NDArray[Any], headcount: npt.NDArray[Any], variance: float) -> Floats:
    """Return z times the standard error of a ratio of rounded sums: SE² = v·k(1 + r²)/H².

    Parameters
    ----------
    ratio
        r, members per employee.
    shown
        k, number of enterprises whose rounded members and headcount are summed.
    headcount
        H, employees; above 0.
    variance
        v, of the rounded value of one enterprise, persons².
    """
    error: Floats = Z * np.sqrt(variance * shown * (1 + ratio * ratio)) / headcount
    return error


def widened(ratio: Floats, low: Floats, high: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return ratio ± √(w² + error²), within [0, 1]; w is half the width of the interval from `low` to `high`."""
    half = np.hypot((high - low) / 2, error)
    return np.maximum(ratio - half, 0.0), np.minimum(ratio + half, 1.0)


def effective_rounded(
    ratio: Floats, effective: Floats, shown: npt.NDArray[Any], headcount: npt.NDArray[Any], variance: float
) -> Floats:
    """Return the independent draws that a headcount is worth once each enterprise is rounded.

    r(1 − r) / (r(1 − r)/n_eff + v·k(1 + r²)/H²), with r the reference ratio of the test; the others as above.
    """
    spread = ratio * (1 - ratio)
    rounding: Floats = variance * shown * (1 + ratio * ratio) / (headcount * headcount)
    return spread / (spread / effective + rounding)


def joint_draws(first: Floats, second: Floats) -> Floats:
    """Return n1·n2/(n1 + n2), the draws that a difference between two ratios is worth; 0 where both are 0."""
    both = first + second
    return np.divide(first * second, both, out=np.zeros(both.shape), where=both != 0)


def p_values(ratio: Floats, reference: Floats, draws: Floats) -> Floats:
    """Return the two-sided p of ratios against references: min(1, 2·min(P_low, max(P_high, P_beta))).

    Parameters
    ----------
    ratio
        r, 0 to 1.
    reference
        The ratio to test against; above 0 and below 1.
    draws
        n_t, above 0: the independent draws that the comparison is worth, in general not an integer.
    """
    from scipy.special import betainc  # noqa: PLC0415 - loaded on first use: most workers never need it

    found = draws * ratio
    low = lower_tail(ratio, reference, draws)
    high = np.where(ratio == 0, 1.0, betainc(found, draws - found + 1, reference))
    heavier = np.where(draws <= 1, 1.0, betainc((1 - reference) * (draws - 1), reference * (draws - 1), 1 - ratio))
    p: Floats = np.minimum(1.0, 2 * np.minimum(low, np.maximum(high, heavier)))
    return p


def lower_tail(ratio: Floats, reference: Floats, draws: Floats) -> Floats:
    """Return P_low, the one-sided p of ratios below references: the binomial tail, continued to real draws.

    Parameters as in `p_values`; against a margin of the reference it is the p of a minimum effect.
    """
    from scipy.special import betainc  # noqa: PLC0415 - as above

    found = draws * ratio
    tail: Floats = np.where(ratio == 1, 1.0, betainc(draws - found, found + 1, 1 - reference))
    return tail


def false_discovery_rates(p: Floats) -> Floats:
    """Return q for each p: the least false discovery rate at which it is significant (Benjamini–Hochberg)."""
    falling = np.argsort(-p, kind="stable")
    ranks = np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[falling] = np.minimum(1.0, np.minimum.accumulate(p[falling] * len(p) / ranks))
    return q


def funnel_limits(centre: float, draws: Floats, z: float) -> tuple[Floats, Floats]:
    """Return centre ± z·√(centre·(1 − centre)/draws), within [0, 1].

    Parameters
    ----------
    centre
        Above 1 or NaN: no limits, all are NaN.
    draws
        0: no information, the limits are 0 and 1; NaN: no limits.
    z
        Distance of the limits from the centre, standard errors.
    """
    spread = centre * (1 - centre)
    if not spread >= 0:
        return np.full(draws.shape, np.nan), np.full(draws.shape, np.nan)
    variance = np.divide(spread, draws, out=np.full(draws.shape, np.inf), where=draws != 0)
    return np.maximum(centre - z * np.sqrt(variance), 0.0), np.minimum(centre + z * np.sqrt(variance), 1.0)
