"""Sums of the additive measures: of every district, industry and group, and of the cells of large districts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.catalogue.vocabulary import Basis
from app.errors import Conflict
from app.messages import say
from app.store.arrays import Int64, disjoint_spans, edges, running_total

CELLS_ABOVE = 4096
"""Cells are stored for districts with more enterprises than this; below, a request sums them fast enough (measured)."""

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Axes:
    """What sums are of: every basis, district, industry and group, and the divisions of large districts.

    Parameters
    ----------
    bases
        In the order of their blocks.
    district_ends, industry_ends
        Index after the subtree of each node.
    groups
        Indices of the industries of each industry group.
    divisions
        Indices of the industries down to the division.
    large
        The districts with more than `CELLS_ABOVE` enterprises in their subtree, of any basis.
    """

    bases: Sequence[Basis]
    district_ends: Ints
    industry_ends: Ints
    groups: Sequence[Ints]
    divisions: Ints
    large: Ints


@dataclass(frozen=True)
class Placed:
    """Rows sorted by place: enterprises, or places.

    Parameters
    ----------
    axes
        What they are summed by.
    districts, industries
        Index of each row's node; the number of nodes: none.
    masks
        Rows of each basis, as in the axes.
    """

    axes: Axes
    districts: Ints
    industries: Ints
    masks: Sequence[npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Sums:
    """Sums of measures over some rows, per basis; those of several are added up.

    Parameters
    ----------
    codes
        The measures.
    first
        First district that has any of the rows.
    districts
        Of the rows of each district itself from there to the last; shape (measures, bases, districts).
    industries
        Of the rows of each industry itself and, last, of none.
    large
        Which of the large districts have any of the rows.
    cells
        Of the subtrees of each of these and each division; shape (measures, bases, districts, divisions).
    """

    codes: tuple[str, ...]
    first: int
    districts: Int64
    industries: Int64
    large: Ints
    cells: Int64


class SumTooLarge(Conflict):
    """A sum over the registry, of squared headcounts mostly, does not fit 64 bits: some of them must be wrong."""

    code = "sum-too-large"
    title = "Sum too large"


_MOST = 2.0**63 * (1 - 2.0**-40)
"""What a sum of whole numbers may be; the sum that is compared with it is rounded."""


def require_room(code: str, values: Ints) -> Ints:
    """Return the values of a measure, none of them negative, if they and all their sums fit 64 bits.

    Raises
    ------
    SumTooLarge
        They do not.
    """
    if values.sum(dtype=np.float64) > _MOST:
        message = say(
            "The sum of {code} does not fit 64 bits; no snapshot was built. A few headcounts of more than a thousand "
            "million are behind it: look for returns with impossible headcounts.",
            code=code,
        )
        raise SumTooLarge(message)
    return values


def large_districts(enterprises: Ints, ends: Ints) -> Int64:
    """Return the districts that are large, given the enterprises of each itself and, last, of none."""
    return np.flatnonzero(_of_subtrees(enterprises[None].astype(np.int64), ends)[0] > CELLS_ABOVE)


def sums_of(measures: Iterable[tuple[str, Ints]], placed: Placed) -> Sums:
    """Return the sums of some rows; one measure after the other.

    Raises
    ------
    SumTooLarge
        A sum does not fit 64 bits.
    """
    axes = placed.axes
    first, end = (int(placed.districts[0]), int(placed.districts[-1]) + 1) if len(placed.districts) else (0, 0)
    large = np.flatnonzero((axes.large < end) & (axes.district_ends[axes.large] > first))
    by_district = edges(placed.districts - first, end - first)
    groupings = (
        _Grouping.of(placed, slice(None), by_district[:-1], by_district[1:]),
        _by_industry(placed),
        _by_cell(placed, large),
    )
    found = {code: [grouping.sums(require_room(code, values)) for grouping in groupings] for code, values in measures}
    districts, industries, cells = (np.stack(sums) for sums in zip(*found.values(), strict=True))
    cells = cells.reshape(*cells.shape[:2], len(large), len(axes.divisions))
    return Sums(tuple(found), first, districts, industries, large, cells)


@dataclass(frozen=True)
class _Grouping:
    """Rows in an order in which those of each group follow each other.

    Parameters
    ----------
    rows
        The rows, in that order.
    starts, ends
        Where each group begins and ends.
    masks
        Which of them are in each basis; null: all.
    """

    rows: Ints | slice
    starts: Int64
    ends: Int64
    masks: Sequence[npt.NDArray[np.bool_] | None]

    @classmethod
    def of(cls, placed: Placed, rows: Ints | slice, starts: Int64, ends: Int64) -> "_Grouping":
        masks = (mask[rows] for mask in placed.masks)
        return cls(rows, starts, ends, [None if mask.all() else mask for mask in masks])

    def sums(self, values: Ints) -> Int64:
        """Return the sums of a measure, shape (bases, groups)."""
        ordered, sums = values[self.rows], np.empty((len(self.masks), len(self.starts)), np.int64)
        for line, mask in enumerate(self.masks):
            totals = running_total(ordered, mask)
            sums[line] = totals[self.ends] - totals[self.starts]
        return sums


def _by_industry(placed: Placed) -> _Grouping:
    rows = np.argsort(placed.industries, kind="stable").astype(np.int32)
    bounds = edges(placed.industries[rows], len(placed.axes.industry_ends) + 1)
    return _Grouping.of(placed, rows, bounds[:-1], bounds[1:])


def _by_cell(placed: Placed, large: Ints) -> _Grouping:
    axes, before = placed.axes, 0
    rows, starts, ends = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for district in axes.large[large].tolist():
        start, end = np.searchsorted(placed.districts, [district, axes.district_ends[district]]).tolist()
        industries = placed.industries[start:end]
        order = np.argsort(industries, kind="stable")
        bounds = before + edges(industries[order], len(axes.industry_ends))
        rows.append((start + order).astype(np.int32))
        starts.append(bounds[axes.divisions])
        ends.append(bounds[axes.industry_ends[axes.divisions]])
        before += end - start
    return _Grouping.of(placed, np.concatenate(rows), np.concatenate(starts), np.concatenate(ends))


def added_up(pieces: Iterable[Sums], axes: Axes) -> Sums:
    """Return the sums of all rows, of all districts and, last, none.

    Raises
    ------
    SumTooLarge
        A sum does not fit 64 bits.
    """
    whole: Sums | None = None
    for piece in pieces:
        if whole is None:
            whole = _nothing(piece.codes, axes)
        whole.districts[:, :, piece.first : piece.first + piece.districts.shape[2]] += piece.districts
        whole.industries[...] += piece.industries
        whole.cells[:, :, piece.large] += piece.cells
    assert whole is not None
    for code, sums in zip(whole.codes, whole.districts, strict=True):
        require_room(code, sums[0])
    return whole


def _nothing(codes: tuple[str, ...], axes: Axes) -> Sums:
    shape = len(codes), len(axes.bases)
    return Sums(
        codes,
        0,
        np.zeros((*shape, len(axes.district_ends) + 1), np.int64),
        np.zeros((*shape, len(axes.industry_ends) + 1), np.int64),
        np.arange(len(axes.large)),
        np.zeros((*shape, len(axes.large), len(axes.divisions)), np.int64),
    )


def totals_of(districts: Int64, industries: Int64, axes: Axes) -> Int64:
    """Return the sums of one measure per basis: of everything, each district, each industry, each group."""
    of_industries = _of_subtrees(industries, axes.industry_ends)
    groups = np.zeros((len(axes.bases), len(axes.groups)), np.int64)
    for place, group in enumerate(axes.groups):
        roots = [start for start, _ in disjoint_spans(group, axes.industry_ends[group])]
        groups[:, place] = of_industries[:, roots].sum(axis=1)
    everything = districts.sum(axis=1, keepdims=True)
    return np.concatenate(
        (everything, _of_subtrees(districts, axes.district_ends), of_industries, groups), axis=1
    ).ravel()


def _of_subtrees(sums: Int64, ends: Ints) -> Int64:
    """Return the sums of each node's subtree, given those of each node itself; shape (bases, nodes)."""
    totals = np.zeros((len(sums), sums.shape[1] + 1), np.int64)
    np.cumsum(sums, axis=1, out=totals[:, 1:])
    return totals[:, ends] - totals[:, : len(ends)]
