"""Statistics of districts, industries and industry groups."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial

import numpy as np

from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.catalogue.vocabulary import Basis
from app.errors import ErrorCode, ErrorItem, InvalidRequest, NotFound
from app.messages import say
from app.statistics import sums, withheld
from app.statistics.inference import precision_of
from app.statistics.population import Selection, node_of, resolve
from app.statistics.question import Listing, Page, Population, Question, Subject
from app.statistics.rates import Counts, stacked
from app.statistics.row_list import Margins, RowList, Side, less, ordered
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot, Tree, code_ranks

CODES = tuple(measure.code for measure in MEASURES)
"""Measures that rows of districts, industries and groups show, in every snapshot."""

_REGISTER_ONLY = [number for number, measure in enumerate(MEASURES) if measure.register_only]
_WITHHELD = CODES.index("members_withheld")


@dataclass(frozen=True)
class _Layout:
    """Which line of `Counts` each sum of a snapshot becomes.

    Parameters
    ----------
    codes
        The measures shown and, after them, those that only intervals use.
    summed
        Line of each sum.
    undefined, protected
        For each line, as in `Counts`.
    """

    codes: tuple[str, ...]
    summed: list[int]
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
    selection = resolve(snapshot, question.population)
    nodes, within = _candidates(tree, listing)
    count = _counter(snapshot, selection, question.subject, nodes)
    if not listing.include_empty:
        nodes = _filled(snapshot, selection, question.subject, nodes, count)
    side = Side("", CODES, METRICS, count)
    rows = ordered(nodes, tree.code_ranks[nodes], side, page, precision_of(snapshot.manifest))
    disjoint = nodes if listing.parent is not None or listing.level is not None else None
    add_up = partial(_margins, snapshot, _narrowed(selection, question.subject, within), count, disjoint)
    return RowList(snapshot, question.subject, rows, (side,), add_up)


def list_groups(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the industry groups that a question lists; they overlap, so nothing is unallocated."""
    selection = resolve(snapshot, question.population)
    codes = tuple(snapshot.groups)
    rows = np.arange(len(codes))
    count = _counter(snapshot, selection, Subject.INDUSTRY_GROUPS, rows)
    if not question.listing.include_empty:
        rows = _filled(snapshot, selection, Subject.INDUSTRY_GROUPS, rows, count)
    side = Side("", CODES, METRICS, count)
    rows = ordered(rows, code_ranks(codes)[rows], side, page, precision_of(snapshot.manifest))
    return RowList(snapshot, Subject.INDUSTRY_GROUPS, rows, (side,), partial(_margins, snapshot, selection, count))


def one(snapshot: Snapshot, subject: Subject, code: str, population: Population) -> RowList:
    """Return one district, industry or group; zeros for an empty one.

    Raises
    ------
    SubjectNotFound
        The snapshot has no such code.
    """
    index = (
        {group: number for number, group in enumerate(snapshot.groups)}
        if subject is Subject.INDUSTRY_GROUPS
        else tree_of(snapshot, subject).index
    )
    if code not in index:
        detail = say("{code!r} is not in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
        raise SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", detail)])
    selection, row = resolve(snapshot, population), np.array([index[code]])
    return RowList(snapshot, subject, row, (Side("", CODES, METRICS, _counter(snapshot, selection, subject, row)),))


def list_bases(snapshot: Snapshot, population: Population) -> RowList:
    """Return a population in each basis, in the order of the bases."""
    selection = resolve(snapshot, population)
    counts = stacked([count_selection(snapshot, replace(selection, basis=basis)) for basis in Basis])
    side = Side("", CODES, METRICS, counts.taken)
    return RowList(snapshot, Subject.INDUSTRIES, np.arange(len(Basis)), (side,))


def count_selection(snapshot: Snapshot, selection: Selection) -> Counts:
    """Return the figures of a whole selection, one row."""
    return counted(
        snapshot, sums.whole(snapshot, selection, snapshot.row_measures), withheld.of_selection(snapshot, selection)
    )


def counted(snapshot: Snapshot, summed: Int64, hidden: tuple[Int64, Mask]) -> Counts:
    """Return sums as counts.

    Parameters
    ----------
    summed
        Sums of the snapshot's row measures, shape (measures, rows).
    hidden
        Withheld members of each row, and where that figure is null.
    """
    layout = _layout(snapshot.row_measures, snapshot.manifest.capabilities.measures)
    values = np.zeros((len(layout.codes), summed.shape[1]), np.int64)
    null = np.zeros(values.shape, bool)
    values[layout.summed] = summed
    values[_WITHHELD], null[_WITHHELD] = np.where(hidden[1], 0, hidden[0]), hidden[1]
    if snapshot.manifest.member_source == "returns":
        null[_REGISTER_ONLY] = True
    null[layout.protected] = True
    return Counts(layout.codes, values, null, layout.undefined, layout.protected)


def tree_of(snapshot: Snapshot, subject: Subject) -> Tree:
    """Return the tree whose nodes are the subject's rows."""
    return snapshot.districts if subject is Subject.DISTRICTS else snapshot.industries


def _margins(
    snapshot: Snapshot, selection: Selection, count: Callable[[Int64], Counts], disjoint: Int64 | None = None
) -> Margins:
    """Return the total of a selection and, if the rows are disjoint, what they leave unallocated."""
    total = count_selection(snapshot, selection)
    return Margins(total, None if disjoint is None else less(total, count(disjoint)))


def _counter(snapshot: Snapshot, selection: Selection, subject: Subject, nodes: Int64) -> Callable[[Int64], Counts]:
    """Return a function that counts any of some nodes, given in ascending order.

    Precomputed sums are looked up for the rows that are wanted. Others are computed for all nodes at once, on the first
    call: a pass over the enterprises costs the same for one node and for all.
    """
    if _is_precomputed(selection):
        return partial(_count, snapshot, selection, subject)
    everything = cache(lambda: _count(snapshot, selection, subject, nodes))
    return lambda rows: everything().taken(np.searchsorted(nodes, rows))


def _is_precomputed(selection: Selection) -> bool:
    return selection == Selection(selection.basis)


def _filled(
    snapshot: Snapshot, selection: Selection, subject: Subject, nodes: Int64, count: Callable[[Int64], Counts]
) -> Int64:
    """Return the nodes with at least one counted enterprise."""
    if _is_precomputed(selection):
        enterprises = _sums(snapshot, selection, subject, nodes, ("enterprises",))[0]
    else:
        enterprises = count(nodes).row("enterprises")
    filled: Int64 = nodes[enterprises > 0]
    return filled


def _count(snapshot: Snapshot, selection: Selection, subject: Subject, rows: Int64) -> Counts:
    if subject is Subject.DISTRICTS:
        hidden = withheld.of_districts(snapshot, selection, rows)
    elif subject is Subject.INDUSTRIES:
        hidden = withheld.of_industries(snapshot, selection, rows)
    else:
        hidden = withheld.of_groups(len(rows))
    return counted(snapshot, _sums(snapshot, selection, subject, rows, snapshot.row_measures), hidden)


def _sums(snapshot: Snapshot, selection: Selection, subject: Subject, rows: Int64, measures: tuple[str, ...]) -> Int64:
    if subject is Subject.DISTRICTS:
        return sums.districts(snapshot, selection, rows, measures)
    if subject is Subject.INDUSTRIES:
        return sums.industries(snapshot, selection, rows, measures)
    codes = tuple(snapshot.groups)
    return sums.groups(snapshot, selection, [codes[row] for row in rows.tolist()], measures)


@lru_cache(maxsize=8)
def _layout(summed: tuple[str, ...], given: tuple[str, ...]) -> _Layout:
    """Return the layout for a snapshot with sums of `summed` that may show the measures `given`."""
    codes = (*CODES, *(code for code in summed if code not in CODES))
    lines = [codes.index(code) for code in summed]
    return _Layout(codes, lines, np.ones(len(codes), bool), np.array([code not in given for code in codes]))


def _candidates(tree: Tree, listing: Listing) -> tuple[Int64, int | None]:
    """Return the nodes that a listing selects, and the node that contains them (null: the whole tree)."""
    if listing.parent is not None and listing.within is not None:
        message = say("parent and within cannot be used together")
        raise InvalidRequest(
            message,
            [
                ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/parent", message),
                ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/within", message),
            ],
        )
    nodes, root = np.arange(len(tree.codes)), None
    if listing.parent is not None:
        root = node_of(tree, listing.parent, "parent")
        nodes = np.flatnonzero(tree.parents == root)
    if listing.within is not None:
        root = node_of(tree, listing.within, "within")
        nodes = np.arange(root, tree.ends[root])
    if listing.level is not None:
        nodes = nodes[tree.of_level(listing.level)[nodes]]
    return nodes, root


def _narrowed(selection: Selection, subject: Subject, node: int | None) -> Selection:
    if subject is Subject.DISTRICTS:
        return selection.narrowed(district=node)
    return selection.narrowed(industry=node)
