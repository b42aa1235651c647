"""Low membership by the plain reading of the design: one industry after the other, tests by the formula.

Of each row the sums M, H, Q of its matched enterprises; of a rounded one also how many were rounded.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from scipy.stats import beta

from tests.reference import breakdown, questions
from tests.reference.answers import Reference, figure_in, in_order
from tests.reference.breakdown import FIELDS, OVERLAPPING
from tests.reference.measures import Population, added, holds, unallocated
from tests.reference.public import DISTRICT_LEVELS as PUBLIC_DISTRICTS
from tests.reference.public import INDUSTRY_LEVELS as PUBLIC_LEVELS
from tests.reference.public import PublicReference, Sums, size_for_tests
from tests.reference.questions import CONDITIONS, DIMENSIONS_OF, POPULATION_SORTS, Params, QuestionError
from tests.reference.rates import METRICS, Z95
from tests.reference.registry import INDUSTRY_LEVELS, Row, at_or_below

Z998 = 3.090232306167813
LEAST_EXPECTED = 5
COLUMNS = (
    "n_eff",
    "ratio",
    "reference_ratio",
    "expected",
    "p",
    "q",
    "p_margin",
    "q_margin",
    "class",
    "shortfall",
    "limit_95_low",
    "limit_95_high",
    "limit_998_low",
    "limit_998_high",
)
ADJUSTED = ("members_expected", "headcount_uncompared", "standardised_ratio", "precision")
TAKEN = {*CONDITIONS, "by", "reference", "target", "adjust", "alpha", "margin", "sort", "order", "status"}


def low_membership(reference: Reference, params: Params) -> Row:
    """The whole list, sorted: `data`, `total`, `unallocated`, `meta`."""
    by = check(reference, params)
    asked = questions.population(params)
    values = [value for value in breakdown.choices(reference, by) if breakdown.held(reference, asked, {by: value})]
    total = reference.block(asked)
    level = adjustment(params)
    if level == "none":
        found = [row_of(reference, params, asked, by, value) for value in values]
        add_q(found, float(params.get("alpha", "0.05")))
    else:
        found = standardised(reference, params, by, values, level)
    data = [
        dict.fromkeys(FIELDS)
        | {DIMENSIONS_OF[by]: breakdown.named(reference, by, value)}
        | {name: compared[name] for name in (*COLUMNS, *(ADJUSTED if level != "none" else ()))}
        | breakdown.block_of(reference, asked, {by: value})
        for value, compared in zip(values, found, strict=True)
    ]
    left = unallocated(total["counts"], [one["counts"] for one in data])
    shown = sorted_rows(data, {"sort": "q_margin"} | params, by)
    return {
        "data": shown,
        "total": total,
        "unallocated": None if by in OVERLAPPING or "status" in params else {"counts": left},
        "meta": reference.meta(asked.basis, len(shown)),
    }


def adjustment(params: Params) -> str:
    """With which industries rows are compared: districts with their divisions, unless there is a target."""
    is_of_rest = "target" not in params and params.get("reference", "rest") == "rest"
    default = "division" if is_of_rest and DIMENSIONS_OF[params["by"]] == "district" else "none"
    return str(params.get("adjust", default))


def check(reference: Reference, params: Params) -> str:
    """Refuse what is not taken, what excludes each other, and codes that are not there; what rows are by."""
    questions.check_names(params, TAKEN)
    questions.check_values(reference.when, params)
    [by] = questions.check_by(params, 1)
    level, is_of_rest = adjustment(params), "target" not in params and params.get("reference", "rest") == "rest"
    if by == "basis" or level not in (*INDUSTRY_LEVELS, "none"):
        raise QuestionError("not compared by this")
    if "reference" in params and ("target" in params or params["reference"] not in ("rest", "parent")):
        raise QuestionError("no such reference, or two")
    if not 0 < Fraction(params.get("target", "1/2")) < 1:
        raise QuestionError("target is no fraction")
    if level != "none" and (not is_of_rest or DIMENSIONS_OF[by] in ("industry", "industry_group")):
        raise QuestionError("not adjusted")
    if level == "none" and is_of_rest and DIMENSIONS_OF[by] == "district":
        raise QuestionError("places differ in their mix of industries")
    if params.get("reference") == "parent" and (above(reference, params) is None or DIMENSIONS_OF[by] == "district"):
        raise QuestionError("no parent")
    if params.get("sort", "q_margin") not in (*COLUMNS, *(ADJUSTED if level != "none" else ()), *POPULATION_SORTS):
        raise QuestionError("no such column")
    questions.check_status(params, METRICS)
    if isinstance(reference, PublicReference):
        reference.check("industries", {name: value for name, value in params.items() if name in CONDITIONS})
        if level != "none" or by not in (*PUBLIC_DISTRICTS, *PUBLIC_LEVELS, "industry_group"):
            raise QuestionError("exact only")
    return by


def above(reference: Reference, params: Params) -> str | None:
    """The parent of the one district."""
    districts = questions.values(params, "district")
    return reference.when.districts[districts[0]]["parent_code"] if len(districts) == 1 else None


def standardised(reference: Reference, params: Params, by: str, values: Sequence[str], level: str) -> list[Row]:
    """Each row with what its own industries of a level have elsewhere in the scope."""
    from tests.reference.standardisation import Side, adjusted  # noqa: PLC0415 - which stands on this module

    asked = questions.population(params)
    tree = reference.when.industries
    nodes = [code for code, node in tree.items() if node["level"] == level]
    below = {inner: code for code in nodes for inner in at_or_below(tree, code)}

    def sides(firms: Sequence[Any]) -> dict[str | None, Side]:
        held: dict[str | None, list[Any]] = {}
        for firm in firms:
            held.setdefault(below.get(firm.place("industry_code") or ""), []).append(firm)
        return {stratum: Side(*_three(added(inside))) for stratum, inside in held.items()}

    scope = sides(members_of(reference, asked))
    rows = []
    for value in values:
        own = sides(breakdown.held(reference, asked, {by: value}))
        rows.append([(side, _less(scope[stratum], side)) for stratum, side in own.items()])
    found = adjusted(rows, reference.rho, float(params.get("alpha", "0.05")), float(params.get("margin", "0.8")))
    for row in found:
        parts = (("value", ""), ("low", "_low"), ("high", "_high"))
        ratio = {part: row.pop(f"standardised_ratio{end}") for part, end in parts}
        row["standardised_ratio"] = None if ratio["value"] is None else ratio
    return found


def _three(counts: Row) -> tuple[int, ...]:
    return tuple(
        counts[measure] or 0 for measure in ("members_matched", "headcount_matched", "headcount_matched_squared")
    )


def _less(whole: Any, part: Any) -> Any:
    return type(whole)(whole.members - part.members, whole.headcount - part.headcount, whole.squares - part.squares)


def members_of(reference: Reference, *populations: Population) -> list[Any]:
    """The enterprises that are in each of some populations."""
    firms = reference.firms.values()
    return [firm for firm in firms if all(holds(reference.when, one, firm) for one in populations)]


def sums(reference: Reference, *populations: Population) -> Sums:
    """Enterprises rounded (none where figures are exact), M, H, Q."""
    if isinstance(reference, PublicReference):
        return reference.sums(*populations)
    counts = added(members_of(reference, *populations))
    measures = ("members_matched", "headcount_matched", "headcount_matched_squared")
    return Sums(0, *(counts[measure] or 0 for measure in measures))


def less(whole: Sums, part: Sums) -> Sums:
    """A sum without one of its parts."""
    return Sums(
        whole.enterprises - part.enterprises,
        whole.members - part.members,
        whole.headcount - part.headcount,
        whole.squares - part.squares,
    )


def sorted_rows(rows: list[Row], params: Params, by: str) -> list[Row]:
    """Like any list; where q_margin are equal by q, and only then by code."""

    def code_of(row: Row) -> Any:
        return breakdown.place(row, (by,))

    if params["sort"] == "q_margin":
        by_q = in_order(rows, params | {"sort": "q"}, code_of=code_of, figure_of=figure)
        places = {id(one): number for number, one in enumerate(by_q)}
        return in_order(rows, params, code_of=lambda row: places[id(row)], figure_of=figure)
    return in_order(rows, params, code_of=code_of, figure_of=figure)


def row_of(reference: Reference, params: Params, asked: Population, by: str, value: str) -> Row:
    """One row without q and class: its sums and tests."""
    own_condition = breakdown.populations(asked, {by: value})[1]
    own, total = sums(reference, asked, own_condition), sums(reference, asked)
    margin = float(params.get("margin", "0.8"))
    if "target" in params:
        wanted = Fraction(params["target"])
        return {"own": own} | compared(reference, own, wanted, None, wanted, margin)
    centre = Fraction(total.members, total.headcount) if total.headcount else None
    other = less(total, own)
    if params.get("reference") == "parent":
        parent = above(reference, params)
        assert parent is not None
        other = less(sums(reference, replace(asked, district=(parent,)), own_condition), own)
    ratio = Fraction(other.members, other.headcount) if other.headcount > 0 else None
    return {"own": own} | compared(reference, own, ratio, other, centre, margin)


def compared(
    reference: Reference,
    own: Sums,
    wanted: Fraction | None,
    other: Sums | None,
    centre: Fraction | None,
    margin: float,
) -> Row:
    """Everything but the two q and the class; `other` holds the enterprises of the reference, None for a target."""
    if own.headcount == 0 or wanted is None or wanted >= 1:
        return dict.fromkeys(COLUMNS) | {"applicable": False, "wanted": None}
    expected_ratio = float(wanted)
    n_eff = size(reference, own, expected_ratio)
    n_t = n_eff
    if other is not None:
        n_other = size(reference, other, expected_ratio)
        n_t = n_eff * n_other / (n_eff + n_other) if n_eff + n_other else 0.0
    testable = n_t * expected_ratio >= LEAST_EXPECTED and own.members <= own.headcount
    return {
        "applicable": True,
        "wanted": wanted,
        "n_eff": n_eff,
        "ratio": own.members / own.headcount,
        "reference_ratio": expected_ratio,
        "expected": n_t * expected_ratio,
        **tests(own.members / own.headcount, expected_ratio, n_t, margin, testable=testable),
        "shortfall": max(0, math.ceil(wanted * own.headcount) - own.members),
        **limits(centre, n_eff),
    }


def size(reference: Reference, found: Sums, ratio: float) -> float:
    """The effective number of employees; of rounded ones less."""
    if isinstance(reference, PublicReference):
        return size_for_tests(found, ratio)
    return found.headcount**2 / (found.headcount + reference.rho * (found.squares - found.headcount))


def tests(ratio: float, wanted: float, n_t: float, margin: float, *, testable: bool) -> Row:
    """The two p; none where nothing could be shown."""
    if not testable:
        return {"p": None, "p_margin": None}
    return {"p": p_of(ratio, wanted, n_t), "p_margin": p_low(ratio, margin * wanted, n_t)}


def p_low(ratio: float, wanted: float, n_t: float) -> float:
    """The lower tail."""
    return 1.0 if ratio == 1 else incomplete_beta(n_t - n_t * ratio, n_t * ratio + 1, 1 - wanted)


def p_of(ratio: float, wanted: float, n_t: float) -> float:
    """Twice the smaller tail; of the upper tails the larger."""
    x = n_t * ratio
    high = 1.0 if ratio == 0 else incomplete_beta(x, n_t - x + 1, wanted)
    heavy = 1.0 if n_t <= 1 else incomplete_beta((1 - wanted) * (n_t - 1), wanted * (n_t - 1), 1 - ratio)
    return min(1.0, 2 * min(p_low(ratio, wanted, n_t), max(high, heavy)))


def incomplete_beta(a: float, b: float, y: float) -> float:
    """The regularised incomplete beta function: the distribution of a beta variable."""
    return float(beta(a, b).cdf(y))


def limits(centre: Fraction | None, n_eff: float) -> Row:
    """The limits of the funnel plot, within 0 and 1; none where more than all are members."""
    found: Row = {}
    for name, z in (("95", Z95), ("998", Z998)):
        sides: tuple[float | None, float | None] = (None, None)
        if centre is not None and centre <= 1:
            half = z * math.sqrt(centre * (1 - centre) / n_eff) if n_eff else math.inf
            sides = (max(0.0, float(centre) - half), min(1.0, float(centre) + half))
        found |= dict(zip((f"limit_{name}_low", f"limit_{name}_high"), sides, strict=True))
    return found


def add_q(rows: Sequence[Row], alpha: float) -> None:
    """Give each row its two q and its class; only rows that may be below the margin are tested for it."""
    tested = [one["p"] for one in rows if one["p"] is not None]
    doubled = [2 * one["p_margin"] for one in rows if one["p_margin"] is not None and one["p_margin"] <= 0.5]
    for one in rows:
        one["q"] = None if one["p"] is None else q_of(one["p"], tested)
        one["q_margin"] = None if one["p"] is None else q_margin_of(one["p_margin"], doubled)
        one["class"] = class_of(one, alpha)


def q_margin_of(p: float, doubled: Sequence[float]) -> float:
    """Benjamini and Hochberg over the doubled ones up to one half; 1 for the others."""
    return q_of(2 * p, doubled) if p <= 0.5 else 1.0


def q_of(p: float, tested: Sequence[float]) -> float:
    """The least p·m/rank of it and of those above it, where the rank is the number of p up to there."""
    return min(other * len(tested) / sum(one <= other for one in tested) for other in tested if other >= p)


def class_of(one: Row, alpha: float) -> str:
    """The first class that holds."""
    if not one["applicable"]:
        return "not_applicable"
    if one["own"].members > one["own"].headcount:
        return "inconsistent"
    if one["p"] is None:
        return "few_expected"
    if one["q"] >= alpha:
        return "not_different"
    if one["q_margin"] < alpha:
        return "low"
    return "lower" if Fraction(one["own"].members, one["own"].headcount) < one["wanted"] else "higher"


def figure(row: Row, name: str) -> Any:
    """What a row is sorted by."""
    if name == "standardised_ratio":
        return None if row[name] is None else row[name]["value"]
    return row[name] if name in (*COLUMNS, *ADJUSTED) else figure_in(row, name)
