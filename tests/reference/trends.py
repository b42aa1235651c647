"""Trends by the plain reading of the design: the same rows on each date, and what else differs between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.reference import breakdown, questions
from tests.reference.answers import Reference
from tests.reference.public import DISTRICT_LEVELS, INDUSTRY_LEVELS, PublicReference
from tests.reference.questions import CHOICES, CONDITIONS, DIMENSIONS_OF, Params, QuestionError
from tests.reference.registry import Registry, Row, byte_order

TREES = ("districts", "industries", "industry-groups")
"""Datasets whose change is a break."""


@dataclass(frozen=True)
class Dated:
    """One date: what is known of it, the registry as it was when that was found out, the member source asked for."""

    reference: Reference
    registry: Registry
    asked_source: str


def trend(dates: Sequence[Dated], params: Params) -> Row:
    """A row per subject and date that knows it; `dates` are in order."""
    check(params)
    chosen = [one for one in dates if is_in_range(one, params)]
    if not chosen:
        raise QuestionError("no snapshot in the range")
    points = [(one, found) for one in chosen if (found := rows_of(one.reference, params)) is not None]
    known = {code for _, rows in points for code in rows}
    if not points or set(questions.values(params, single(params) or "")) - known:
        raise QuestionError("no date knows this")
    befores = [points[0][0], *(one for one, _ in points)]
    found_breaks = [breaks(before, one) for before, (one, _) in zip(befores, points, strict=False)]
    subjects = in_order(params, points)
    data = [
        {"as_of": one.reference.when.as_of.isoformat(), "breaks": found_breaks[number], **rows[subject]}
        | changed(params, points, found_breaks, subject, number)
        for subject in subjects
        for number, (one, rows) in enumerate(points)
        if subject in rows
    ]
    basis = None if single(params) or params.get("by") == "basis" else params.get("basis", "operating")
    return {"data": data, "meta": points[-1][0].reference.meta(basis, len(subjects))}


def single(params: Params) -> str | None:
    """Whether enterprises or branches are asked about."""
    return next((name for name in ("branch", "enterprise") if name in params), None)


def is_in_range(one: Dated, params: Params) -> bool:
    """From the first date to the last, both included."""
    as_of = one.reference.when.as_of.isoformat()
    first, last = str(params.get("from", as_of)), str(params.get("to", as_of))
    return first <= as_of <= last


def rows_of(reference: Reference, params: Params) -> dict[str, Row] | None:
    """The rows of one date by what they stand for; None where it does not know the codes."""
    codes = questions.values(params, single(params) or "")
    if "branch" in params:
        return {code: reference.branch_row(code) for code in codes if code in reference.when.branches} or None
    if "enterprise" in params:
        firms = reference.firms
        return {code: reference.enterprise_row(firms[code]) for code in codes if code in firms} or None
    try:
        questions.check_values(reference.when, params)
    except QuestionError:
        return None
    asked = questions.population(params)
    if "by" not in params:
        return {"": reference.block(asked)}
    by = params["by"]
    return {
        value: {DIMENSIONS_OF[by]: breakdown.named(reference, by, value)}
        | breakdown.block_of(reference, asked, {by: value})
        for value in breakdown.choices(reference, by)
    }


def in_order(params: Params, points: Sequence[tuple[Dated, dict[str, Row]]]) -> list[str]:
    """The subjects: of a breakdown those with an enterprise at one of the dates."""
    if single(params):
        return byte_order(questions.values(params, single(params) or ""))
    if "by" not in params:
        return [""]
    filled = {value for _, rows in points for value, row in rows.items() if row["counts"]["enterprises"] > 0}
    is_choice = DIMENSIONS_OF[params["by"]] not in breakdown.SUBJECTS
    return [value for value in CHOICES[params["by"]] if value in filled] if is_choice else byte_order(filled)


def changed(
    params: Params, points: Sequence[tuple[Dated, dict[str, Row]]], found_breaks: Sequence[list[str]], subject: str,
    number: int,
) -> Row:  # fmt: skip
    """The change since the date before, or the first; nothing where none is asked for."""
    if "compare_to" not in params:
        return {}
    if number == 0:
        return {"change": None}
    other = number - 1 if params["compare_to"] == "previous" else 0
    is_broken = any(found_breaks[other + 1 : number + 1])
    before = None if is_broken else points[other][1].get(subject)
    after = points[number][1][subject]
    if "branch" in params:
        return {"change": {side: difference(before and before[side], after[side]) for side in ("own", "subtree")}}
    return {"change": difference(before, after)}


def difference(before: Row | None, after: Row) -> Row:
    """Figure by figure; null where either is."""
    return {
        "counts": {name: less(value, before and before["counts"][name]) for name, value in after["counts"].items()},
        "rates": {
            name: less(rate["value"], before and before["rates"][name]["value"])
            for name, rate in after["rates"].items()
        },
    }


def less(after: Any, before: Any) -> Any:
    """The difference; null where either is null."""
    return None if after is None or before is None else after - before


def breaks(before: Dated, after: Dated) -> list[str]:
    """What differs beside the figures; the format is that of today's service on both dates."""
    settings = [(one.reference.when.thresholds, one.asked_source) for one in (before, after)]
    found = ["settings"] if settings[0] != settings[1] else []
    if any(rows(before, dataset) != rows(after, dataset) for dataset in TREES):
        found.append("trees")
    if before.reference.member_source != after.reference.member_source:
        found.append("member_source")
    return found


def rows(one: Dated, dataset: str) -> list[str]:
    """The rows of a dataset, in an order that does not matter."""
    return sorted(repr(sorted(row.items())) for row in one.registry[dataset])


def check(params: Params) -> None:
    """Refuse what a trend does not take."""
    questions.check_names(params, {*CONDITIONS, "by", "branch", "enterprise", "from", "to", "compare_to"})
    if single(params) and set(params) - {single(params), "from", "to", "compare_to"}:
        raise QuestionError("enterprises or branches alone")
    if "by" in params:
        questions.check_by(params, 1)
    if params.get("from", "") > params.get("to", "9999"):
        raise QuestionError("the wrong way round")


def check_public(reference: PublicReference, params: Params) -> None:
    """Refuse what only exact figures answer."""
    reference.check("industries", {name: params[name] for name in CONDITIONS if name in params})
    if set(questions.values(params, "by")) - {*DISTRICT_LEVELS, *INDUSTRY_LEVELS, "industry_group"}:
        raise QuestionError("exact only")
