"""Members of withheld identity: known per county and section, null at any finer grain."""

import numpy as np

from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.statistics.population import Selection
from app.store.arrays import Int64, holders, running_total
from app.store.snapshot import Mask, Places, Snapshot

_COUNTY = list(DistrictLevel).index(DistrictLevel.COUNTY)
_SECTION = list(IndustryLevel).index(IndustryLevel.SECTION)
_CODE = "members_withheld"
_BASES = (Basis.REGISTERED, Basis.OPERATING)


def of_districts(snapshot: Snapshot, selection: Selection, nodes: Int64) -> tuple[Int64, Mask]:
    """Return the withheld members of each district within a selection, and where the figure is null."""
    if not _defined(snapshot, selection):
        return _all_null(len(nodes))
    count = _members(snapshot, selection.basis) * _inside(
        snapshot.withheld_sections, selection.industry, snapshot.industries.ends
    )
    return _added(snapshot.withheld_counties, count, nodes, snapshot.districts.ends), snapshot.districts.ranks[
        nodes
    ] > _COUNTY


def of_industries(snapshot: Snapshot, selection: Selection, nodes: Int64) -> tuple[Int64, Mask]:
    """Return the withheld members of each industry within a selection, and where the figure is null."""
    if not _defined(snapshot, selection):
        return _all_null(len(nodes))
    count = _members(snapshot, selection.basis) * _inside(
        snapshot.withheld_counties, selection.district, snapshot.districts.ends
    )
    return _added(snapshot.withheld_sections, count, nodes, snapshot.industries.ends), snapshot.industries.ranks[
        nodes
    ] > _SECTION


def of_cells(snapshot: Snapshot, selection: Selection, districts: Int64, industries: Int64) -> tuple[Int64, Mask]:
    """Return the withheld members of pairs of a district and an industry within a selection, and where they are null.

    All districts are of one level, and so are all industries.
    """
    deep = (snapshot.districts.ranks[districts] > _COUNTY) | (snapshot.industries.ranks[industries] > _SECTION)
    if deep.any() or not _defined(snapshot, selection):
        return _all_null(len(districts))
    counties, sections = snapshot.withheld_counties, snapshot.withheld_sections
    inside = _inside(counties, selection.district, snapshot.districts.ends) & _inside(
        sections, selection.industry, snapshot.industries.ends
    )
    width = len(snapshot.industries.codes)
    held = holders(snapshot.districts.ends, np.unique(districts))[counties.nodes]
    below = holders(snapshot.industries.ends, np.unique(industries))[sections.nodes]
    known = np.flatnonzero(inside & (held >= 0) & (below >= 0))
    cells, place = np.unique(districts * width + industries, return_inverse=True)
    cell_of = held[known] * width + below[known]
    found = np.minimum(np.searchsorted(cells, cell_of), len(cells) - 1)
    matched = np.flatnonzero(cells[found] == cell_of)
    count = np.zeros(len(cells), np.int64)
    np.add.at(count, found[matched], _members(snapshot, selection.basis)[known][matched])
    return count[place], deep


def of_groups(count: int) -> tuple[Int64, Mask]:
    """Return the withheld members of industry groups: null, since a group has no section."""
    return _all_null(count)


def of_selection(snapshot: Snapshot, selection: Selection) -> tuple[Int64, Mask]:
    """Return the withheld members of the whole selection, and whether the figure is null; one element each."""
    if not _defined(snapshot, selection):
        return _all_null(1)
    inside = _inside(snapshot.withheld_counties, selection.district, snapshot.districts.ends) & _inside(
        snapshot.withheld_sections, selection.industry, snapshot.industries.ends
    )
    return np.array([int(_members(snapshot, selection.basis)[inside].sum())]), np.zeros(1, bool)


def _defined(snapshot: Snapshot, selection: Selection) -> bool:
    """Whether a selection consists of whole counties and sections, in a basis and a snapshot that have the figure."""
    return (
        _CODE in snapshot.manifest.capabilities.measures
        and snapshot.manifest.member_source == "register"
        and selection.basis in _BASES
        and not selection.filtered
        and selection.industry_group is None
        and (selection.district is None or snapshot.districts.ranks[selection.district] <= _COUNTY)
        and (selection.industry is None or snapshot.industries.ranks[selection.industry] <= _SECTION)
    )


def _all_null(count: int) -> tuple[Int64, Mask]:
    return np.zeros(count, np.int64), np.ones(count, bool)


def _members(snapshot: Snapshot, basis: Basis) -> Int64:
    return snapshot.withheld.values(basis.value).astype(np.int64)


def _inside(places: Places, node: int | None, ends: Int64) -> Mask:
    if node is None:
        return np.ones(len(places.nodes), bool)
    inside: Mask = (places.nodes >= node) & (places.nodes < ends[node])
    return inside


def _added(places: Places, count: Int64, nodes: Int64, ends: Int64) -> Int64:
    running = running_total(count[places.order])
    starts, stops = np.searchsorted(places.ascending, nodes), np.searchsorted(places.ascending, ends[nodes])
    return running[stops] - running[starts]
