"""Definitions and labels of figures and columns, in both languages, and the source of each definition.

The Chinese texts and the sources are in the CSV files beside this module.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from app.catalogue.analyses import ANALYSES
from app.catalogue.measures import BRANCH_MEASURES, MEASURE, Measure, Unit
from app.catalogue.metrics import METRIC, Interval, RatioRange
from app.catalogue.vocabulary import Label

OWN = "OrgCoverage"
"""Source of the definitions of this service itself."""


@cache
def _sources() -> Mapping[str, str]:
    with files("app.catalogue").joinpath("sources.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["source"] for row in csv.DictReader(lines)}


def source_of(code: str) -> str:
    """Return the source of the definition of a measure, metric, basis or dimension."""
    return _sources().get(code, OWN)


TABLE_LABELS: dict[str, Label] = {
    "districts": Label("行政区划", "Districts"),
    "industries": Label("行业", "Industries"),
    "industry-groups": Label("行业组", "Industry groups"),
    "enterprises": Label("单位", "Enterprises"),
    "branches": Label("党组织", "Branches"),
    "workplaces": Label("党员工作单位", "Workplaces"),
    **{analysis.value: meaning.label for analysis, meaning in ANALYSES.items()},
}
"""Titles of tables by subject or analysis."""

UNIT_LABELS: dict[Unit, Label] = {
    Unit.ENTERPRISES: Label("单位", "enterprises"),
    Unit.EMPLOYEES: Label("职工", "employees"),
    Unit.SQUARED_EMPLOYEES: Label("职工平方", "squared employees"),
    Unit.SQUARED_PERSONS: Label("人平方", "squared persons"),
    Unit.PERSONS: Label("人", "persons"),
    Unit.SQUARED_PERSONS: Label("人平方", "squared persons"),
    Unit.BRANCHES: Label("党支部", "branches"),
    Unit.MEETINGS: Label("次", "meetings"),
    Unit.ATTENDANCES: Label("人次", "attendances"),
    Unit.AFFILIATIONS: Label("隶属关系", "affiliations"),
}

RATIO_LABEL = Label("比例", "ratio")
"""Unit of a metric."""

RANGE_LABELS: dict[RatioRange, Label] = {
    RatioRange.PART: Label("0–1", "0–1"),
    RatioRange.OPEN: Label("不小于0，可大于1", "0 or more, may exceed 1"),
    RatioRange.FROM_ONE: Label("不小于1", "at least 1"),
}
"""Which values a metric can have."""

PART_DEFINITIONS: dict[str, Label] = {
    "numerator": Label("分子：各项之和。", "What is divided: a sum."),
    "denominator": Label("分母；为0时没有比例。", "What it is divided by; where it is 0 there is no ratio."),
    "n_eff": Label(
        "有效分母：区间和low_base所依据的分母，同一单位内彼此相像的人折算后的数；没有区间时为空。",
        "The denominator that the interval and `low_base` rest on: so many independent ones would tell as much, since "
        "those of one enterprise are alike. Empty where there is no interval.",
    ),
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
"""Definitions of the parts of a metric besides its value."""

INTERVAL_LABELS: dict[Interval, Label] = {
    Interval.NONE: Label("无区间", "no interval"),
    Interval.WILSON: Label("Wilson区间，n为分母", "Wilson interval, n = denominator"),
    Interval.CLUSTERED: Label("Wilson区间，按单位内相关折算有效人数", "Wilson interval with the effective headcount"),
    Interval.SHARES: Label(
        "Wilson区间，按本指标的单位内相关折算有效分母", "Wilson interval with a correlation of its own"
    ),
    Interval.WHOLE_FIRMS: Label("Wilson区间，以整个单位为抽样单元", "Wilson interval, firms organised whole"),
}

_BRANCH_MEASURE = {measure.code: measure for measure in BRANCH_MEASURES}
_PARTICIPATING = "参加党员中："


def measure_of(code: str, *, of_branch: bool) -> Measure:
    """Return the measure of enterprises or of branches with this code."""
    return _BRANCH_MEASURE[code] if of_branch else MEASURE[code]


def definition_of(code: str, *, of_branch: bool) -> Label:
    """Return the definition of a measure or metric."""
    if code in METRIC:
        return Label(_chinese()[code], METRIC[code].definition)
    shared = _PARTICIPATING if of_branch and code in MEASURE else ""
    return Label(f"{shared}{_chinese()[code]}", measure_of(code, of_branch=of_branch).definition)


@cache
def _chinese() -> Mapping[str, str]:
    with files("app.catalogue").joinpath("definitions_zh.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["definition"] for row in csv.DictReader(lines)}


COLUMN_LABELS: dict[str, Label] = {
    "row": Label("行", "Row"),
    "as_of": Label("日期", "As of"),
    "snapshot": Label("快照", "Snapshot"),
    "breaks": Label("口径变化", "Breaks"),
    "basis": Label("口径", "Basis"),
    "code": Label("代码", "Code"),
    "name": Label("名称", "Name"),
    "name_zh": Label("中文名称", "Chinese name"),
    "name_en": Label("英文名称", "English name"),
    "level": Label("级别", "Level"),
    "parent_code": Label("上级代码", "Parent code"),
    "industries": Label("行业代码", "Industries"),
    "kind": Label("类别", "Kind"),
    "registered_on": Label("成立日期", "Registered on"),
    "closed_on": Label("注销日期", "Closed on"),
    "district_code": Label("行政区划代码", "District code"),
    "district_name": Label("行政区划", "District"),
    "district_name_zh": Label("行政区划中文名称", "District's Chinese name"),
    "district_name_en": Label("行政区划英文名称", "District's English name"),
    "district_level": Label("行政区划级别", "District level"),
    "district_parent_code": Label("上级行政区划代码", "Parent district code"),
    "industry_code": Label("行业代码", "Industry code"),
    "industry_name": Label("行业", "Industry"),
    "industry_name_zh": Label("行业中文名称", "Industry's Chinese name"),
    "industry_name_en": Label("行业英文名称", "Industry's English name"),
    "industry_level": Label("行业级别", "Industry level"),
    "industry_parent_code": Label("上级行业代码", "Parent industry code"),
    "industry_group": Label("行业组", "Industry group"),
    "industry_group_code": Label("行业组代码", "Industry group code"),
    "industry_group_name": Label("行业组名称", "Industry group's name"),
    "industry_group_name_zh": Label("行业组中文名称", "Industry group's Chinese name"),
    "industry_group_name_en": Label("行业组英文名称", "Industry group's English name"),
    "industry_group_industries": Label("行业组所含行业", "Industries of the group"),
    "enterprise_kind": Label("单位类别", "Kind of enterprise"),
    "ownership": Label("所有制", "Ownership"),
    "sector": Label("单位性质", "Sector"),
    "size_class": Label("规模", "Size class"),
    "reported_on": Label("报告日期", "Reported on"),
    "operating": Label("在营", "Operating"),
    "fixed_premises": Label("固定场所", "Fixed premises"),
    "above_designated_size": Label("规上", "Above designated size"),
    "organised": Label("已组建", "Organised"),
    "standalone": Label("单独组建", "Standalone"),
    "effectively_organised": Label("有效覆盖", "Effectively organised"),
    "reached_by_dual": Label("兼合式覆盖", "Reached by dual affiliation"),
    "work_only": Label("仅工作覆盖", "Reached by work means alone"),
    "eligible": Label("应建", "Eligible"),
    "has_members": Label("有党员", "Has members"),
    "bases": Label("所属口径", "Bases"),
    "branches": Label("覆盖党组织", "Covering branches"),
    "form": Label("组建形式", "Form"),
    "dual_affiliation": Label("兼合式", "Dual affiliation"),
    "established_on": Label("组建日期", "Established on"),
    "own": Label("本级", "Own"),
    "subtree": Label("含下级", "Subtree"),
    "change": Label("增减", "Change of"),
    "gap_since": Label("应建未建起始日期", "In the gap since"),
    "means": Label("覆盖方式", "Means"),
    "candidates": Label("可依托党组织", "Candidate branches"),
    "enterprises": Label("单位代码", "Codes of enterprises"),
    "after": Label("做到此行后的", "Once done so far:"),
    "rule": Label("规则", "Rule"),
    "label_zh": Label("规则中文名称", "Rule's Chinese name"),
    "label_en": Label("规则英文名称", "Rule's English name"),
    "about": Label("对象", "About"),
    "number": Label("数量", "Number"),
    "subject_kind": Label("对象类别", "Kind of subject"),
    "subject_code": Label("对象代码", "Code of subject"),
    "subject_name": Label("对象名称", "Name of subject"),
    "subject_district_code": Label("对象行政区划代码", "District of subject"),
    "subject_industry_code": Label("对象行业代码", "Industry of subject"),
    "subject_value": Label("对象数值", "Value of subject"),
    "members": Label("党员数", "Members"),
    "members_without_dual": Label("未参加兼合的党员数", "Members without dual affiliation"),
    "account": Label("项目", "Account"),
    "component": Label("构成", "Component"),
    "value": Label("数值", "Value"),
    "n_eff": Label("有效样本量", "Effective employees"),
    "ratio": Label("比例", "Ratio"),
    "reference_ratio": Label("参照比例", "Reference ratio"),
    "expected": Label("参照比例下的有效党员数", "Expected effective members"),
    "p": Label("p值", "p"),
    "q": Label("q值", "q"),
    "p_margin": Label("界线p值", "p of the margin"),
    "q_margin": Label("界线q值", "q of the margin"),
    "class": Label("判定", "Class"),
    "members_expected": Label("按本地行业结构的预期党员数", "Members expected by its industries"),
    "headcount_uncompared": Label("无从比较的职工人数", "Headcount not compared"),
    "standardised_ratio": Label("标准化比值", "Standardised ratio"),
    "standardised_ratio_low": Label("标准化比值下限", "Standardised ratio, lower bound"),
    "standardised_ratio_high": Label("标准化比值上限", "Standardised ratio, upper bound"),
    "precision": Label("精度", "Precision"),
    "shortfall": Label("缺口人数", "Shortfall"),
    "target": Label("目标", "Target"),
    "metric": Label("指标", "Metric"),
    "due_on": Label("完成期限", "Due on"),
    "source": Label("文件依据", "Source"),
    "current": Label("当前值", "Current value"),
    "current_numerator": Label("当前值分子", "Current value: numerator"),
    "current_denominator": Label("当前值分母", "Current value: denominator"),
    "current_n_eff": Label("当前值有效分母", "Current value: effective denominator"),
    "current_low": Label("当前值下限", "Current value: lower bound"),
    "current_high": Label("当前值上限", "Current value: upper bound"),
    "current_status": Label("当前值状态", "Current value: status"),
    "state": Label("完成情况", "State"),
    "missing": Label("尚缺数量", "Missing"),
    "days_left": Label("剩余天数", "Days left"),
    "limit_95_low": Label("95%控制下限", "Lower 95 % limit"),
    "limit_95_high": Label("95%控制上限", "Upper 95 % limit"),
    "limit_998_low": Label("99.8%控制下限", "Lower 99.8 % limit"),
    "limit_998_high": Label("99.8%控制上限", "Upper 99.8 % limit"),
}

PART_LABELS: dict[str, Label] = {
    "numerator": Label("分子", "numerator"),
    "denominator": Label("分母", "denominator"),
    "n_eff": Label("有效分母", "effective denominator"),
    "low": Label("下限", "lower bound"),
    "high": Label("上限", "upper bound"),
    "status": Label("状态", "status"),
}
"""Labels of the parts of a metric besides its value, after its own."""


def _of(prefix: str, owner: Label) -> dict[str, Label]:
    """Return the labels of the columns of one of the two branches in a row."""
    names = ("code", "name", "kind", "form", "parent_code", "district_code", "dual_affiliation", "industry_code",
             "industry_group", "established_on")  # fmt: skip
    labels = {name: COLUMN_LABELS[name] for name in names}
    return {
        f"{prefix}_{name}": Label(f"{owner.zh}{label.zh}", f"{owner.en}: {label.en.lower()}")
        for name, label in labels.items()
    }


COLUMN_LABELS |= {
    f"stratum_{name}": COLUMN_LABELS[f"industry_{name}"]
    for name in ("code", "name", "name_zh", "name_en", "level", "parent_code")
}
COLUMN_LABELS |= _of("home", Label("隶属党组织", "Home"))
COLUMN_LABELS |= _of("branch", Label("接收党组织", "Branch"))
COLUMN_LABELS |= _of("joint_branch", Label("兼合党组织", "Joint branch"))
