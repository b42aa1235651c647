"""Low membership: which industries, or groups, of a scope have fewer members per employee than a reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

import numpy as np

from app.catalogue.measures import SHOWN
from app.errors import ErrorItem, InvalidRequest
from app.statistics import sums
from app.statistics.aggregates import list_groups, list_tree
from app.statistics.comparisons import CLASSES, COLUMNS, Comparison, Matched, compare
from app.statistics.listed import Listed, order_of, ordered
from app.statistics.question import Page, Question, Subject
from app.statistics.scope import Scope, resolve
from app.store.snapshot import Snapshot, code_ranks
from app.store.subtrees import Int64

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
        Ratio that each is compared with, above 0 and below 1; null: the reference.
    alpha
        Rate of false discoveries below which a difference is one.
    margin
        Part of the reference ratio below which a lower ratio is low.
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

    listed: Listed
    comparison: Comparison


def list_low_membership(snapshot: Snapshot, question: LowMembershipQuestion, page: Page) -> LowMembership:
    """Return the industries of a level, or the groups, that hold an enterprise, each compared with its reference.

    Raises
    ------
    InvalidRequest
        A code is not in the snapshot, there is no parent to compare with, or `sort` is not known.
    """
    list_subjects = list_groups if question.subject is Subject.INDUSTRY_GROUPS else list_tree
    found = list_subjects(snapshot, question, Page())
    listed = replace(found, rows=np.sort(found.rows))
    comparison = _compared(listed, question)
    return LowMembership(replace(listed, rows=_ordered(listed, comparison, page)), comparison)


def _compared(listed: Listed, question: LowMembershipQuestion) -> Comparison:
    """Compare all rows, before any sorting and paging: q depends on all of them, and on nothing else."""
    snapshot, scope = listed.snapshot, resolve(listed.snapshot, question.population)
    own, total = _own(listed), _matched(sums.whole(snapshot, scope, _measures(snapshot)))
    reference: Matched | Decimal
    if question.target is not None:
        reference = question.target
    elif question.reference is RatioReference.PARENT:
        reference = _within(listed, _parent(snapshot, scope)).less(own)
    else:
        reference = total.less(own)
    centre = _ratio(total) if question.target is None else float(question.target)
    return compare(
        listed.rows, own, reference, centre, listed.precision, alpha=question.alpha, margin=question.margin
    )  # fmt: skip


def _own(listed: Listed) -> Matched:
    counts = listed.sides[0].count(listed.rows)
    return _matched(np.array([counts.row(measure) for measure in _measures(listed.snapshot)], np.int64))


def _within(listed: Listed, scope: Scope) -> Matched:
    """Return what another scope holds of the listed rows."""
    snapshot, measures = listed.snapshot, _measures(listed.snapshot)
    if listed.subject is Subject.INDUSTRY_GROUPS:
        codes = tuple(snapshot.groups)
        return _matched(sums.groups(snapshot, scope, [codes[row] for row in listed.rows.tolist()], measures))
    return _matched(sums.industries(snapshot, scope, listed.rows, measures))


def _measures(snapshot: Snapshot) -> tuple[str, ...]:
    return (*_SUMMED, SHOWN) if SHOWN in snapshot.row_measures else _SUMMED


def _matched(summed: Int64) -> Matched:
    """Return sums of `_measures` under their names."""
    members, headcount, squared = summed[: len(_SUMMED)]
    shown = summed[len(_SUMMED)] if len(summed) > len(_SUMMED) else np.zeros_like(members)
    return Matched(members, headcount, squared, shown)


def _ratio(total: Matched) -> float:
    """Return the ratio of a scope as a whole; NaN where it has no headcount."""
    members, headcount = int(total.members[0]), int(total.headcount[0])
    return members / headcount if headcount else np.nan


def _parent(snapshot: Snapshot, scope: Scope) -> Scope:
    """Return the scope in the parent of its district."""
    parent = -1 if scope.district is None else int(snapshot.districts.parents[scope.district])
    if parent < 0:
        message = "reference=parent needs a district that has a parent"
        raise InvalidRequest(message, [ErrorItem("query/reference", message), ErrorItem("query/district", message)])
    return replace(scope, district=parent)


def _ordered(listed: Listed, comparison: Comparison, page: Page) -> Int64:
    """Return the rows sorted by a column of the comparison (classes as text), or as any list."""
    snapshot = listed.snapshot
    groups = listed.subject is Subject.INDUSTRY_GROUPS
    ranks = (code_ranks(tuple(snapshot.groups)) if groups else snapshot.industries.code_ranks)[listed.rows]
    if page.sort not in COLUMNS:
        return ordered(listed.rows, ranks, listed.sides[0], page, listed.precision)
    keys = comparison.columns[page.sort]
    if page.sort == "class":
        keys = code_ranks(CLASSES)[keys]
    return listed.rows[order_of(keys, comparison.null(page.sort), ranks, page.order)]
