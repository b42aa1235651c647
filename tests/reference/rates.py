"""Ratios of measures: numerator, denominator, interval, status; and the correlation inside enterprises."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

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
    """A ratio: measures added above; below, measures less others, all of it taken some times."""

    above: tuple[str, ...]
    below: str
    less: tuple[str, ...] = ()
    times: int = 1
    interval: str | None = "wilson"
    companions: tuple[str, ...] = ()


def share(part: str, unknown: str) -> Metric:
    """A part of the members, of those for whom the source says."""
    return Metric((part,), "members", (unknown,), companions=(unknown, "enterprises_members_unknown"))


SHARES = {
    "full_member_share": share("full_members", "full_members_unknown"),
    "young_member_share": share("members_under_36", "members_under_36_unknown"),
    "women_share": share("members_women", "members_women_unknown"),
    "college_share": share("members_college", "members_college_unknown"),
    "floating_share": share("members_floating", "members_floating_unknown"),
    "dual_affiliation_share": share("members_dual", "members_dual_unknown"),
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
    **SHARES,
    "dual_reach": Metric(
        ("members_reached_by_dual",),
        "members_unorganised",
        ("members_reached_by_dual_unknown",),
        companions=("members_reached_by_dual_unknown", "enterprises_members_unknown"),
    ),
    "reporting_rate": Metric(("enterprises_reporting",), "enterprises"),
    "turnover": Metric(("members_joined", "members_left"), "members", times=2, interval=None),
}

PERSON_METRICS = {name: METRICS[name] for name in ("member_ratio", *SHARES, "dual_reach", "turnover")}
"""The ratios of persons: what the row of an enterprise holds."""

BRANCH_METRICS = {**SHARES, "affiliation_inflation": Metric(("affiliations",), "members", interval=None)}


def all_rates(
    metrics: dict[str, Metric], counts: Counts, undefined: Iterable[str], correlation: float
) -> dict[str, Rate]:
    """Every metric of one set of counts; `undefined` names measures not defined at its grain or source."""
    missing = frozenset(undefined)
    return {name: rate(metric, counts, missing, correlation) for name, metric in metrics.items()}


def branch_rates(counts: Counts, correlation: float) -> dict[str, Rate]:
    """The shares of a branch, with those who take part for the members; its members are never unknown."""
    as_members = {**counts, "members": counts["members_participating"], "enterprises_members_unknown": 0}
    return all_rates(BRANCH_METRICS, as_members, (), correlation)


def rate(metric: Metric, counts: Counts, undefined: frozenset[str], correlation: float) -> Rate:
    """One metric: a ratio is divided once, last; null where the denominator is 0 or a part is not there."""
    not_there = bool(undefined & {*metric.above, metric.below, *metric.less})
    above = None if not_there else summed(counts, metric.above)
    below = denominator(metric, counts)
    size = effective_size(metric, counts, below, correlation) if below else None
    status = status_of(metric, counts, not_there, above, below, size)
    value = above / below if above is not None and below else None
    interval = None if value is None or size is None or status == "inconsistent" else wilson(value, size)
    low, high = interval or (None, None)
    return {
        "value": value,
        "numerator": above,
        "denominator": below,
        "low": low,
        "high": high,
        "status": status,
    }


def summed(counts: Counts, measures: Sequence[str]) -> int | None:
    """Measures added; null with any of them."""
    known = [count for count in (counts[measure] for measure in measures) if count is not None]
    return sum(known) if len(known) == len(measures) else None


def denominator(metric: Metric, counts: Counts) -> int | None:
    """The measure below the line less those who leave it; null with any of them."""
    whole, gone = counts[metric.below], summed(counts, metric.less)
    return None if whole is None or gone is None else metric.times * (whole - gone)


def status_of(
    metric: Metric,
    counts: Counts,
    not_there: bool,
    above: int | None,
    below: int | None,
    size: float | None,
) -> str:
    """The first that holds, in the stated order; an unknown denominator is decided like 0."""
    if not_there:
        return "not_applicable"
    if not below:
        companions = sum(counts[companion] or 0 for companion in metric.companions)
        return "unknown" if companions > 0 else "not_applicable"
    if size is not None and above is not None and above > below:
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


def strata(when: AsOf, firms: Iterable[Firm]) -> list[Firms]:
    """Operating enterprises with known members and headcount, by division and county.

    Unlocated and unclassified ones take no part; strata of one firm, or of one-person firms only, are left out.
    """
    found: dict[tuple[str, str], Firms] = {}
    for firm in firms:
        members, staff = firm.people.members, firm.headcount
        division = when.division(firm.place("industry_code"))
        county = when.county(firm.place("district_code"))
        if not firm.operating or not staff or members is None or division is None or county is None:
            continue
        found.setdefault((division, county), []).append((min(members, staff), staff))
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


def correlation(when: AsOf, firms: Iterable[Firm]) -> dict[str, float | int]:
    """One value per snapshot: truncated to 0..1, floored while members are few, to 4 decimals."""
    used = strata(when, firms)
    members = sum(m for one in used for m, _ in one)
    raw = raw_correlation(used)
    value = CORRELATION_FLOOR if raw is None else min(1.0, max(0.0, float(raw)))
    if members < CORRELATION_FLOOR_BELOW:
        value = max(value, CORRELATION_FLOOR)
    return {
        "value": round(value, 4),
        "strata": len(used),
        "firms": sum(len(one) for one in used),
        "members": members,
    }
