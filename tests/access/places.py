"""The registry of these tests: districts whose codes look related and are not, and firms and branches in each."""

from collections.abc import Sequence
from datetime import date

from tests.factories.tiny import tiny_registry
from tests.reference.registry import Registry

BEFORE, AS_OF = date(2017, 3, 31), date(2017, 6, 30)
"""Dates of the snapshots, at both of which everything is where it is."""

SIMING, HULI = "350203", "350206"

ABOVE: dict[str, str | None] = {
    "35": None,
    "3502": "35",
    SIMING: "3502",
    "350203008": SIMING,
    HULI: "3502",
    "350206001": HULI,
    "350203099": HULI,  # a street of Huli whose code looks as if it were Siming's
    "35020": "3502",  # begins both
    "3502030": "3502",  # begins with Siming's code
}
"""The district above each."""

ENTERPRISES = {
    "E-siming": "350203008",
    "E-moved": "350203008",
    "E-huli": "350206001",
    "E-left": "350206001",
    "E-lookalike": "350203099",
    "E-shorter": "35020",
    "E-longer": "3502030",
    "E-nowhere": None,
}
"""Where each enterprise is: what its latest return says, else its registration."""

BRANCHES = {
    "B-siming": SIMING,
    "B-street": "350203008",
    "B-huli": "350206001",
    "B-lookalike": "350203099",
    "B-longer": "3502030",
    "B-city": "3502",
}
"""Where each branch is."""

NAMES = {code: f"示例{code}" for code in (*ENTERPRISES, *BRANCHES)}

MEMBER = "ref-7f3a9c"
"""Begins the refs of members, which no answer and no log may hold."""

HEADCOUNT, MEMBERS = 83, 13
"""Of each enterprise. Members become 9, 10, 14 or 15 where they are rounded, or something lower: never 13."""

_LEVELS = {2: "province", 4: "city", 5: "county", 6: "county", 7: "county", 9: "street"}

_REGISTERED = {"E-moved": HULI, "E-left": SIMING}
"""Where an enterprise is registered, if that is not where it is."""


def is_within(district: str | None, scope: frozenset[str]) -> bool:
    """Say whether a district lies in the subtree of one of a scope."""
    while district is not None:
        if district in scope:
            return True
        district = ABOVE[district]
    return False


def registry() -> Registry:
    """All rows."""
    return tiny_registry(
        districts=_csv(
            "code,parent_code,level,name_zh",
            [(code, above or "", _LEVELS[len(code)], f"地区{code}") for code, above in ABOVE.items()],
        ),
        industry_groups="group_code,name_zh,industry_code\ninternet,互联网,64\nspare,备用,65",
        enterprises=_csv(
            "code,name,district_code,industry_code",
            [(code, NAMES[code], _REGISTERED.get(code, place) or "", "64") for code, place in ENTERPRISES.items()],
        ),
        returns=_csv(
            "enterprise_code,reported_on,district_code,operating,headcount",
            [(code, "2017-03-15", place or "", "true", HEADCOUNT) for code, place in ENTERPRISES.items()],
        ),
        branches=_csv(
            "code,name,kind,parent_code,district_code",
            [
                (code, NAMES[code], "committee", "B-siming" if code == "B-street" else "", place)
                for code, place in BRANCHES.items()
            ],
        ),
        coverage="enterprise_code,branch_code,means\nE-siming,B-street,standalone\nE-huli,B-huli,standalone\nE-moved,B-city,joint",
        members=_csv("ref", [(ref,) for refs in _STAFF.values() for ref in refs]),
        employments=_csv("member_ref,enterprise_code", [(ref, firm) for firm, refs in _STAFF.items() for ref in refs]),
        affiliations=_csv(
            "member_ref,branch_code,role",
            [(ref, "B-street", "primary") for ref in _STAFF["E-siming"]]
            + [(ref, "B-huli", "primary") for ref in _STAFF["E-huli"]],
        ),
    )


_STAFF = {firm: [f"{MEMBER}-{firm}-{number}" for number in range(MEMBERS)] for firm in ENTERPRISES}


def _csv(header: str, rows: Sequence[tuple[object, ...]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)])
