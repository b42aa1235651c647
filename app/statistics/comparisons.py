"""Comparisons of member ratios with a reference: tests, their classes, shortfalls, and the limits of a funnel plot."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from app.statistics.intervals import Precision, Z, effective_headcount, effective_rounded
from app.statistics.tests_of_ratio import Floats, false_discovery_rates, funnel_limits, joint_draws, p_values
from app.store.snapshot import Mask
from app.store.subtrees import Int64

LEAST_EXPECTED = 5
"""Expected effective members (n_t·r_ref) below which nothing could be shown."""

Z_998 = 3.090232306167813
"""The 99.9 % point of the standard normal distribution, of the outer limits."""

Exact = npt.NDArray[np.object_]
"""Python integers, whose products cannot overflow."""


class ComparisonClass(StrEnum):
    """What a comparison says, decided in this order.

    `not_applicable`: there is no headcount on a side, or the reference is all members; `inconsistent`: more members
    than headcount; `low_base`: nothing could be shown; `low`: lower, and by more than the margin; `lower`, `higher`:
    different from the reference; `not_different`: none of these, which says little where few members are expected.
    """

    NOT_APPLICABLE = "not_applicable"
    INCONSISTENT = "inconsistent"
    LOW_BASE = "low_base"
    LOW = "low"
    LOWER = "lower"
    HIGHER = "higher"
    NOT_DIFFERENT = "not_different"


CLASSES = tuple(ComparisonClass)

COLUMNS = (
    "n_eff", "ratio", "reference_ratio", "expected", "p", "q", "class", "shortfall", "limit_95_low", "limit_95_high",
    "limit_998_low", "limit_998_high",
)  # fmt: skip
"""What a comparison says of a row."""


@dataclass(frozen=True)
class Matched:
    """Enterprises whose headcount and members are both known, added up per row.

    Parameters
    ----------
    members, headcount
        M and H.
    squared
        Q, the sum of squared headcounts.
    shown
        How many enterprises were rounded, each by itself, before they were added up; 0 where figures are exact.
    """

    members: Int64
    headcount: Int64
    squared: Int64
    shown: Int64

    def less(self, other: "Matched") -> "Matched":
        """Return what is left without the other's enterprises."""
        return Matched(
            self.members - other.members,
            self.headcount - other.headcount,
            self.squared - other.squared,
            self.shown - other.shown,
        )

    def draws(self, reference: Floats, precision: Precision) -> Floats:
        """Return n_eff of each row in tests against these references; NaN where either is not there."""
        there = (self.headcount > 0) & ~np.isnan(reference)
        headcount = np.where(there, self.headcount, 1).astype(np.float64)
        squared = np.where(there, self.squared, 1).astype(np.float64)
        draws = effective_headcount(headcount, squared, precision.correlation)
        if precision.rounding is not None:
            draws = effective_rounded(reference, draws, self.shown, headcount, precision.rounding)
        return np.where(there, draws, np.nan)


@dataclass(frozen=True)
class Ratios:
    """A ratio per row and what it is tested against, as integers: M/H and M_ref/H_ref."""

    members: Exact
    headcount: Exact
    reference_members: Exact
    reference_headcount: Exact

    @property
    def comparable(self) -> Mask:
        """Where both ratios are there, and the reference is below 1."""
        return np.asarray((self.headcount > 0) & (self.reference_members < self.reference_headcount), bool)

    @property
    def inconsistent(self) -> Mask:
        """Where there are more members than headcount."""
        return np.asarray(self.members > self.headcount, bool)

    def below(self, part: Decimal = Decimal(1)) -> Mask:
        """Where the ratio is below a part of the reference, exactly."""
        above, under = part.as_integer_ratio()
        wanted = self.reference_members * self.headcount * above
        return np.asarray(self.members * self.reference_headcount * under < wanted, bool)

    def divided(self) -> tuple[Floats, Floats]:
        """Return both ratios, each divided once; NaN where they cannot be compared."""
        comparable = self.comparable
        sides = ((self.members, self.headcount), (self.reference_members, self.reference_headcount))
        own, reference = ((above / np.where(comparable, under, 1)).astype(np.float64) for above, under in sides)
        return np.where(comparable, own, np.nan), np.where(comparable, reference, np.nan)

    def shortfall(self) -> Int64:
        """Return how many members more would reach the reference; 0 where they cannot be compared."""
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
        Of each of `COLUMNS` its values: NaN where null; `class` as places in `CLASSES`; `shortfall` 0 where null.
    """

    rows: Int64
    columns: dict[str, npt.NDArray[Any]]

    def null(self, column: str) -> Mask:
        """Return where a column is null."""
        if column == "class":
            return np.zeros(len(self.rows), bool)
        return np.asarray(np.isnan(self.columns["ratio" if column == "shortfall" else column]))


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
    """Return how rows compare with their references; q over all of them that can be tested.

    Parameters
    ----------
    rows
        Their numbers, ascending.
    own, reference
        What each row holds, and what it is compared with: other enterprises, or a target for all rows.
    centre
        Ratio around which the limits lie; NaN: there are none.
    precision
        Of the snapshot.
    alpha, margin
        Rate of false discoveries, and part of the reference, that decide on classes.
    """
    ratios = _ratios(own, reference)
    ratio, reference_ratio = ratios.divided()
    draws = own.draws(reference_ratio, precision)
    joint = draws
    if isinstance(reference, Matched):
        joint = joint_draws(draws, reference.draws(reference_ratio, precision))
    expected = joint * reference_ratio
    tested = (expected >= LEAST_EXPECTED) & ~ratios.inconsistent
    p, q = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    p[tested] = p_values(ratio[tested], reference_ratio[tested], joint[tested])
    q[tested] = false_discovery_rates(p[tested])
    classes = _classes(ratios, expected, q < alpha, margin)
    limits = (*funnel_limits(centre, draws, Z), *funnel_limits(centre, draws, Z_998))
    values = (draws, ratio, reference_ratio, expected, p, q, classes, ratios.shortfall(), *limits)
    return Comparison(rows, dict(zip(COLUMNS, values, strict=True)))


def _classes(ratios: Ratios, expected: Floats, significant: Mask, margin: Decimal) -> npt.NDArray[np.intp]:
    """Return the class of each row, as places in `CLASSES`: the first that holds."""
    holds = [
        ~ratios.comparable,
        ratios.inconsistent,
        expected < LEAST_EXPECTED,
        significant & ratios.below(margin),
        significant & ratios.below(),
        significant,
    ]
    return np.select(holds, list(range(len(holds))), len(holds))


def _ratios(own: Matched, reference: Matched | Decimal) -> Ratios:
    members, headcount = own.members.astype(object), own.headcount.astype(object)
    if isinstance(reference, Matched):
        return Ratios(members, headcount, reference.members.astype(object), reference.headcount.astype(object))
    above, under = reference.as_integer_ratio()
    return Ratios(members, headcount, *(np.full(len(members), part, object) for part in (above, under)))
