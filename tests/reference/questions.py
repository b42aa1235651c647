"""What may be asked: parameters of each list, and the errors of a question."""

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

Params = dict[str, str]

CONDITIONS = ("basis", "district", "industry", "industry_group", "enterprise_kind", "ownership", "size_class")
"""Whom to count."""

CHOICES: dict[str, tuple[str, ...]] = {
    "basis": BASES,
    "enterprise_kind": ("enterprise", "social_organisation", "institution"),
    "ownership": ("state", "collective", "private", "foreign", "hong_kong_macao_taiwan", "mixed", "other"),
    "size_class": ("large", "medium", "small", "micro"),
    "kind": ("committee", "general_branch", "branch"),
    "form": ("standalone", "joint", "area", "industry", "functional", "temporary"),
    "organised": ("true", "false"),
    "eligible": ("true", "false"),
    "has_members": ("true", "false"),
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

LEVELS = {"districts": DISTRICT_LEVELS, "industries": INDUSTRY_LEVELS}

REFUSED = {"districts": "district", "industries": "industry", "industry-groups": "industry_group"}
"""The condition that is the subject's own dimension."""


class QuestionError(ValueError):
    """A question that the service answers with 422 (in a path: 404)."""


def population(params: Params) -> Population:
    """The conditions of a question on whom to count."""
    return Population(**{name: params[name] for name in CONDITIONS if name in params})


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
        "enterprises": {"organised", "eligible", "has_members"},
        "branches": {"parent", "within", "kind", "form"},
    }[subject]


def check_list(when: AsOf, subject: str, params: Params) -> None:
    """Refuse what a list does not take."""
    check_names(params, conditions_of(subject) | row_parameters(subject) | {"sort", "order"})
    check_values(when, params)
    if {"parent", "within"} <= set(params):
        raise QuestionError("parent with within")
    if "sort" in params and params["sort"] not in SORTS[subject]:
        raise QuestionError(f"{subject} do not sort by {params['sort']}")
    if "level" in params and params["level"] not in LEVELS[subject]:
        raise QuestionError(f"{subject} have no level {params['level']}")
    nodes = {"districts": when.districts, "industries": when.industries}.get(subject, when.branches)
    for name in ("parent", "within"):
        if name in params and params[name] not in nodes:
            raise QuestionError(f"{name}: unknown code {params[name]}")


def check_single(when: AsOf, subject: str, params: Params) -> None:
    """A district, industry or group takes the population; an enterprise or branch takes nothing."""
    check_names(params, set() if subject in ("enterprises", "branches") else conditions_of(subject))
    check_values(when, params)


def check_bases(when: AsOf, params: Params) -> None:
    """The population without a basis."""
    check_names(params, set(CONDITIONS) - {"basis"})
    check_values(when, params)


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
    for name, value in params.items():
        if name in codes and value not in codes[name]:
            raise QuestionError(f"{name}: unknown code {value}")
        if name in CHOICES and value not in CHOICES[name]:
            raise QuestionError(f"{name}: no such choice {value}")
