"""Breakdowns: a population by one or two dimensions, a row per cell with an enterprise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from app.catalogue.dimensions import DIMENSION, By
from app.catalogue.vocabulary import Basis
from app.errors import conflicting
from app.messages import say
from app.statistics import sums, withheld
from app.statistics.aggregates import (
    aggregate_side,
    count_selection,
    counted,
    counter,
    filled,
    margins_of,
    selected,
    within_reach,
)
from app.statistics.inference import precision_of
from app.statistics.population import Selection, in_spans, rows_of, spans_of
from app.statistics.question import Page, Question, Subject
from app.statistics.rates import Counts, stacked
from app.statistics.row_list import Margins, RowList, ordered
from app.store.arrays import Int64, holders
from app.store.snapshot import Mask, Snapshot, Tree, code_ranks
from app.store.table import Table

_FEW = 4096
"""Cells up to which the sums of all are made at once, and kept while a question is answered."""

_OVERLAPPING = frozenset({By.INDUSTRY_GROUP, By.BASIS})
"""Dimensions of which an enterprise may have several values."""

_TREES = {"district": Subject.DISTRICTS, "industry": Subject.INDUSTRIES, "industry_group": Subject.INDUSTRY_GROUPS}
"""The subjects that single rows of a dimension are about."""


@dataclass(frozen=True)
class Axis:
    """A dimension of a breakdown, and its values in a snapshot.

    Parameters
    ----------
    snapshot
        The snapshot.
    by
        The dimension, or the level of a tree.
    """

    snapshot: Snapshot
    by: By

    @cached_property
    def tree(self) -> Tree | None:
        """The tree whose nodes are the values; null: they are groups, or choices of an enumeration."""
        return {"district": self.snapshot.districts, "industry": self.snapshot.industries}.get(self.by.dimension)

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The values by number: codes, or choices in the order of the enumeration."""
        if self.tree is not None:
            return self.tree.codes
        if self.by is By.INDUSTRY_GROUP:
            return tuple(self.snapshot.groups)
        return tuple(map(str, Basis if self.by is By.BASIS else DIMENSION[self.by].values or ()))

    @property
    def is_by_code(self) -> bool:
        """Whether its values are codes, whose order is that of their bytes; else that of the enumeration."""
        return self.tree is not None or self.by is By.INDUSTRY_GROUP

    @cached_property
    def ranks(self) -> Int64:
        """Place of each value in the order of rows."""
        return code_ranks(self.choices) if self.is_by_code else np.arange(len(self.choices))

    @cached_property
    def nodes(self) -> Int64:
        """The values that rows can have: the nodes of the level, else all."""
        everything = np.arange(len(self.choices))
        return everything if self.tree is None else np.flatnonzero(self.tree.of_level(self.by.value))

    def expanded(self, rows: Int64) -> tuple[Int64, Int64]:
        """Return places among some rows, and the value there: a place for each value of a row, none without one."""
        if self.by in _OVERLAPPING:
            places = [np.flatnonzero(self._holds(number, rows)) for number in range(len(self.choices))]
            numbers = np.repeat(np.arange(len(places)), [len(one) for one in places])
            return np.concatenate([np.empty(0, np.int64), *places]), numbers
        values = self._values(rows)
        known = np.flatnonzero(values >= 0)
        return known, values[known]

    def _values(self, rows: Int64) -> Int64:
        """Return the value of each row; -1: none."""
        if self.tree is not None:
            placed = self.snapshot.district_of if self.by.dimension == "district" else self.snapshot.industry_of
            held: Int64 = holders(self.tree.ends, self.nodes)[placed(rows)]
            return held
        column, table = DIMENSION[self.by].column, self.snapshot.rows
        values, valid = table.values(column, rows).astype(np.int64), table.valid(column, rows)
        return values if valid is None else np.where(valid, values, -1)

    def _holds(self, number: int, rows: Int64) -> Mask:
        """Return which rows have a value, of which a row may have several."""
        if self.by is By.BASIS:
            return self.snapshot.in_basis(Basis(self.choices[number]), rows)
        group = self.snapshot.groups[self.choices[number]]
        return in_spans(self.snapshot.industry_of(rows), spans_of(self.snapshot.industries, group))


@dataclass(frozen=True)
class Cells:
    """The cells of a breakdown that hold an enterprise.

    A cell's number is its value on the first axis × the number of values on the second + its value on that.

    Parameters
    ----------
    axes
        One or two.
    numbers
        Of the cells, ascending.
    count
        Counts any of them.
    summed
        Sums measures over any of them; shape (measures, cells).
    """

    axes: tuple[Axis, ...]
    numbers: Int64
    count: Callable[[Int64], Counts]
    summed: Callable[[Int64, Sequence[str]], Int64]

    def values(self, numbers: Int64, axis: int) -> Int64:
        """Return the value of some cells on an axis."""
        if len(self.axes) == 1:
            return numbers
        parts: tuple[Int64, Int64] = np.divmod(numbers, len(self.axes[1].choices))
        return parts[axis]

    @property
    def ranks(self) -> Int64:
        """Place of each cell in the order of rows: by the first axis, then the second."""
        ranks = self.axes[0].ranks[self.values(self.numbers, 0)]
        if len(self.axes) == 1:
            return ranks
        return ranks * len(self.axes[1].choices) + self.axes[1].ranks[self.values(self.numbers, 1)]

    @property
    def are_disjoint(self) -> bool:
        """Whether an enterprise is in one cell at most."""
        return not any(axis.by in _OVERLAPPING for axis in self.axes)


def list_breakdown(snapshot: Snapshot, question: Question, page: Page) -> tuple[RowList, Cells]:
    """Return the cells that a question lists, in the order of a page.

    Raises
    ------
    InvalidRequest
        A code is not in the snapshot, or `sort` is unknown.
    """
    selection = selected(snapshot, question, page)
    cells = cells_of(snapshot, selection, question.by)
    side = aggregate_side(cells.count, question.fields)
    rows = ordered(cells.numbers, cells.ranks, side, page, precision_of(snapshot.manifest))
    disjoint = cells.numbers if cells.are_disjoint and not page.status else None

    def add_up() -> Margins:
        if By.BASIS in question.by:
            return Margins(None)
        return margins_of(count_selection(snapshot, selection), cells.count, disjoint)

    return RowList(snapshot, Subject.DISTRICTS, rows, (side,), add_up), cells


def cells_of(snapshot: Snapshot, selection: Selection, by: Sequence[By]) -> Cells:
    """Return the cells of a selection with at least one enterprise.

    Figures are computed for the cells that are wanted only, so a million cells take no more memory than their numbers.
    """
    axes = tuple(Axis(snapshot, one) for one in by)
    subject = _TREES.get(axes[0].by.dimension)
    if len(axes) == 1 and subject is not None:
        nodes = within_reach(snapshot, selection, subject, axes[0].nodes)
        count = counter(snapshot, selection, subject, nodes)
        numbers = filled(snapshot, selection, subject, nodes, count)
        return Cells(axes, numbers, count, partial(sums.of_subjects, snapshot, selection, subject))
    if axes[0].by is By.BASIS and len(axes) == 1:
        return _by_basis(snapshot, selection, axes)
    grid = _grid(snapshot, selection, axes)
    return Cells(axes, grid.filled(), partial(_count, snapshot, selection, axes, grid), grid.summed)


def _by_basis(snapshot: Snapshot, selection: Selection, axes: tuple[Axis, ...]) -> Cells:
    """Return a selection in each basis, from precomputed sums where there are."""
    selections = [replace(selection, basis=basis) for basis in Basis]
    counts = stacked([count_selection(snapshot, one) for one in selections])

    def summed(numbers: Int64, measures: Sequence[str]) -> Int64:
        found = [sums.whole(snapshot, selections[number], measures) for number in numbers.tolist()]
        return np.concatenate([np.empty((len(measures), 0), np.int64), *found], axis=1)

    return Cells(axes, np.flatnonzero(counts.row("enterprises") > 0), counts.taken, summed)


def refuse_pair(by: Sequence[By], *, basis_given: bool) -> None:
    """Refuse dimensions that cannot stand together: two of one kind, or bases beside a basis.

    Raises
    ------
    InvalidRequest
        They cannot.
    """
    kinds = [one.dimension for one in by]
    if len(set(kinds)) < len(kinds):
        raise conflicting(say("{by} are of one kind: by takes two of different kinds", by=", ".join(by)), "by")
    if By.BASIS in by and basis_given:
        raise conflicting(say("by=basis cannot be used together with basis"), "by", "basis")


@dataclass(frozen=True)
class _SortedRows:
    """Selected rows of one part of the table, once per cell that they are in, sorted by cell.

    Parameters
    ----------
    part
        The rows among which they are.
    places
        Where each is among these.
    cells
        The cells, ascending.
    starts
        Where the rows of each cell begin and, last, the number of rows.
    """

    part: slice
    places: npt.NDArray[np.int32]
    cells: Int64
    starts: Int64

    def summed(self, table: Table, numbers: Int64, measures: Sequence[str]) -> Int64:
        """Return the sums of some cells, zeros for one without rows; shape (measures, cells)."""
        if len(self.cells) == 0:
            return np.zeros((len(measures), len(numbers)), np.int64)
        found = np.minimum(np.searchsorted(self.cells, numbers), len(self.cells) - 1)
        lengths = np.where(self.cells[found] == numbers, np.diff(self.starts)[found], 0)
        before = np.cumsum(lengths) - lengths
        wanted = np.repeat(self.starts[found] - before, lengths) + np.arange(int(lengths.sum()))
        places = self.places[wanted]
        return sums.of_runs(lambda measure: table.values(measure, self.part).take(places), lengths, measures)


@dataclass(frozen=True)
class _Grid:
    """The selected rows by part of the table, so that nothing is as long as all rows where there are several."""

    table: Table
    parts: Sequence[_SortedRows]

    @cached_property
    def cells(self) -> Int64:
        """The cells, ascending."""
        return np.unique(np.concatenate([part.cells for part in self.parts]))

    def filled(self) -> Int64:
        """Return the cells with at least one enterprise."""
        cells: Int64 = self.cells[self.summed(self.cells, ("enterprises",))[0] > 0]
        return cells

    def summed(self, numbers: Int64, measures: Sequence[str]) -> Int64:
        """Return the sums of some cells, zeros for one without rows; shape (measures, cells)."""
        if len(self.cells) > _FEW:
            return self._summed(numbers, measures)
        key = tuple(measures)
        if key not in self._of_all:
            self._of_all[key] = np.pad(self._summed(self.cells, measures), ((0, 0), (0, 1)))
        places = np.where(np.isin(numbers, self.cells), np.searchsorted(self.cells, numbers), len(self.cells))
        return self._of_all[key][:, places]

    @cached_property
    def _of_all(self) -> dict[tuple[str, ...], Int64]:
        """Sums of all cells and, last, of none; a pass over the enterprises costs the same for one cell and for all.

        A dictionary: a function would refer to the grid, and so keep its rows until cycles are collected.
        """
        return {}

    def _summed(self, numbers: Int64, measures: Sequence[str]) -> Int64:
        found = np.zeros((len(measures), len(numbers)), np.int64)
        for part in self.parts:
            found += part.summed(self.table, numbers, measures)
        return found


def _grid(snapshot: Snapshot, selection: Selection, axes: Sequence[Axis]) -> _Grid:
    if any(axis.by is By.BASIS for axis in axes):
        selection = replace(selection, basis=Basis.REGISTERED)
    parts = [_sorted_rows(part, mask, axes) for part, mask in rows_of(snapshot, selection)]
    return _Grid(snapshot.rows, parts)


def _sorted_rows(part: slice, mask: Mask, axes: Sequence[Axis]) -> _SortedRows:
    selected = part.start + np.flatnonzero(mask)
    keys = np.zeros(len(selected), np.int64)
    for axis in axes:
        held, values = axis.expanded(selected)
        selected, keys = selected[held], keys[held] * len(axis.choices) + values
    narrow = keys.astype(np.min_scalar_type(prod(len(axis.choices) for axis in axes)))  # of 16 bits: sorted by radix
    order = np.argsort(narrow, kind="stable")
    sorted_keys = keys[order]
    starts = np.flatnonzero(np.diff(sorted_keys, prepend=-1))
    places = (selected[order] - part.start).astype(np.int32)
    return _SortedRows(part, places, sorted_keys[starts], np.append(starts, len(sorted_keys)))


def _count(snapshot: Snapshot, selection: Selection, axes: tuple[Axis, ...], grid: _Grid, numbers: Int64) -> Counts:
    """Return the figures of some cells."""
    hidden = partial(_withheld, snapshot, selection, axes, numbers)
    return counted(snapshot, selection, partial(grid.summed, numbers), hidden)


def _withheld(snapshot: Snapshot, selection: Selection, axes: tuple[Axis, ...], numbers: Int64) -> tuple[Int64, Mask]:
    """Return the withheld members of some cells, and where they are null: for groups and attributes everywhere."""
    values = {axis.by.dimension: number for axis, number in zip(axes, _split(axes, numbers), strict=True)}
    bases = values.pop("basis", None)
    if values.keys() - {"district", "industry"}:
        return withheld.of_none(len(numbers))
    if bases is None:
        return withheld.of_cells(snapshot, selection, values.get("district"), values.get("industry"))
    members, null = withheld.of_none(len(numbers))
    for number, basis in enumerate(Basis):
        places = np.flatnonzero(bases == number)
        here = {name: value[places] for name, value in values.items()}
        members[places], null[places] = withheld.of_cells(
            snapshot, replace(selection, basis=basis), here.get("district"), here.get("industry")
        )
    return members, null


def _split(axes: tuple[Axis, ...], numbers: Int64) -> tuple[Int64, ...]:
    return (numbers,) if len(axes) == 1 else np.divmod(numbers, len(axes[1].choices))
