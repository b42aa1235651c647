"""Random registries of many small firms in few streets and sites, whose branches are nearly full: to be joined."""

from datetime import date

from tests.factories.crowded_registries import DISTRICTS, GROUPS, INDUSTRIES, TRADES, node
from tests.factories.registries import AS_OF, CellWriter
from tests.reference.registry import Registry, Row, registry_of, row

PLACES = (*("D-é", "云顶", "园", "007", "Z_") * 4, *("０", "𠮷") * 2, "350203", None)
SITES = (("园", "D-é", "site"),)
FORMS = (None, "joint", "area", "industry", "functional", "standalone")


def scattered_registry(seed: int, as_of: date = AS_OF) -> Registry:
    """A valid registry of up to 60 firms of which returns state few members each, the same for the same seed."""
    writer = CellWriter(f"scattered {seed}", as_of, alike=False)
    codes = [f"{writer.pick(('企', 'e', 'E', 'é'))}{number}" for number in writer.rows("codes", range(15 + seed % 46))]
    branches = [draw_branch(writer, code) for code in writer.rows("branches", ("J", "组", "10", "f1", "é", "Ä"))]
    return registry_of(
        districts=[node("districts", *cells) for cells in (*DISTRICTS, *SITES)],
        industries=[node("industries", *cells) for cells in INDUSTRIES],
        industry_groups=[
            row("industry-groups", group_code=group, name_zh=group, industry_code=industry)
            for group, industries in GROUPS
            for industry in industries
        ],
        enterprises=[row("enterprises", code=code, name=code, kind="enterprise") for code in codes],
        returns=[draw_return(writer, code) for code in writer.rows("returns", codes)],
        branches=branches,
        coverage=[one for code in writer.rows("coverage", codes) for one in draw_coverage(writer, code, branches)],
    )


def draw_return(writer: CellWriter, code: str) -> Row:
    """A return, mostly of an operating firm with one or two full members; a few state none, or do not say."""
    members = writer.pick((None, 0, *(1, 2, 3) * 4, 4, 9))
    full = None if members is None else writer.maybe([min(number, members) for number in (0, 1, 1, 1, 2, 2, 3, 7)])
    return row(
        "returns",
        enterprise_code=code,
        reported_on=writer.as_of,
        district_code=writer.pick(PLACES),
        industry_code=writer.pick(TRADES),
        operating=writer.maybe((True, True, True, True, False), 2),
        headcount=writer.maybe((4, 9, 10, 30, 80)),
        members=members,
        full_members=full,
    )


def draw_branch(writer: CellWriter, code: str) -> Row:
    """A branch somewhere, mostly living."""
    place = writer.pick([place for place in PLACES if place is not None])
    return row(
        "branches", code=code, name=code, kind=writer.pick(("branch", "committee")), district_code=place,
        form=writer.pick(FORMS), dual_affiliation=False, dissolved_on=writer.maybe((writer.as_of,), 9),
    )  # fmt: skip


def draw_coverage(writer: CellWriter, code: str, branches: list[Row]) -> list[Row]:
    """None, or one of the branches; the first takes many."""
    if writer.number(0, 2):
        return []
    branch = branches[min(writer.number(0, 5), writer.number(0, 5))]["code"]
    return [row("coverage", enterprise_code=code, means="joint", branch_code=branch, start_on=date(2001, 7, 1))]
