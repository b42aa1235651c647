"""Models of statistics: figures from the catalogue, `meta`, subjects, rows and pages."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from app.api.http.models import Closed, closed_model, optional_model
from app.catalogue.definitions import RANGE_LABELS
from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES, Grain, Measure, Unit
from app.catalogue.metrics import (
    BRANCH_METRICS,
    ENTERPRISE_METRICS,
    METRICS,
    SHARES,
    Interval,
    Metric,
    RatioRange,
    Status,
)
from app.catalogue.vocabulary import (
    Basis,
    BranchForm,
    BranchKind,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Ownership,
    Sector,
    SizeClass,
)


class Rate(Closed):
    """One ratio with its parts, its 95 % interval and its status."""

    value: float | None = Field(description="Numerator over denominator, not rounded; `status` says why it is null.")
    numerator: int | None = Field(description="Null where it is protected or not defined here.")
    denominator: int | None = Field(description="Null where it is protected or not defined here.")
    n_eff: float | None = Field(
        description="The effective denominator that interval and status rest on; null exactly where `low` is."
    )
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
    if measure.of_subtree:
        parts.append("Null in `own`.")
    if not measure.public and measure.grain is not Grain.BRANCH:
        parts.append("Null where protected.")
    return " ".join(parts)


def _counts(measures: Iterable[Measure]) -> dict[str, tuple[Any, str]]:
    """Return the fields of counts; public measures, which every answer has, are never null."""
    return {
        measure.code: (int if _is_always_given(measure) else int | None, _count_text(measure)) for measure in measures
    }


def _is_always_given(measure: Measure) -> bool:
    returned = measure.of_subtree or measure.unit in {Unit.MEETINGS, Unit.ATTENDANCES}
    return not returned if measure.grain is Grain.BRANCH else measure.public


def _own_counts(measures: Iterable[Measure]) -> dict[str, tuple[Any, str]]:
    return {
        measure.code: (
            int | None,
            f"{_count_text(measure).removesuffix(' Null where protected.')} Null where unknown or protected.",
        )
        for measure in measures
    }


def _rates(metrics: Iterable[Metric]) -> dict[str, tuple[Any, str]]:
    return {metric.code: (Rate, rate_text(metric)) for metric in metrics}


def rate_text(metric: Metric) -> str:
    """Return the description of a metric's field."""
    interval = "no interval" if metric.interval is Interval.NONE else f"interval: {metric.interval.value}"
    unit = "0–1 unless inconsistent" if metric.range is RatioRange.PART else RANGE_LABELS[metric.range].en
    return f"{metric.label.zh}. {metric.definition} {metric.formula}; {interval}. Unit: ratio, {unit}."


Counts = optional_model(
    "Counts", "Additive counts over the enterprises of a row: those in `fields`.", _counts(MEASURES)
)
Rates = optional_model("Rates", "Ratios of sums of counts: those in `fields`.", _rates(METRICS))
EnterpriseCounts = optional_model(
    "EnterpriseCounts", "Counts of persons of one enterprise.", _own_counts(ENTERPRISE_MEASURES)
)
EnterpriseRates = optional_model("EnterpriseRates", "Ratios of persons of one enterprise.", _rates(ENTERPRISE_METRICS))
BranchCounts = optional_model("BranchCounts", "Counts of distinct persons and enterprises.", _counts(BRANCH_MEASURES))
BranchRates = optional_model("BranchRates", "Ratios of the counts of a branch.", _rates(BRANCH_METRICS))

_COUNTS_TEXT, _RATES_TEXT = "Additive counts.", "Ratios of sums of counts, divided once."

FIGURES: dict[str, tuple[Any, str]] = {"counts": (Counts, _COUNTS_TEXT), "rates": (Rates, _RATES_TEXT)}
"""Fields of rows with figures over enterprises."""

ENTERPRISE_FIGURES: dict[str, tuple[Any, str]] = {
    "counts": (EnterpriseCounts, "Counts of persons."),
    "rates": (EnterpriseRates, "Ratios of persons."),
}
"""Fields of rows with figures of persons of single enterprises."""

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


class MemberSource(StrEnum):
    """Where members are counted from; one source for a whole snapshot."""

    REGISTER = "register"
    RETURNS = "returns"


class DisclosurePolicy(StrEnum):
    """How figures are protected.

    `none`: they are exact; `rounded-enterprises`: each enterprise is rounded once, before any sum. Figures of persons
    then cover the firms shown: small ones are pooled, at their county if need be, or left out where even the pool is
    small.
    """

    NONE = "none"
    ROUNDED_ENTERPRISES = "rounded-enterprises"


ShareCorrelations = closed_model(
    "ShareCorrelations",
    "How alike the members of one enterprise are in each share, 4 decimals; widens their intervals.",
    {metric.code: (float, f"{metric.label.zh}, 0–1.") for metric in SHARES},
)


class Correlation(Closed):
    """How alike the employees of one enterprise are; widens the intervals of ratios over headcount."""

    value: float = Field(description="Intra-enterprise correlation, 0–1, 4 decimals.")
    strata: int | None = Field(description="Strata (division × county) that it is computed from; null: protected.")
    firms: int | None = Field(description="Enterprises in these strata; null: protected.")
    members: int | None = Field(description="Members in these strata; null: protected.")
    shares: ShareCorrelations = Field(description="The correlation of each share, used by its interval.")  # type: ignore[valid-type]  # made from the catalogue


class Disclosure(Closed):
    """How figures are protected, so that none reveals a person."""

    policy: DisclosurePolicy = Field(description="The policy.")
    version: int | None = Field(description="Version of the policy; null: figures are exact.")
    b: int | None = Field(description="Width of the rounding, persons; null: figures are exact.")
    hmin: int | None = Field(description="Least headcount shown at one place, employees; null: figures are exact.")


class Meta(Closed):
    """What an answer rests on."""

    snapshot: str = Field(description="Id of the snapshot that answers.", examples=["20170630-5f0c91d2a3b4c5d6"])
    as_of: date = Field(description="The date that the figures are of.")
    requested_as_of: date | None = Field(description="The requested date; null: none.")
    basis: Basis | None = Field(description="Which enterprises rates divide by; null: the answer has no single basis.")
    member_source: MemberSource = Field(description="Where members are counted from.")
    intra_enterprise_correlation: Correlation = Field(description="Used by the intervals of ratios over headcount.")
    disclosure: Disclosure = Field(description="How persons are protected.")
    rows: int = Field(description="Subjects in the whole list, over all pages.")
    updated_at: datetime = Field(description="When the snapshot was built, UTC.")


class District(Closed):
    """A district."""

    code: str = Field(description="Code (GB/T 2260, or the operator's own).")
    name_zh: str = Field(description="Chinese name.")
    name_en: str | None = Field(description="English name; null where there is none.")
    level: DistrictLevel = Field(description="Level in the tree.")
    parent_code: str | None = Field(description="Code of the district above; null at a root.")


class Industry(Closed):
    """An industry."""

    code: str = Field(description="Code (GB/T 4754-2017, or another classification's).")
    name_zh: str = Field(description="Chinese name.")
    name_en: str | None = Field(description="English name; null where there is none.")
    level: IndustryLevel = Field(description="Level in the tree.")
    parent_code: str | None = Field(description="Code of the industry above; null at a root.")


class IndustryGroup(Closed):
    """A named set of industries; groups may overlap."""

    code: str = Field(description="Code.")
    name_zh: str = Field(description="Chinese name.")
    name_en: str | None = Field(description="English name; null where there is none.")
    industries: list[str] = Field(description="Codes of its industries, of any level.")


class SnapshotEnterprise(Closed):
    """An enterprise as of the date of a snapshot; its state is from its latest return by then."""

    code: str = Field(description="Unified social credit code, or the operator's own.")
    name: str = Field(description="Name.")
    kind: EnterpriseKind = Field(description="What it is.")
    registered_on: date | None = Field(description="In the register from this date; null: since ever.")
    closed_on: date | None = Field(description="No longer in the register from this date; null: open.")
    district_code: str | None = Field(description="District of its place as of the date; null: unlocated.")
    industry_code: str | None = Field(description="Its industry as of the date; null: unclassified.")
    ownership: Ownership | None = Field(description="Who controls it; null: unknown.")
    sector: Sector | None = Field(description="Non-public, social or public; null: none of them, or unknown.")
    size_class: SizeClass | None = Field(description="Statistical size; null: unknown.")
    reported_on: date | None = Field(description="Date of its latest return; null: it never reported.")
    operating: bool = Field(
        description="Whether it operates: it has reported, and its latest return does not say that it does not."
    )
    fixed_premises: bool | None = Field(description="Whether it has fixed premises; null: unknown.")
    above_designated_size: bool | None = Field(description="Whether it is above designated size; null: unknown.")
    organised: bool = Field(description="Whether an organisation means of a living branch covers it.")
    standalone: bool = Field(description="Whether it is organised by a branch of its own.")
    effectively_organised: bool | None = Field(
        description="Whether a branch that organises it is active; null: it is organised, and no return says so."
    )
    reached_by_dual: bool = Field(
        description="Whether one of its members, organised or not, has a living secondary affiliation; where members "
        "are counted from returns: whether its return says so."
    )
    work_only: bool = Field(description="Neither, but reached by a work means.")
    eligible: bool | None = Field(description="Whether it must establish an organisation; null: unknown.")
    has_members: bool | None = Field(description="Whether it has at least one member; null: unknown.")
    bases: list[Basis] = Field(description="The bases that it belongs to.")
    branches: list[str] = Field(description="Codes of the living branches that cover it by an organisation means.")


class SnapshotBranch(Closed):
    """A branch that lives on the date of a snapshot."""

    code: str = Field(description="Code.")
    name: str = Field(description="Name.")
    kind: BranchKind = Field(description="Its rank.")
    form: BranchForm | None = Field(description="How it was set up; null: not recorded. Enters no figure.")
    parent_code: str | None = Field(description="Code of its nearest living ancestor; null: none.")
    district_code: str = Field(description="District where it is.")
    dual_affiliation: bool = Field(description="Whether members of other branches may belong to it too.")
    industry_code: str | None = Field(description="Industry that it is for; null: none.")
    industry_group: str | None = Field(description="Industry group that it is for; null: none.")
    established_on: date | None = Field(description="Date of establishment; null: since ever.")


Fields = dict[str, tuple[Any, str]]

_META: Fields = {"meta": (Meta, "What the answer rests on.")}
_CURSOR: Fields = {"next_cursor": (str | None, "`cursor` of the next page; null: the last.")}
_TOTAL: Fields = {"total": (Total, "Figures of the whole scope, whatever is listed.")}
_DISJOINT: Fields = _TOTAL | {
    "unallocated": (Unallocated | None, "What `total` has beyond all listed subjects; null where subjects overlap.")
}
_OVERLAPPING: Fields = _TOTAL | {"unallocated": (Unallocated | None, "Always null: the subjects overlap.")}
_LISTED: Fields = {
    "total": (EnterpriseTotal, "Sums over all listed enterprises, on all pages."),
    "unallocated": (Unallocated | None, "Always null: nothing is left out."),
}


def _row(name: str, key: str, subject: type[Closed], figures: Fields) -> type[Closed]:
    return closed_model(name, f"Statistics of one {key.replace('_', ' ')}.", {key: (subject, "What it is.")} | figures)


def _page(row: type[Closed], margins: Fields) -> type[Closed]:
    rows: Fields = {"data": (list[row], "The rows of this page.")}  # type: ignore[valid-type]  # made from the catalogue
    return closed_model(f"{row.__name__}Page", "One page of statistics.", rows | margins | _META | _CURSOR)


def _answer(row: type[Closed]) -> type[Closed]:
    return closed_model(f"{row.__name__}Answer", "Statistics of one subject.", {"data": (row, "The row.")} | _META)


DistrictStatistics = _row("DistrictStatistics", "district", District, FIGURES)
DistrictStatisticsPage = _page(DistrictStatistics, _DISJOINT)
DistrictStatisticsAnswer = _answer(DistrictStatistics)

IndustryStatistics = _row("IndustryStatistics", "industry", Industry, FIGURES)
IndustryStatisticsPage = _page(IndustryStatistics, _DISJOINT)
IndustryStatisticsAnswer = _answer(IndustryStatistics)

IndustryGroupStatistics = _row("IndustryGroupStatistics", "industry_group", IndustryGroup, FIGURES)
IndustryGroupStatisticsPage = _page(IndustryGroupStatistics, _OVERLAPPING)
IndustryGroupStatisticsAnswer = _answer(IndustryGroupStatistics)

EnterpriseStatistics = _row("EnterpriseStatistics", "enterprise", SnapshotEnterprise, ENTERPRISE_FIGURES)
EnterpriseStatisticsPage = _page(EnterpriseStatistics, _LISTED)
EnterpriseStatisticsAnswer = _answer(EnterpriseStatistics)

BranchStatistics = _row(
    "BranchStatistics",
    "branch",
    SnapshotBranch,
    {
        "own": (BranchFigures, "Figures of the branch itself."),
        "subtree": (BranchFigures, "Figures of the branch and all below it."),
    },
)
BranchStatisticsPage = _page(BranchStatistics, {})
BranchStatisticsAnswer = _answer(BranchStatistics)

_DIMENSIONS: dict[str, tuple[Any, str]] = {
    "district": (District, "district of a level"),
    "industry": (Industry, "industry of a level"),
    "industry_group": (IndustryGroup, "industry group"),
    "enterprise_kind": (EnterpriseKind, "kind"),
    "sector": (Sector, "sector"),
    "ownership": (Ownership, "ownership"),
    "size_class": (SizeClass, "size"),
    "basis": (Basis, "basis"),
}


def of_dimensions() -> Fields:
    """Return the fields that say what a row stands for."""
    return {
        name: (kind | None, f"The {word}; null where rows are not by it.") for name, (kind, word) in _DIMENSIONS.items()
    }


def of_dimension() -> Fields:
    """Return the fields of which a row has the one that it stands for."""
    return {name: (kind, f"The {word}; absent where rows are not by it.") for name, (kind, word) in _DIMENSIONS.items()}


BreakdownStatistics = closed_model(
    "BreakdownStatistics", "Statistics of one cell of a breakdown.", of_dimensions() | FIGURES
)

BreakdownStatisticsPage = closed_model(
    "BreakdownStatisticsPage",
    "One page of a breakdown.",
    {
        "data": (list[BreakdownStatistics], "The rows of this page: cells with an enterprise."),  # type: ignore[valid-type]  # made from the catalogue
        "total": (Total | None, "Figures of the whole scope, whatever is listed; null with `by=basis`."),
        "unallocated": (
            Unallocated | None,
            "What `total` has beyond all cells; null with `by=industry_group` or `by=basis`, and with `status`.",
        ),
    }
    | _META
    | _CURSOR,
)
