"""Ratios of measures: numerator, denominator, interval, status; and the correlation inside enterprises."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference.activity import OF_SUBTREE
from tests.reference.as_of import AsOf
from tests.reference.facts import Counts, Firm

Z95 = 1.959963984540054
LOW_BASE = 30
"""Effective denominators below it are a low base."""
CORRELATION_FLOOR = 0.1
CORRELATION_FLOOR_BELOW = 500
"""Members in the strata used, below which the floor holds."""

Rate = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Metric:
    """A ratio: measures added above; below, a measure taken some times, less others, and more of others.

    Shares rest on all persons that their denominator is a part of: `whole`, or `below` itself.
    """

    above: tuple[str, ...]
    below: str
    less: tuple[str, ...] = ()
    times: int = 1
    more: tuple[str, ...] = ()
    interval: str | None = "wilson"
    whole: str = ""
    companions: tuple[str, ...] = ()
    less_companions: tuple[str, ...] = ()
    is_part: bool = False
    rests_on: tuple[str, str] | None = None


def share(part: str, unknown: str) -> Metric:
    """A part of the members, of those for whom the source says."""
    companions = (unknown, "enterprises_members_unknown")
    return Metric((part,), "members", (unknown,), interval="shares", companions=companions)


SHARES = {
    "full_member_share": share("full_members", "full_members_unknown"),
    "young_member_share": share("members_under_36", "members_under_36_unknown"),
    "women_share": share("members_women", "members_women_unknown"),
    "college_share": share("members_college", "members_college_unknown"),
    "floating_share": share("members_floating", "members_floating_unknown"),
    "dual_affiliation_share": share("members_dual", "members_dual_unknown"),
}


def staff_share(part: str) -> Metric:
    """A part of the staff, where returns state it."""
    known = f"headcount_{part}_known"
    return Metric(
        (f"headcount_{part}",), known, interval="shares", whole="headcount",
        companions=("headcount", "enterprises_headcount_unknown"), less_companions=(known,),
    )  # fmt: skip


def ratio_of(part: str) -> Metric:
    """Members of a part per employee of the part."""
    companions = (
        "headcount",
        "enterprises_headcount_unknown",
        f"members_{part}_unknown",
        "enterprises_members_unknown",
    )
    return Metric(
        (f"members_{part}_matched",), f"headcount_{part}_matched", interval=None, is_part=True, companions=companions,
        less_companions=(f"headcount_{part}_known",),
    )  # fmt: skip


STAFF = {
    "young_staff_share": staff_share("under_36"),
    "women_staff_share": staff_share("women"),
    "college_staff_share": staff_share("college"),
    "member_ratio_young": ratio_of("under_36"),
    "member_ratio_women": ratio_of("women"),
    "member_ratio_college": ratio_of("college"),
}

METRICS = {
    "member_ratio": Metric(
        ("members_matched",),
        "headcount_matched",
        interval="clustered",
        companions=("enterprises_headcount_unknown", "enterprises_members_unknown"),
    ),
    "member_ratio_upper": Metric(
        ("members_max", "members_withheld"),
        "headcount_matched",
        interval=None,
        companions=("enterprises_headcount_unknown", "enterprises_members_unknown"),
    ),
    "organisation_coverage": Metric(("enterprises_organised",), "enterprises"),
    "organisation_coverage_with_dual": Metric(("enterprises_organised", "enterprises_reached_by_dual"), "enterprises"),
    "work_coverage": Metric(
        ("enterprises_organised", "enterprises_reached_by_dual", "enterprises_work_only"), "enterprises"
    ),
    "standalone_rate": Metric(("enterprises_standalone",), "enterprises"),
    "effective_coverage": Metric(
        ("enterprises_organised_active",),
        "enterprises",
        rests_on=("enterprises_organised", "enterprises_activity_unknown"),
    ),
    "effective_coverage_upper": Metric(
        ("enterprises_organised_active", "enterprises_activity_unknown"), "enterprises", interval=None
    ),
    "active_organised_share": Metric(
        ("enterprises_organised_active",),
        "enterprises_organised",
        ("enterprises_activity_unknown",),
        companions=("enterprises_activity_unknown",),
    ),
    "employee_coverage": Metric(
        ("headcount_organised",),
        "headcount",
        interval="whole firms",
        companions=("enterprises_headcount_unknown",),
    ),
    "establishment_rate": Metric(
        ("enterprises_eligible_organised",),
        "enterprises_eligible",
        companions=("enterprises_eligible_unknown",),
    ),
    "establishment_rate_strict": Metric(
        ("enterprises_eligible_standalone",),
        "enterprises_eligible",
        companions=("enterprises_eligible_unknown",),
    ),
    "member_presence": Metric(
        ("enterprises_with_members",),
        "enterprises",
        ("enterprises_members_unknown",),
        companions=("enterprises_members_unknown",),
    ),
    **STAFF,
    **SHARES,
    "dual_reach": Metric(
        ("members_reached_by_dual",),
        "members_unorganised",
        ("members_reached_by_dual_unknown",),
        interval="shares",
        companions=("members_reached_by_dual_unknown", "enterprises_members_unknown"),
    ),
    "admission_rate": Metric(("members_admitted",), "members", interval=None),
    "reporting_rate": Metric(("enterprises_reporting",), "enterprises"),
    "turnover": Metric(
        ("members_joined", "members_left"), "members", ("members_joined",), 2, ("members_left",), interval=None
    ),
}

OF_PERSONS = ("member_ratio", *STAFF, *SHARES, "dual_reach", "admission_rate", "turnover")
PERSON_METRICS = {
    name: METRICS[name] for name in ("member_ratio", *STAFF, *SHARES, "dual_reach", "admission_rate", "turnover")
}
"""The ratios of persons: what the row of an enterprise holds."""

SHARE_METRICS = (*(name for name in STAFF if name.endswith("share")), *SHARES, "dual_reach")
"""Those with a correlation of their own."""

BRANCH_METRICS = {
    **SHARES,
    "affiliation_inflation": Metric(("affiliations",), "members", interval=None),
    "active_branch_share": Metric(
        ("branches_active",),
        "branches",
        ("branches_activity_unknown",),
        companions=("branches_activity_unknown",),
    ),
}


def all_rates(
    metrics: dict[str, Metric], counts: Counts, undefined: Iterable[str], correlations: dict[str, float]
) -> dict[str, Rate]:
    """Every metric of one set of counts; `undefined` names measures not defined at its grain or source."""
    missing = frozenset(undefined)
    return {name: rate(metric, counts, missing, correlations.get(name, 0.0)) for name, metric in metrics.items()}


def branch_rates(counts: Counts) -> dict[str, Rate]:
    """The shares of a branch, with those who take part for the members; its members are never unknown.

    They are taken for independent: the correlation is 0.
    """
    as_members = {**counts, "members": counts["members_participating"], "enterprises_members_unknown": 0}
    undefined = OF_SUBTREE if counts["branches"] is None else ()
    return all_rates(BRANCH_METRICS, as_members | {"members_squared": 0}, undefined, {})


def rate(metric: Metric, counts: Counts, undefined: frozenset[str], correlation: float) -> Rate:
    """One metric: a ratio is divided once, last; null where the denominator is 0 or a part is not there."""
    not_there = bool(undefined & {*metric.above, metric.below, *metric.less, *metric.more})
    above = None if not_there else summed(counts, metric.above)
    below = denominator(metric, counts)
    size = effective_size(metric, counts, below, correlation) if below else None
    undecided = metric.rests_on is not None and nothing_known(*(counts[measure] or 0 for measure in metric.rests_on))
    status = status_of(metric, counts, not_there, above, below, size, undecided)
    value = above / below if above is not None and below and not undecided else None
    interval = None if value is None or size is None or status == "inconsistent" else wilson(value, size)
    low, high = interval or (None, None)
    return {
        "value": value,
        "numerator": above,
        "denominator": below,
        "n_eff": None if interval is None else size,
        "low": low,
        "high": high,
        "status": status,
    }


def nothing_known(whole: int, unknown: int) -> bool:
    """There is something, and of all of it nobody knows."""
    return whole > 0 and whole == unknown


def summed(counts: Counts, measures: Sequence[str]) -> int | None:
    """Measures added; null with any of them."""
    known = [count for count in (counts[measure] for measure in measures) if count is not None]
    return sum(known) if len(known) == len(measures) else None


def denominator(metric: Metric, counts: Counts) -> int | None:
    """The measure below the line less those who leave it and with those who are added; null with any of them."""
    whole, gone, more = counts[metric.below], summed(counts, metric.less), summed(counts, metric.more)
    return None if whole is None or gone is None or more is None else metric.times * whole - gone + more


def status_of(
    metric: Metric,
    counts: Counts,
    not_there: bool,
    above: int | None,
    below: int | None,
    size: float | None,
    undecided: bool = False,
) -> str:
    """The first that holds, in the stated order; an unknown denominator is decided like 0."""
    if not_there:
        return "not_applicable"
    if not below:
        companions = sum(counts[companion] or 0 for companion in metric.companions)
        companions -= sum(counts[companion] or 0 for companion in metric.less_companions)
        return "unknown" if companions > 0 else "not_applicable"
    if undecided:
        return "unknown"
    if (size is not None or metric.is_part) and above is not None and above > below:
        return "inconsistent"
    if size is not None and size < LOW_BASE:
        return "low_base"
    return "ok"


def effective_size(metric: Metric, counts: Counts, below: int, correlation: float) -> float | None:
    """The effective denominator; null for a metric without an interval."""
    if metric.interval is None:
        return None
    if metric.interval == "clustered":
        squares = counts["headcount_matched_squared"] or 0
        return below * below / (below + correlation * (squares - below))
    if metric.interval == "whole firms":
        return below * below / (counts["headcount_squared"] or 0)
    if metric.interval == "shares":
        whole = metric.whole or metric.below
        everybody, squares = counts[whole] or 0, counts[f"{whole}_squared"] or 0
        return below / (1 + correlation * (squares / everybody - 1))
    return float(below)


def wilson(value: float, size: float) -> tuple[float, float]:
    """The 95 % Wilson score interval of a ratio over an effective size; exactly 0 at 0 and 1 at 1."""
    square = Z95 * Z95
    centre = (value + square / (2 * size)) / (1 + square / size)
    half = Z95 / (1 + square / size) * math.sqrt(value * (1 - value) / size + square / (4 * size * size))
    return (0.0 if value == 0 else centre - half, 1.0 if value == 1 else centre + half)


# --- the correlation inside enterprises --------------------------------------------------------------


Firms = list[tuple[int, int]]
"""Members (not above headcount) and headcount (one or more) of each firm of a stratum."""


def strata(when: AsOf, firms: Iterable[Firm], sides: Callable[[Firm], tuple[int | None, int | None]]) -> list[Firms]:
    """Operating enterprises of which both sides of a ratio are known, by division and county.

    Unlocated and unclassified ones take no part; strata of one firm, or of one-person firms only, are left out.
    """
    found: dict[tuple[str, str], Firms] = {}
    for firm in firms:
        above, below = sides(firm)
        division = when.division(firm.place("industry_code"))
        county = when.county(firm.place("district_code"))
        if not firm.operating or not below or above is None or division is None or county is None:
            continue
        found.setdefault((division, county), []).append((min(above, below), below))
    return [one for one in found.values() if len(one) >= 2 and sum(h for _, h in one) > len(one)]


def variation(firms: Firms) -> tuple[Fraction, Fraction]:
    """What one stratum adds to N (between firms beyond chance) and to D (inside firms), exactly."""
    k, h_sum, m_sum = len(firms), sum(h for _, h in firms), sum(m for m, _ in firms)
    squares = sum(h * h for _, h in firms)
    a = sum((Fraction(m * m, h) for m, h in firms), Fraction(0))
    between = a - Fraction(m_sum * m_sum, h_sum)
    within = (m_sum - a) / (h_sum - k)
    return between - (k - 1) * within, (h_sum - Fraction(squares, h_sum)) * within


def raw_correlation(strata_used: list[Firms]) -> Fraction | None:
    """The ratio N / (N + D), not truncated and without a floor; None where there is nothing to divide by."""
    parts = [variation(firms) for firms in strata_used]
    n, d = sum((n for n, _ in parts), Fraction(0)), sum((d for _, d in parts), Fraction(0))
    return n / (n + d) if n + d > 0 else None


def settled(raw: Fraction | None, persons: int) -> float:
    """Truncated to 0..1, floored while persons are few, to 4 decimals."""
    value = CORRELATION_FLOOR if raw is None else min(1.0, max(0.0, float(raw)))
    return round(max(value, CORRELATION_FLOOR) if persons < CORRELATION_FLOOR_BELOW else value, 4)


def correlation(when: AsOf, firms: Iterable[Firm]) -> dict[str, Any]:
    """The correlation of members among employees, one value per snapshot, and those of the shares."""
    everybody = list(firms)
    used = strata(when, everybody, lambda firm: (firm.people.members, firm.headcount))
    members = sum(m for one in used for m, _ in one)
    return {
        "value": settled(raw_correlation(used), members),
        "strata": len(used),
        "firms": sum(len(one) for one in used),
        "members": members,
        "shares": {name: share_correlation(when, everybody, METRICS[name]) for name in SHARE_METRICS},
    }


def share_correlation(when: AsOf, firms: list[Firm], metric: Metric) -> float:
    """That of one share; few are here few in the denominators."""
    used = strata(when, firms, lambda firm: (summed(firm.counts, metric.above), denominator(metric, firm.counts)))
    return settled(raw_correlation(used), sum(h for one in used for _, h in one))
