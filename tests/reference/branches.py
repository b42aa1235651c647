"""One living branch as of a date: its place in the tree, its persons, the enterprises it reaches."""

from collections import Counter

from tests.reference.activity import activity_counts
from tests.reference.as_of import AsOf
from tests.reference.facts import Counts, Firm
from tests.reference.people import people_of_register
from tests.reference.registry import Row, byte_order, path_up

BRANCH_ATTRIBUTES = (
    "code",
    "name",
    "kind",
    "form",
    "parent_code",
    "district_code",
    "dual_affiliation",
    "industry_code",
    "industry_group",
    "established_on",
)


def living_path(when: AsOf, branch: str) -> list[str]:
    """The living branches at and above a branch, nearest first."""
    return [code for code in path_up(when.all_branches, branch) if code in when.branches]


def living_parent(when: AsOf, branch: str) -> str | None:
    """The nearest living ancestor; None = there is none."""
    return next((code for code in living_path(when, branch) if code != branch), None)


def attributes(when: AsOf, branch: str) -> Row:
    """What the row of a branch says beside the figures."""
    known = when.branches[branch]
    return {
        **{column: known[column] for column in BRANCH_ATTRIBUTES},
        "parent_code": living_parent(when, branch),
        "dual_affiliation": bool(known["dual_affiliation"]),
    }


def counts(when: AsOf, firms: dict[str, Firm], branches: set[str]) -> Counts:
    """The figures of some branches together: everybody, each person and each enterprise once."""
    here = [one for one in when.affiliations if one["branch_code"] in branches]
    taking_part = {one["member_ref"] for one in here}
    people = people_of_register(when, [when.members[ref] for ref in taking_part])
    return {
        "members_primary": len({one["member_ref"] for one in here if one["role"] == "primary"}),
        "members_participating": len(taking_part),
        "affiliations": len(here),
        "probationary_members": people.probationary,
        **people.parts,
        **{f"{part}_unknown": count for part, count in people.unknown.items()},
        **activity_counts(when, branches),
        "enterprises_covered": len(covered(firms, branches)),
        "enterprises_participating": len(participating(firms, here)),
    }


def covered(firms: dict[str, Firm], branches: set[str]) -> set[str]:
    """Registered enterprises with a living organisation means naming one of the branches."""
    return {code for code, firm in firms.items() if branches & set(firm.covering_branches)}


def participating(firms: dict[str, Firm], affiliations: list[Row]) -> set[str]:
    """Registered enterprises, organised or not, employing an open, not withheld member of a secondary one."""
    secondary = {one["member_ref"] for one in affiliations if one["role"] == "secondary"}
    return {code for code, firm in firms.items() if any(member["ref"] in secondary for member in firm.open_members)}


def home(when: AsOf, ref: str) -> str | None:
    """The home of a member: the nearest living committee at or above the living primary branch.

    Else the topmost living branch of that tree; without a living primary branch none.
    """
    primary = next(
        (one["branch_code"] for one in when.affiliations if one["member_ref"] == ref and one["role"] == "primary"),
        None,
    )
    if primary is None:
        return None
    path = living_path(when, primary)
    committees = [code for code in path if when.branches[code]["kind"] == "committee"]
    return committees[0] if committees else path[-1]


def dual_affiliation(when: AsOf) -> list[Row]:
    """Distinct members, everybody, per home and joint branch; cells with somebody in them only."""
    pairs = {
        (home(when, one["member_ref"]), one["branch_code"], one["member_ref"])
        for one in when.affiliations
        if when.is_dual(one)
    }
    cells = Counter((home_code, joint) for home_code, joint, _ in pairs)
    ordered = [
        (home_code, joint)
        for home_code in [*byte_order({home_code for home_code, _ in cells if home_code is not None}), None]
        for joint in byte_order({joint for _, joint in cells})
        if (home_code, joint) in cells
    ]
    return [
        {"home": home_code, "joint_branch": joint, "members": cells[home_code, joint]} for home_code, joint in ordered
    ]
