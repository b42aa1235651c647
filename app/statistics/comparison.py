"""Comparisons of member ratios with a reference: tests, their classes, shortfalls, and the limits of a funnel plot."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from app.statistics.inference import (
    Floats,
    Precision,
    Z,
    effective_headcount,
    effective_rounded,
    false_discovery_rates,
    funnel_limits,
    joint_draws,
    lower_tail,
    p_values,
)
from app.store.arrays import Int64
from app.store.snapshot import Mask

LEAST_EXPECTED = 5
"""Expected effective members (n_t·r_ref) below which no test is made: it could show nothing."""

Z_998 = 3.090232306167813
"""The 99.9 % point of the standard normal distribution, of the outer limits."""

HALF = 0.5
"""One-sided p above which a row is not tested for being below the margin."""

Exact = npt.NDArray[np.object_]
"""Python integers, whose products cannot overflow."""


class ComparisonClass(StrEnum):
    """What a comparison says, decided in this order.

    `not_applicable`: there is no headcount on a side, or the reference is nobody or everybody; `inconsistent`: more
    members than headcount; `few_expected`: so few members would be expected that nothing could be shown; `low`: below
    the reference, and below the margin too; `lower`, `higher`: different from the reference; `not_different`: none of
    these, which says little where few members are expected.
    """

    NOT_APPLICABLE = "not_applicable"
    INCONSISTENT = "inconsistent"
    FEW_EXPECTED = "few_expected"
    LOW = "low"
    LOWER = "lower"
    HIGHER = "higher"
    NOT_DIFFERENT = "not_different"


CLASSES = tuple(ComparisonClass)

TESTS = ("n_eff", "ratio", "reference_ratio", "expected", "p", "q", "p_margin", "q_margin", "class", "shortfall")
LIMITS = ("limit_95_low", "limit_95_high", "limit_998_low", "limit_998_high")

COLUMNS = (*TESTS, *LIMITS)
"""Columns of a comparison."""


@dataclass(frozen=True)
class Matched:
    """Sums over the enterprises whose headcount and members are both known, per row or per row and stratum.

    Parameters
    ----------
    members, headcount
        M and H.
    squared
        Q, the sum of squared headcounts.
    shown
        Number of enterprises that were rounded one by one before they were summed; 0 if figures are exact.
    """

    members: Int64
    headcount: Int64
    squared: Int64
    shown: Int64

    def less(self, other: "Matched") -> "Matched":
        """Return the sums without those of `other`."""
        return Matched(
            self.members - other.members,
            self.headcount - other.headcount,
            self.squared - other.squared,
            self.shown - other.shown,
        )

    def draws(self, reference: Floats, precision: Precision) -> Floats:
        """Return n_eff of each row in tests against these references; NaN where there is no headcount or reference."""
        valid = (self.headcount > 0) & ~np.isnan(reference)
        headcount = np.where(valid, self.headcount, 1).astype(np.float64)
        squared = np.where(valid, self.squared, 1).astype(np.float64)
        draws = effective_headcount(headcount, squared, precision.correlation)
        if precision.rounding is not None:
            draws = effective_rounded(reference, draws, self.shown, headcount, precision.rounding)
        return np.where(valid, draws, np.nan)


@dataclass(frozen=True)
class Ratios:
    """For each row its ratio and its reference ratio, as integers: M/H and M_ref/H_ref."""

    members: Exact
    headcount: Exact
    reference_members: Exact
    reference_headcount: Exact

    @property
    def comparable(self) -> Mask:
        """Where both ratios are defined, and the reference is below 1."""
        return np.asarray((self.headcount > 0) & (self.reference_members < self.reference_headcount), bool)

    @property
    def inconsistent(self) -> Mask:
        """Where there are more members than headcount."""
        return np.asarray(self.members > self.headcount, bool)

    @property
    def below(self) -> Mask:
        """Where the ratio is below the reference, exactly."""
        wanted = self.reference_members * self.headcount
        return np.asarray(self.members * self.reference_headcount < wanted, bool)

    def divided(self) -> tuple[Floats, Floats]:
        """Return both ratios, each divided once; NaN where they cannot be compared."""
        comparable = self.comparable
        sides = ((self.members, self.headcount), (self.reference_members, self.reference_headcount))
        own, reference = ((above / np.where(comparable, under, 1)).astype(np.float64) for above, under in sides)
        return np.where(comparable, own, np.nan), np.where(comparable, reference, np.nan)

    def shortfall(self) -> Int64:
        """Return how many members are missing to the reference; 0 where they cannot be compared."""
        comparable = self.comparable
        divisor = np.where(comparable, self.reference_headcount, 1)
        missing = -(-self.reference_members * self.headcount // divisor) - self.members
        return np.where(comparable, np.maximum(missing, 0), 0).astype(np.int64)


@dataclass(frozen=True)
class Comparison:
    """How each of some rows compares with its reference.

    Parameters
    ----------
    rows
        Numbers of the rows, ascending.
    columns
        Values of each of `COLUMNS`, or those of a standardisation; NaN for null, `class` as index in `CLASSES`,
        `shortfall` 0 for null.
    """

    rows: Int64
    columns: dict[str, npt.NDArray[Any]]

    def null(self, column: str) -> Mask:
        """Return where a column is null."""
        if column in {"class", "headcount_uncompared"}:
            return np.zeros(len(self.rows), bool)
        return np.asarray(np.isnan(self.columns["ratio" if column == "shortfall" else column]))


@dataclass(frozen=True)
class Tested:
    """What decides each row: its draws, whether it can be tested, its p and q (NaN where it cannot)."""

    draws: Floats
    expected: Floats
    p: Floats
    q: Floats
    p_margin: Floats
    q_margin: Floats

    @property
    def columns(self) -> tuple[Floats, ...]:
        """The columns from `expected` to `q_margin`."""
        return self.expected, self.p, self.q, self.p_margin, self.q_margin

    def classes(self, comparable: Mask, inconsistent: Mask, below: Mask, alpha: float) -> npt.NDArray[np.intp]:
        """Return the class of each row, as index in `CLASSES`: the first whose condition holds."""
        different = self.q < alpha
        holds = [
            ~comparable,
            inconsistent,
            self.expected < LEAST_EXPECTED,
            different & (self.q_margin < alpha),
            different & below,
            different,
        ]
        return np.select(holds, list(range(len(holds))), len(holds))


def compare(
    rows: Int64,
    own: Matched,
    reference: Matched | Decimal,
    centre: float,
    precision: Precision,
    *,
    alpha: float,
    margin: Decimal,
) -> Comparison:
    """Return how rows compare with their references; q are adjusted over all rows that can be tested.

    Parameters
    ----------
    rows
        Their numbers, ascending.
    own, reference
        Sums of each row, and its reference: sums of other enterprises, or one target for all rows.
    centre
        Ratio around which the limits lie; NaN: no limits.
    precision
        Of the snapshot.
    alpha, margin
        False discovery rate, and fraction of the reference, that decide the classes.
    """
    ratios = _ratios(own, reference)
    ratio, reference_ratio = ratios.divided()
    draws = own.draws(reference_ratio, precision)
    joint = draws
    if isinstance(reference, Matched):
        joint = joint_draws(draws, reference.draws(reference_ratio, precision))
    found = tested(ratio, reference_ratio, joint, ratios.inconsistent, margin)
    classes = found.classes(ratios.comparable, ratios.inconsistent, ratios.below, alpha)
    limits = (*funnel_limits(centre, draws, Z), *funnel_limits(centre, draws, Z_998))
    values = (draws, ratio, reference_ratio, *found.columns, classes, ratios.shortfall(), *limits)
    return Comparison(rows, dict(zip(COLUMNS, values, strict=True)))


def tested(ratio: Floats, reference: Floats, draws: Floats, inconsistent: Mask, margin: Decimal) -> Tested:
    """Test each row with enough expected members; q over these rows alone."""
    expected = draws * reference
    able = (expected >= LEAST_EXPECTED) & ~inconsistent
    p, q, p_margin, q_margin = (np.full(len(ratio), np.nan) for _ in range(4))
    sides = ratio[able], reference[able], draws[able]
    p[able] = p_values(*sides)
    q[able] = false_discovery_rates(p[able])
    p_margin[able] = lower_tail(sides[0], float(margin) * sides[1], sides[2])
    q_margin[able] = margin_rates(p_margin[able])
    return Tested(draws, expected, p, q, p_margin, q_margin)


def margin_rates(p: Floats) -> Floats:
    """Return q of one-sided p: those above one half are left out, for which the others are doubled.

    A row at or above the margin cannot be low (Ellis, Pecanka and Goeman 2020; Zhao, Small and Su 2019).
    """
    q = np.ones(len(p))
    below = p <= HALF
    q[below] = false_discovery_rates(2 * p[below])
    return q


def _ratios(own: Matched, reference: Matched | Decimal) -> Ratios:
    members, headcount = own.members.astype(object), own.headcount.astype(object)
    if isinstance(reference, Matched):
        return Ratios(members, headcount, reference.members.astype(object), reference.headcount.astype(object))
    above, under = reference.as_integer_ratio()
    return Ratios(members, headcount, *(np.full(len(members), part, object) for part in (above, under)))
