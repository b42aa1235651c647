"""The datasets that can be imported: columns, keys and the meaning of blank cells. New datasets are added here.

Chinese headers and values are in `headers_zh.csv` and `values_zh.csv` beside this module.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from app.catalogue.metrics import TargetMetric
from app.catalogue.vocabulary import (
    AffiliationRole,
    Basis,
    BranchForm,
    BranchKind,
    CoverageMeans,
    DistrictLevel,
    Education,
    EnterpriseKind,
    Identity,
    IndustryLevel,
    Ownership,
    Sector,
    Sex,
    SizeClass,
)
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.imports.columns import Column, Dataset, Kind, Order
from app.imports.issues import Rule
from app.messages import say
from app.registry.entities import references_of
from app.registry.territory import BELONGS_TO, require_everything

__all__ = [
    "DATASETS",
    "ENTERPRISE_COLUMNS_OF_LEDGER",
    "Column",
    "Dataset",
    "Kind",
    "Order",
    "UnknownDataset",
    "find_dataset",
    "refuse_narrow",
]


class UnknownDataset(InvalidRequest):
    """No dataset has that name."""

    code = "unknown-dataset"
    title = "Unknown dataset"


def find_dataset(name: str) -> Dataset:
    """Return the dataset with this name.

    Raises
    ------
    UnknownDataset
        Not found; the error lists all names.
    """
    if name in DATASETS:
        return DATASETS[name]
    message = say("unknown dataset: {name}", name=name[:64])
    raise UnknownDataset(message, [ErrorItem(ErrorCode.INVALID_CHOICE, "query/dataset", message, tuple(DATASETS))])


def refuse_narrow(dataset: Dataset, scope: frozenset[str] | None) -> None:
    """Refuse callers with a limited scope where a dataset's rows lie in no district.

    Raises
    ------
    ScopeTooNarrow
        The rows are districts, industries or industry groups, and the scope is limited.
    """
    if dataset.tables[-1] not in BELONGS_TO:
        require_everything(scope)


def _code(name: str, zh: str, en: str, *, required: bool = False) -> Column:
    return Column(name, Kind.CODE, zh, en, required=required)


def _text(name: str, zh: str, en: str, *, required: bool = False) -> Column:
    return Column(name, Kind.TEXT, zh, en, required=required)


def _date(name: str, zh: str, en: str, *, required: bool = False) -> Column:
    return Column(name, Kind.DATE, zh, en, required=required)


def _yes_no(name: str, zh: str, en: str, *, blank: bool | None = None) -> Column:
    return Column(name, Kind.BOOLEAN, zh, en, default_when_blank=blank)


def _count(name: str, zh: str, en: str, *, required: bool = False, part_of: str | None = None) -> Column:
    return Column(name, Kind.COUNT, zh, en, required=required, part_of=part_of)


def _part(name: str, zh: str, en: str, *, of: str = "members") -> Column:
    return _count(name, zh, en, part_of=of)


def _one_of(
    name: str, values: type[StrEnum], zh: str, en: str, *, required: bool = False, blank: str | None = None
) -> Column:
    return Column(name, Kind.ENUMERATION, zh, en, required=required, enumeration=values, default_when_blank=blank)


def _interval(first: str, second: str, rule: Rule = Rule.EMPTY_INTERVAL) -> Order:
    return Order(first, second, rule)


_ENTERPRISE = _code(
    "code", "统一社会信用代码（GB 32100-2015）或自编代码", "Unified social credit code or own code", required=True
)
_ENTERPRISE_KIND = _one_of(
    "kind", EnterpriseKind, "单位类别，空白即企业", "Kind, blank: enterprise", blank=EnterpriseKind.ENTERPRISE
)
_REGISTRATION = (
    _date("registered_on", "成立（登记）日期，空白即一向存在", "Registered on, blank: ever since"),
    _date("closed_on", "注销日期，空白即仍存续", "Closed on, blank: still open"),
)
_REGISTERED = (
    _ENTERPRISE,
    _text("name", "单位名称", "Name of the enterprise", required=True),
    _ENTERPRISE_KIND,
    *_REGISTRATION,
)
_REPORTED = (
    _date("reported_on", "填报日期，不晚于今日", "Date of the return, not in the future", required=True),
    _code("district_code", "所在地区划代码", "District where it is"),
    _code("industry_code", "国民经济行业代码", "Industry it works in"),
    _one_of("ownership", Ownership, "控股情况", "Who controls it"),
    _one_of("size_class", SizeClass, "企业规模", "Statistical size"),
    _yes_no("operating", "是否正常经营，空白在统计中视为是", "Whether it operates, blank counts as yes"),
    _yes_no("fixed_premises", "有无固定经营场所", "Whether it has fixed premises"),
    _yes_no("above_designated_size", "是否规模以上", "Whether above designated size"),
    _count("headcount", "从业人数", "Employees"),
    _part("headcount_under_36", "其中35岁及以下职工", "Of them aged 35 or less", of="headcount"),
    _part("headcount_women", "其中女职工", "Of them women", of="headcount"),
    _part("headcount_college", "其中大专及以上学历职工", "Of them junior college or above", of="headcount"),
    _count("members", "党员总数", "Members who work there"),
    _part("full_members", "其中正式党员", "Of them full members"),
    _part("members_dual", "其中兼合式党员", "Of them in dual affiliation"),
    _part("members_under_36", "其中35岁及以下党员", "Of them aged 35 or less"),
    _part("members_women", "其中女党员", "Of them women"),
    _part("members_college", "其中大专及以上学历党员", "Of them junior college or above"),
    _part("members_floating", "其中流动党员", "Of them of floating status"),
)
_NAMES = (
    _text("name_zh", "中文名称", "Chinese name", required=True),
    _text("name_en", "英文名称", "English name"),
)
_SPAN = (
    _date("start_on", "开始日期（含）", "First day", required=True),
    _date("end_on", "结束日期（不含），空白即至今", "Day after the last, blank: still open"),
)
_ENTERPRISE_CODE = replace(_ENTERPRISE, name="enterprise_code")
_MEMBER_REF = Column("member_ref", Kind.REF, "党员编号（假名）", "Pseudonym of the member", required=True)
_CLOSING = _interval("registered_on", "closed_on", Rule.CLOSED_BEFORE_REGISTERED)
_SPANNING = _interval("start_on", "end_on")


def _tree(name: str, table: str, levels: type[StrEnum], zh: str, en: str) -> Dataset:
    columns = (
        _code("code", f"{zh}代码", f"Code of the {en}", required=True),
        _code("parent_code", "上级代码，空白即最高级", "Code of the parent, blank: a root"),
        _one_of("level", levels, "级别，低于上级", "Level, lower than the parent's", required=True),
        *_NAMES,
    )
    return Dataset(name, (table,), ("code",), zh, en, columns)


_ALL = (
    _tree("districts", "district", DistrictLevel, "行政区划", "district"),
    _tree("industries", "industry", IndustryLevel, "行业", "industry"),
    Dataset(
        "industry-groups",
        ("industry_group", "industry_group_industry"),
        ("group_code", "industry_code"),
        "行业组的一个行业",
        "one industry of an industry group",
        (
            _code("group_code", "行业组代码", "Code of the group", required=True),
            *_NAMES,
            _code("industry_code", "组内行业代码", "An industry of the group", required=True),
        ),
    ),
    Dataset(
        "enterprises",
        ("enterprise",),
        ("code",),
        "单位",
        "enterprise",
        (
            *_REGISTERED,
            _code("district_code", "注册地区划代码", "District of registration"),
            _code("industry_code", "登记行业代码", "Industry of registration"),
            _code("supersedes", "承续的原单位代码", "Code of the enterprise that this one continues"),
        ),
        (_CLOSING,),
    ),
    Dataset(
        "returns",
        ("enterprise_return",),
        ("enterprise_code", "reported_on"),
        "单位填报",
        "return of an enterprise",
        (_ENTERPRISE_CODE, *_REPORTED),
    ),
    Dataset(
        "ledger",
        ("enterprise", "enterprise_return"),
        ("code", "reported_on"),
        "台账行：单位及其填报",
        "row of a ledger: an enterprise and its return",
        (*_REGISTERED, *_REPORTED),
        (_CLOSING,),
    ),
    Dataset(
        "branches",
        ("branch",),
        ("code",),
        "党组织",
        "branch",
        (
            _code("code", "党组织代码", "Code of the branch", required=True),
            _text("name", "党组织名称", "Name of the branch", required=True),
            _one_of("kind", BranchKind, "党组织类别", "Kind", required=True),
            _code("parent_code", "上级党组织代码", "Code of the branch above"),
            _code("district_code", "所在地区划代码", "District where it is", required=True),
            _one_of("form", BranchForm, "组建形式", "How it was set up"),
            _yes_no("dual_affiliation", "是否兼合式，空白即否", "Takes dual affiliation, blank: no", blank=False),
            _code(
                "industry_code",
                "所属行业代码，与行业组不并填",
                "Its industry, or none if it has a group",
            ),
            _code("industry_group", "所属行业组代码，与行业不并填", "Its industry group, or none"),
            _date("established_on", "成立日期", "Established on"),
            _date("dissolved_on", "撤销日期", "Dissolved on"),
        ),
        (_interval("established_on", "dissolved_on"),),
    ),
    Dataset(
        "coverage",
        ("enterprise_coverage",),
        ("enterprise_code", "branch_code", "means", "start_on"),
        "单位的覆盖",
        "coverage of an enterprise",
        (
            _ENTERPRISE_CODE,
            _code("branch_code", "党组织代码，组织覆盖必填", "Covering branch; organisation means need it"),
            _one_of("means", CoverageMeans, "覆盖方式", "How it is reached", required=True),
            *_SPAN,
        ),
        (_SPANNING,),
    ),
    Dataset(
        "branch-returns",
        ("branch_return",),
        ("branch_code", "period_on"),
        "党组织月报",
        "monthly return of a branch",
        (
            _code("branch_code", "党组织代码", "Branch", required=True),
            Column("period_on", Kind.MONTH, "月份，不晚于本月", "Month, not one that has not begun", required=True),
            _count("meetings", "本月组织生活次数，没有的填0", "Meetings held in the month, 0 for none", required=True),
            _count("attendances", "各次到会人数之和，不填姓名", "Persons present, added up over the meetings"),
        ),
    ),
    Dataset(
        "targets",
        ("target",),
        ("metric", "basis", "due_on", "district_code", "industry_code", "industry_group", "sector"),
        "目标",
        "target",
        (
            _one_of("metric", TargetMetric, "指标", "What is to be reached", required=True),
            _one_of("basis", Basis, "口径，即以哪些单位为分母", "Which enterprises it is of", required=True),
            _date("due_on", "完成期限", "Day by which it is to be reached", required=True),
            Column("value", Kind.FRACTION, "目标值", "What is to be reached: a share", required=True),
            _code("district_code", "区划代码，空白即全部", "District that it is for, blank: all"),
            _code("industry_code", "行业代码，与行业组、单位性质只填其一", "Its industry, or none if it has another"),
            _code("industry_group", "行业组代码，与行业、单位性质只填其一", "Its industry group, or none"),
            _one_of("sector", Sector, "单位性质，与行业、行业组只填其一", "Its sector, or none"),
            _text("source", "文件依据", "Document that says so"),
        ),
    ),
    Dataset(
        "members",
        ("member",),
        ("ref",),
        "党员（假名）",
        "member, under a pseudonym",
        (
            replace(_MEMBER_REF, name="ref"),
            _date("joined_on", "入党日期（预备）", "Joined on, as probationary", required=True),
            _date("full_since", "转正日期", "Full member since"),
            _date("left_on", "出党（减少）日期", "Left on"),
            Column("birth_year", Kind.YEAR, "出生年份", "Year of birth"),
            _one_of("sex", Sex, "性别", "Sex"),
            _one_of("education", Education, "学历", "Highest education"),
            _one_of(
                "identity",
                Identity,
                "身份是否公开，空白即保持原样",
                "Known at the workplace? Blank keeps what is there",
            ),
            _date("floating_since", "流动开始日期", "Floating since"),
            _date("floating_until", "流动结束日期", "Floating until"),
        ),
        (
            Order("joined_on", "full_since", Rule.FULL_BEFORE_JOINED, may_coincide=True),
            _interval("joined_on", "left_on", Rule.LEFT_BEFORE_JOINED),
            _interval("floating_since", "floating_until"),
        ),
    ),
    Dataset(
        "employments",
        ("employment",),
        ("member_ref", "enterprise_code", "start_on"),
        "党员的工作单位",
        "employment of a member",
        (_MEMBER_REF, _ENTERPRISE_CODE, *_SPAN),
        (_SPANNING,),
    ),
    Dataset(
        "affiliations",
        ("affiliation",),
        ("member_ref", "branch_code", "role", "start_on"),
        "党员的组织隶属",
        "affiliation of a member",
        (
            _MEMBER_REF,
            _code("branch_code", "党组织代码", "Branch", required=True),
            _one_of("role", AffiliationRole, "隶属类型", "Formal place or dual affiliation", required=True),
            *_SPAN,
        ),
        (_SPANNING,),
    ),
)


def _referring(dataset: Dataset) -> Dataset:
    """Return a dataset whose columns have the references of its tables' columns."""
    to = {reference.column: reference.to.name for table in dataset.tables for reference in references_of(table)}
    return replace(dataset, columns=tuple(replace(it, refers_to=to.get(it.name)) for it in dataset.columns))


DATASETS: Mapping[str, Dataset] = {dataset.name: _referring(dataset) for dataset in _ALL}
"""All datasets by name, in the order in which an empty registry can import them."""

ENTERPRISE_COLUMNS_OF_LEDGER = tuple(column.name for column in _REGISTERED)
"""Columns of a ledger that describe the enterprise; the others, with `code`, form its return."""
