"""Trends by the plain reading of the design: the same question on each date, and what else differs between two."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference import questions
from tests.reference.answers import Reference
from tests.reference.questions import CONDITIONS, Params, QuestionError
from tests.reference.rates import BRANCH_METRICS, METRICS, PERSON_METRICS, Rate
from tests.reference.registry import Registry, Row

TREES = {"districts": "districts", "industries": "industries", "industry_groups": "industry-groups"}
"""Breaks that are changes of a dataset."""


@dataclass(frozen=True)
class Dated:
    """One date: what is known of it, the registry as it was when that was found out, the member source asked for."""

    reference: Reference
    registry: Registry
    asked_source: str


def trend(dates: Sequence[Dated], params: Params, metrics: Sequence[str] = ()) -> Row:
    """One row per date that knows what is asked for; `dates` are in order."""
    check(params, metrics)
    chosen = [one for one in dates if is_in_range(one, params)]
    if not chosen:
        raise QuestionError("no snapshot in the range")
    points = [(one, found) for one in chosen if (found := rates_of(one.reference, params)) is not None]
    if not points:
        raise QuestionError("no date knows this")
    befores = [points[0][0], *(one for one, _ in points)]
    last = points[-1][0].reference
    return {
        "data": [
            {
                "as_of": one.reference.when.as_of.isoformat(),
                "breaks": breaks(before, one),
                "rates": {name: rate for name, rate in found.items() if name in (metrics or found)},
            }
            for before, (one, found) in zip(befores, points, strict=False)
        ],
        "meta": last.meta(None if single(params) else params.get("basis", "operating"), len(points)),
    }


def single(params: Params) -> str | None:
    """Whether one enterprise or branch is asked about."""
    return next((name for name in ("branch", "enterprise") if name in params), None)


def is_in_range(one: Dated, params: Params) -> bool:
    """From the first date to the last, both included."""
    as_of = one.reference.when.as_of.isoformat()
    return params.get("from", as_of) <= as_of <= params.get("to", as_of)


def rates_of(reference: Reference, params: Params) -> dict[str, Rate] | None:
    """The rates of one date; None where it does not know the codes, or the enterprise or branch is not there."""
    if "branch" in params:
        living = params["branch"] in reference.when.branches
        return dict(reference.branch_row(params["branch"])["subtree"]["rates"]) if living else None
    if "enterprise" in params:
        firm = reference.firms.get(params["enterprise"])
        return None if firm is None else dict(reference.enterprise_row(firm)["rates"])
    try:
        questions.check_values(reference.when, params)
    except QuestionError:
        return None
    return dict(reference.block(questions.population(params))["rates"])


def breaks(before: Dated, after: Dated) -> list[str]:
    """What differs beside the figures."""
    settings = [(one.reference.when.thresholds, one.asked_source) for one in (before, after)]
    found = ["settings"] if settings[0] != settings[1] else []
    if before.reference.member_source != after.reference.member_source:
        found.append("member_source")
    return found + [name for name, dataset in TREES.items() if rows(before, dataset) != rows(after, dataset)]


def rows(one: Dated, dataset: str) -> list[str]:
    """The rows of a dataset, in an order that does not matter."""
    return sorted(repr(sorted(row.items())) for row in one.registry[dataset])


def check(params: Params, metrics: Sequence[str]) -> None:
    """Refuse what a trend does not take."""
    questions.check_names(params, {*CONDITIONS, "branch", "enterprise", "from", "to"})
    if single(params) and set(params) - {single(params), "from", "to"}:
        raise QuestionError("one enterprise or branch alone")
    known = {"branch": BRANCH_METRICS, "enterprise": PERSON_METRICS}.get(single(params) or "", METRICS)
    if set(metrics) - set(known):
        raise QuestionError("no such metric of this subject")
    if params.get("from", "") > params.get("to", "9999"):
        raise QuestionError("the wrong way round")
