"""Placement of an enterprise's persons in protected figures: alone at its place, pooled, further up, or nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.snapshots.ordering import OrderedTree, at

LEAST_HEADCOUNT = 30
"""Least headcount of an enterprise that is shown alone, or of a pool of smaller ones (`hmin`), employees."""

STREET, COUNTY = (list(DistrictLevel).index(level) for level in (DistrictLevel.STREET, DistrictLevel.COUNTY))
DIVISION, SECTION = (list(IndustryLevel).index(level) for level in (IndustryLevel.DIVISION, IndustryLevel.SECTION))

Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Location:
    """Nodes of enterprises, in trees that end at the street and the division; -1 is no node.

    Parameters
    ----------
    districts, industries
        Node of each enterprise, or the nearest above it in the tree.
    district_tree, industry_tree
        The trees.
    """

    districts: Int64
    industries: Int64
    district_tree: OrderedTree
    industry_tree: OrderedTree

    @cached_property
    def steps(self) -> Sequence[tuple[Int64, Int64, Mask]]:
        """District and industry of each enterprise at each step, and whether it has a node there.

        The steps are street x division, county x division, county x section, county.
        """
        street, county = self._streets, at(self.district_tree.nearest(COUNTY), self.districts)
        division, section = self._divisions, at(self.industry_tree.nearest(SECTION), self.industries)
        anywhere = np.full(len(county), -1)
        return (
            (street, division, (street >= 0) & (division >= 0)),
            (county, division, (county >= 0) & (division >= 0)),
            (county, section, (county >= 0) & (section >= 0)),
            (county, anywhere, county >= 0),
        )

    def taken(self, rows: Int64) -> "Location":
        """Return some of the enterprises."""
        return replace(self, districts=self.districts[rows], industries=self.industries[rows])

    @property
    def _streets(self) -> Int64:
        return np.where(at(self.district_tree.ranks, self.districts) == STREET, self.districts, -1)

    @property
    def _divisions(self) -> Int64:
        return np.where(at(self.industry_tree.ranks, self.industries) == DIVISION, self.industries, -1)


@dataclass(frozen=True)
class Placement:
    """The enterprises whose persons are shown.

    Parameters
    ----------
    rows
        Their indices, ascending.
    districts, industries
        Node where each is shown; -1: no industry.
    alone
        Whether no other enterprise is shown there.
    """

    rows: Int64
    districts: Int64
    industries: Int64
    alone: Mask


def place(headcount: Int64, location: Location) -> Placement:
    """Return where the persons of each enterprise are shown.

    An enterprise of at least `LEAST_HEADCOUNT` is shown at the first step where it has a node. The others are pooled
    there: all of one place are shown if their headcounts add up to as much, else they move to the next step.
    """
    is_shown, alone = np.zeros(len(headcount), bool), np.zeros(len(headcount), bool)
    nodes = np.full((2, len(headcount)), -1)
    for districts, industries, has_node in location.steps:
        here = np.flatnonzero(has_node & ~is_shown)
        is_shown[here], alone[here] = _shown(headcount[here], _numbered(districts[here], industries[here]))
        nodes[:, here] = districts[here], industries[here]
    rows = np.flatnonzero(is_shown)
    return Placement(rows, nodes[0, rows], nodes[1, rows], alone[rows])


def _shown(headcount: Int64, place_of: Int64) -> tuple[Mask, Mask]:
    """Return which enterprises are shown at a step, and which of them alone.

    Parameters
    ----------
    headcount
        Headcount of each enterprise not yet shown.
    place_of
        Number of its place, from 0.
    """
    is_large = headcount >= LEAST_HEADCOUNT
    pooled = _added_up(np.where(is_large, 0, headcount), place_of)
    shown = is_large | (pooled >= LEAST_HEADCOUNT)[place_of]
    together = _added_up(shown.astype(np.int64), place_of)
    return shown, is_large & (together == 1)[place_of]


def _numbered(districts: Int64, industries: Int64) -> Int64:
    """Return the number of each pair of nodes among all distinct pairs."""
    width = int(industries.max(initial=-1)) + 2
    number: Int64 = np.unique(districts * width + industries + 1, return_inverse=True)[1]
    return number


def _added_up(values: Int64, place_of: Int64) -> Int64:
    """Return the sum of the values of each place, by its number."""
    sums = np.zeros(int(place_of.max(initial=-1)) + 1, np.int64)
    np.add.at(sums, place_of, values)
    return sums
