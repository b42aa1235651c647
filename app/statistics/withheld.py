"""Members of withheld identity: known per county and section, null at any finer grain."""

import numpy as np

from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.statistics.population import Selection, in_spans, spans_of
from app.store.arrays import Int64, holders, running_total
from app.store.snapshot import Mask, Places, Snapshot, Tree

_COUNTY = list(DistrictLevel).index(DistrictLevel.COUNTY)
_SECTION = list(IndustryLevel).index(IndustryLevel.SECTION)
_CODE = "members_withheld"
_BASES = (Basis.REGISTERED, Basis.OPERATING)


def of_districts(snapshot: Snapshot, selection: Selection, nodes: Int64) -> tuple[Int64, Mask]:
    """Return the withheld members of each district within a selection, and where the figure is null."""
    if not _defined(snapshot, selection):
        return of_none(len(nodes))
    count = _members(snapshot, selection.basis) * _inside_industries(snapshot, selection)
    if selection.districts:
        count *= _inside_districts(snapshot, selection)
    places, tree = snapshot.withheld_counties, snapshot.districts
    return _added(places, count, nodes, tree.ends), tree.ranks[nodes] > _COUNTY


def of_industries(snapshot: Snapshot, selection: Selection, nodes: Int64) -> tuple[Int64, Mask]:
    """Return the withheld members of each industry within a selection, and where the figure is null."""
    if not _defined(snapshot, selection):
        return of_none(len(nodes))
    count = _members(snapshot, selection.basis) * _inside_districts(snapshot, selection)
    if selection.industries:
        count *= _inside_industries(snapshot, selection)
    places, tree = snapshot.withheld_sections, snapshot.industries
    return _added(places, count, nodes, tree.ends), tree.ranks[nodes] > _SECTION


def of_cells(
    snapshot: Snapshot, selection: Selection, districts: Int64 | None, industries: Int64 | None
) -> tuple[Int64, Mask]:
    """Return the withheld members of cells within a selection, and where they are null.

    Parameters
    ----------
    snapshot, selection
        Whom to count.
    districts, industries
        Of each cell its district and its industry, all of one level each; at least one of the two is given.
    """
    if industries is None:
        assert districts is not None
        return of_districts(snapshot, selection, districts)
    if districts is None:
        return of_industries(snapshot, selection, industries)
    deep = (snapshot.districts.ranks[districts] > _COUNTY) | (snapshot.industries.ranks[industries] > _SECTION)
    if deep.any() or not _defined(snapshot, selection):
        return of_none(len(districts))
    width = len(snapshot.industries.codes)
    held = holders(snapshot.districts.ends, np.unique(districts))[snapshot.withheld_counties.nodes]
    below = holders(snapshot.industries.ends, np.unique(industries))[snapshot.withheld_sections.nodes]
    inside = _inside_districts(snapshot, selection) & _inside_industries(snapshot, selection)
    known = np.flatnonzero(inside & (held >= 0) & (below >= 0))
    cells, place = np.unique(districts * width + industries, return_inverse=True)
    cell_of = held[known] * width + below[known]
    found = np.minimum(np.searchsorted(cells, cell_of), len(cells) - 1)
    matched = np.flatnonzero(cells[found] == cell_of)
    count = np.zeros(len(cells), np.int64)
    np.add.at(count, found[matched], _members(snapshot, selection.basis)[known][matched])
    return count[place], deep


def of_none(count: int) -> tuple[Int64, Mask]:
    """Return the withheld members of rows that do not have the figure, as groups and attributes: null."""
    return np.zeros(count, np.int64), np.ones(count, bool)


def of_selection(snapshot: Snapshot, selection: Selection) -> tuple[Int64, Mask]:
    """Return the withheld members of the whole selection, and whether the figure is null; one element each."""
    if not _defined(snapshot, selection):
        return of_none(1)
    inside = _inside_districts(snapshot, selection) & _inside_industries(snapshot, selection)
    return np.array([int(_members(snapshot, selection.basis)[inside].sum())]), np.zeros(1, bool)


def _defined(snapshot: Snapshot, selection: Selection) -> bool:
    """Whether a selection consists of whole counties and sections, in a basis and a snapshot that have the figure."""
    districts, industries = (list(nodes) for nodes in (selection.districts, selection.industries))
    return (
        _CODE in snapshot.manifest.capabilities.measures
        and snapshot.manifest.member_source == "register"
        and selection.basis in _BASES
        and not selection.attributes
        and not selection.groups
        and not (snapshot.districts.ranks[districts] > _COUNTY).any()
        and not (snapshot.industries.ranks[industries] > _SECTION).any()
    )


def _members(snapshot: Snapshot, basis: Basis) -> Int64:
    return snapshot.withheld.values(basis.value).astype(np.int64)


def _inside_districts(snapshot: Snapshot, selection: Selection) -> Mask:
    return _inside(snapshot.withheld_counties, snapshot.districts, selection.districts)


def _inside_industries(snapshot: Snapshot, selection: Selection) -> Mask:
    return _inside(snapshot.withheld_sections, snapshot.industries, selection.industries)


def _inside(places: Places, tree: Tree, nodes: tuple[int, ...]) -> Mask:
    """Return which rows are in the subtree of one of some nodes; of none: all."""
    if not nodes:
        return np.ones(len(places.nodes), bool)
    return in_spans(places.nodes, spans_of(tree, nodes))


def _added(places: Places, count: Int64, nodes: Int64, ends: Int64) -> Int64:
    running = running_total(count[places.order])
    starts, stops = np.searchsorted(places.ascending, nodes), np.searchsorted(places.ascending, ends[nodes])
    return running[stops] - running[starts]
