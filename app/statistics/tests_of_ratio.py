"""Tests of ratios against a reference, as if of so many independent draws, and what many tests at once are worth.

Tails of the binomial distribution, continued to real numbers of draws (Korn and Graubard 1998), and of the beta
distribution of the same mean and variance, for the heavier upper tail of clustered data; false discovery rates of
Benjamini and Hochberg (1995).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def joint_draws(first: Floats, second: Floats) -> Floats:
    """Return n1·n2/(n1 + n2), of how many draws a difference between two ratios tells as much; 0 where both are 0."""
    both = first + second
    return np.divide(first * second, both, out=np.zeros(both.shape), where=both != 0)


def p_values(ratio: Floats, reference: Floats, draws: Floats) -> Floats:
    """Return the two-sided p of ratios against references: min(1, 2·min(P_low, max(P_high, P_beta))).

    Parameters
    ----------
    ratio
        r, 0 to 1.
    reference
        The ratio that it is tested against; above 0 and below 1.
    draws
        n_t, above 0: how many independent draws the comparison is worth, no whole number in general.
    """
    from scipy.special import betainc  # noqa: PLC0415 - loaded when first asked for: workers do without it

    found = draws * ratio
    low = np.where(ratio == 1, 1.0, betainc(draws - found, found + 1, 1 - reference))
    high = np.where(ratio == 0, 1.0, betainc(found, draws - found + 1, reference))
    heavier = np.where(draws <= 1, 1.0, betainc((1 - reference) * (draws - 1), reference * (draws - 1), 1 - ratio))
    p: Floats = np.minimum(1.0, 2 * np.minimum(low, np.maximum(high, heavier)))
    return p


def false_discovery_rates(p: Floats) -> Floats:
    """Return q of each p: the least rate of false discoveries at which it would be one (Benjamini–Hochberg)."""
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
        Above 1 or NaN: there are no limits, all are NaN.
    draws
        0: nothing can be told, the limits are 0 and 1; NaN: there are none.
    z
        How many standard errors they are away.
    """
    spread = centre * (1 - centre)
    if not spread >= 0:
        return np.full(draws.shape, np.nan), np.full(draws.shape, np.nan)
    variance = np.divide(spread, draws, out=np.full(draws.shape, np.inf), where=draws != 0)
    return np.maximum(centre - z * np.sqrt(variance), 0.0), np.minimum(centre + z * np.sqrt(variance), 1.0)
