"""Measures added up over a population, and where a measure is not defined."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.reference.activity import OF_SUBTREE
from tests.reference.as_of import AsOf
from tests.reference.facts import STAFF_PARTS, Counts, Firm
from tests.reference.registry import DISTRICT_LEVELS, at_or_below

MEASURES = (
    "enterprises",
    "enterprises_organised",
    "enterprises_standalone",
    "enterprises_reached_by_dual",
    "enterprises_work_only",
    "enterprises_with_members",
    "enterprises_eligible",
    "enterprises_eligible_organised",
    "enterprises_eligible_standalone",
    "enterprises_eligible_unknown",
    "enterprises_reporting",
    "enterprises_headcount_unknown",
    "enterprises_members_unknown",
    "enterprises_organised_active",
    "enterprises_activity_unknown",
    "headcount",
    "headcount_organised",
    *(f"headcount_{part}" for part in STAFF_PARTS),
    *(f"headcount_{part}_known" for part in STAFF_PARTS),
    *(f"{side}_{part}_matched" for part in STAFF_PARTS for side in ("members", "headcount")),
    "members",
    "members_squared",
    "members_unorganised_squared",
    "members_admitted",
    "members_unreached",
    "full_members",
    "probationary_members",
    "members_matched",
    "headcount_matched",
    "headcount_matched_squared",
    "headcount_squared",
    "members_dual",
    "members_unorganised",
    "members_unorganised_squared",
    "members_reached_by_dual",
    "members_floating",
    "members_under_36",
    "members_women",
    "members_college",
    "full_members_unknown",
    "members_dual_unknown",
    "members_reached_by_dual_unknown",
    "members_floating_unknown",
    "members_under_36_unknown",
    "members_women_unknown",
    "members_college_unknown",
    "members_withheld",
    "members_reported",
    "members_max",
    "members_joined",
    "members_left",
)

PERSON_MEASURES = (
    "headcount",
    *(f"headcount_{part}" for part in STAFF_PARTS),
    "members_admitted",
    "members_unreached",
    "members",
    "full_members",
    "probationary_members",
    "members_dual",
    "members_unorganised",
    "members_reached_by_dual",
    "members_floating",
    "members_under_36",
    "members_women",
    "members_college",
    "full_members_unknown",
    "members_dual_unknown",
    "members_reached_by_dual_unknown",
    "members_floating_unknown",
    "members_under_36_unknown",
    "members_women_unknown",
    "members_college_unknown",
    "members_reported",
    "members_joined",
    "members_left",
)
"""The counts that the row of an enterprise holds."""

BRANCH_MEASURES = (
    "members_primary",
    "members_participating",
    "affiliations",
    "full_members",
    "probationary_members",
    "members_dual",
    "members_floating",
    "members_under_36",
    "members_women",
    "members_college",
    "full_members_unknown",
    "members_dual_unknown",
    "members_floating_unknown",
    "members_under_36_unknown",
    "members_women_unknown",
    "members_college_unknown",
    "enterprises_covered",
    "enterprises_participating",
    "meetings",
    "attendances",
    *OF_SUBTREE,
)

REGISTER_ONLY = frozenset({"members_withheld", "members_joined", "members_left", "members_admitted"})
"""Not defined where members are counted from returns."""


@dataclass(frozen=True)
class Population:
    """Whom to count: of each condition any value, all conditions together; empty = not asked."""

    basis: str = "operating"
    district: tuple[str, ...] = ()
    industry: tuple[str, ...] = ()
    industry_group: tuple[str, ...] = ()
    enterprise_kind: tuple[str, ...] = ()
    sector: tuple[str, ...] = ()
    ownership: tuple[str, ...] = ()
    size_class: tuple[str, ...] = ()


def holds(when: AsOf, population: Population, firm: Firm) -> bool:
    """A firm is counted when every condition holds; an unknown attribute meets none."""
    return (
        population.basis in firm.bases
        and is_below(when.districts, firm.place("district_code"), population.district)
        and is_below(when.industries, firm.place("industry_code"), population.industry)
        and is_in_group(when, firm, population.industry_group)
        and is_one_of(firm.kind, population.enterprise_kind)
        and is_one_of(firm.sector, population.sector)
        and is_one_of(firm.stated("ownership"), population.ownership)
        and is_one_of(firm.stated("size_class"), population.size_class)
    )


def is_one_of(value: object, asked: tuple[str, ...]) -> bool:
    """One of the values asked for, if any are; an unknown value is none."""
    return not asked or value in asked


def is_below(tree: dict[str, dict[str, object]], place: str | None, tops: tuple[str, ...]) -> bool:
    """A district or an industry means its whole subtree."""
    return not tops or any(place in at_or_below(tree, top) for top in tops)


def is_in_group(when: AsOf, firm: Firm, groups: tuple[str, ...]) -> bool:
    """Below any code of one of the groups."""
    return not groups or any(firm.place("industry_code") in when.industries_of_group(group) for group in groups)


def added(firms: Iterable[Firm]) -> Counts:
    """Sums over enterprises: unknown adds nothing and is counted beside."""
    own = [firm.counts for firm in firms]
    return {measure: sum(counts[measure] or 0 for counts in own) for measure in MEASURES}


def undefined(when: AsOf, *populations: Population) -> frozenset[str]:
    """The measures that are not defined for all these populations together, whatever is in them."""
    if when.member_source == "returns":
        return REGISTER_ONLY
    reaches = all(withheld_reaches(when, one) for one in populations)
    return frozenset() if reaches else frozenset({"members_withheld"})


def withheld_reaches(when: AsOf, population: Population) -> bool:
    """Withheld members show down to county and section, and never for a group, a filter or another basis."""
    filters = (population.enterprise_kind, population.sector, population.ownership, population.size_class)
    return (
        population.basis in ("registered", "operating")
        and all(when.districts[district]["level"] in DISTRICT_LEVELS[:3] for district in population.district)
        and all(when.industries[industry]["level"] == "section" for industry in population.industry)
        and not population.industry_group
        and not any(filters)
    )


def figures(when: AsOf, firms: Iterable[Firm], *populations: Population) -> Counts:
    """The measures of whoever is in all populations; null = not defined for one of them."""
    missing = undefined(when, *populations)
    held = [firm for firm in firms if all(holds(when, population, firm) for population in populations)]
    return {measure: None if measure in missing else count for measure, count in added(held).items()}


def unallocated(total: Counts, rows: list[Counts]) -> Counts:
    """The total less all listed rows; null where either is not defined."""
    return {measure: left_over(total[measure], [counts[measure] for counts in rows]) for measure in MEASURES}


def left_over(total: int | None, parts: list[int | None]) -> int | None:
    """One figure less its parts; null as soon as one of them is null."""
    known = [part for part in parts if part is not None]
    return None if total is None or len(known) < len(parts) else total - sum(known)
