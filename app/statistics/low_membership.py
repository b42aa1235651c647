"""Low membership: which rows of a population have fewer members per employee than a reference."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
from msgspec.structs import replace

from app.catalogue.dimensions import By
from app.catalogue.measures import SHOWN
from app.errors import ErrorCode, ErrorItem, conflicting
from app.messages import say
from app.statistics import sums
from app.statistics.aggregates import aggregate_side, count_selection, margins_of, selected
from app.statistics.as_of import ExactOnly
from app.statistics.breakdown import Cells, cells_of
from app.statistics.comparison import CLASSES, Comparison, Matched, compare
from app.statistics.inference import precision_of
from app.statistics.population import Selection, roots
from app.statistics.question import Page, Question, Subject
from app.statistics.row_list import RowList, order_of, ordered
from app.statistics.standardisation import ADJUSTMENT, adjusted
from app.store.arrays import Indices, Int64
from app.store.snapshot import Snapshot, code_ranks

_SUMMED = ("members_matched", "headcount_matched", "headcount_matched_squared")


class RatioReference(StrEnum):
    """What a row is compared with.

    `rest`: all else of the scope, what is in no row included; `parent`: the same row in the parent of the district,
    without the district itself.
    """

    REST = "rest"
    PARENT = "parent"


class LowMembershipQuestion(Question, frozen=True):
    """Which rows of one dimension (`by`) have too few members.

    Parameters
    ----------
    reference
        What each is compared with, unless there is a target.
    target
        Ratio that each is compared with, above 0 and below 1; null: use the reference.
    adjust
        Level of the industries whose mix is taken from the row itself, so that only the ratios are compared; null:
        rows are compared as they are.
    alpha
        False discovery rate below which a difference is significant.
    margin
        Fraction of the reference ratio below which a ratio is low.
    """

    reference: RatioReference = RatioReference.REST
    target: Decimal | None = None
    adjust: By | None = None
    alpha: float = 0.05
    margin: Decimal = Decimal("0.8")


@dataclass(frozen=True)
class LowMembership:
    """The list in order, its cells, and how each of its rows compares."""

    row_list: RowList
    cells: Cells
    comparison: Comparison


def list_low_membership(snapshot: Snapshot, question: LowMembershipQuestion, page: Page) -> LowMembership:
    """Return the rows with at least one enterprise, each compared with its reference.

    Raises
    ------
    ExactOnly
        Protected figures cannot be compared with the own mix of industries.
    InvalidRequest
        A code is not in the snapshot, there is no parent to compare with, or `sort` is unknown.
    """
    _refuse_protected(snapshot, question)
    selection = selected(snapshot, question, page)
    cells = cells_of(snapshot, selection, question.by)
    comparison = _compared(snapshot, selection, question, cells)
    side = aggregate_side(cells.count, question.fields)
    is_disjoint = cells.are_disjoint and not page.status
    row_list = RowList(
        snapshot, Subject.INDUSTRIES, cells.numbers, (side,),
        lambda: margins_of(count_selection(snapshot, selection), cells.count, cells.numbers if is_disjoint else None),
    )  # fmt: skip
    return LowMembership(replace(row_list, rows=_ordered(row_list, cells, comparison, page)), cells, comparison)


def _refuse_protected(snapshot: Snapshot, question: LowMembershipQuestion) -> None:
    if question.adjust is not None and SHOWN in snapshot.row_measures:
        message = say("rows are compared with their own mix of industries in exact figures only; with a target in all")
        items = [ErrorItem(ErrorCode.EXACT_ONLY, f"query/{name}", message) for name in ("adjust", "target")]
        raise ExactOnly(message, items)


def _compared(snapshot: Snapshot, selection: Selection, question: LowMembershipQuestion, cells: Cells) -> Comparison:
    """Compare all rows before sorting and paging, since q depends on all rows, and on nothing else."""
    precision, alpha, margin = precision_of(snapshot.manifest), question.alpha, question.margin
    if question.adjust is not None:
        own, scope = _strata(snapshot, selection, question.adjust, cells)
        return adjusted(cells.numbers, own, scope, precision.correlation, alpha=alpha, margin=margin)
    own, total = _own(snapshot, cells), _matched(sums.whole(snapshot, selection, _measures(snapshot)))
    reference: Matched | Decimal
    if question.target is not None:
        reference = question.target
    elif question.reference is RatioReference.PARENT:
        above = cells_of(snapshot, _parent(snapshot, selection), question.by)
        reference = _own(snapshot, above, cells.numbers).less(own)
    else:
        reference = total.less(own)
    centre = _ratio(total) if question.target is None else float(question.target)
    return compare(cells.numbers, own, reference, centre, precision, alpha=alpha, margin=margin)


def _own(snapshot: Snapshot, cells: Cells, numbers: Int64 | None = None) -> Matched:
    """Return the sums of some cells; null: of all."""
    return _matched(cells.summed(cells.numbers if numbers is None else numbers, _measures(snapshot)))


def _strata(snapshot: Snapshot, selection: Selection, level: By, cells: Cells) -> tuple[Matched, Matched]:
    """Return the sums of each row and stratum, and of each stratum in the whole scope.

    Strata are the industries of a level and, last, the enterprises that have none.
    """
    measures, nodes = _measures(snapshot), np.flatnonzero(snapshot.industries.of_level(level.value))
    whole = sums.whole(snapshot, selection, measures)
    by_industry = sums.industries(snapshot, selection, nodes, measures)
    scope = np.concatenate((by_industry, whole - by_industry.sum(axis=1, keepdims=True)), axis=1)
    pairs = cells_of(snapshot, selection, (cells.axes[0].by, level))
    own = np.zeros((len(measures), len(cells.numbers), len(nodes) + 1), np.int64)
    rows = np.searchsorted(cells.numbers, pairs.values(pairs.numbers, 0))
    columns = np.searchsorted(nodes, pairs.values(pairs.numbers, 1))
    own[:, rows, columns] = pairs.summed(pairs.numbers, measures)
    own[:, :, -1] = cells.summed(cells.numbers, measures) - own.sum(axis=2)
    return _matched(own), _matched(scope)


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
    nodes = roots(snapshot.districts, selection.districts)
    parent = int(snapshot.districts.parents[nodes[0]]) if len(nodes) == 1 else -1
    if parent < 0:
        raise conflicting(say("reference=parent needs one district, which has a parent"), "reference", "district")
    return replace(selection, districts=(parent,))


def _ordered(row_list: RowList, cells: Cells, comparison: Comparison, page: Page) -> Indices:
    """Return the rows sorted by a column of the comparison (classes as text), or like any other list."""
    ranks = cells.ranks
    if page.sort not in comparison.columns:
        _refuse_absent(page)
        return ordered(cells.numbers, ranks, row_list.sides[0], page, row_list.precision)
    if page.status:
        message = say("status needs a metric to sort by, and {sort} is none", sort=page.sort)
        raise conflicting(message, "status", "sort")
    keys = comparison.columns[page.sort]
    if page.sort == "class":
        keys = code_ranks(CLASSES)[keys]
    if page.sort == "q_margin":  # of which many are 1: by q, then by code
        by_q = order_of(comparison.columns["q"], comparison.null("q"), ranks, page.order)
        ranks = np.argsort(by_q)
    return cells.numbers[order_of(keys, comparison.null(page.sort), ranks, page.order)]


def _refuse_absent(page: Page) -> None:
    """Refuse to sort by a column that only a comparison with the own mix of industries has."""
    if page.sort in ADJUSTMENT:
        raise conflicting(say("sort={sort} needs adjust", sort=page.sort), "sort", "adjust")
