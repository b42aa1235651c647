"""Targets by the plain reading of the design: which are listed, and how many more would meet each."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

from tests.reference import questions
from tests.reference.answers import Reference
from tests.reference.facts import BASES
from tests.reference.public import PublicReference
from tests.reference.questions import Params
from tests.reference.rates import METRICS
from tests.reference.registry import Row, path_up

SCOPE = ("district_code", "industry_code", "industry_group", "sector")
PUBLIC = ("member_ratio", "organisation_coverage", "standalone_rate")


def targets(reference: Reference, params: Params) -> list[Row]:
    """The rows of the answer, in order."""
    listed = [one for one in reference.when.registry["targets"] if is_listed(reference, one, params)]
    rows = [row_of(reference, one) for one in sorted(listed, key=place)]
    states = questions.values(params, "state")
    return [row for row in rows if not states or row["state"] in states]


def place(target: Row) -> tuple[Any, ...]:
    """Where a target stands in the order: none before any code."""
    codes = [(target[name] or "").encode() for name in SCOPE]
    return target["due_on"], list(METRICS).index(target["metric"]), BASES.index(target["basis"]), *codes


def is_listed(reference: Reference, target: Row, params: Params) -> bool:
    """Inside what is asked for, due in time, and of those that a tier knows."""
    first = date.fromisoformat(params["due_from"]) if "due_from" in params else reference.when.as_of
    last = date.fromisoformat(params["due_to"]) if "due_to" in params else date.max
    if not first <= target["due_on"] <= last:
        return False
    if isinstance(reference, PublicReference) and not is_public(reference, target):
        return False
    return all(inside(reference, target, params))


def inside(reference: Reference, target: Row, params: Params) -> Iterator[bool]:
    """For every parameter that is given: at or below one of its codes, or one of its values."""
    trees = {"district": reference.when.districts, "industry": reference.when.industries}
    for name, column in zip(("district", "industry", "industry_group", "sector"), SCOPE, strict=True):
        wanted = questions.values(params, name)
        if wanted:
            own = target[column]
            above = path_up(trees[name], own) if name in trees else [own]
            yield own is not None and bool(set(above) & set(wanted))


def is_public(reference: PublicReference, target: Row) -> bool:
    """Whether everybody may ask for the metric, the basis and each part of the scope."""
    subjects = {"district_code": "districts", "industry_code": "industries", "industry_group": "industry-groups"}
    known = all(target[name] in (None, *reference.codes(subject)) for name, subject in subjects.items())
    return target["metric"] in PUBLIC and target["basis"] == "operating" and target["sector"] is None and known


def row_of(reference: Reference, target: Row) -> Row:
    """One row."""
    names = ("district", "industry", "industry_group", "sector")
    scope = {name: target[column] for name, column in zip(names, SCOPE, strict=True) if target[column] is not None}
    population = questions.population({"basis": target["basis"], **scope})
    current = reference.block(population)["rates"][target["metric"]]
    missing = missing_of(target["value"], current)
    subjects = {"district": "districts", "industry": "industries", "industry_group": "industry-groups"}
    named = {
        name: None if target[column] is None else reference.named(subjects[name], target[column])
        for name, column in zip(subjects, SCOPE, strict=False)
    }
    return {
        "metric": target["metric"],
        "basis": target["basis"],
        "due_on": target["due_on"].isoformat(),
        "value": float(target["value"]),
        **named,
        "sector": target["sector"],
        "source": target["source"],
        "current": current,
        "state": "cannot_tell" if missing is None else "short" if missing else "met",
        "missing": missing,
        "days_left": (target["due_on"] - reference.when.as_of).days,
    }


def missing_of(value: str, current: Row) -> int | None:
    """One more after the other, until the ratio is at least the value."""
    if current["value"] is None or current["status"] in ("unreliable", "protected"):
        return None
    more = 0
    while Fraction(current["numerator"] + more, current["denominator"]) < Fraction(value):
        more += 1
    return more
