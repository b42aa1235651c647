"""A generated province of any size on two dates: cities, counties, streets, and firms whose members returns state.

Drawn with the generator's distributions of sizes, industries, members and branches; its own tree, because the shipped
one has streets in few counties only. Headcount and members of some firms change between the dates, some firms move,
close, found a branch or lose it; all else stays.
"""

from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa

from app.demo.files import read_classification, read_data
from app.demo.generated.branches import assign_branches, branch_chunks, coverage_chunks, lay_out_branches
from app.demo.generated.enterprises import Enterprises, draw_enterprises, enterprise_chunks
from app.demo.generated.files import pick
from app.demo.generated.reference import Places, draw_trades
from app.demo.generated.returns import return_chunks
from tests.reference.registry import COLUMNS, Registry, Row

FIRST, SECOND = date(2017, 6, 30), date(2017, 9, 30)
"""The dates to ask it for."""

MEMBERS_PER_FIRM, BRANCHES_PER_FIRM = 3.12, 0.156
FIRMS_PER_COUNTY, STREETS_PER_COUNTY, COUNTIES_PER_CITY = 750, 14, 9
AT_COUNTY = 0.05
"""Share of firms placed on their county, not on a street."""

CHANGED, MOVED, CLOSED, FOUNDED, LOST = 0.15, 0.01, 0.01, 0.005, 0.01
"""Shares of firms that differ at the second date: in members and headcount, in place; that are gone; in branches."""


def province(firms: int, seed: int = 0) -> Registry:
    """Draw the registry of a province, the same for the same size and seed; nobody is in its register of members."""
    streams = [np.random.default_rng([seed, stage]) for stage in range(6)]
    places, trades = lay_out_places(max(1, round(firms / FIRMS_PER_COUNTY)), streams[0]), draw_trades(streams[0])
    enterprises = draw_enterprises(firms, round(firms * MEMBERS_PER_FIRM), places, trades, streams[1])
    branches = lay_out_branches(round(firms * BRANCHES_PER_FIRM), enterprises, places)
    assigned = assign_branches(enterprises, branches, streams[2])
    returns = rows("returns", return_chunks(enterprises, places, trades, streams[3]))
    coverage = rows("coverage", coverage_chunks(enterprises, branches, assigned, streams[4]))
    return {
        "districts": districts(places),
        "industries": [blank("industries", one) for one in read_classification("industries.csv")],
        "industry-groups": [blank("industry-groups", one) for one in read_data("industry_groups.csv")],
        "enterprises": closed_later(rows("enterprises", enterprise_chunks(enterprises, places, trades)), streams[5]),
        "returns": returns + changed(returns, places, streams[5]),
        "branches": rows("branches", branch_chunks(branches, assigned, enterprises, places, streams[4])),
        "coverage": lost_and_founded(coverage, enterprises, streams[5]),
        "branch-returns": [],
        "targets": targets(places),
        "members": [],
        "employments": [],
        "affiliations": [],
    }


def targets(places: Places) -> list[Row]:
    """What everybody, a county, a division and a group in a city are to reach; and what only offices may see."""
    county = places.counties[0]
    city = county[:4]
    scopes: list[dict[str, str]] = [
        {}, {"district_code": county}, {"industry_code": "64"}, {"district_code": city, "industry_group": "internet"},
        {"sector": "non_public"},
    ]  # fmt: skip
    return [
        blank("targets", scope | {"metric": metric, "basis": basis, "due_on": date(2018, 12, 31), "value": value})
        for scope in scopes
        for metric, basis, value in (
            ("organisation_coverage", "operating", "0.4"), ("member_ratio", "operating", "0.05"),
            ("work_coverage", "operating", "0.9"), ("organisation_coverage", "registered", "0.5"),
        )
    ]  # fmt: skip


def rows(dataset: str, chunks: Iterable[dict[str, pa.Array]]) -> list[Row]:
    """Rows of a dataset from chunks of columns."""
    return [blank(dataset, one) for columns in chunks for one in pa.table(columns).to_pylist()]


def blank(dataset: str, cells: Row) -> Row:
    """A row with every column; those not given, or empty, are blank."""
    return {column: None if cells.get(column) == "" else cells.get(column) for column in COLUMNS[dataset]}


# --- places ------------------------------------------------------------------------------------------


def lay_out_places(counties: int, rng: np.random.Generator) -> Places:
    """Counties of uneven size, each with streets of uneven size; some firms are on the county itself."""
    codes = tuple(
        f"99{number // COUNTIES_PER_CITY + 1:02}{number % COUNTIES_PER_CITY + 1:02}" for number in range(counties)
    )
    weights = rng.lognormal(0, 0.7, counties)
    streets = rng.lognormal(0, 0.7, (counties, STREETS_PER_COUNTY))
    shares = (1 - AT_COUNTY) * weights[:, None] * streets / streets.sum(axis=1, keepdims=True)
    of_county = np.repeat(np.arange(counties), STREETS_PER_COUNTY)
    return Places(
        codes=(*(f"{codes[county]}{nth % STREETS_PER_COUNTY + 1:03}" for nth, county in enumerate(of_county)), *codes),
        county=np.concatenate([of_county, np.arange(counties)]).astype(np.int32),
        shares=np.concatenate([shares.ravel(), AT_COUNTY * weights]) / weights.sum(),
        counties=codes,
    )


def districts(places: Places) -> list[Row]:
    """The tree of the places: one province, its cities, their counties, their streets."""
    levels = {2: "province", 4: "city", 6: "county", 9: "street"}
    above = {4: 2, 6: 4, 9: 6}
    codes = sorted({code[:length] for code in places.codes for length in levels if length <= len(code)})
    return [
        blank(
            "districts",
            {
                "code": code,
                "parent_code": code[: above[len(code)]] if len(code) in above else None,
                "level": levels[len(code)],
                "name_zh": f"区划{code}",
            },
        )
        for code in codes
    ]


# --- what changes ------------------------------------------------------------------------------------


def chosen(share: float, items: list[Row], rng: np.random.Generator) -> list[Row]:
    """Some of the items, each with the same chance."""
    return [one for one, drawn in zip(items, rng.random(len(items)), strict=True) if drawn < share]


def changed(returns: list[Row], places: Places, rng: np.random.Generator) -> list[Row]:
    """Later returns of some firms: other members and headcount, or another street."""
    latest = {one["enterprise_code"]: one for one in returns}
    later = []
    for one in chosen(CHANGED + MOVED, list(latest.values()), rng):
        new = one | {"reported_on": SECOND}
        if rng.random() < MOVED / (CHANGED + MOVED):
            new["district_code"] = places.codes[int(pick(places.shares, 1, rng)[0])]
        else:
            new["members"] = None if one["members"] is None else max(0, one["members"] + int(rng.integers(-2, 3)))
            staff = None if one["headcount"] is None else one["headcount"] + int(rng.integers(-2, 4))
            new["headcount"] = None if staff is None else max(staff, new["members"] or 0, 1)
        later.append(new | dict.fromkeys(PARTS))
    return later


PARTS = (
    "headcount_under_36", "headcount_women", "headcount_college",
    "full_members", "members_dual", "members_under_36", "members_women", "members_college", "members_floating",
)  # fmt: skip


def closed_later(enterprises: list[Row], rng: np.random.Generator) -> list[Row]:
    """Some of the open ones close between the dates."""
    closing = {one["code"] for one in chosen(CLOSED, enterprises, rng) if one["closed_on"] is None}
    return [one | {"closed_on": date(2017, 8, 1)} if one["code"] in closing else one for one in enterprises]


def lost_and_founded(coverage: list[Row], enterprises: Enterprises, rng: np.random.Generator) -> list[Row]:
    """Some organised firms lose their branch between the dates, some others join one."""
    losing = {id(one) for one in chosen(LOST, [one for one in coverage if one["end_on"] is None], rng)}
    organising = [one for one in coverage if one["means"] == "joint"]
    kept = [one | {"end_on": date(2017, 8, 1)} if id(one) in losing else one for one in coverage]
    covered = {one["enterprise_code"] for one in coverage if one["branch_code"] is not None}
    codes = [code.tobytes().decode() for code in enterprises.codes]
    free = [
        {"code": code}
        for code, members in zip(codes, enterprises.members, strict=True)
        if members and code not in covered
    ]
    joining = chosen(FOUNDED, free, rng)
    return kept + [
        one | {"enterprise_code": firm["code"], "start_on": date(2017, 8, 1), "end_on": None}
        for one, firm in zip(organising, joining, strict=False)
    ]
