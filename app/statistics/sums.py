"""Sums of the additive measures: looked up in totals or cells, else computed from the rows.

Rows are enterprises, or the places of a protected snapshot; measures are given by code.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from app.catalogue.vocabulary import Basis
from app.statistics.population import Selection, roots, rows_of, spans_of
from app.statistics.question import Subject
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot
from app.store.table import Table

_DENSE = 0.6
"""Share of selected rows above which multiplying by the mask is faster than gathering them (measured)."""

_NARROW = 1 << 16
"""Nodes below which keys are 16 bits, which NumPy sorts by radix."""


def whole(snapshot: Snapshot, selection: Selection, measures: Sequence[str]) -> Int64:
    """Return the sums of a selection, shape (measures, 1)."""
    trees = snapshot.districts, snapshot.industries
    match sorted(selection.conditions):
        case []:
            return _looked_up(snapshot, selection.basis, np.zeros(1, np.int64), measures)
        case ["districts"]:
            nodes = roots(trees[0], selection.districts)
            return _added_up(districts(snapshot, Selection(selection.basis), nodes, measures))
        case ["industries"] | ["districts", "industries"] if len(selection.districts) <= 1:
            nodes = roots(trees[1], selection.industries)
            return _added_up(industries(snapshot, replace(selection, industries=()), nodes, measures))
        case ["groups"] if len(selection.groups) == 1:
            return groups(snapshot, Selection(selection.basis), selection.groups, measures)
    sums = np.zeros((len(measures), 1), np.int64)
    for rows, mask in rows_of(snapshot, selection):
        sums += _segments(snapshot, rows, mask, np.array([0]), np.array([mask.size]), measures)
    return sums


def of_subjects(
    snapshot: Snapshot, selection: Selection, subject: Subject, rows: Int64, measures: Sequence[str]
) -> Int64:
    """Return the sums of some districts, industries or groups, given by number, within a selection."""
    if subject is Subject.DISTRICTS:
        return districts(snapshot, selection, rows, measures)
    if subject is Subject.INDUSTRIES:
        return industries(snapshot, selection, rows, measures)
    codes = tuple(snapshot.groups)
    return groups(snapshot, selection, [codes[row] for row in rows.tolist()], measures)


def districts(snapshot: Snapshot, selection: Selection, nodes: Int64, measures: Sequence[str]) -> Int64:
    """Return the sums of each district's subtree within a selection, shape (measures, nodes)."""
    if not selection.conditions:
        return _looked_up(snapshot, selection.basis, 1 + nodes, measures)
    if selection.conditions == {"industries"} and len(nodes) == 1:
        return whole(snapshot, replace(selection, districts=(int(nodes[0]),)), measures)
    first, sums = snapshot.first_of_district, np.zeros((len(measures), len(nodes)), np.int64)
    for rows, mask in rows_of(snapshot, selection):
        starts = np.clip(first[nodes] - rows.start, 0, mask.size)
        ends = np.clip(first[snapshot.districts.ends[nodes]] - rows.start, 0, mask.size)
        sums += _segments(snapshot, rows, mask, starts, ends, measures)
    return sums


def industries(snapshot: Snapshot, selection: Selection, nodes: Int64, measures: Sequence[str]) -> Int64:
    """Return the sums of each industry's subtree within a selection, shape (measures, nodes)."""
    if not selection.conditions:
        return _looked_up(snapshot, selection.basis, 1 + len(snapshot.districts.codes) + nodes, measures)
    if selection.conditions <= {"districts", "industries"} and len(selection.industries) == 1:
        shared, some = _shared(snapshot.industries.ends, selection.industries[0], nodes)
        return industries(snapshot, replace(selection, industries=()), shared, measures) * some
    if selection.conditions == {"districts"} and len(selection.districts) == 1:
        cells = _in_cells(snapshot, selection.basis, selection.districts[0], nodes, measures)
        if cells is not None:
            return cells
    sums = np.zeros((len(measures), len(nodes)), np.int64)
    for ordered, keys in _by_industry(snapshot, selection):
        starts = np.searchsorted(keys, nodes)
        ends = np.searchsorted(keys, snapshot.industries.ends[nodes])
        sums += _of_rows(snapshot, ordered, starts, ends, measures)
    return sums


def groups(snapshot: Snapshot, selection: Selection, codes: Sequence[str], measures: Sequence[str]) -> Int64:
    """Return the sums of each industry group in a selection, shape (measures, groups); an enterprise counts once."""
    if not selection.conditions:
        places = list(snapshot.groups)
        offset = 1 + len(snapshot.districts.codes) + len(snapshot.industries.codes)
        return _looked_up(
            snapshot, selection.basis, offset + np.array([places.index(code) for code in codes], np.int64), measures
        )
    sums = np.zeros((len(measures), len(codes)), np.int64)
    for ordered, keys in _by_industry(snapshot, selection):
        for place, code in enumerate(codes):
            spans = spans_of(snapshot.industries, snapshot.groups[code])
            sums[:, place : place + 1] += _of_spans(snapshot, ordered, keys, spans, measures)
    return sums


def _added_up(sums: Int64) -> Int64:
    total: Int64 = sums.sum(axis=1, keepdims=True)
    return total


def _shared(ends: Int64, node: int, nodes: Int64) -> tuple[Int64, Mask]:
    """Return the root of each subtree's intersection with that of `node`, and whether it is not empty."""
    below = (nodes >= node) & (nodes < ends[node])
    above = (nodes <= node) & (node < ends[nodes])
    return np.where(below, nodes, node), below | above


def _of_spans(
    snapshot: Snapshot, ordered: Int64, keys: npt.NDArray[Any], spans: list[tuple[int, int]], measures: Sequence[str]
) -> Int64:
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    starts, ends = np.searchsorted(keys, bounds[:, 0]), np.searchsorted(keys, bounds[:, 1])
    return _added_up(_of_rows(snapshot, ordered, starts, ends, measures))


def _looked_up(snapshot: Snapshot, basis: Basis, rows: Int64, measures: Sequence[str]) -> Int64:
    """Return rows of the basis's block of `totals`: everything, districts, industries, groups."""
    trees = len(snapshot.districts.codes) + len(snapshot.industries.codes) + len(snapshot.groups)
    places = snapshot.bases.index(basis) * (1 + trees) + rows
    return _gathered(snapshot.totals, places, measures)


def _gathered(table: Table, places: Int64, measures: Sequence[str]) -> Int64:
    sums = np.empty((len(measures), len(places)), np.int64)
    for row, column in enumerate(table.columns(measures)):
        sums[row] = column[places]
    return sums


def _in_cells(snapshot: Snapshot, basis: Basis, district: int, nodes: Int64, measures: Sequence[str]) -> Int64 | None:
    """Return the sums from `cells`; null if the district is too small or an industry is below the division."""
    large, divisions = snapshot.cell_axes
    place = np.searchsorted(large, district)
    columns = np.searchsorted(divisions, nodes)
    if place == len(large) or large[place] != district or (columns == len(divisions)).any():
        return None
    if (divisions[columns] != nodes).any():
        return None
    block = (snapshot.bases.index(basis) * len(large) + int(place)) * len(divisions)
    return _gathered(snapshot.cells, block + columns, measures)


def _by_industry(snapshot: Snapshot, selection: Selection) -> Iterator[tuple[Int64, npt.NDArray[Any]]]:
    """Yield the selected rows of each part sorted by industry, and their industries."""
    for rows, mask in rows_of(snapshot, selection):
        selected: Int64 = rows.start + np.flatnonzero(mask)
        keys = snapshot.industry_of(selected)
        if len(snapshot.industries.codes) < _NARROW:
            keys = keys.astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        yield selected[order], keys[order].astype(np.int64)


def _segments(
    snapshot: Snapshot, rows: slice, mask: Mask, starts: Int64, ends: Int64, measures: Sequence[str]
) -> Int64:
    """Return the sums of the masked rows between bounds, which are relative to the slice."""
    if np.count_nonzero(mask) > _DENSE * mask.size:
        columns = (snapshot.rows.values(measure, rows) * mask for measure in measures)
        return _added(columns, mask.size, starts, ends, len(measures))
    selected = np.flatnonzero(mask)
    first, last = np.searchsorted(selected, starts), np.searchsorted(selected, ends)
    return _of_rows(snapshot, rows.start + selected, first, last, measures)


def _of_rows(snapshot: Snapshot, rows: Int64, starts: Int64, ends: Int64, measures: Sequence[str]) -> Int64:
    """Return the sums of `rows[start:end]` for each pair of bounds."""
    columns = (snapshot.rows.values(measure, rows) for measure in measures)
    return _added(columns, len(rows), starts, ends, len(measures))


def _added(columns: Iterable[npt.NDArray[Any]], size: int, starts: Int64, ends: Int64, count: int) -> Int64:
    """Return the sums of `column[start:end]` for each pair of bounds; each row is added once.

    There are `count` columns, each of `size` rows.
    """
    bounds = np.sort(np.concatenate((starts, ends)))
    inner = bounds[(np.diff(bounds, prepend=-1) > 0) & (bounds < size)]
    sums = np.zeros((count, len(starts)), np.int64)
    if len(inner) == 0:
        return sums
    opens, closes = np.searchsorted(inner, starts), np.searchsorted(inner, ends)
    running = np.zeros(len(inner) + 1, np.int64)
    for row, column in enumerate(columns):
        np.cumsum(np.add.reduceat(column, inner, dtype=np.int64), out=running[1:])
        sums[row] = running[closes] - running[opens]
    return sums


def listed_rows(snapshot: Snapshot, selection: Selection) -> Int64:
    """Return the selected rows."""
    return np.concatenate(list(listed_parts(snapshot, selection)))


def listed_parts(snapshot: Snapshot, selection: Selection) -> Iterator[Int64]:
    """Yield the selected rows of each part of the table."""
    for rows, mask in rows_of(snapshot, selection):
        yield rows.start + np.flatnonzero(mask)


def add_rows(snapshot: Snapshot, rows: Int64, measures: Sequence[str]) -> Int64:
    """Return the sums of some rows, shape (measures, 1)."""
    return _of_rows(snapshot, rows, np.array([0]), np.array([len(rows)]), measures)


def of_runs(values_of: Callable[[str], npt.NDArray[Any]], lengths: Int64, measures: Sequence[str]) -> Int64:
    """Return the sums of consecutive runs of these lengths among values of measures; shape (measures, runs)."""
    sums = np.zeros((len(measures), len(lengths)), np.int64)
    some = np.flatnonzero(lengths)
    if len(some):
        starts = (np.cumsum(lengths) - lengths)[some]
        for line, measure in enumerate(measures):
            sums[line, some] = np.add.reduceat(values_of(measure), starts, dtype=np.int64)
    return sums
