"""The registry on one date: which rows live, who works where, and where members are counted from."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tests.reference.registry import (
    DISTRICT_LEVELS,
    INDUSTRY_LEVELS,
    Registry,
    Row,
    at_or_below,
    by_code,
    in_window,
    is_open,
    nearest_of_level,
)

ORGANISATION_MEANS = frozenset({"standalone", "joint", "area", "industry", "attached"})
WORK_MEANS = frozenset({"instructor", "liaison", "trade_union", "youth_league"})


@dataclass(frozen=True)
class Thresholds:
    """The settings that decide bases, eligibility and windows."""

    surveyed_headcount: int = 10
    surveyed_headcount_social: int = 30
    eligible_full_members: int = 3
    return_window_months: int = 18
    flow_window_months: int = 12
    active_branch_meetings: int = 4


class AsOf:
    """The registry as of a date, with its rows within reach; nothing is decided here but who lives."""

    def __init__(self, registry: Registry, as_of: date, thresholds: Thresholds, member_source: str) -> None:
        self.registry = registry
        self.as_of = as_of
        self.thresholds = thresholds
        self.districts = by_code(registry["districts"])
        self.industries = by_code(registry["industries"])
        self.all_branches = by_code(registry["branches"])
        self.members = {member["ref"]: member for member in registry["members"]}
        self.branches = {code: branch for code, branch in self.all_branches.items() if self.branch_lives(branch)}
        self.employer = {
            job["member_ref"]: job["enterprise_code"] for job in registry["employments"] if self.job_is_open(job)
        }
        self.affiliations = [one for one in registry["affiliations"] if self.affiliation_lives(one)]
        self.dual_refs = {one["member_ref"] for one in self.affiliations if self.is_dual(one)}
        self.member_source = self.resolved(member_source)

    @cached_property
    def returns(self) -> dict[str, list[Row]]:
        """The returns of each enterprise."""
        return grouped((one["enterprise_code"], one) for one in self.registry["returns"])

    @cached_property
    def coverage(self) -> dict[str, list[Row]]:
        """The coverage rows of each enterprise."""
        return grouped((one["enterprise_code"], one) for one in self.registry["coverage"])

    @cached_property
    def months(self) -> dict[str, list[Row]]:
        """The branch returns of each branch whose month lies in the twelve months before the date."""
        recent = (one for one in self.registry["branch-returns"] if in_window(one["period_on"], self.as_of, 12))
        return grouped((one["branch_code"], one) for one in recent)

    @cached_property
    def workers(self) -> dict[str, list[Row]]:
        """The members, withheld or not, who work at each enterprise."""
        return grouped((employer, self.members[ref]) for ref, employer in self.employer.items())

    def branch_lives(self, branch: Row) -> bool:
        """A branch lives from its establishment until its dissolution."""
        return is_open(branch["established_on"], branch["dissolved_on"], self.as_of)

    def membership_is_open(self, ref: str) -> bool:
        """Membership is open from joining (as probationary) until leaving."""
        member = self.members[ref]
        return is_open(member["joined_on"], member["left_on"], self.as_of)

    def job_is_open(self, job: Row) -> bool:
        """A member works at an enterprise while membership and employment are both open."""
        return is_open(job["start_on"], job["end_on"], self.as_of) and self.membership_is_open(job["member_ref"])

    def affiliation_lives(self, affiliation: Row) -> bool:
        """An affiliation lives while its interval, its branch and the membership are all open."""
        return (
            is_open(affiliation["start_on"], affiliation["end_on"], self.as_of)
            and affiliation["branch_code"] in self.branches
            and self.membership_is_open(affiliation["member_ref"])
        )

    def is_dual(self, affiliation: Row) -> bool:
        """Dual affiliation is a secondary affiliation to a branch that takes such."""
        branch = self.all_branches[affiliation["branch_code"]]
        return affiliation["role"] == "secondary" and bool(branch["dual_affiliation"])

    def resolved(self, member_source: str) -> str:
        """`auto` is the register as soon as any member works at any enterprise, else the returns."""
        if member_source == "auto":
            return "register" if self.employer else "returns"
        return member_source

    def county(self, district: str | None) -> str | None:
        """The nearest district of level county or higher at or above a place."""
        return nearest_of_level(self.districts, district, "county", DISTRICT_LEVELS)

    def section(self, industry: str | None) -> str | None:
        """The nearest industry of level section at or above an industry."""
        return nearest_of_level(self.industries, industry, "section", INDUSTRY_LEVELS)

    def division(self, industry: str | None) -> str | None:
        """The nearest industry of level division or higher at or above an industry."""
        return nearest_of_level(self.industries, industry, "division", INDUSTRY_LEVELS)

    def group_codes(self, group: str) -> set[str]:
        """The industries that a group names."""
        return {one["industry_code"] for one in self.registry["industry-groups"] if one["group_code"] == group}

    def industries_of_group(self, group: str) -> set[str]:
        """The industries at or below any code of a group: an enterprise below two of them counts once."""
        return {below for code in self.group_codes(group) for below in at_or_below(self.industries, code)}


def grouped(pairs: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    """Rows under their key, in order; nothing under a key without any."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for key, one in pairs:
        found[key].append(one)
    return found
