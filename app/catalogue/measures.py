"""Measures: integers counted over enterprises, or over the members of a branch.

Measures of enterprises are additive: an unknown value adds 0 and is counted in a separate measure.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.catalogue.vocabulary import Label


class Unit(StrEnum):
    """Unit of a measure."""

    ENTERPRISES = "enterprises"
    EMPLOYEES = "employees"
    SQUARED_EMPLOYEES = "squared employees"
    PERSONS = "persons"
    SQUARED_PERSONS = "squared persons"
    BRANCHES = "branches"
    MEETINGS = "meetings"
    ATTENDANCES = "attendances"
    AFFILIATIONS = "affiliations"


class Grain(StrEnum):
    """Finest subject for which a measure is defined."""

    ENTERPRISE = "enterprise"
    COUNTY_SECTION = "county and section"
    BRANCH = "branch"


@dataclass(frozen=True, eq=False)
class Measure:
    """The declaration of a measure; compared by identity, since each is declared once.

    Parameters
    ----------
    code
        Name in every format.
    label
        Name for people.
    unit
        What is counted.
    definition
        What is counted, in one sentence.
    grain
        Finest subject for which it is defined.
    of_enterprise
        Whether rows of single enterprises have it.
    register_only
        Not applicable where members are counted from returns.
    public
        Whether the public tier has it.
    headline
        Whether an answer gives it where no figures are asked for: not what other figures are worked out from.
    of_subtree
        Of branches: whether it is defined of a branch with all below it only.
    """

    code: str
    label: Label
    unit: Unit
    definition: str
    grain: Grain = Grain.ENTERPRISE
    of_enterprise: bool = False
    register_only: bool = False
    public: bool = False
    headline: bool = True
    of_subtree: bool = False


def _enterprises(
    code: str, zh: str, en: str, definition: str, *, public: bool = False, headline: bool = True
) -> Measure:
    return Measure(code, Label(zh, en), Unit.ENTERPRISES, definition, public=public, headline=headline)


def _persons(
    code: str, zh: str, en: str, definition: str, *, register_only: bool = False, headline: bool = True
) -> Measure:
    return Measure(
        code, Label(zh, en), Unit.PERSONS, definition, of_enterprise=True, register_only=register_only,
        public=code == "members", headline=headline,
    )  # fmt: skip


def _staff(code: str, zh: str, en: str, definition: str) -> Measure:
    return Measure(code, Label(zh, en), Unit.EMPLOYEES, definition, of_enterprise=True)


def _unknown(code: str, zh: str, en: str, definition: str) -> Measure:
    return _persons(code, zh, en, definition, headline=False)


def _used(code: str, zh: str, en: str, unit: Unit, definition: str) -> Measure:
    """Return a measure that other figures are worked out from."""
    return Measure(code, Label(zh, en), unit, definition, headline=False)


def _matched(code: str, zh: str, en: str, unit: Unit, definition: str) -> Measure:
    return Measure(code, Label(zh, en), unit, definition, public=True)


def _of_both(part: str, zh: str, en: str, who: str) -> tuple[Measure, Measure]:
    """Return the two sides of the member ratio within a part of the staff."""
    where = "of enterprises where that is known of all members, and of the staff (at least 1 of them)"
    return (
        _used(
            f"members_{part}_matched", f"可比{zh}党员数", f"Members {en}, matched", Unit.PERSONS,
            f"Members {who}, {where}.",
        ),
        _used(
            f"headcount_{part}_matched", f"可比{zh}职工数", f"Employees {en}, matched", Unit.EMPLOYEES,
            f"Employees {who}, {where}.",
        ),
    )  # fmt: skip


MEASURES: tuple[Measure, ...] = (
    _enterprises("enterprises", "单位数", "Enterprises", "Enterprises of the basis.", public=True),
    _enterprises(
        "enterprises_organised", "已组建单位数", "Organised enterprises",
        "Enterprises with a living coverage by an organisation means that names a living branch.", public=True,
    ),
    _enterprises(
        "enterprises_standalone", "单独组建单位数", "Enterprises with a branch of their own",
        "Organised enterprises covered by the means `standalone`.", public=True,
    ),
    _enterprises(
        "enterprises_reached_by_dual", "仅兼合式覆盖单位数", "Enterprises reached by dual affiliation",
        "Not organised, and employing at least one open member with a living secondary affiliation.",
    ),
    _enterprises(
        "enterprises_work_only", "仅工作覆盖单位数", "Enterprises reached by work means alone",
        "Neither organised nor reached by dual affiliation, but with a living coverage by a work means.",
    ),
    _enterprises(
        "enterprises_organised_active", "有效覆盖单位数", "Effectively organised enterprises",
        "Organised by a branch that is active: whose meetings of the 12 months up to the date are at least 4.",
    ),
    _enterprises(
        "enterprises_activity_unknown", "组织活动不明单位数", "Enterprises of unknown activity",
        "Organised by no active branch, and by one at least of which no return says whether it is active.",
        headline=False,
    ),
    _enterprises("enterprises_with_members", "有党员单位数", "Enterprises with members", "With at least one member."),
    _enterprises(
        "enterprises_eligible", "应建单位数", "Eligible enterprises",
        "Operating, with at least as many full members as oblige it to establish an organisation (3).",
    ),
    _enterprises(
        "enterprises_eligible_organised", "应建已建单位数", "Eligible organised enterprises",
        "Eligible enterprises that are organised.", headline=False,
    ),
    _enterprises(
        "enterprises_eligible_standalone", "应建已单独组建单位数", "Eligible standalone enterprises",
        "Eligible enterprises with a branch of their own.", headline=False,
    ),
    _enterprises(
        "enterprises_eligible_unknown", "应建情况不明单位数", "Enterprises whose eligibility is unknown",
        "Operating, full members unknown, and members unknown or at least 3.", headline=False,
    ),
    _enterprises(
        "enterprises_reporting", "按期报送单位数", "Reporting enterprises", "With a return inside the return window."
    ),
    _enterprises(
        "enterprises_headcount_unknown", "职工人数不明单位数", "Enterprises of unknown headcount",
        "Without a headcount in the latest return, or without a return.", headline=False,
    ),
    _enterprises(
        "enterprises_members_unknown", "党员数不明单位数", "Enterprises of unknown member count",
        "Without a member count; only where members are counted from returns.", headline=False,
    ),
    Measure(
        "headcount", Label("职工人数", "Headcount"), Unit.EMPLOYEES, "Employees, where known.",
        of_enterprise=True, public=True,
    ),
    Measure(
        "headcount_organised", Label("已组建单位职工人数", "Headcount of organised enterprises"), Unit.EMPLOYEES,
        "Employees of organised enterprises, where known.",
    ),
    _staff(
        "headcount_under_36", "35岁及以下职工数", "Employees up to 35",
        "Employees aged 35 or less, where the return states them.",
    ),
    _staff("headcount_women", "女职工数", "Women employees", "Women employees, where the return states them."),
    _staff(
        "headcount_college", "大专及以上职工数", "Employees with college education",
        "Employees with junior college or above, where the return states them.",
    ),
    _used(
        "headcount_under_36_known", "年龄已知的职工人数", "Headcount of known age", Unit.EMPLOYEES,
        "Employees of enterprises whose return states how many of them are aged 35 or less.",
    ),
    _used(
        "headcount_women_known", "性别已知的职工人数", "Headcount of known sex", Unit.EMPLOYEES,
        "Employees of enterprises whose return states how many of them are women.",
    ),
    _used(
        "headcount_college_known", "学历已知的职工人数", "Headcount of known education", Unit.EMPLOYEES,
        "Employees of enterprises whose return states how many of them have junior college or above.",
    ),
    _used(
        "headcount_squared", "职工人数平方和", "Sum of squared headcounts", Unit.SQUARED_EMPLOYEES,
        "Sum of squared known headcounts, for the interval of employee coverage.",
    ),
    _persons("members", "党员数", "Members", "Open members by workplace."),
    _persons("full_members", "正式党员数", "Full members", "Members whose full membership has begun."),
    _persons("probationary_members", "预备党员数", "Probationary members", "Members not yet full."),
    _persons(
        "members_admitted", "新发展党员数", "Members admitted",
        "Members whose membership began, as probationary, in the 12 months up to the date.", register_only=True,
    ),
    _matched(
        "members_matched", "可比党员数", "Members, matched", Unit.PERSONS,
        "Members of enterprises whose headcount (at least 1) and members are both known.",
    ),
    _matched(
        "headcount_matched", "可比职工人数", "Headcount, matched", Unit.EMPLOYEES,
        "Employees of enterprises whose headcount (at least 1) and members are both known.",
    ),
    _used(
        "headcount_matched_squared", "可比职工人数平方和", "Sum of squared matched headcounts", Unit.SQUARED_EMPLOYEES,
        "Sum of squared matched headcounts, for the interval of the member ratio.",
    ),
    *_of_both("under_36", "35岁及以下", "up to 35", "aged 35 or less"),
    *_of_both("women", "女", "who are women", "who are women"),
    *_of_both("college", "大专及以上", "with college education", "with junior college or above"),
    _used(
        "members_squared", "党员数平方和", "Sum of squared member counts", Unit.SQUARED_PERSONS,
        "Sum over enterprises of their squared members, for the intervals of shares of members.",
    ),
    _persons("members_dual", "兼合式党员数", "Members in dual affiliation", "With a living secondary affiliation."),
    _persons(
        "members_unorganised", "未组建单位党员数", "Members without a workplace organisation",
        "Working in an enterprise that is not organised.",
    ),
    _persons(
        "members_reached_by_dual", "未组建单位兼合式党员数", "Members reached by dual affiliation",
        "Working in an enterprise that is not organised, with a living secondary affiliation.",
    ),
    _persons(
        "members_unreached", "未触达党员数", "Members unreached",
        "Working in an enterprise that is not organised, and known to have no living secondary affiliation.",
    ),
    _used(
        "members_unorganised_squared", "未组建单位党员数平方和", "Sum of squared unorganised member counts",
        Unit.SQUARED_PERSONS,
        "Sum of squared members over enterprises that are not organised, for the interval of dual reach.",
    ),
    _persons(
        "members_floating", "流动党员数", "Floating members",
        "Official floating status: formal relation not transferred, unable to attend for six months.",
    ),
    _persons(
        "members_under_36", "35岁及以下党员数", "Members up to 35", "Year of the date less year of birth at most 35."
    ),
    _persons("members_women", "女党员数", "Women members", "Women."),
    _persons("members_college", "大专及以上党员数", "Members with college education", "Junior college or above."),
    _unknown(
        "full_members_unknown", "转正情况不明党员数", "Members of unknown full membership",
        "Members for whom the source does not say whether they are full.",
    ),
    _unknown(
        "members_dual_unknown", "兼合情况不明党员数", "Members of unknown dual affiliation",
        "Members for whom the source does not say whether they have a secondary affiliation.",
    ),
    _unknown(
        "members_reached_by_dual_unknown", "未组建单位兼合情况不明党员数",
        "Unorganised members of unknown dual affiliation",
        "Members without a workplace organisation for whom the source does not say it.",
    ),
    _unknown(
        "members_floating_unknown", "流动情况不明党员数", "Members of unknown floating status",
        "Members for whom the source does not say whether they are floating.",
    ),
    _unknown(
        "members_under_36_unknown", "年龄不明党员数", "Members of unknown age",
        "Members for whom the source does not say the age.",
    ),
    _unknown(
        "members_women_unknown", "性别不明党员数", "Members of unknown sex",
        "Members for whom the source does not say the sex.",
    ),
    _unknown(
        "members_college_unknown", "学历不明党员数", "Members of unknown education",
        "Members for whom the source does not say the education.",
    ),
    Measure(
        "members_withheld", Label("身份不公开党员数", "Members of withheld identity"), Unit.PERSONS,
        "Members whose identity is withheld at their workplace, who are in no other figure by workplace.",
        grain=Grain.COUNTY_SECTION, register_only=True,
    ),
    _persons(
        "members_reported", "填报党员数", "Members as reported",
        "As stated by the latest returns, whatever the source.",
    ),
    _used(
        "members_max", "党员数上值", "Members, larger of register and return", Unit.PERSONS,
        "Over matched enterprises, the larger of the register's count and the return's.",
    ),
    _persons(
        "members_joined", "新增党员数", "Members who joined",
        "Began to be an open member working at the enterprise in the 12 months up to the date.", register_only=True,
    ),
    _persons(
        "members_left", "减少党员数", "Members who left",
        "Ceased to be an open member working at the enterprise in the 12 months up to the date.", register_only=True,
    ),
)  # fmt: skip


def _of_branch(
    code: str, zh: str, en: str, definition: str, unit: Unit = Unit.PERSONS, *, headline: bool = True
) -> Measure:
    return Measure(code, Label(zh, en), unit, definition, grain=Grain.BRANCH, headline=headline)


def _branches(code: str, zh: str, en: str, definition: str, *, headline: bool = True) -> Measure:
    return Measure(
        code, Label(zh, en), Unit.BRANCHES, definition, grain=Grain.BRANCH, headline=headline, of_subtree=True
    )


_SHARED_WITH_BRANCHES = (
    "full_members", "probationary_members", "members_dual", "members_floating", "members_under_36", "members_women",
    "members_college", "full_members_unknown", "members_dual_unknown", "members_floating_unknown",
    "members_under_36_unknown", "members_women_unknown", "members_college_unknown",
)  # fmt: skip

MEASURE: dict[str, Measure] = {measure.code: measure for measure in MEASURES}

BRANCH_MEASURES: tuple[Measure, ...] = (
    _of_branch("members_primary", "隶属党员数", "Members by primary affiliation", "With a living primary affiliation."),
    _of_branch(
        "members_participating", "参加党员数", "Members by participation",
        "With a living affiliation, primary or secondary; everybody, withheld identities included.",
    ),
    _of_branch("affiliations", "隶属关系数", "Affiliations", "Living affiliations.", Unit.AFFILIATIONS),
    *(
        _of_branch(
            code, MEASURE[code].label.zh, MEASURE[code].label.en,
            f"Of the participating members: {MEASURE[code].definition}", headline=MEASURE[code].headline,
        )
        for code in _SHARED_WITH_BRANCHES
    ),
    _of_branch(
        "enterprises_covered", "覆盖单位数", "Enterprises covered",
        "Distinct registered enterprises with a living coverage by an organisation means.", Unit.ENTERPRISES,
    ),
    _of_branch(
        "enterprises_participating", "参加单位数", "Enterprises participating",
        "Distinct registered enterprises that employ an open member, identity not withheld, with a living secondary "
        "affiliation here.",
        Unit.ENTERPRISES,
    ),
    _of_branch(
        "meetings", "组织生活次数", "Meetings",
        "Meetings held in the 12 months up to the date, as returned; null where no return says so.", Unit.MEETINGS,
    ),
    _of_branch(
        "attendances", "参加人次", "Attendances",
        "Persons present, added up over the meetings of the 12 months up to the date; null where no return says so.",
        Unit.ATTENDANCES,
    ),
    _branches("branches", "党支部数", "Branches", "Living branches of kind `branch`, itself included where it is one."),
    _branches(
        "branches_active", "活跃党支部数", "Active branches",
        "Of them those whose meetings of the 12 months up to the date are at least 4.",
    ),
    _branches(
        "branches_activity_unknown", "活动情况不明党支部数", "Branches of unknown activity",
        "Of them those without a return in the 12 months up to the date.", headline=False,
    ),
)  # fmt: skip

ENTERPRISE_MEASURES: tuple[Measure, ...] = tuple(measure for measure in MEASURES if measure.of_enterprise)
"""The measures in rows of single enterprises: counts of persons."""

SHOWN = "enterprises_shown"
"""Column of protected snapshots, not a measure: enterprises whose rounded persons are shown at a place."""

ROW_MEASURES: tuple[Measure, ...] = tuple(measure for measure in MEASURES if measure.grain is Grain.ENTERPRISE)
"""The measures that are sums over enterprises; the others are stored in a separate table."""
