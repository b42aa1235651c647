"""Low membership: which industries, or groups, of a population have fewer members per employee than a reference.

Tests, their classes, shortfalls, and the limits of a funnel plot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from app.catalogue.measures import SHOWN
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.statistics import sums
from app.statistics.aggregates import list_groups, list_tree
from app.statistics.inference import (
    Floats,
    Precision,
    Z,
    effective_headcount,
    effective_rounded,
    false_discovery_rates,
    funnel_limits,
    joint_draws,
    p_values,
)
from app.statistics.population import Selection, resolve
from app.statistics.question import Page, Question, Subject
from app.statistics.row_list import RowList, order_of, ordered
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot, code_ranks

LEAST_EXPECTED = 5
"""Expected effective members (n_t·r_ref) below which no test is made: it could show nothing."""

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
"""Columns of a comparison."""


@dataclass(frozen=True)
class Matched:
    """Sums per row over the enterprises whose headcount and members are both known.

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
        Values of each of `COLUMNS`: NaN for null; `class` as index in `CLASSES`; `shortfall` 0 for null.
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
    """Return how rows compare with their references; q is adjusted over all rows that can be tested.

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
    """Return the class of each row, as index in `CLASSES`: the first whose condition holds."""
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


_SUMMED = ("members_matched", "headcount_matched", "headcount_matched_squared")


class RatioReference(StrEnum):
    """What an industry is compared with.

    `rest`: all else of the scope, unclassified enterprises included; `parent`: the same industry in the parent of the
    district, without the district itself.
    """

    REST = "rest"
    PARENT = "parent"


@dataclass(frozen=True)
class LowMembershipQuestion(Question):
    """Which industries of a level (`listing.level`), or which groups (`subject`), have too few members.

    Parameters
    ----------
    reference
        What each is compared with, unless there is a target.
    target
        Ratio that each is compared with, above 0 and below 1; null: use the reference.
    alpha
        False discovery rate below which a difference is significant.
    margin
        Fraction of the reference ratio below which a significantly lower ratio is low.
    """

    reference: RatioReference = RatioReference.REST
    target: Decimal | None = None
    alpha: float = 0.05
    margin: Decimal = Decimal("0.8")

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return the level of the industries."""
        return (("industry_level", Subject.INDUSTRIES, self.listing.level),)


@dataclass(frozen=True)
class LowMembership:
    """The list in order, and how each of its rows compares."""

    row_list: RowList
    comparison: Comparison


def list_low_membership(snapshot: Snapshot, question: LowMembershipQuestion, page: Page) -> LowMembership:
    """Return the industries of a level, or the groups, with at least one enterprise, each compared with its reference.

    Raises
    ------
    InvalidRequest
        A code is not in the snapshot, there is no parent to compare with, or `sort` is unknown.
    """
    list_subjects = list_groups if question.subject is Subject.INDUSTRY_GROUPS else list_tree
    found = list_subjects(snapshot, question, Page())
    row_list = replace(found, rows=np.sort(found.rows))
    comparison = _compared(row_list, question)
    return LowMembership(replace(row_list, rows=_ordered(row_list, comparison, page)), comparison)


def _compared(row_list: RowList, question: LowMembershipQuestion) -> Comparison:
    """Compare all rows before sorting and paging, since q depends on all rows, and on nothing else."""
    snapshot, selection = row_list.snapshot, resolve(row_list.snapshot, question.population)
    own, total = _own(row_list), _matched(sums.whole(snapshot, selection, _measures(snapshot)))
    reference: Matched | Decimal
    if question.target is not None:
        reference = question.target
    elif question.reference is RatioReference.PARENT:
        reference = _within(row_list, _parent(snapshot, selection)).less(own)
    else:
        reference = total.less(own)
    centre = _ratio(total) if question.target is None else float(question.target)
    return compare(
        row_list.rows, own, reference, centre, row_list.precision, alpha=question.alpha, margin=question.margin
    )  # fmt: skip


def _own(row_list: RowList) -> Matched:
    counts = row_list.sides[0].count(row_list.rows)
    return _matched(np.array([counts.row(measure) for measure in _measures(row_list.snapshot)], np.int64))


def _within(row_list: RowList, selection: Selection) -> Matched:
    """Return the sums of the listed rows in another selection."""
    snapshot, measures = row_list.snapshot, _measures(row_list.snapshot)
    if row_list.subject is Subject.INDUSTRY_GROUPS:
        codes = tuple(snapshot.groups)
        return _matched(sums.groups(snapshot, selection, [codes[row] for row in row_list.rows.tolist()], measures))
    return _matched(sums.industries(snapshot, selection, row_list.rows, measures))


def _measures(snapshot: Snapshot) -> tuple[str, ...]:
    return (*_SUMMED, SHOWN) if SHOWN in snapshot.row_measures else _SUMMED


def _matched(summed: Int64) -> Matched:
    """Return sums of `_measures` by name."""
    members, headcount, squared = summed[: len(_SUMMED)]
    shown = summed[len(_SUMMED)] if len(summed) > len(_SUMMED) else np.zeros_like(members)
    return Matched(members, headcount, squared, shown)


def _ratio(total: Matched) -> float:
    """Return the ratio of the whole selection; NaN if it has no headcount."""
    members, headcount = int(total.members[0]), int(total.headcount[0])
    return members / headcount if headcount else np.nan


def _parent(snapshot: Snapshot, selection: Selection) -> Selection:
    """Return the selection with the parent of its district."""
    parent = -1 if selection.district is None else int(snapshot.districts.parents[selection.district])
    if parent < 0:
        message = say("reference=parent needs a district that has a parent")
        raise InvalidRequest(
            message,
            [
                ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/reference", message),
                ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/district", message),
            ],
        )
    return replace(selection, district=parent)


def _ordered(row_list: RowList, comparison: Comparison, page: Page) -> Int64:
    """Return the rows sorted by a column of the comparison (classes as text), or like any other list."""
    snapshot = row_list.snapshot
    groups = row_list.subject is Subject.INDUSTRY_GROUPS
    ranks = (code_ranks(tuple(snapshot.groups)) if groups else snapshot.industries.code_ranks)[row_list.rows]
    if page.sort not in COLUMNS:
        return ordered(row_list.rows, ranks, row_list.sides[0], page, row_list.precision)
    keys = comparison.columns[page.sort]
    if page.sort == "class":
        keys = code_ranks(CLASSES)[keys]
    return row_list.rows[order_of(keys, comparison.null(page.sort), ranks, page.order)]
