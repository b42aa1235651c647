"""What may be asked: parameters of each list, and the errors of a question."""

from collections.abc import Iterable
from typing import Any

from tests.reference.as_of import AsOf
from tests.reference.facts import BASES
from tests.reference.measures import (
    BRANCH_MEASURES,
    MEASURES,
    PERSON_MEASURES,
    Population,
)
from tests.reference.rates import BRANCH_METRICS, METRICS, PERSON_METRICS
from tests.reference.registry import DISTRICT_LEVELS, INDUSTRY_LEVELS

Params = dict[str, Any]
"""Parameters as texts; those that may be given several times as lists of texts too."""

REPEATABLE = ("district", "industry", "industry_group", "enterprise_kind", "sector", "ownership", "size_class")
"""Conditions of which several values mean any of them."""

CONDITIONS = ("basis", *REPEATABLE)
"""Whom to count."""

DIMENSIONS_OF = {
    **dict.fromkeys(DISTRICT_LEVELS, "district"),
    **dict.fromkeys(INDUSTRY_LEVELS, "industry"),
    **{name: name for name in ("industry_group", "enterprise_kind", "sector", "ownership", "size_class", "basis")},
}
"""What rows can be by, and of which dimension each is."""

CHOICES: dict[str, tuple[str, ...]] = {
    "basis": BASES,
    "enterprise_kind": ("enterprise", "social_organisation", "institution"),
    "sector": ("non_public", "social", "public"),
    "ownership": ("state", "collective", "private", "foreign", "hong_kong_macao_taiwan", "mixed", "other"),
    "size_class": ("large", "medium", "small", "micro"),
    "kind": ("committee", "general_branch", "branch"),
    "form": ("standalone", "joint", "area", "industry", "functional", "temporary"),
    "organised": ("true", "false"),
    "eligible": ("true", "false"),
    "has_members": ("true", "false"),
    "reached_by_dual": ("true", "false"),
    "relation": ("participating", "covered", "unreached"),
    "include_empty": ("true", "false"),
    "order": ("asc", "desc"),
}

POPULATION_SORTS = ("code", *MEASURES, *METRICS)
SORTS: dict[str, tuple[str, ...]] = {
    "districts": POPULATION_SORTS,
    "industries": POPULATION_SORTS,
    "industry-groups": POPULATION_SORTS,
    "enterprises": ("code", *PERSON_MEASURES, *PERSON_METRICS),
    "branches": ("code", *BRANCH_MEASURES, *BRANCH_METRICS),
}

METRICS_OF = {
    **dict.fromkeys(("districts", "industries", "industry-groups"), METRICS),
    "enterprises": PERSON_METRICS,
    "branches": BRANCH_METRICS,
}

LEVELS = {"districts": DISTRICT_LEVELS, "industries": INDUSTRY_LEVELS}

REFUSED = {"districts": "district", "industries": "industry", "industry-groups": "industry_group"}
"""The condition that is the subject's own dimension."""


class QuestionError(ValueError):
    """A question that the service answers with 422 (in a path: 404)."""


def population(params: Params) -> Population:
    """The conditions of a question on whom to count."""
    return Population(params.get("basis", "operating"), *(values(params, name) for name in REPEATABLE))


def values(params: Params, name: str) -> tuple[str, ...]:
    """The values of a parameter that may be given several times."""
    given = params.get(name, [])
    return (given,) if isinstance(given, str) else tuple(given)


def conditions_of(subject: str) -> set[str]:
    """The population parameters a subject takes: never its own dimension."""
    if subject == "branches":
        return {"district"}
    return set(CONDITIONS) - {REFUSED.get(subject, "")}


def row_parameters(subject: str) -> set[str]:
    """The parameters that choose rows."""
    return {
        "districts": {"parent", "within", "level", "include_empty"},
        "industries": {"parent", "within", "level", "include_empty"},
        "industry-groups": {"include_empty"},
        "enterprises": {"organised", "eligible", "has_members", "reached_by_dual", "branch", "relation"},
        "branches": {"parent", "within", "kind", "form"},
    }[subject]


def check_list(when: AsOf, subject: str, params: Params) -> None:
    """Refuse what a list does not take."""
    check_names(params, conditions_of(subject) | row_parameters(subject) | {"sort", "order", "status"})
    check_values(when, params)
    check_status(params, METRICS_OF[subject])
    if {"parent", "within"} <= set(params):
        raise QuestionError("parent with within")
    if "sort" in params and params["sort"] not in SORTS[subject]:
        raise QuestionError(f"{subject} do not sort by {params['sort']}")
    if "level" in params and params["level"] not in LEVELS[subject]:
        raise QuestionError(f"{subject} have no level {params['level']}")
    if ("branch" in params) != ("relation" in params) and params.get("relation") != "unreached":
        raise QuestionError("branch and relation together")
    nodes = {"districts": when.districts, "industries": when.industries}.get(subject, when.branches)
    for name in ("parent", "within"):
        if name in params and params[name] not in nodes:
            raise QuestionError(f"{name}: unknown code {params[name]}")


def check_single(when: AsOf, subject: str, params: Params) -> None:
    """A district, industry or group takes the population; an enterprise or branch takes nothing."""
    check_names(params, set() if subject in ("enterprises", "branches") else conditions_of(subject))
    check_values(when, params)


def check_status(params: Params, metrics: Iterable[str]) -> None:
    """States are those of the metric that is sorted by."""
    if "status" in params and params.get("sort") not in tuple(metrics):
        raise QuestionError("status without a metric to sort by")


def check_by(params: Params, most: int) -> tuple[str, ...]:
    """What the rows are by: dimensions of different kinds; bases not beside a basis."""
    by = values(params, "by")
    kinds = [DIMENSIONS_OF.get(one) for one in by]
    if not 0 < len(by) <= most or None in kinds or len(set(kinds)) < len(kinds):
        raise QuestionError("by what?")
    if "basis" in by and "basis" in params:
        raise QuestionError("bases, and a basis")
    return by


def check_names(params: Params, known: set[str]) -> None:
    """An unknown parameter is refused."""
    if set(params) - known:
        raise QuestionError(f"unknown parameters {sorted(set(params) - known)}")


def check_values(when: AsOf, params: Params) -> None:
    """An unknown code or choice is refused."""
    codes = {
        "district": set(when.districts),
        "industry": set(when.industries),
        "industry_group": {one["group_code"] for one in when.registry["industry-groups"]},
    }
    for name in params:
        given = values(params, name)
        if len(set(given)) < len(given):
            raise QuestionError(f"{name}: a value twice")
        if name in codes and set(given) - codes[name]:
            raise QuestionError(f"{name}: unknown code among {given}")
        if name in CHOICES and set(given) - set(CHOICES[name]):
            raise QuestionError(f"{name}: no such choice among {given}")
