"""Metrics: ratios of sums of measures, divided once, at the end."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.catalogue.vocabulary import Label


class Interval(StrEnum):
    """The 95 % interval of a metric.

    `wilson`: a Wilson score interval, n = denominator; `clustered`: with the effective headcount under the snapshot's
    intra-enterprise correlation, and wider by the error of rounding where figures are rounded; `whole_firms`: with the
    correlation 1, since firms are organised whole; `shares`: with a correlation of the metric's own, since those who
    work in one enterprise are alike in this too (of branches with n = denominator); `none`: none.
    """

    NONE = "none"
    WILSON = "wilson"
    CLUSTERED = "clustered"
    WHOLE_FIRMS = "whole_firms"
    SHARES = "shares"


class RatioRange(StrEnum):
    """Which values a ratio can have.

    `part`: 0–1, the numerator is a part of the denominator, and inconsistent where it exceeds it; `open`: 0 or more;
    `from_one`: 1 or more.
    """

    PART = "part"
    OPEN = "open"
    FROM_ONE = "from_one"


class Status(StrEnum):
    """The status of a ratio, decided in this order.

    `protected`: it is not public; `not_applicable`: there is nothing to divide by, or a part is not defined here;
    `unknown`: the source does not say what to divide by; `inconsistent`: the numerator exceeds the denominator;
    `unreliable`: rounding alone may put it off by more than 5 points; `low_base`: the effective denominator is under
    30; `ok`: none of these.
    """

    PROTECTED = "protected"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    INCONSISTENT = "inconsistent"
    UNRELIABLE = "unreliable"
    LOW_BASE = "low_base"
    OK = "ok"


@dataclass(frozen=True, eq=False)
class Metric:
    """The declaration of a metric; compared by identity, since each is declared once.

    Parameters
    ----------
    code
        Name in every format.
    label
        Name for people.
    numerator
        Measures whose sum is the numerator.
    denominator
        Measures whose sum is the denominator; one that is named twice counts twice.
    less
        Measures subtracted from the denominator, members for whom the value is unknown above all.
    interval
        The 95 % interval.
    whole
        With interval `shares`: the measure that the denominator is a part of; `<whole>_squared` is the sum of its
        squares over enterprises.
    range
        Which values it can have.
    companions, companions_less
        Measures of unknown values: if the denominator is 0 and their sum, less the latter, is not, the status is
        `unknown`.
    unknown_of
        Two measures, the unknown ones of some: where they are equal and above 0, nothing is known and the status is
        `unknown`; empty: that cannot be.
    definition
        Its meaning, in one sentence; `known_as` lists the field's terms for it.
    of_enterprise, of_branch
        Whether rows of single enterprises, of branches have it.
    public
        Whether the public tier has it.
    """

    code: str
    label: Label
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    definition: str
    less: tuple[str, ...] = ()
    interval: Interval = Interval.NONE
    whole: str = ""
    range: RatioRange = RatioRange.PART
    companions: tuple[str, ...] = ()
    companions_less: tuple[str, ...] = ()
    unknown_of: tuple[str, ...] = ()
    known_as: str = ""
    of_enterprise: bool = False
    of_branch: bool = False
    public: bool = False

    @property
    def formula(self) -> str:
        """The definition as arithmetic over measure codes."""
        return f"{_bracketed(self.numerator)} / {_bracketed(self.denominator, self.less)}"

    @property
    def companion(self) -> str:
        """The sum that is above 0 where an empty denominator is unknown, as arithmetic; empty: none."""
        return _sum(self.companions, self.companions_less)

    @property
    def parts(self) -> tuple[str, ...]:
        """All measures from which it is computed."""
        return self.numerator + self.denominator + self.less

    @property
    def squared(self) -> str:
        """The sum of squares over enterprises that its interval rests on; empty: none."""
        squares = {Interval.CLUSTERED: "headcount_matched_squared", Interval.WHOLE_FIRMS: "headcount_squared"}
        return f"{self.whole}_squared" if self.interval is Interval.SHARES else squares.get(self.interval, "")

    @property
    def needs(self) -> tuple[str, ...]:
        """All measures that its value, its interval and its status rest on."""
        beside = (*self.companions, *self.companions_less, *self.unknown_of, self.whole, self.squared)
        return (*self.parts, *(code for code in beside if code))


def _sum(added: Iterable[str], less: Iterable[str]) -> str:
    """Return a sum over measure codes as arithmetic; a code that is named twice has the factor 2."""
    terms = [f"{number} × {code}" if number > 1 else code for code, number in Counter(added).items()]
    return " − ".join((" + ".join(terms), *less))


def _bracketed(added: tuple[str, ...], less: tuple[str, ...] = ()) -> str:
    return f"({_sum(added, less)})" if len({*added, *less}) > 1 else _sum(added, less)


def _share(code: str, zh: str, en: str, part: str, definition: str) -> Metric:
    return Metric(
        code, Label(zh, en), (part,), ("members",), definition, less=(f"{part}_unknown",), interval=Interval.SHARES,
        whole="members", companions=(f"{part}_unknown", "enterprises_members_unknown"), of_enterprise=True,
        of_branch=True,
    )  # fmt: skip


def _staff_share(code: str, zh: str, en: str, part: str, definition: str) -> Metric:
    return Metric(
        code, Label(zh, en), (f"headcount_{part}",), (f"headcount_{part}_known",), definition,
        interval=Interval.SHARES, whole="headcount", companions=("headcount", "enterprises_headcount_unknown"),
        companions_less=(f"headcount_{part}_known",), of_enterprise=True,
    )  # fmt: skip


def _member_ratio_of(code: str, zh: str, en: str, part: str, definition: str) -> Metric:
    return Metric(
        code, Label(zh, en), (f"members_{part}_matched",), (f"headcount_{part}_matched",), definition,
        companions=("headcount", "enterprises_headcount_unknown", f"members_{part}_unknown",
                    "enterprises_members_unknown"),
        companions_less=(f"headcount_{part}_known",), of_enterprise=True,
    )  # fmt: skip


def _coverage(
    code: str,
    zh: str,
    en: str,
    numerator: tuple[str, ...],
    definition: str,
    known_as: str = "",
    *,
    public: bool = False,
) -> Metric:
    return Metric(
        code, Label(zh, en), numerator, ("enterprises",), definition, interval=Interval.WILSON, known_as=known_as,
        public=public,
    )  # fmt: skip


_RATIO_UNKNOWN = ("enterprises_headcount_unknown", "enterprises_members_unknown")

METRICS: tuple[Metric, ...] = (
    Metric(
        "member_ratio", Label("党员比例", "Member ratio"), ("members_matched",), ("headcount_matched",),
        "Members per employee, over enterprises where both are known.", interval=Interval.CLUSTERED,
        companions=_RATIO_UNKNOWN, known_as="density; 党员比例", of_enterprise=True, public=True,
    ),
    Metric(
        "member_ratio_upper", Label("党员比例上值", "Member ratio, upper value"), ("members_max", "members_withheld"),
        ("headcount_matched",), "The member ratio with those whom only a return counts, and those who are withheld: a "
        "bound of what is recorded, not of what nobody told.", range=RatioRange.OPEN, companions=_RATIO_UNKNOWN,
    ),
    _coverage(
        "organisation_coverage", "组织覆盖率", "Organisation coverage", ("enterprises_organised",),
        "Share of enterprises that are organised.", "组织覆盖率", public=True,
    ),
    _coverage(
        "organisation_coverage_with_dual", "组织覆盖率(含兼合式)", "Organisation coverage with dual affiliation",
        ("enterprises_organised", "enterprises_reached_by_dual"),
        "Share of enterprises that are organised or reached by dual affiliation.",
    ),
    _coverage(
        "work_coverage", "工作覆盖率", "Work coverage",
        ("enterprises_organised", "enterprises_reached_by_dual", "enterprises_work_only"),
        "Share of enterprises that are organised, reached by dual affiliation or by a work means.", "工作覆盖率",
    ),
    _coverage(
        "standalone_rate", "单独组建率", "Standalone rate", ("enterprises_standalone",),
        "Share of enterprises with a branch of their own.", "单独组建率", public=True,
    ),
    Metric(
        "effective_coverage", Label("有效覆盖率", "Effective coverage"), ("enterprises_organised_active",),
        ("enterprises",), "Share of enterprises that are known to be organised by an active branch.",
        interval=Interval.WILSON, unknown_of=("enterprises_organised", "enterprises_activity_unknown"),
        known_as="有效覆盖率",
    ),
    Metric(
        "effective_coverage_upper", Label("有效覆盖率上值", "Effective coverage, upper value"),
        ("enterprises_organised_active", "enterprises_activity_unknown"), ("enterprises",),
        "Share of enterprises that are, or may be, organised by an active branch.",
    ),
    Metric(
        "active_organised_share", Label("已组建单位有效率", "Active share of the organised"),
        ("enterprises_organised_active",), ("enterprises_organised",),
        "Share of the organised enterprises whose branch is active, where that is known.",
        less=("enterprises_activity_unknown",), interval=Interval.WILSON,
        companions=("enterprises_activity_unknown",),
    ),
    Metric(
        "employee_coverage", Label("职工覆盖率", "Employee coverage"), ("headcount_organised",), ("headcount",),
        "Share of employees who work in an organised enterprise.", interval=Interval.WHOLE_FIRMS,
        companions=("enterprises_headcount_unknown",), known_as="employee-weighted coverage",
    ),
    Metric(
        "establishment_rate", Label("应建已建率", "Establishment rate"), ("enterprises_eligible_organised",),
        ("enterprises_eligible",), "Share of the enterprises that must establish an organisation that are organised.",
        interval=Interval.WILSON, companions=("enterprises_eligible_unknown",), known_as="应建已建率",
    ),
    Metric(
        "establishment_rate_strict", Label("应建已单独组建率", "Establishment rate, strict"),
        ("enterprises_eligible_standalone",), ("enterprises_eligible",),
        "Share of the enterprises that must establish an organisation that have a branch of their own.",
        interval=Interval.WILSON, companions=("enterprises_eligible_unknown",),
    ),
    Metric(
        "member_presence", Label("有党员单位占比", "Member presence"), ("enterprises_with_members",), ("enterprises",),
        "Share of enterprises with at least one member.", less=("enterprises_members_unknown",),
        interval=Interval.WILSON, companions=("enterprises_members_unknown",),
    ),
    _staff_share(
        "young_staff_share", "35岁及以下职工占比", "Young staff share", "under_36",
        "Share of employees aged 35 or less, where returns state them.",
    ),
    _staff_share(
        "women_staff_share", "女职工占比", "Women staff share", "women",
        "Share of employees who are women, where returns state them.",
    ),
    _staff_share(
        "college_staff_share", "大专及以上职工占比", "College staff share", "college",
        "Share of employees with junior college or above, where returns state them.",
    ),
    _member_ratio_of(
        "member_ratio_young", "35岁及以下党员比例", "Member ratio, young", "under_36",
        "Members aged 35 or less per employee of that age, where both are known.",
    ),
    _member_ratio_of(
        "member_ratio_women", "女党员比例", "Member ratio, women", "women",
        "Women members per woman employee, where both are known.",
    ),
    _member_ratio_of(
        "member_ratio_college", "大专及以上党员比例", "Member ratio, college", "college",
        "Members with junior college or above per employee with it, where both are known.",
    ),
    _share("full_member_share", "正式党员占比", "Full member share", "full_members", "Share of members who are full."),
    _share(
        "young_member_share", "35岁及以下占比", "Young member share", "members_under_36", "Share of members up to 35."
    ),
    _share("women_share", "女党员占比", "Women share", "members_women", "Share of members who are women."),
    _share(
        "college_share", "大专及以上占比", "College share", "members_college",
        "Share of members with junior college or above.",
    ),
    _share(
        "floating_share", "流动党员占比", "Floating share", "members_floating", "Share of members who are floating.",
    ),
    _share(
        "dual_affiliation_share", "兼合式占比", "Dual affiliation share", "members_dual",
        "Share of members with a secondary affiliation.",
    ),
    Metric(
        "dual_reach", Label("兼合式触达率", "Dual reach"), ("members_reached_by_dual",),
        ("members_unorganised",),
        "Share of the members without a workplace organisation whom a secondary affiliation reaches.",
        less=("members_reached_by_dual_unknown",), interval=Interval.SHARES, whole="members_unorganised",
        companions=("members_reached_by_dual_unknown", "enterprises_members_unknown"),
        known_as="what dual affiliation adds", of_enterprise=True,
    ),
    Metric(
        "admission_rate", Label("新发展党员占比", "Admission rate"), ("members_admitted",), ("members",),
        "Share of members whose membership began in the 12 months up to the date.", of_enterprise=True,
    ),
    Metric(
        "reporting_rate", Label("报送率", "Reporting rate"), ("enterprises_reporting",), ("enterprises",),
        "Share of enterprises with a current return; meaningful in basis `registered`.", interval=Interval.WILSON,
        known_as="completeness",
    ),
    Metric(
        "turnover", Label("党员流动率", "Turnover"), ("members_joined", "members_left"),
        ("members", "members", "members_left"),
        "Members who joined or left over 12 months, over the members at both ends of them.", less=("members_joined",),
        range=RatioRange.OPEN, of_enterprise=True,
    ),
)  # fmt: skip

BRANCH_METRICS: tuple[Metric, ...] = (
    *(metric for metric in METRICS if metric.of_branch),
    Metric(
        "affiliation_inflation", Label("隶属重复系数", "Affiliation inflation"), ("affiliations",),
        ("members_participating",), "Affiliations per distinct person.", range=RatioRange.FROM_ONE, of_branch=True,
    ),
    Metric(
        "active_branch_share", Label("活跃党支部占比", "Active branch share"), ("branches_active",), ("branches",),
        "Share of the branches below, itself included, that are active, where that is known.",
        less=("branches_activity_unknown",), interval=Interval.WILSON, companions=("branches_activity_unknown",),
        of_branch=True,
    ),
)  # fmt: skip

ENTERPRISE_METRICS: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.of_enterprise)
"""The metrics in rows of single enterprises: ratios of persons."""

SHARES: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.interval is Interval.SHARES)
"""The metrics with a correlation of their own, estimated for each snapshot."""

METRIC: dict[str, Metric] = {metric.code: metric for metric in (*METRICS, *BRANCH_METRICS)}


class TargetMetric(StrEnum):
    """The metrics that may have a target: those of enterprises with an interval, and the admission rate."""

    vars().update(
        {it.code.upper(): it.code for it in METRICS if it.interval is not Interval.NONE or it.code == "admission_rate"}
    )
