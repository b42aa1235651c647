"""Cross tables: districts of a level by industries of a level, or by industry groups; only cells with an enterprise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from app.catalogue.metrics import METRICS
from app.statistics import sums, withheld
from app.statistics.aggregates import CODES, count_selection, counted
from app.statistics.inference import precision_of
from app.statistics.population import Selection, group_spans, node_of, resolve, rows_of
from app.statistics.question import Page, Question, Subject
from app.statistics.rates import Counts, stacked
from app.statistics.row_list import BLOCK, Margins, RowList, Side, less, ordered
from app.store.arrays import Int64, holders
from app.store.snapshot import Snapshot, code_ranks


@dataclass(frozen=True)
class CrossTableQuestion(Question):
    """A question about every district of a level, inside `within` if that is given, in every column.

    Parameters
    ----------
    district_level
        Level of the districts.
    industry_level
        Level of the industries that are the columns; null: the columns are industry groups.
    """

    district_level: str = "county"
    industry_level: str | None = None

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return the levels of both trees."""
        return (
            ("district_level", Subject.DISTRICTS, self.district_level),
            ("industry_level", Subject.INDUSTRIES, self.industry_level),
        )


@dataclass(frozen=True)
class _Columns:
    """The columns of a table: all industries, or all groups, each a union of spans of the industry tree.

    Parameters
    ----------
    first
        First span of each column and, last, the number of spans.
    starts, ends
        For each span, in pre-order of the industries.
    ranks
        Rank of each column by code.
    are_groups
        Whether the columns are groups.
    """

    first: Int64
    starts: Int64
    ends: Int64
    ranks: Int64
    are_groups: bool = False


@dataclass(frozen=True)
class _Grid:
    """The rows of a selection that lie in a listed district, sorted by district, then by industry.

    Parameters
    ----------
    rows
        Their numbers.
    keys
        District × width + industry of each, ascending.
    width
        Number of industries, plus one for the unclassified.
    """

    rows: Int64
    keys: Int64
    width: int


def list_cells(snapshot: Snapshot, question: CrossTableQuestion, page: Page) -> RowList:
    """Return the cells with at least one counted enterprise: district × number of columns + column.

    A column is a node of the industry tree, or the number of a group. Figures are computed for the rows that are
    wanted only, so a million cells take no more memory than their numbers.
    """
    selection = resolve(snapshot, question.population)
    within = None if question.listing.within is None else node_of(snapshot.districts, question.listing.within, "within")
    nodes = _listed_nodes(snapshot, question.district_level, within)
    columns = _groups(snapshot) if question.industry_level is None else _industries(snapshot)
    inside = _within(snapshot, selection, within)
    grid = _grid(snapshot, inside or selection, nodes)
    numbers = _filled(snapshot, grid, columns, question.industry_level)
    count = partial(_count, snapshot, selection, grid, columns)
    side = Side("", CODES, METRICS, count)
    width = len(columns.ranks)
    ranks = snapshot.districts.code_ranks[numbers // width] * width + columns.ranks[numbers % width]
    rows = ordered(numbers, ranks, side, page, precision_of(snapshot.manifest))
    disjoint = None if columns.are_groups else numbers
    add_up = partial(_margins, partial(_total, snapshot, selection, within, inside), count, disjoint)
    return RowList(snapshot, Subject.DISTRICTS, rows, (side,), add_up)


def _listed_nodes(snapshot: Snapshot, level: str, within: int | None) -> Int64:
    tree = snapshot.districts
    start, end = (0, len(tree.codes)) if within is None else (within, int(tree.ends[within]))
    return start + np.flatnonzero(tree.of_level(level)[start:end])


def _industries(snapshot: Snapshot) -> _Columns:
    tree = snapshot.industries
    nodes = np.arange(len(tree.codes) + 1)
    return _Columns(nodes, nodes[:-1], tree.ends, tree.code_ranks)


def _groups(snapshot: Snapshot) -> _Columns:
    codes = tuple(snapshot.groups)
    spans = [group_spans(snapshot, code) for code in codes]
    first = np.cumsum([0, *map(len, spans)])
    bounds = np.array([span for group in spans for span in group], np.int64).reshape(-1, 2)
    return _Columns(first, bounds[:, 0], bounds[:, 1], code_ranks(codes), are_groups=True)


def _grid(snapshot: Snapshot, selection: Selection, nodes: Int64) -> _Grid:
    rows, mask = rows_of(snapshot, selection)
    counted_rows = rows.start + np.flatnonzero(mask)
    districts = holders(snapshot.districts.ends, nodes)[snapshot.district_of[counted_rows]]
    counted_rows, districts = counted_rows[districts >= 0], districts[districts >= 0]
    width = len(snapshot.industries.codes) + 1
    keys = districts * width + snapshot.industry_of[counted_rows]
    order = np.argsort(keys, kind="stable")  # nearly sorted already, which this sort is fast at
    return _Grid(counted_rows[order], keys[order], width)


def _filled(snapshot: Snapshot, grid: _Grid, columns: _Columns, level: str | None) -> Int64:
    """Return the cells with at least one enterprise, ascending."""
    districts, industries = np.divmod(grid.keys, grid.width)
    if level is not None:
        nodes = np.flatnonzero(snapshot.industries.of_level(level))
        column = holders(snapshot.industries.ends, nodes)[industries]
        inside = np.flatnonzero(column >= 0)
        return _with_enterprises(snapshot, grid.rows[inside], (districts * len(columns.ranks) + column)[inside])
    found = [np.empty(0, np.int64)]
    for group in range(len(columns.ranks)):
        member = np.zeros(grid.width, bool)
        for span in range(columns.first[group], columns.first[group + 1]):
            member[columns.starts[span] : columns.ends[span]] = True
        inside = np.flatnonzero(member[industries])
        cells = districts[inside] * len(columns.ranks) + group
        found.append(_with_enterprises(snapshot, grid.rows[inside], cells))
    return np.sort(np.concatenate(found))


def _with_enterprises(snapshot: Snapshot, rows: Int64, cells: Int64) -> Int64:
    """Return the cells with at least one enterprise, given the cell of each row, ascending."""
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    lengths = np.diff(starts, append=len(cells))
    enterprises = sums.of_runs(snapshot, rows, lengths, ("enterprises",))[0]
    filled: Int64 = cells[starts][enterprises > 0]
    return filled


def _count(snapshot: Snapshot, selection: Selection, grid: _Grid, columns: _Columns, numbers: Int64) -> Counts:
    """Return the figures of some cells."""
    districts, column = np.divmod(numbers, len(columns.ranks))
    spans = np.diff(columns.first)[column]
    span = _ranges(columns.first[column], spans)
    keys = np.repeat(districts * grid.width, spans)
    starts = np.searchsorted(grid.keys, keys + columns.starts[span])
    lengths = np.searchsorted(grid.keys, keys + columns.ends[span]) - starts
    rows = grid.rows[_ranges(starts, lengths)]
    held = np.diff(np.append(0, np.cumsum(lengths))[np.append(0, np.cumsum(spans))])
    hidden = (
        withheld.of_groups(len(numbers))
        if columns.are_groups
        else withheld.of_cells(snapshot, selection, districts, column)
    )
    return counted(snapshot, sums.of_runs(snapshot, rows, held, snapshot.row_measures), hidden)


def _ranges(starts: Int64, lengths: Int64) -> Int64:
    """Return the concatenated ranges from each start, of these lengths."""
    before: Int64 = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


def _margins(count_total: Callable[[], Counts], count: Callable[[Int64], Counts], disjoint: Int64 | None) -> Margins:
    """Return the total and, if the cells are disjoint, what they leave unallocated."""
    total = count_total()
    if disjoint is None:
        return Margins(total)
    blocks = [disjoint[start : start + BLOCK] for start in range(0, len(disjoint), BLOCK)]
    return Margins(total, less(total, stacked([count(disjoint[:0]), *(count(block).summed() for block in blocks)])))


def _within(snapshot: Snapshot, selection: Selection, within: int | None) -> Selection | None:
    """Return the intersection of a selection and a district; null if it is empty."""
    if within is None or selection.district is None:
        return selection.narrowed(district=within)
    upper, lower = sorted((within, selection.district))
    return replace(selection, district=lower) if lower < snapshot.districts.ends[upper] else None


def _total(snapshot: Snapshot, selection: Selection, within: int | None, inside: Selection | None) -> Counts:
    """Return the figures of a selection inside a district; zeros if the intersection is empty."""
    if inside is not None:
        return count_selection(snapshot, inside)
    own, other = (count_selection(snapshot, one) for one in (selection, selection.narrowed(district=within)))
    return replace(own, values=np.zeros_like(own.values), null=own.null | other.null)
