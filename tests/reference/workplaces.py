"""Where the members of a branch work, and how an enterprise stands to a branch, by the plain reading of the design."""

from collections import Counter
from typing import Any

from tests.reference import breakdown
from tests.reference.activity import subtree
from tests.reference.answers import Reference, as_json
from tests.reference.branches import covered, participating
from tests.reference.facts import Firm
from tests.reference.measures import is_below
from tests.reference.people import is_withheld
from tests.reference.questions import DIMENSIONS_OF, Params, QuestionError
from tests.reference.registry import Row, at_or_below


def workplaces(reference: Reference, branch: str, params: Params) -> Row:
    """All places, sorted by code: `data`, `elsewhere`, `no_employer`, `unallocated`."""
    if branch not in reference.when.branches:
        raise QuestionError("no living branch")
    here = [one for one in reference.when.affiliations if one["branch_code"] in subtree(reference.when, branch)]
    if not any(one["role"] == "secondary" for one in here):
        return {"data": [], "elsewhere": None, "no_employer": None, "unallocated": None}
    places = Counter(place_of(reference, ref) for ref in {one["member_ref"] for one in here})
    beside = {name: places.pop(name, 0) for name in ("/elsewhere", "/no_employer")}
    by = params.get("by", "enterprise")
    rows, left = of_enterprises(reference, places) if by == "enterprise" else of_level(reference, by, places)
    return {
        "data": rows,
        "elsewhere": beside["/elsewhere"],
        "no_employer": beside["/no_employer"],
        "unallocated": left,
    }


def place_of(reference: Reference, ref: str) -> str:
    """The registered enterprise that employs an open member; nowhere; or elsewhere."""
    when = reference.when
    employer = when.employer.get(ref)
    if employer is None:
        return "/no_employer"
    return "/elsewhere" if is_withheld(when.members[ref]) or employer not in reference.firms else employer


def without_dual(reference: Reference, firm: Firm) -> int:
    """The open members of a firm who take part in no dual affiliation."""
    return sum(member["ref"] not in reference.when.dual_refs for member in firm.open_members)


def of_enterprises(reference: Reference, places: Counter[str]) -> tuple[list[Row], None]:
    """A row per enterprise."""
    codes = sorted(places, key=str.encode)
    return [
        {
            "enterprise": as_json(reference.firms[code].attributes), "district": None, "industry": None,
            "members": places[code], "members_without_dual": without_dual(reference, reference.firms[code]),
        }
        for code in codes
    ], None  # fmt: skip


def of_level(reference: Reference, by: str, places: Counter[str]) -> tuple[list[Row], int]:
    """A row per district or industry of a level, and who is in none of them."""
    dimension = DIMENSIONS_OF[by]
    tree = reference.when.districts if dimension == "district" else reference.when.industries
    column = "district_code" if dimension == "district" else "industry_code"
    found: Counter[str] = Counter()
    for node in (code for code, one in tree.items() if one["level"] == by):
        inside = at_or_below(tree, node)
        found[node] = sum(members for code, members in places.items() if reference.firms[code].place(column) in inside)
    rows: list[Row] = [
        {"enterprise": None, "district": None, "industry": None, "members": members, "members_without_dual": None}
        | {dimension: breakdown.named(reference, by, node)}
        for node, members in sorted(found.items(), key=lambda pair: pair[0].encode())
        if members > 0
    ]
    return rows, sum(places.values()) - sum(found.values())


def stands(reference: Reference, firm: Firm, params: Params) -> bool:
    """Whether a firm stands in the relation that is asked for."""
    relation, branch = params["relation"], params.get("branch")
    if branch is not None and branch not in reference.when.branches:
        raise QuestionError("no living branch")
    if relation == "unreached":
        return not firm.organised and without_dual(reference, firm) > 0 and is_near(reference, firm, branch)
    assert branch is not None
    below = subtree(reference.when, branch)
    if relation == "covered":
        return firm.code in covered(reference.firms, below)
    here = [one for one in reference.when.affiliations if one["branch_code"] in below]
    return firm.code in participating(reference.firms, here)


def is_near(reference: Reference, firm: Firm, branch: str | None) -> bool:
    """Whether a firm is in the district of a branch and, where it is for some, in its industries."""
    if branch is None:
        return True
    when = reference.when
    own: dict[str, Any] = when.branches[branch]
    trade, group = firm.place("industry_code"), own["industry_group"]
    return (
        is_below(when.districts, firm.place("district_code"), (own["district_code"],))
        and (own["industry_code"] is None or is_below(when.industries, trade, (own["industry_code"],)))
        and (group is None or trade in when.industries_of_group(group))
    )
