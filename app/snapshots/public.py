"""The tables of a protected snapshot: each enterprise is rounded, placed, and summed to one row per place.

The tables are computed from rounded values, public facts about enterprises, and headcounts; the exact number of an
enterprise's members is used only for its rounding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from app.catalogue.dimensions import BASES
from app.catalogue.measures import SHOWN
from app.catalogue.metrics import METRICS
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.snapshots.facts import Facts
from app.snapshots.ordering import OrderedTree, at, down_to, known, numbers
from app.snapshots.placement import DIVISION, STREET, Location, place
from app.snapshots.rounding import cap_members, draw_shifts, round_headcount, round_members
from app.snapshots.sums import Axes, Placed, added_up, large_districts, require_room, sums_of
from app.snapshots.tables import Columns, group_columns, nodes_of, sum_tables, target_columns, tree_columns
from app.store.format import integer_array

Int64 = npt.NDArray[np.int64]
Firsts = Mapping[str, str]
"""The first code of the chain of each enterprise that supersedes another."""

_NEEDED = ["code", "organised", "standalone", "headcount", "members"]


@dataclass(frozen=True)
class Contributions:
    """Counts and the nodes where they are counted, a row per enterprise.

    Parameters
    ----------
    districts, industries
        Node of each row; -1: none.
    counts
        Measures by code.
    """

    districts: Int64
    industries: Int64
    counts: dict[str, Int64]


@dataclass(frozen=True)
class PlaceSums:
    """Places with any counts, and the sums of each.

    Parameters
    ----------
    keys
        District × (industries + 1) + industry of each place, ascending; the number of nodes: none.
    sums
        By measure.
    """

    keys: Int64
    sums: dict[str, Int64]


def places_of(
    enterprises: Columns, placed: Placed, trees: Sequence[OrderedTree], first: Firsts, key: bytes
) -> PlaceSums:
    """Return the protected places of the enterprises of whole counties, and their sums.

    Parameters
    ----------
    enterprises, placed, trees
        The exact snapshot's table of these enterprises, their nodes, and its districts and industries.
    first
        From `first_codes`.
    key
        The rounding key.
    """
    (upper_districts, district_of), (upper_industries, industry_of) = map(down_to, trees, (STREET, DIVISION))
    operating = np.flatnonzero(placed.masks[placed.axes.bases.index(Basis.OPERATING)])
    location = Location(
        at(district_of, placed.districts[operating]),
        at(industry_of, placed.industries[operating]),
        upper_districts,
        upper_industries,
    )
    firms = pa.table(enterprises).select(_NEEDED).take(pa.array(operating)).combine_chunks()
    return _by_place(_facts(firms, location), _persons(firms, location, first, key), location)


def public_tables(
    facts: Facts, pieces: Sequence[PlaceSums], districts: OrderedTree, industries: OrderedTree
) -> Iterator[tuple[str, Columns]]:
    """Yield name and columns of every table of a protected snapshot.

    Parameters
    ----------
    facts
        Industry groups and targets.
    pieces
        The places of all enterprises.
    districts, industries
        The exact snapshot's trees.
    """
    districts, industries = down_to(districts, STREET)[0], down_to(industries, DIVISION)[0]
    groups = group_columns(_groups_within(facts.industry_groups, industries))
    found = _together(pieces)
    district, industry = np.divmod(found.keys, len(industries.codes) + 1)
    enterprises = np.zeros(len(districts.codes) + 1, np.int64)
    np.add.at(enterprises, district, found.sums["enterprises"])
    axes = Axes(
        bases=(Basis.OPERATING,),
        district_ends=districts.ends,
        industry_ends=industries.ends,
        groups=nodes_of(groups["industries"], industries),
        divisions=np.arange(len(industries.codes)),
        large=large_districts(enterprises, districts.ends),
    )
    placed = Placed(axes, district, industry, [np.ones(len(found.keys), bool)])
    yield "districts", tree_columns(districts, DistrictLevel)
    yield "industries", tree_columns(industries, IndustryLevel)
    yield "industry_groups", groups
    yield (
        "places",
        {
            "district": integer_array(district, district < len(districts.codes)),
            "industry": integer_array(industry, industry < len(industries.codes)),
            **{code: integer_array(values) for code, values in found.sums.items()},
        },
    )
    yield from sum_tables(added_up([sums_of(found.sums.items(), placed)], axes), axes)
    targets = _targets_within(facts.targets, districts, industries, groups["code"])
    yield "targets", target_columns(targets, districts, industries)


def _groups_within(rows: pa.Table, industries: OrderedTree) -> pa.Table:
    """Return the rows of the industry groups all of whose industries are in a tree."""
    outside = pc.and_(pc.is_valid(rows["industry_code"]), pc.invert(pc.is_in(rows["industry_code"], industries.codes)))
    broken = rows.filter(outside)["code"].combine_chunks()
    return rows.filter(pc.invert(pc.is_in(rows["code"], broken)))


def _targets_within(rows: pa.Table, districts: OrderedTree, industries: OrderedTree, groups: pa.Array) -> pa.Table:
    """Return the targets whose metric, basis and scope the public may ask for."""
    public = {
        "metric": pa.array([metric.code for metric in METRICS if metric.public]),
        "basis": pa.array([meaning.code.value for meaning in BASES if meaning.public]),
        "district_code": districts.codes,
        "industry_code": industries.codes,
        "industry_group": groups,
        "sector": pa.array([], pa.string()),
    }
    for name, values in public.items():
        rows = rows.filter(pc.or_(pc.is_null(rows[name]), pc.is_in(rows[name], value_set=values)))
    return rows


def _facts(firms: pa.Table, location: Location) -> Contributions:
    """Return the public facts about enterprises, each at its own place."""
    counts = {
        "enterprises": np.ones(firms.num_rows, np.int64),
        "enterprises_organised": numbers(firms["organised"]),
        "enterprises_standalone": numbers(firms["standalone"]),
    }
    return Contributions(location.districts, location.industries, counts)


def _persons(firms: pa.Table, location: Location, first: Firsts, key: bytes) -> Contributions:
    """Return the rounded members and headcounts of the enterprises that are shown, each where it is shown."""
    countable = np.flatnonzero(known(firms["members"]) & known(firms["headcount"]))
    shown = place(numbers(firms["headcount"])[countable], location.taken(countable))
    selected = firms.take(pa.array(countable[shown.rows]))
    headcount, standalone = numbers(selected["headcount"]), numbers(selected["standalone"]) == 1
    identities = [first.get(code, code) for code in selected["code"].to_pylist()]
    rounded = round_members(numbers(selected["members"]), standalone, draw_shifts(key, "m", identities))
    f = cap_members(rounded, headcount, standalone, shown.alone)
    h = round_headcount(headcount, draw_shifts(key, "h", identities))
    counts = {
        "members": f,
        "headcount": h,
        "members_matched": f,
        "headcount_matched": h,
        "headcount_matched_squared": require_room("headcount_matched_squared", h * h),
        SHOWN: np.ones(selected.num_rows, np.int64),
    }
    return Contributions(shown.districts, shown.industries, counts)


def _by_place(facts: Contributions, persons: Contributions, location: Location) -> PlaceSums:
    """Return the places with any counts, in the order of the trees and no node last, and the sums of each."""
    districts, width = len(location.district_tree.codes), len(location.industry_tree.codes) + 1
    return _together(
        [
            PlaceSums(
                _missing_last(part.districts, districts) * width + _missing_last(part.industries, width - 1),
                part.counts,
            )
            for part in (facts, persons)
        ]
    )


def _together(pieces: Sequence[PlaceSums]) -> PlaceSums:
    """Return the places of all, each once, with its sums of all."""
    occupied = np.unique(np.concatenate([piece.keys for piece in pieces]))
    sums = {code: np.zeros(len(occupied), np.int64) for piece in pieces for code in piece.sums}
    for piece in pieces:
        places = np.searchsorted(occupied, piece.keys)
        for code, values in piece.sums.items():
            np.add.at(sums[code], places, values)
    return PlaceSums(occupied, sums)


def _missing_last(nodes: Int64, count: int) -> Int64:
    return np.where(nodes < 0, count, nodes)
