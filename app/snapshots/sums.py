"""Sums of the additive measures: of every district, industry and group, and of the cells of large districts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from app.catalogue.vocabulary import Basis
from app.errors import Conflict
from app.messages import say
from app.store.arrays import Int64, disjoint_spans, edges, running_total, subtree_totals

CELLS_ABOVE = 4096
"""Cells are stored for districts with more enterprises than this; below, a request sums them fast enough (measured)."""

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Placed:
    """Rows sorted by place, with the trees of the places: a row per enterprise, or per place.

    Parameters
    ----------
    districts, industries
        Index of each row's node; the number of nodes: none.
    district_ends, industry_ends
        Index after the subtree of each node.
    groups
        Indices of the industries of each industry group.
    divisions
        Indices of the industries down to the division.
    bases
        Mask of the rows of each basis.
    enterprises
        Number of enterprises of each row.
    """

    districts: Ints
    industries: Ints
    district_ends: Ints
    industry_ends: Ints
    groups: Sequence[Ints]
    divisions: Ints
    bases: Mapping[Basis, npt.NDArray[np.bool_]]
    enterprises: Ints

    @cached_property
    def first_of_district(self) -> Int64:
        """First row of each district, then the end of the last."""
        return edges(self.districts, len(self.district_ends))

    @cached_property
    def by_industry(self) -> Int64:
        """The rows sorted by industry."""
        return np.argsort(self.industries, kind="stable")

    @cached_property
    def first_of_industry(self) -> Int64:
        """First position of each industry in that order, then the end of the last."""
        return edges(self.industries[self.by_industry], len(self.industry_ends))

    @cached_property
    def large_districts(self) -> Int64:
        """The districts with more than `CELLS_ABOVE` enterprises in their subtree, of any basis."""
        enterprises = subtree_totals(running_total(self.enterprises), self.first_of_district, self.district_ends)
        return np.flatnonzero(enterprises > CELLS_ABOVE)

    @cached_property
    def large_slices(self) -> list[tuple[Ints, Int64]]:
        """The rows of each large district sorted by industry, and the position of each industry's first row."""
        slices = []
        for district in self.large_districts.tolist():
            start, end = self.first_of_district[[district, self.district_ends[district]]].tolist()
            industries = self.industries[start:end]
            rows = start + np.argsort(industries, kind="stable")
            slices.append((rows.astype(np.int32), edges(self.industries[rows], len(self.industry_ends))))
        return slices


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


def totals_of(measure: Ints, placed: Placed) -> Int64:
    """Return the sums of one measure per basis: of everything, each district, each industry, each group."""
    by_industry, first_of_industry = placed.by_industry, placed.first_of_industry
    spans = [_spans(group, placed.industry_ends) for group in placed.groups]
    blocks = []
    for mask in placed.bases.values():
        by_place = running_total(measure, mask)
        of_kind = running_total(measure[by_industry], mask[by_industry])
        edge = of_kind[first_of_industry]
        blocks += [
            by_place[-1:],
            subtree_totals(by_place, placed.first_of_district, placed.district_ends),
            subtree_totals(of_kind, first_of_industry, placed.industry_ends),
            np.array([sum(int(edge[end] - edge[start]) for start, end in span) for span in spans], np.int64),
        ]
    return np.concatenate(blocks)


def cells_of(measure: Ints, placed: Placed) -> Int64:
    """Return the sums of one measure per basis, large district and industry down to the division."""
    blocks = [np.empty(0, np.int64)]
    for mask in placed.bases.values():
        for rows, edge in placed.large_slices:
            totals = running_total(measure[rows], mask[rows])
            blocks.append(totals[edge[placed.industry_ends[placed.divisions]]] - totals[edge[placed.divisions]])
    return np.concatenate(blocks)


def _spans(group: Ints, ends: Ints) -> list[tuple[int, int]]:
    return disjoint_spans(group, ends[group])
