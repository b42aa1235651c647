"""Statistics of districts, industries and industry groups."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import numpy as np
from msgspec.structs import replace

from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.errors import ErrorCode, ErrorItem, NotFound, conflicting
from app.messages import say
from app.statistics import sums, withheld
from app.statistics.inference import precision_of
from app.statistics.population import Selection, node_of, resolve, roots
from app.statistics.question import ALL_FIGURES, Listing, Page, Question, Subject
from app.statistics.rates import Counts, stacked
from app.statistics.row_list import BLOCK, Margins, RowList, Side, less, ordered
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot, Tree, code_ranks

CODES = tuple(measure.code for measure in MEASURES)
"""Measures that rows of districts, industries and groups show, in every snapshot."""

_REGISTER_ONLY = frozenset(measure.code for measure in MEASURES if measure.register_only)
_WITHHELD = "members_withheld"

_FEW = 512
"""Most nodes whose precomputed sums are looked up together: a page wants most of them, its margins all."""


@dataclass(frozen=True)
class _Layout:
    """Which line of `Counts` each sum of a snapshot becomes.

    Parameters
    ----------
    codes
        The measures counted and, after them, those that only intervals use.
    measures, summed
        The measures that are summed, and the line of each.
    withheld, register_only
        Lines of the withheld members, and of what is not applicable where members are counted from returns.
    undefined, protected
        For each line, as in `Counts`.
    """

    codes: tuple[str, ...]
    measures: tuple[str, ...]
    summed: Int64
    withheld: list[int]
    register_only: list[int]
    undefined: Mask
    protected: Mask


class SubjectNotFound(NotFound):
    """The code in the path is not in the snapshot."""

    code = "subject-not-found"
    title = "Subject not found"


def list_tree(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the districts or industries that a question lists."""
    listing = question.listing
    tree = tree_of(snapshot, question.subject)
    selection = selected(snapshot, question, page)
    nodes, root = _candidates(tree, listing)
    is_disjoint = listing.parent is not None or listing.level is not None
    return _listed(snapshot, question, page, selection, nodes, tree.code_ranks, root, is_disjoint=is_disjoint)


def list_groups(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the industry groups that a question lists; they overlap, so nothing is unallocated."""
    selection, codes = selected(snapshot, question, page), tuple(snapshot.groups)
    rows = np.arange(len(codes))
    return _listed(snapshot, question, page, selection, rows, code_ranks(codes), is_disjoint=False)


def _listed(
    snapshot: Snapshot,
    question: Question,
    page: Page,
    selection: Selection,
    nodes: Int64,
    ranks: Int64,
    root: int | None = None,
    *,
    is_disjoint: bool,
) -> RowList:
    """Return the nodes or groups that hold an enterprise, or all, in the order of a page.

    The total is that of `root`, the node that contains them and may be one of them; null: that of the selection.
    """
    top = nodes[:0] if root is None else np.array([root])
    known = nodes if nodes[: len(top)].tolist() == top.tolist() else np.concatenate((top, nodes))
    count = counter(snapshot, selection, question.subject, known)
    if not question.listing.include_empty:
        nodes = filled(snapshot, selection, question.subject, nodes, count)
    side = aggregate_side(count, question.fields)
    rows = ordered(nodes, ranks[nodes], side, page, precision_of(snapshot.manifest))
    disjoint = nodes if is_disjoint and not page.status else None
    total = partial(count_selection, snapshot, selection) if root is None else partial(count, top)
    return RowList(snapshot, question.subject, rows, (side,), lambda: margins_of(total(), count, disjoint))


def aggregate_side(count: Callable[[Int64], Counts], fields: tuple[str, ...]) -> Side:
    """Return the figures of rows that are sums over enterprises."""
    return Side("", MEASURES, METRICS, count, fields)


def one(snapshot: Snapshot, question: Question, code: str) -> RowList:
    """Return one district, industry or group; zeros for an empty one.

    Raises
    ------
    SubjectNotFound
        The snapshot has no such code.
    """
    subject = question.subject
    index = (
        {group: number for number, group in enumerate(snapshot.groups)}
        if subject is Subject.INDUSTRY_GROUPS
        else tree_of(snapshot, subject).index
    )
    if code not in index:
        detail = say("{code!r} is not in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
        raise SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", detail)])
    selection, row = selected(snapshot, question, Page()), np.array([index[code]])
    side = aggregate_side(counter(snapshot, selection, subject, row), question.fields)
    return RowList(snapshot, subject, row, (side,))


def selected(snapshot: Snapshot, question: Question, page: Page) -> Selection:
    """Return the selection of a question, with the measures that its figures rest on."""
    return replace(resolve(snapshot, question.population), figures=needed(question.fields, page.sort))


def count_selection(snapshot: Snapshot, selection: Selection) -> Counts:
    """Return the figures of a whole selection, one row."""
    hidden = partial(withheld.of_selection, snapshot, selection)
    return counted(snapshot, selection, partial(sums.whole, snapshot, selection), hidden)


def counted(
    snapshot: Snapshot,
    selection: Selection,
    sum_of: Callable[[tuple[str, ...]], Int64],
    hidden: Callable[[], tuple[Int64, Mask]],
) -> Counts:
    """Return sums as counts: those of the figures that a selection asks for.

    Parameters
    ----------
    sum_of
        Returns the sums of measures, shape (measures, rows).
    hidden
        Returns the withheld members of each row, and where that figure is null; called if they are asked for.
    """
    layout = _layout(snapshot.row_measures, snapshot.manifest.capabilities.measures, selection.figures)
    summed = sum_of(layout.measures)
    values = np.zeros((len(layout.codes), summed.shape[1]), np.int64)
    null = np.zeros(values.shape, bool)
    values[layout.summed] = summed
    for line in layout.withheld:
        members, unknown = hidden()
        values[line], null[line] = np.where(unknown, 0, members), unknown
    if snapshot.manifest.member_source == "returns":
        null[layout.register_only] = True
    null[layout.protected] = True
    return Counts(layout.codes, values, null, layout.undefined, layout.protected)


def tree_of(snapshot: Snapshot, subject: Subject) -> Tree:
    """Return the tree whose nodes are the subject's rows."""
    return snapshot.districts if subject is Subject.DISTRICTS else snapshot.industries


def margins_of(total: Counts, count: Callable[[Int64], Counts], disjoint: Int64 | None = None) -> Margins:
    """Return a total and, if the rows are disjoint, what they leave unallocated."""
    if disjoint is None:
        return Margins(total)
    if len(disjoint) <= BLOCK:
        return Margins(total, less(total, count(disjoint)))
    blocks = [disjoint[start : start + BLOCK] for start in range(0, len(disjoint), BLOCK)]
    return Margins(total, less(total, stacked([count(block).summed() for block in blocks])))


def counter(snapshot: Snapshot, selection: Selection, subject: Subject, nodes: Int64) -> Callable[[Int64], Counts]:
    """Return a function that counts any of some nodes, given in ascending order.

    Precomputed sums of many are looked up for the rows that are wanted. Others are computed for all nodes at once, on
    the first call: a pass over the enterprises costs the same for one node and for all, and rows and margins share it.
    """
    if not selection.conditions and len(nodes) > _FEW:
        return partial(_count, snapshot, selection, subject)
    everything = cache(lambda: _count(snapshot, selection, subject, nodes))

    def count(rows: Int64) -> Counts:
        places = np.searchsorted(nodes, rows)
        if len(rows) <= len(nodes) and (nodes.take(places, mode="clip") == rows).all():
            return everything().taken(places)
        return _count(snapshot, selection, subject, rows)

    return count


def within_reach(snapshot: Snapshot, selection: Selection, subject: Subject, nodes: Int64) -> Int64:
    """Return the nodes whose subtree meets the districts or industries of a selection."""
    asked = {Subject.DISTRICTS: selection.districts, Subject.INDUSTRIES: selection.industries}.get(subject, ())
    if not asked:
        return nodes
    tree = tree_of(snapshot, subject)
    tops = roots(tree, asked)
    place = np.maximum(np.searchsorted(tops, nodes, side="right") - 1, 0)
    below = (nodes >= tops[place]) & (nodes < tree.ends[tops[place]])
    above = np.searchsorted(tops, nodes) < np.searchsorted(tops, tree.ends[nodes])
    return nodes[below | above]


def filled(
    snapshot: Snapshot, selection: Selection, subject: Subject, nodes: Int64, count: Callable[[Int64], Counts]
) -> Int64:
    """Return the nodes with at least one counted enterprise."""
    if selection.conditions:
        enterprises = count(nodes).row("enterprises")
    else:
        enterprises = sums.of_subjects(snapshot, selection, subject, nodes, ("enterprises",))[0]
    with_some: Int64 = nodes[enterprises > 0]
    return with_some


def _count(snapshot: Snapshot, selection: Selection, subject: Subject, rows: Int64) -> Counts:
    def hidden() -> tuple[Int64, Mask]:
        if subject is Subject.DISTRICTS:
            return withheld.of_districts(snapshot, selection, rows)
        if subject is Subject.INDUSTRIES:
            return withheld.of_industries(snapshot, selection, rows)
        return withheld.of_none(len(rows))

    return counted(snapshot, selection, partial(sums.of_subjects, snapshot, selection, subject, rows), hidden)


@lru_cache(maxsize=64)
def _layout(summed: tuple[str, ...], given: tuple[str, ...], figures: frozenset[str]) -> _Layout:
    """Return the layout for a snapshot with sums of `summed` that may show the measures `given`, of some figures."""
    shown = [code for code in CODES if not figures or code in figures]
    measures = tuple(code for code in summed if code in shown or code not in CODES)
    codes = (*shown, *(code for code in measures if code not in CODES))
    return _Layout(
        codes,
        measures,
        np.array([codes.index(code) for code in measures], np.int64),
        [line for line, code in enumerate(codes) if code == _WITHHELD],
        [line for line, code in enumerate(codes) if code in _REGISTER_ONLY],
        np.ones(len(codes), bool),
        np.array([code not in given for code in codes]),
    )


@lru_cache(maxsize=64)
def needed(fields: tuple[str, ...], sort: str) -> frozenset[str]:
    """Return the measures that the figures asked for, and what is sorted by, rest on; empty: all."""
    if fields == ALL_FIGURES:
        return frozenset()
    measures = {measure.code for measure in MEASURES if measure.code in fields or (not fields and measure.headline)}
    metrics = [metric for metric in METRICS if not fields or metric.code in (*fields, sort)]
    return frozenset({"enterprises", sort, *measures, *(code for metric in metrics for code in metric.needs)})


def _candidates(tree: Tree, listing: Listing) -> tuple[Int64, int | None]:
    """Return the nodes that a listing selects, and the node that contains them (null: the whole tree)."""
    if listing.parent is not None and listing.within is not None:
        raise conflicting(say("parent and within cannot be used together"), "parent", "within")
    if listing.parent is not None:
        root: int | None = node_of(tree, listing.parent, "parent")
        nodes = np.flatnonzero(tree.parents == root)
    elif listing.within is not None:
        root = node_of(tree, listing.within, "within")
        nodes = np.arange(root, tree.ends[root])
    else:
        root, nodes = None, np.arange(len(tree.codes))
    if listing.level is not None:
        nodes = nodes[tree.of_level(listing.level, nodes)]
    return nodes, root
