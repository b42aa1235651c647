"""The answers of the public tier: rounded persons at their places, exact facts about firms, all else protected.

Access page, "every enterprise rounded once", points 4 to 7, over the registry as the reference of the domain reads it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from tests.reference import measures, questions, rates
from tests.reference.answers import Reference
from tests.reference.as_of import AsOf, Thresholds
from tests.reference.facts import Counts, Firm
from tests.reference.measures import MEASURES, Population
from tests.reference.questions import Params, QuestionError
from tests.reference.registry import Registry, Row, path_up
from tests.reference.rounding import HMIN, B, Place, Shown, Unit, shown

CORRELATION = 0.1
"""The intra-enterprise correlation of all public intervals: the true one is exact data."""

UNRELIABLE_ABOVE = 0.05
"""Half of the interval that rounding alone makes, above which a ratio is unreliable."""

DISTRICT_LEVELS = ("province", "city", "county", "street")
INDUSTRY_LEVELS = ("section", "division")

FACT_RATES = ("organisation_coverage", "standalone_rate")

EXACT_ONLY = ("enterprise_kind", "sector", "ownership", "size_class")


@dataclass(frozen=True)
class Sums:
    """What a public ratio rests on: enterprises shown, their rounded members and headcount, the latter squared."""

    enterprises: int
    members: int
    headcount: int
    squares: int


def summed(here: Iterable[Shown]) -> Sums:
    """Add up the enterprises shown somewhere."""
    everybody = list(here)
    return Sums(
        len(everybody),
        sum(one.members for one in everybody),
        sum(one.headcount for one in everybody),
        sum(one.headcount * one.headcount for one in everybody),
    )


# --- the public ratio --------------------------------------------------------------------------------


def rounding_error(sums: Sums, ratio: float) -> float:
    """The standard error that rounding adds to a ratio (SE): four for each enterprise's members and headcount."""
    return math.sqrt(4 * sums.enterprises * (1 + ratio * ratio)) / sums.headcount


def clustered_size(sums: Sums) -> float:
    """The effective denominator of the rounded headcounts."""
    staff = sums.headcount
    return staff * staff / (staff + CORRELATION * (sums.squares - staff))


def size_for_tests(sums: Sums, reference_ratio: float) -> float:
    """The effective denominator that tests of low membership use: the clustered one, less what rounding blurs."""
    spread = reference_ratio * (1 - reference_ratio)
    blur = 4 * sums.enterprises * (1 + reference_ratio * reference_ratio) / sums.headcount**2
    return spread / (spread / clustered_size(sums) + blur)


def member_ratio(sums: Sums) -> rates.Rate:
    """Rounded members over rounded headcount, with the interval of both the ratio and the rounding."""
    given = {"numerator": sums.members, "denominator": sums.headcount}
    if sums.headcount == 0:
        return given | {"value": None, "n_eff": None, "low": None, "high": None, "status": "not_applicable"}
    ratio = sums.members / sums.headcount
    if sums.members > sums.headcount:
        return given | {"value": ratio, "n_eff": None, "low": None, "high": None, "status": "inconsistent"}
    low, high = rates.wilson(ratio, clustered_size(sums))
    blur = rates.Z95 * rounding_error(sums, ratio)
    half = math.hypot((high - low) / 2, blur)
    return given | {
        "value": ratio,
        "n_eff": clustered_size(sums),
        "low": max(0.0, ratio - half),
        "high": min(1.0, ratio + half),
        "status": status_of(sums, blur),
    }


def status_of(sums: Sums, blur: float) -> str:
    """The first that holds of what is left to ask of a ratio with an interval."""
    if blur > UNRELIABLE_ABOVE:
        return "unreliable"
    return "low_base" if clustered_size(sums) < rates.LOW_BASE else "ok"


PROTECTED: rates.Rate = {
    "value": None,
    "numerator": None,
    "denominator": None,
    "n_eff": None,
    "low": None,
    "high": None,
    "status": "protected",
}


# --- the registry as units ---------------------------------------------------------------------------


def exactly(tree: dict[str, Row], code: str | None, level: str) -> str | None:
    """The node of just this level at or above a place; None where the place is higher, or has none above."""
    return next((above for above in path_up(tree, code) if tree[above]["level"] == level), None)


def steps(when: AsOf, firm: Firm) -> tuple[Place | None, ...]:
    """The places where it may show, finest first; None = its own place does not allow the step."""
    district, industry = firm.place("district_code"), firm.place("industry_code")
    street, county = exactly(when.districts, district, "street"), when.county(district)
    division = exactly(when.industries, industry, "division")
    section = exactly(when.industries, industry, "section")
    return (
        (street, division) if street and division else None,
        (county, division) if county and division else None,
        (county, section) if county and section else None,
        (county, None) if county else None,
    )


def identity(superseded: dict[str, str | None], code: str) -> str:
    """The rounding identity: the code of the first in the chain of enterprises that this one continues."""
    before = superseded[code]
    return code if before is None else identity(superseded, before)


class PublicReference(Reference):
    """What everybody may know as of one date, by the plain reading of the rules.

    Parameters
    ----------
    registry, as_of, member_source, thresholds
        As of the reference of exact figures.
    key : bytes
        The rounding key.
    """

    def __init__(
        self,
        registry: Registry,
        as_of: date,
        key: bytes,
        *,
        member_source: str = "auto",
        thresholds: Thresholds = Thresholds(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(registry, as_of, member_source=member_source, thresholds=thresholds)
        self.key = key

    @cached_property
    def units(self) -> list[Unit]:
        """The operating enterprises."""
        superseded = {one["code"]: one["supersedes"] for one in self.when.registry["enterprises"]}
        return [
            Unit(
                firm.code,
                identity(superseded, firm.code),
                firm.people.members,
                firm.headcount,
                firm.standalone,
                steps(self.when, firm),
            )
            for firm in self.firms.values()
            if firm.operating
        ]

    @cached_property
    def shown(self) -> list[Shown]:
        """Those who enter figures of persons, rounded."""
        return shown(self.units, self.key)

    # --- the questions ---------------------------------------------------------------------------

    def list_statistics(self, subject: str, params: Params) -> Row:
        """A list of districts, industries or groups."""
        self.check(subject, params)
        return super().list_statistics(subject, params)

    def get_statistics(self, subject: str, code: str, params: Params) -> Row:
        """One district, industry or group."""
        self.check(subject, params)
        return super().get_statistics(subject, code, params)

    def check(self, subject: str, params: Params) -> None:
        """Refuse what only exact figures answer, and codes below the public levels."""
        if subject in ("enterprises", "branches"):
            raise QuestionError(f"{subject} are not public")
        if params.get("basis", "operating") != "operating" or set(EXACT_ONLY) & set(params):
            raise QuestionError("exact only")
        if params.get("level") not in (None, *DISTRICT_LEVELS, *INDUSTRY_LEVELS):
            raise QuestionError("exact only")
        named = {"district": "districts", "industry": "industries", "industry_group": "industry-groups"}
        for name in set(params) & {*named, "parent", "within"}:
            if set(questions.values(params, name)) - set(self.codes(named.get(name, subject))):
                raise QuestionError(f"{name}: {params[name]} is not public")

    def codes(self, subject: str) -> list[str]:
        """The public subjects: districts down to street, industries down to division, groups made of these."""
        if subject == "industry-groups":
            fine = {code for code, node in self.when.industries.items() if node["level"] not in INDUSTRY_LEVELS}
            return [code for code in super().codes(subject) if not fine & self.when.group_codes(code)]
        levels = (*DISTRICT_LEVELS, *INDUSTRY_LEVELS)
        return [code for code in super().codes(subject) if self.tree(subject)[code]["level"] in levels]

    # --- the figures -----------------------------------------------------------------------------

    def block(self, *populations: Population) -> Row:
        """The public counts and rates of who is in each of some populations; all others are protected."""
        sums = self.sums(*populations)
        firms = [
            firm
            for firm in self.firms.values()
            if all(measures.holds(self.when, population, firm) for population in populations)
        ]
        counts: Counts = dict.fromkeys(MEASURES)
        counts["enterprises"] = len(firms)
        counts["enterprises_organised"] = sum(firm.organised for firm in firms)
        counts["enterprises_standalone"] = sum(firm.standalone for firm in firms)
        counts |= dict.fromkeys(("members", "members_matched"), sums.members)
        counts |= dict.fromkeys(("headcount", "headcount_matched"), sums.headcount)
        public = {name: rates.rate(rates.METRICS[name], counts, frozenset(), CORRELATION) for name in FACT_RATES} | {
            "member_ratio": member_ratio(sums)
        }
        return {"counts": counts, "rates": dict.fromkeys(rates.METRICS, PROTECTED) | public}

    def sums(self, *populations: Population) -> Sums:
        """What ratios rest on, of whoever shows in each of some populations."""
        return summed(one for one in self.shown if all(self.sits_in(one.place, wanted) for wanted in populations))

    def sits_in(self, place: Place, population: Population) -> bool:
        """Whether a place is at or below what is asked for."""
        district, industry = place
        groups = population.industry_group
        return (
            measures.is_below(self.when.districts, district, population.district)
            and measures.is_below(self.when.industries, industry, population.industry)
            and (not groups or any(industry in self.when.industries_of_group(group) for group in groups))
        )

    def meta(self, basis: str | None, rows: int) -> Row:
        """What goes with every answer: nothing of it rests on exact figures."""
        return super().meta(basis, rows) | {"disclosure": {"policy": "rounded-enterprises", "b": B, "hmin": HMIN}}

    @cached_property
    def correlation(self) -> dict[str, Any]:
        """The fixed correlations; what the true ones would rest on is null."""
        shares = dict.fromkeys(rates.SHARE_METRICS, CORRELATION)
        return {"value": CORRELATION, "strata": None, "firms": None, "members": None, "shares": shares}
