"""Random registries crowded enough to be pooled: small firms side by side, on every boundary of the public tier.

The trees hold each oddity once: sites, a county without streets, a city without counties, a street below a city, a
street and a division that are roots, a group right below a section. What one row says never depends on another's.
"""

from datetime import date
from math import ceil

from tests.factories.registries import AS_OF, CellWriter
from tests.reference.registry import Registry, Row, registry_of, row

DISTRICTS = (
    ("35", None, "province"),
    ("3502", "35", "city"),
    ("350203", "3502", "county"),
    ("D-é", "350203", "street"),
    ("云顶", "D-é", "site"),
    ("007", "350203", "street"),
    ("d", "3502", "county"),
    ("NA", "35", "city"),
    ("０", "NA", "street"),
    ("Z_", "０", "site"),
    ("𠮷", None, "street"),
)
INDUSTRIES = (
    ("I", None, "section"),
    ("64", "I", "division"),
    ("641", "64", "group"),
    ("6410", "641", "class"),
    ("65", "I", "division"),
    ("I9", "I", "group"),
    ("类", None, "section"),
    ("86", "类", "division"),
    ("99", None, "division"),
    ("991", "99", "group"),
)
GROUPS = (("internet", ("64", "65")), ("组", ("I", "86")), ("fine", ("64", "641")), ("sections", ("I", "类", "99")))

PLACES = (*("D-é", "云顶", "007") * 5, *("350203", "d", "０", "Z_") * 2, "NA", "3502", "35", "𠮷", "𠮷", None)
TRADES = (*("64", "641", "6410", "65") * 4, *("I9", "I", "86") * 2, "99", "99", "991", "类", None)
STAFF = (*(0, 1, 3, 4, 5, 6, 9, 10, 11, 14, 16, 19, 20, 28, 29, 30, 31, 33, 34, 35, 36, 38, 60, 200), None)
STAFF_OF_SMALL = (1, 2, 4, 5, 8, 9, 10, 12, 15)
ODD_MEMBERS = (None, 0, 1, 2, 3, 4, 5, 8, 31)

MOST_FIRMS = 48
MOST_MEMBERS = 120
BRANCHES = ("own", "joint", "late")
"""A branch for single firms, one for several, and one that is founded the day after."""


def crowded_registry(seed: int, as_of: date = AS_OF, *, source: str = "both") -> Registry:
    """A valid registry of up to 48 firms around a date, the same for the same seed.

    Parameters
    ----------
    seed : int
        What decides everything.
    as_of : date
        The date to ask it for.
    source : str
        `returns`: an operator who keeps no members; `register`: returns state no members; `both`.
    """
    writer = CellWriter(f"crowd {seed}", as_of, alike=seed % 3 == 0)
    firms = draw_firms(writer, ceil(MOST_FIRMS * (1 + seed % 4) / 4))
    codes = [firm["code"] for firm in firms]
    members = draw_members(writer) if source != "returns" else []
    return registry_of(
        districts=[node("districts", *cells) for cells in DISTRICTS],
        industries=[node("industries", *cells) for cells in INDUSTRIES],
        industry_groups=[
            row("industry-groups", group_code=group, name_zh=group, industry_code=industry)
            for group, industries in GROUPS
            for industry in industries
        ],
        enterprises=firms,
        returns=[one for code in writer.rows("returns", codes) for one in draw_returns(writer, code, source)],
        branches=[draw_branch(code, as_of) for code in BRANCHES],
        coverage=[one for code in writer.rows("coverage", codes) for one in draw_coverage(writer, code)],
        members=members,
        employments=[draw_employment(writer, member["ref"], codes) for member in writer.rows("employments", members)],
    )


def node(dataset: str, code: str, parent: str | None, level: str) -> Row:
    """One node of a tree."""
    return row(dataset, code=code, parent_code=parent, level=level, name_zh=f"名{code}")


def draw_firms(writer: CellWriter, most: int) -> list[Row]:
    """Firms, most of them in the register; some continue the one before, so that chains come about."""
    firms: list[Row] = []
    for number in writer.rows("firms", range(most)):
        firms.append(
            row(
                "enterprises",
                code=f"{writer.pick(('企', 'e', 'E', 'é'))}{number}",
                name=f"公司 {number}",
                kind=writer.pick(("enterprise", "social_organisation")),
                closed_on=writer.maybe((writer.as_of, *writer.days[-1:]), 16),
                district_code=writer.maybe(("007", "350203"), 4),
                industry_code=writer.maybe(("64", "86"), 4),
                supersedes=writer.maybe([one["code"] for one in firms[-1:]], 3),
            )
        )
    return firms


def draw_returns(writer: CellWriter, code: str, source: str) -> list[Row]:
    """No return, one, or an older one of other content below it."""
    dates = writer.pick(((), *(((writer.as_of,),) * 9), *(((writer.past[0], writer.as_of),) * 2)))
    return [draw_return(writer, code, reported_on, source) for reported_on in dates]


def draw_return(writer: CellWriter, code: str, reported_on: date, source: str) -> Row:
    """One return: mostly small firms, few of them full, half of the large ones; a few with more than all as members."""
    staff = writer.pick(STAFF_OF_SMALL) if writer.pick((True, True, False)) else writer.pick(STAFF)
    full = writer.alike or ((staff or 0) >= 30 and writer.pick((True, False)))
    within = staff if full else writer.number(0, max(1, (staff or 0) // 3))
    members = writer.pick(ODD_MEMBERS) if writer.number(0, 9) == 0 else within
    return row(
        "returns",
        enterprise_code=code,
        reported_on=reported_on,
        district_code=writer.pick(PLACES),
        industry_code=writer.pick(TRADES),
        operating=writer.maybe((True, True, True, True, False), 2),
        headcount=staff,
        members=members if source != "register" else None,
    )


def draw_branch(code: str, as_of: date) -> Row:
    """A branch that lives, but for the late one, which is founded after the date."""
    founded = date(as_of.year, 12, 31) if code == "late" else None
    return row(
        "branches", code=code, name=code, kind="branch", district_code="350203", dual_affiliation=False,
        established_on=founded,
    )  # fmt: skip


def draw_coverage(writer: CellWriter, code: str) -> list[Row]:
    """A branch of its own, a joint one, one that does not live yet, a work means, or none."""
    means = writer.maybe((("standalone", "own"), ("joint", "joint"), ("standalone", "late"), ("instructor", None)), 8)
    if means is None:
        return []
    cells = {"enterprise_code": code, "means": means[0], "branch_code": means[1]}
    return [row("coverage", **cells, start_on=date(2001, 7, 1), end_on=writer.end(date(2001, 7, 1), 20))]


def draw_members(writer: CellWriter) -> list[Row]:
    """Members whose membership is mostly open, some of them withheld."""
    return [
        row(
            "members",
            ref=f"m{number}",
            joined_on=date(2001, 7, 1),
            full_since=writer.maybe((date(2002, 7, 1),)),
            left_on=writer.end(date(2001, 7, 1), 60),
            identity=writer.pick((*("open",) * 7, "withheld")),
        )
        for number in writer.rows("members", range(MOST_MEMBERS))
    ]


def draw_employment(writer: CellWriter, ref: str, codes: list[str]) -> Row:
    """Where a member works: rather at the first firms, so that some have many."""
    code = codes[min(writer.number(0, len(codes) - 1), writer.number(0, len(codes) - 1))]
    began = date(2003, 1, 1)
    return row("employments", member_ref=ref, enterprise_code=code, start_on=began, end_on=writer.end(began, 60))
