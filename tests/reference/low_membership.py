"""Low membership by the plain reading of the design: one industry after the other, tests by the formula.

Of each row the sums M, H, Q of its matched enterprises; of a rounded one also how many were rounded.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from scipy.stats import beta

from tests.reference import questions
from tests.reference.answers import DIMENSIONS, Reference, code_in, figure_in, in_order
from tests.reference.measures import Population, added, holds, unallocated
from tests.reference.public import INDUSTRY_LEVELS as PUBLIC_LEVELS
from tests.reference.public import PublicReference, Sums, size_for_tests
from tests.reference.questions import CONDITIONS, LEVELS, POPULATION_SORTS, Params, QuestionError
from tests.reference.rates import Z95
from tests.reference.registry import Row

Z998 = 3.090232306167813
LEAST_EXPECTED = 5
COLUMNS = (
    "n_eff",
    "ratio",
    "reference_ratio",
    "expected",
    "p",
    "q",
    "class",
    "shortfall",
    "limit_95_low",
    "limit_95_high",
    "limit_998_low",
    "limit_998_high",
)
TAKEN = {*CONDITIONS, "industry_level", "by", "reference", "target", "alpha", "margin", "sort", "order"}


def low_membership(reference: Reference, params: Params) -> Row:
    """The whole list, sorted: `data`, `total`, `unallocated`, `meta`."""
    check(reference, params)
    subject = "industry-groups" if "by" in params else "industries"
    population = questions.population(params)
    listed = [code for code in codes(reference, subject, params) if enterprises(reference, population, subject, code)]
    total = reference.block(population)
    found = [row_of(reference, params, population, subject, code) for code in listed]
    add_q(found, float(params.get("alpha", "0.05")), Fraction(params.get("margin", "0.8")))
    data = [published(one) for one in found]
    left = unallocated(total["counts"], [one["counts"] for one in data])
    key = "industry_group" if subject == "industry-groups" else "industry"
    return {
        "data": in_order(data, {"sort": "q"} | params, code_of=code_in(key), figure_of=figure),
        "total": total,
        "unallocated": None if subject == "industry-groups" else {"counts": left},
        "meta": reference.meta(population.basis, len(data)),
    }


def check(reference: Reference, params: Params) -> None:
    """Refuse what is not taken, what excludes each other, and codes that are not there."""
    questions.check_names(params, TAKEN)
    questions.check_values(reference.when, params)
    if ("industry_level" in params) == (params.get("by") == "industry_group"):
        raise QuestionError("one level, or the groups")
    if params.get("industry_level", "section") not in LEVELS["industries"]:
        raise QuestionError("no such level")
    if "reference" in params and ("target" in params or params["reference"] not in ("rest", "parent")):
        raise QuestionError("no such reference, or two")
    if not 0 < Fraction(params.get("target", "1/2")) < 1:
        raise QuestionError("target is no fraction")
    if params.get("sort", "q") not in (*COLUMNS, *POPULATION_SORTS):
        raise QuestionError("no such column")
    above = reference.when.districts.get(params.get("district", ""), {}).get("parent_code")
    if params.get("reference") == "parent" and above is None:
        raise QuestionError("no parent")
    if isinstance(reference, PublicReference):
        reference.check("industries", {name: value for name, value in params.items() if name in CONDITIONS})
        if params.get("industry_level", "section") not in PUBLIC_LEVELS:
            raise QuestionError("exact only")


def codes(reference: Reference, subject: str, params: Params) -> list[str]:
    """The industries of the level, or all groups."""
    known = reference.codes(subject)
    if subject == "industry-groups":
        return known
    return [code for code in known if reference.when.industries[code]["level"] == params["industry_level"]]


def row_alone(population: Population, subject: str, code: str) -> Population:
    """The condition that a row adds to its population."""
    return Population(basis=population.basis, **{DIMENSIONS[subject]: code})


def enterprises(reference: Reference, population: Population, subject: str, code: str) -> int:
    """How many enterprises a row counts."""
    return len(members_of(reference, population, row_alone(population, subject, code)))


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


def row_of(reference: Reference, params: Params, population: Population, subject: str, code: str) -> Row:
    """One row without q and class: its subject, sums, figures and tests."""
    own_condition = row_alone(population, subject, code)
    own, total = sums(reference, population, own_condition), sums(reference, population)
    dimension = DIMENSIONS[subject]
    named = {"industry": None, "industry_group": None} | {dimension: reference.named(subject, code)}
    found = {"named": named, "own": own, **reference.block(population, own_condition)}
    if "target" in params:
        wanted = Fraction(params["target"])
        return found | compared(reference, own, wanted, None, wanted)
    centre = Fraction(total.members, total.headcount) if total.headcount else None
    other = less(total, own)
    if params.get("reference") == "parent":
        above = reference.when.districts[params["district"]]["parent_code"]
        other = less(sums(reference, replace(population, district=above), own_condition), own)
    ratio = Fraction(other.members, other.headcount) if other.headcount > 0 else None
    return found | compared(reference, own, ratio, other, centre)


def compared(
    reference: Reference, own: Sums, wanted: Fraction | None, other: Sums | None, centre: Fraction | None
) -> Row:
    """Everything but q and class; `other` holds the enterprises of the reference, None for a target."""
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
        "p": p_of(own.members / own.headcount, expected_ratio, n_t) if testable else None,
        "shortfall": max(0, math.ceil(wanted * own.headcount) - own.members),
        **limits(centre, n_eff),
    }


def size(reference: Reference, found: Sums, ratio: float) -> float:
    """The effective number of employees; of rounded ones less."""
    if isinstance(reference, PublicReference):
        return size_for_tests(found, ratio)
    return found.headcount**2 / (found.headcount + reference.rho * (found.squares - found.headcount))


def p_of(ratio: float, wanted: float, n_t: float) -> float:
    """Twice the smaller tail; of the upper tails the larger."""
    x = n_t * ratio
    low = 1.0 if ratio == 1 else incomplete_beta(n_t - x, x + 1, 1 - wanted)
    high = 1.0 if ratio == 0 else incomplete_beta(x, n_t - x + 1, wanted)
    heavy = 1.0 if n_t <= 1 else incomplete_beta((1 - wanted) * (n_t - 1), wanted * (n_t - 1), 1 - ratio)
    return min(1.0, 2 * min(low, max(high, heavy)))


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


def add_q(rows: Sequence[Row], alpha: float, margin: Fraction) -> None:
    """Give each row its q, by Benjamini and Hochberg over those with a p, and its class."""
    tested = [one["p"] for one in rows if one["p"] is not None]
    for one in rows:
        one["q"] = None if one["p"] is None else q_of(one["p"], tested)
        one["class"] = class_of(one, alpha, margin)


def q_of(p: float, tested: Sequence[float]) -> float:
    """The least p·m/rank of it and of those above it, where the rank is the number of p up to there."""
    return min(other * len(tested) / sum(one <= other for one in tested) for other in tested if other >= p)


def class_of(one: Row, alpha: float, margin: Fraction) -> str:
    """The first class that holds."""
    if not one["applicable"]:
        return "not_applicable"
    own, wanted = one["own"], one["wanted"]
    if own.members > own.headcount:
        return "inconsistent"
    if one["p"] is None:
        return "low_base"
    if one["q"] >= alpha:
        return "not_different"
    ratio = Fraction(own.members, own.headcount)
    return "higher" if ratio > wanted else "low" if ratio < margin * wanted else "lower"


def published(one: Row) -> Row:
    """A row as it is answered."""
    return {
        **one["named"],
        **{column: one[column] for column in COLUMNS},
        "counts": one["counts"],
        "rates": one["rates"],
    }


def figure(row: Row, name: str) -> Any:
    """What a row is sorted by."""
    return row[name] if name in COLUMNS else figure_in(row, name)
