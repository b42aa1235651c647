"""The tables of a protected snapshot: each enterprise is rounded, placed, and summed to one row per place.

The tables are computed from rounded values, public facts about enterprises, and headcounts; the exact number of an
enterprise's members is used only for its rounding.
"""

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
from app.snapshots.rounding import cap_members, draw_shifts, identities_of, round_headcount, round_members
from app.snapshots.sums import Placed, require_room
from app.snapshots.tables import Columns, group_columns, nodes_of, sum_tables, target_columns, tree_columns
from app.store.format import integer_array

Int64 = npt.NDArray[np.int64]

_NEEDED = ["code", "organised", "standalone", "headcount", "members"]


@dataclass(frozen=True)
class Counted:
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


def public_tables(
    facts: Facts, enterprises: Columns, placed: Placed, districts: OrderedTree, industries: OrderedTree, key: bytes
) -> dict[str, Columns]:
    """Return the columns of every table of a protected snapshot by name, in the order they are written.

    Parameters
    ----------
    facts
        Industry groups, targets, and which enterprises supersede others.
    enterprises, placed, districts, industries
        The exact snapshot's table of enterprises, their nodes, and its trees.
    key
        The rounding key.
    """
    (upper_districts, district_of), (upper_industries, industry_of) = (
        down_to(districts, STREET),
        down_to(industries, DIVISION),
    )
    operating = np.flatnonzero(placed.bases[Basis.OPERATING])
    location = Location(
        at(district_of, placed.districts[operating]),
        at(industry_of, placed.industries[operating]),
        upper_districts,
        upper_industries,
    )
    firms = pa.table(enterprises).select(_NEEDED).take(pa.array(operating)).combine_chunks()
    groups = group_columns(_groups_within(facts.industry_groups, upper_industries))
    counted = _facts(firms, location), _persons(firms, location, _superseded(facts), key)
    places, sums = _by_place(*counted, location, groups["industries"])
    return {
        "districts": tree_columns(upper_districts, DistrictLevel),
        "industries": tree_columns(upper_industries, IndustryLevel),
        "industry_groups": groups,
        "places": {
            "district": integer_array(places.districts, places.districts < len(places.district_ends)),
            "industry": integer_array(places.industries, places.industries < len(places.industry_ends)),
            **{code: integer_array(values) for code, values in sums.items()},
        },
        **sum_tables(sums.items(), places),
        "targets": target_columns(
            _targets_within(facts.targets, upper_districts, upper_industries, groups["code"]),
            upper_districts,
            upper_industries,
        ),
    }


def _superseded(facts: Facts) -> dict[str, str]:
    table = facts.superseded
    return dict(zip(table["code"].to_pylist(), table["supersedes"].to_pylist(), strict=True))


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


def _facts(firms: pa.Table, location: Location) -> Counted:
    """Return the public facts about enterprises, each at its own place."""
    counts = {
        "enterprises": np.ones(firms.num_rows, np.int64),
        "enterprises_organised": numbers(firms["organised"]),
        "enterprises_standalone": numbers(firms["standalone"]),
    }
    return Counted(location.districts, location.industries, counts)


def _persons(firms: pa.Table, location: Location, superseded: dict[str, str], key: bytes) -> Counted:
    """Return the rounded members and headcounts of the enterprises that are shown, each where it is shown."""
    countable = np.flatnonzero(known(firms["members"]) & known(firms["headcount"]))
    shown = place(numbers(firms["headcount"])[countable], location.taken(countable))
    selected = firms.take(pa.array(countable[shown.rows]))
    headcount, standalone = numbers(selected["headcount"]), numbers(selected["standalone"]) == 1
    identities = identities_of(selected["code"].to_pylist(), superseded)
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
    return Counted(shown.districts, shown.industries, counts)


def _by_place(
    facts: Counted, persons: Counted, location: Location, groups: pa.Array
) -> tuple[Placed, dict[str, Int64]]:
    """Return the places with any counts, in the order of the trees and no node last, and the sums of each."""
    districts, industries = location.district_tree, location.industry_tree
    width = len(industries.codes) + 1
    keys = [
        _missing_last(part.districts, len(districts.codes)) * width + _missing_last(part.industries, width - 1)
        for part in (facts, persons)
    ]
    occupied = np.unique(np.concatenate(keys))
    sums = {
        code: _added_up(values, np.searchsorted(occupied, key), len(occupied))
        for part, key in zip((facts, persons), keys, strict=True)
        for code, values in part.counts.items()
    }
    places = Placed(
        districts=occupied // width,
        industries=occupied % width,
        district_ends=districts.ends,
        industry_ends=industries.ends,
        groups=nodes_of(groups, industries),
        divisions=np.arange(len(industries.codes)),
        bases={Basis.OPERATING: np.ones(len(occupied), bool)},
        enterprises=sums["enterprises"],
    )
    return places, sums


def _missing_last(nodes: Int64, count: int) -> Int64:
    return np.where(nodes < 0, count, nodes)


def _added_up(values: Int64, place_of: Int64, places: int) -> Int64:
    sums = np.zeros(places, np.int64)
    np.add.at(sums, place_of, values)
    return sums
