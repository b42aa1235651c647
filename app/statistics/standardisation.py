"""Indirect standardisation: rows compared with what their own mix of industries has elsewhere in the scope."""

from decimal import Decimal
from math import fsum
from typing import Any

import numpy as np
import numpy.typing as npt

from app.statistics.comparison import LIMITS, TESTS, Z_998, Comparison, Matched, tested
from app.statistics.inference import Floats, Z, wilson
from app.store.arrays import Int64
from app.store.snapshot import Mask

NEGLIGIBLE = 1e-9
"""Expected members that a shortfall does not count: the error of a sum of products, persons."""

ADJUSTMENT = (
    "members_expected", "headcount_uncompared", "standardised_ratio", "standardised_ratio_low",
    "standardised_ratio_high", "precision",
)  # fmt: skip
"""Columns that only a comparison with the own mix of industries has."""

ADJUSTED_COLUMNS = (*TESTS, *ADJUSTMENT, *LIMITS)
"""Columns of a comparison with the own mix of industries; its limits are those of the standardised ratio."""


def adjusted(
    rows: Int64, own: Matched, scope: Matched, correlation: float, *, alpha: float, margin: Decimal
) -> Comparison:
    """Return how rows compare with what their own industries have elsewhere in the scope (indirect standardisation).

    O members are compared with E = Σ H_j·r_j, those expected if each industry had its ratio of elsewhere; the draws are
    n_t = E(H − E)/V, with V the variance of O − E. Strata without headcount elsewhere, or of members alone there, are
    left out.

    Parameters
    ----------
    rows
        Their numbers, ascending.
    own
        Sums of each row and stratum, shape (rows, strata): the industries of a level in the order of their codes, and
        the enterprises without one.
    scope
        Sums of each stratum in the whole scope, the rows included, shape (strata,).
    correlation
        Intra-enterprise correlation; figures are exact.
    alpha, margin
        As in `compare`.
    """
    elsewhere = scope.less(own)
    usable = (own.headcount > 0) & (elsewhere.members < elsewhere.headcount)
    members, headcount = (np.where(usable, side, 0).sum(axis=1) for side in (own.members, own.headcount))
    expected = _total(_expected(own, elsewhere, usable))
    variance = _total(_variance(own, elsewhere, usable, correlation))
    comparable = (headcount > 0) & (expected > 0)
    ratio, reference_ratio = (_quotient(side, headcount, comparable) for side in (members, expected))
    draws = _quotient(expected * (headcount - expected), variance, comparable)
    inconsistent = members > headcount
    found = tested(ratio, reference_ratio, draws, inconsistent, margin)
    classes = found.classes(comparable, inconsistent, members < expected, alpha)
    shortfall = np.maximum(np.ceil(np.where(comparable, expected, 0) - NEGLIGIBLE).astype(np.int64) - members, 0)
    uncompared = np.where(usable, 0, own.headcount).sum(axis=1)
    precision = _quotient(expected * expected, variance, comparable)
    low, high = _wilson(members, headcount, draws, comparable & ~inconsistent)
    values = (
        draws, ratio, reference_ratio, *found.columns, classes, np.where(comparable, shortfall, 0),
        np.where(comparable, expected, np.nan), uncompared, _quotient(members, expected, comparable),
        low / reference_ratio, high / reference_ratio, precision,
        *_around_one(precision, Z), *_around_one(precision, Z_998),
    )  # fmt: skip
    return Comparison(rows, dict(zip(ADJUSTED_COLUMNS, values, strict=True)))


def _expected(own: Matched, elsewhere: Matched, usable: Mask) -> Floats:
    """Return H·r of each row and stratum, r the ratio elsewhere; 0 where it is not used."""
    return np.where(usable, own.headcount * _quotient(elsewhere.members, elsewhere.headcount, usable), 0.0)


def _variance(own: Matched, elsewhere: Matched, usable: Mask, correlation: float) -> Floats:
    """Return what each row and stratum adds to the variance of observed less expected members; 0 where not used.

    v·[H + ρ(Q − H) + H²·(H′ + ρ(Q′ − H′))/H′²], with v the larger of r(1 − r) elsewhere and in the whole scope.
    """
    ratio = _quotient(elsewhere.members, elsewhere.headcount, usable)
    common = _quotient(own.members + elsewhere.members, own.headcount + elsewhere.headcount, usable)
    spread = np.maximum(ratio * (1 - ratio), common * (1 - common))
    headcount, other = own.headcount.astype(np.float64), np.where(usable, elsewhere.headcount, 1).astype(np.float64)
    here = headcount + correlation * (own.squared - headcount)
    there = headcount * headcount * (other + correlation * (elsewhere.squared - other)) / (other * other)
    return np.where(usable, spread * (here + there), 0.0)


def _total(terms: Floats) -> Floats:
    """Return the sum of each row, rounded once."""
    return np.array([fsum(row) for row in terms.tolist()], np.float64)


def _quotient(above: npt.NDArray[Any], under: npt.NDArray[Any], where: Mask) -> Floats:
    """Return above/under; NaN where it is not wanted."""
    divided: Floats = np.divide(above, under, out=np.full(where.shape, np.nan), where=where)
    return divided


def _wilson(members: Int64, headcount: Int64, draws: Floats, where: Mask) -> tuple[Floats, Floats]:
    low, high = wilson(members, np.where(where, headcount, 1), np.where(where, draws, 1.0))
    return np.where(where, low, np.nan), np.where(where, high, np.nan)


def _around_one(precision: Floats, z: float) -> tuple[Floats, Floats]:
    """Return the limits of O/E: 1 ± z/√x, not below 0."""
    half = z / np.sqrt(precision)
    return np.maximum(1 - half, 0.0), 1 + half
