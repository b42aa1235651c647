"""Counts and rates, derived from the catalogue: one field per measure or metric, all of them always there."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from app.api.schemas.closed import Closed, closed_model
from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES, Grain, Measure
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS, Interval, Metric, Status


class Rate(Closed):
    """One ratio with its parts, its 95 % interval and its status."""

    value: float | None = Field(description="Numerator over denominator, in full; null where `status` says why.")
    numerator: int | None = Field(description="Upper part; null where it is protected or not defined here.")
    denominator: int | None = Field(description="Lower part; null where it is protected or not defined here.")
    low: float | None = Field(description="Lower end of the 95 % interval; null where the metric or status has none.")
    high: float | None = Field(description="Upper end of the 95 % interval; null where the metric or status has none.")
    status: Status = Field(description="How far the value can be relied on, or why there is none.")


def _count_text(measure: Measure) -> str:
    parts = [f"{measure.label.zh}. {measure.definition} Unit: {measure.unit.value}."]
    if measure.grain is Grain.COUNTY_SECTION:
        parts.append(
            "Null below county or section, for industry groups, under an enterprise filter, and in other bases than "
            "`registered` and `operating`."
        )
    if measure.register_only:
        parts.append("Null (not applicable) where members are counted from returns.")
    if not measure.public and measure.grain is not Grain.BRANCH:
        parts.append("Null where protected.")
    return " ".join(parts)


def _counts(measures: Iterable[Measure]) -> dict[str, tuple[Any, str]]:
    """Null only where it can be: not of a public measure, which every answer has."""
    return {
        measure.code: (int if measure.public or measure.grain is Grain.BRANCH else int | None, _count_text(measure))
        for measure in measures
    }


def _own_counts(measures: Iterable[Measure]) -> dict[str, tuple[Any, str]]:
    return {
        measure.code: (int | None, f"{_count_text(measure)} Null where the enterprise's own value is unknown.")
        for measure in measures
    }


def _rates(metrics: Iterable[Metric]) -> dict[str, tuple[Any, str]]:
    return {metric.code: (Rate, rate_text(metric)) for metric in metrics}


def rate_text(metric: Metric) -> str:
    """Return the description of a field that is this metric."""
    interval = "no interval" if metric.interval is Interval.NONE else f"interval: {metric.interval.value}"
    return f"{metric.label.zh}. {metric.definition} {metric.formula}; {interval}. Unit: ratio, 0–1 unless inconsistent."


Counts = closed_model("Counts", "Additive counts over the enterprises of a row.", _counts(MEASURES))
Rates = closed_model("Rates", "Ratios of sums of counts.", _rates(METRICS))
EnterpriseCounts = closed_model(
    "EnterpriseCounts", "Counts of persons of one enterprise.", _own_counts(ENTERPRISE_MEASURES)
)
EnterpriseRates = closed_model("EnterpriseRates", "Ratios of persons of one enterprise.", _rates(ENTERPRISE_METRICS))
BranchCounts = closed_model("BranchCounts", "Counts of distinct persons and enterprises.", _counts(BRANCH_MEASURES))
BranchRates = closed_model("BranchRates", "Ratios of the counts of a branch.", _rates(BRANCH_METRICS))

_COUNTS_TEXT, _RATES_TEXT = "Additive counts.", "Ratios of sums of counts, divided once."

FIGURES: dict[str, tuple[Any, str]] = {"counts": (Counts, _COUNTS_TEXT), "rates": (Rates, _RATES_TEXT)}
"""Fields of whatever has figures over enterprises."""

ENTERPRISE_FIGURES: dict[str, tuple[Any, str]] = {
    "counts": (EnterpriseCounts, "Counts of persons."),
    "rates": (EnterpriseRates, "Ratios of persons."),
}
"""Fields of whatever has figures of persons of enterprises that are listed one by one."""

Total = closed_model("Total", "Figures of the whole scope.", FIGURES)
Unallocated = closed_model(
    "Unallocated",
    "What the whole scope has beyond all listed subjects: rows + `unallocated` = `total`, for every measure.",
    {"counts": (Counts, "Additive counts, all at least 0; null where null in a listed row.")},
)
EnterpriseTotal = closed_model("EnterpriseTotal", "Sums over all listed enterprises.", ENTERPRISE_FIGURES)
BranchFigures = closed_model(
    "BranchFigures",
    "Figures of a branch: each person counts once.",
    {"counts": (BranchCounts, "Counts of distinct persons."), "rates": (BranchRates, _RATES_TEXT)},
)
