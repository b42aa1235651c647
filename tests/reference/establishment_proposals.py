"""Which branches to found next, and what that would change, by the plain reading of the rules."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.reference.answers import Reference
from tests.reference.facts import Firm
from tests.reference.measures import added, holds
from tests.reference.questions import Params, population
from tests.reference.registry import Row, at_or_below, byte_order, path_up

MOST_TOGETHER = 5
"""Enterprises that one branch covers, in general at most."""

Firms = list[Firm]


def establishment_proposals(reference: Reference, params: Params) -> Row:
    """The rows in order, what there is before and after all of them, and how many nobody can decide."""
    asked = population(params)
    firms = [firm for firm in reference.firms.values() if holds(reference.when, asked, firm)]
    loose = [firm for firm in firms if firm.operating and not firm.organised]
    rows = in_order(proposals(reference, [firm for firm in loose if full(firm) >= 1]))
    reached: Firms = []
    for row in rows:
        if row["kind"] != "instructor":
            reached += row["firms"]
        row["coverage_after"] = (sum(firm.organised for firm in firms) + len(reached), len(firms))
    return {
        "data": [{name: cell for name, cell in row.items() if name != "firms"} for row in rows],
        "before": effect(firms, []),
        "after": effect(firms, reached),
        "undecided": sum(firm.counts["full_members"] is None and firm.people.members != 0 for firm in loose),
    }


def full(firm: Firm) -> int:
    """Full members; where they are unknown the firm is not taken."""
    return firm.counts["full_members"] or 0


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows with more that must establish first, then with more members, then by the smallest code."""
    return sorted(rows, key=lambda row: (-row["eligible"], -row["members"], row["enterprises"][0].encode()))


def proposals(reference: Reference, taken: Firms) -> list[Row]:
    """The rows, in no order."""
    enough = reference.when.thresholds.eligible_full_members
    rows = [proposal(reference, "standalone", [firm]) for firm in taken if full(firm) >= enough]
    small = sorted((firm for firm in taken if full(firm) < enough), key=lambda firm: rank(reference, firm))
    rows += [proposal(reference, "instructor", [firm]) for firm in small if street_of(reference, firm) is None]
    covered = dict.fromkeys(reference.when.branches, 0)
    for firm in reference.firms.values():
        for branch in firm.covering_branches:
            covered[branch] += 1
    for street in byte_order({street for firm in small if (street := street_of(reference, firm)) is not None}):
        there = [firm for firm in small if street_of(reference, firm) == street]
        rows += proposals_of_street(reference, street, there, covered)
    return rows


def rank(reference: Reference, firm: Firm) -> tuple[bool, bytes, int, bytes]:
    """By division (none last), then more full members first, then code."""
    division = reference.when.division(firm.place("industry_code"))
    return (division is None, (division or "").encode(), -full(firm), firm.code.encode())


def street_of(reference: Reference, firm: Firm) -> str | None:
    """The street at or above its place."""
    tree = reference.when.districts
    return next((code for code in path_up(tree, firm.place("district_code")) if tree[code]["level"] == "street"), None)


def proposals_of_street(reference: Reference, street: str, there: Firms, covered: dict[str, int]) -> list[Row]:
    """Joint branches at each site, then in the street; who is left over joins the last one, a branch, or nobody."""
    made: list[tuple[str, Firms]] = []
    left: Firms = []
    for site in byte_order({str(firm.place("district_code")) for firm in there} - {street}):
        at_site = [firm for firm in there if firm.place("district_code") == site]
        closed, rest = put_together(reference, at_site)
        made += [(site, firms) for firms in closed]
        left += rest
    in_street = [firm for firm in there if firm in left or firm.place("district_code") == street]
    closed, left = put_together(reference, in_street)
    made += [(street, firms) for firms in closed]
    room = MOST_TOGETHER - len(made[-1][1]) if made else 0
    if room > 0:
        made[-1] = (made[-1][0], made[-1][1] + left[:room])
        left = left[room:]
    rows = [proposal(reference, "joint", firms, place) for place, firms in made]
    for firm in left:
        branch = branch_with_room(reference, firm, street, covered)
        if branch is not None:
            covered[branch] += 1
        rows.append(proposal(reference, "instructor" if branch is None else "attach", [firm], branch=branch))
    return rows


def put_together(reference: Reference, firms: Firms) -> tuple[list[Firms], Firms]:
    """Neighbours in order, each branch closed as soon as it has enough full members; and who is left over."""
    enough = reference.when.thresholds.eligible_full_members
    for number in range(1, len(firms) + 1):
        if sum(full(firm) for firm in firms[:number]) >= enough:
            closed, rest = put_together(reference, firms[number:])
            return [firms[:number], *closed], rest
    return [], firms


def branch_with_room(reference: Reference, firm: Firm, street: str, covered: dict[str, int]) -> str | None:
    """The first of the living branches of its street, its site's before others, that covers fewer than five."""
    when, place = reference.when, firm.place("district_code")
    tree = when.districts
    at_site = place is not None and tree[place]["level"] == "site"
    near = [code for code, branch in when.branches.items() if branch["district_code"] in at_or_below(tree, street)]

    def order(code: str) -> tuple[bool, bool, bytes]:
        branch = when.branches[code]
        same_site = at_site and branch["district_code"] == place
        return (not same_site, branch["form"] not in ("joint", "area", "industry"), code.encode())

    return next((code for code in sorted(near, key=order) if covered[code] < MOST_TOGETHER), None)


def proposal(
    reference: Reference, kind: str, firms: Firms, place: str | None = None, *, branch: str | None = None
) -> Row:
    """One row; of a single firm the place is its own, if it has a street."""
    own = firms[0].place("district_code") if street_of(reference, firms[0]) is not None else None
    heads = [firm.headcount for firm in firms if firm.headcount is not None]
    return {
        "kind": kind,
        "district": place or own,
        "enterprises": byte_order(firm.code for firm in firms),
        "full_members": sum(full(firm) for firm in firms),
        "members": sum(firm.people.members or 0 for firm in firms),
        "headcount": sum(heads) if heads else None,
        "eligible": sum(firm.eligible for firm in firms),
        "branch": branch,
        "firms": firms,
    }


def effect(firms: Sequence[Firm], reached: Sequence[Firm]) -> dict[str, Any]:
    """Numerators and denominators, were these firms organised besides."""
    codes = {firm.code for firm in firms if firm.organised} | {firm.code for firm in reached}
    organised = [firm for firm in firms if firm.code in codes]
    everybody, inside = added(firms), added(organised)
    loose = added([firm for firm in firms if firm.code not in codes])
    return {
        "organisation_coverage": (len(organised), len(firms)),
        "establishment_rate": (inside["enterprises_eligible"], everybody["enterprises_eligible"]),
        "employee_coverage": (inside["headcount"], everybody["headcount"]),
        "members_unorganised": loose["members"],
    }
