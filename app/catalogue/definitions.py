"""What figures mean, in both languages: the Chinese stands in the table beside this module."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from app.catalogue.labels import Label
from app.catalogue.measures import BRANCH_MEASURES, MEASURE, Measure, Unit
from app.catalogue.metrics import METRIC, Interval

TABLE_LABELS: dict[str, Label] = {
    "districts": Label("行政区划", "Districts"),
    "industries": Label("行业", "Industries"),
    "industry-groups": Label("行业组", "Industry groups"),
    "enterprises": Label("单位", "Enterprises"),
    "branches": Label("党组织", "Branches"),
    "bases": Label("口径", "Bases"),
    "table": Label("行政区划与行业", "Districts by industry"),
    "low-membership": Label("党员偏少的行业", "Low membership"),
    "trends": Label("趋势", "Trends"),
    "changes": Label("变化", "Changes"),
    "establishment-gaps": Label("应建未建单位", "Establishment gaps"),
    "dual-affiliation": Label("兼合式隶属", "Dual affiliation"),
    "data-quality": Label("数据质量", "Data quality"),
}
"""Titles of tables, by what they list."""

UNIT_LABELS: dict[Unit, Label] = {
    Unit.ENTERPRISES: Label("单位", "enterprises"),
    Unit.EMPLOYEES: Label("职工", "employees"),
    Unit.SQUARED_EMPLOYEES: Label("职工平方", "squared employees"),
    Unit.PERSONS: Label("人", "persons"),
    Unit.AFFILIATIONS: Label("隶属关系", "affiliations"),
}

RATIO_LABEL = Label("比例", "ratio")
"""The unit of a metric."""

PART_DEFINITIONS: dict[str, Label] = {
    "numerator": Label("分子：各项之和。", "What is divided: a sum."),
    "denominator": Label("分母；为0时没有比例。", "What it is divided by; where it is 0 there is no ratio."),
    "low": Label("95%区间的下限。", "Lower bound of the 95 % interval."),
    "high": Label("95%区间的上限。", "Upper bound of the 95 % interval."),
    "status": Label(
        "protected：不公开；not_applicable：不适用；unknown：来源未说明；inconsistent：分子大于分母；"
        "unreliable：仅舍入即可使其偏离5个百分点以上；low_base：有效分母小于30；ok：以上均否。",
        "protected: not public; not_applicable: nothing to divide by, or not defined here; unknown: the source does "
        "not say; inconsistent: the numerator exceeds the denominator; unreliable: rounding alone may put it off by "
        "more than 5 points; low_base: the effective denominator is under 30; ok: none of these.",
    ),
}
"""What the parts of a metric besides its value say."""

INTERVAL_LABELS: dict[Interval, Label] = {
    Interval.NONE: Label("无区间", "no interval"),
    Interval.WILSON: Label("Wilson区间，n为分母", "Wilson interval, n = denominator"),
    Interval.CLUSTERED: Label("Wilson区间，按单位内相关折算有效人数", "Wilson interval with the effective headcount"),
    Interval.WHOLE_FIRMS: Label("Wilson区间，以整个单位为抽样单元", "Wilson interval, firms organised whole"),
}

_BRANCH_MEASURE = {measure.code: measure for measure in BRANCH_MEASURES}
_PARTICIPATING = "参加党员中："


def measure_of(code: str, *, of_branch: bool) -> Measure:
    """Return a measure of enterprises, or the one that branches have under the same code."""
    return _BRANCH_MEASURE[code] if of_branch else MEASURE[code]


def definition_of(code: str, *, of_branch: bool) -> Label:
    """Return what a measure or metric means."""
    if code in METRIC:
        return Label(_chinese()[code], METRIC[code].definition)
    shared = _PARTICIPATING if of_branch and code in MEASURE else ""
    return Label(f"{shared}{_chinese()[code]}", measure_of(code, of_branch=of_branch).definition)


@cache
def _chinese() -> Mapping[str, str]:
    with files("app.catalogue").joinpath("definitions_zh.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["definition"] for row in csv.DictReader(lines)}
