"""Rules of data quality: what should be checked in a registry."""

from dataclasses import dataclass
from enum import StrEnum

from app.catalogue.vocabulary import Label


class QualitySubject(StrEnum):
    """The subject of a finding; members are only counted, never identified."""

    ENTERPRISE = "enterprise"
    BRANCH = "branch"
    MEMBER = "member"


class QualityRule(StrEnum):
    """A rule of data quality."""

    RETURN_MISSING = "return_missing"
    RETURN_STALE = "return_stale"
    HEADCOUNT_UNKNOWN = "headcount_unknown"
    MEMBERS_UNKNOWN = "members_unknown"
    INDUSTRY_UNKNOWN = "industry_unknown"
    DISTRICT_UNKNOWN = "district_unknown"
    SURVEYED_UNDECIDED = "surveyed_undecided"
    ELIGIBLE_UNDECIDED = "eligible_undecided"
    ABOVE_SIZE_UNDECIDED = "above_size_undecided"
    REGISTER_DIFFERS_FROM_RETURN = "register_differs_from_return"
    HEADCOUNT_JUMP = "headcount_jump"
    CHECK_DIGIT_FAILED = "check_digit_failed"
    BRANCH_BELOW_SIZE = "branch_below_size"
    MEMBERS_WITHOUT_EMPLOYER = "members_without_employer"
    MEMBERS_OF_UNREGISTERED_EMPLOYER = "members_of_unregistered_employer"
    DIFFERS_BETWEEN_EXTRACTS = "differs_between_extracts"
    BRANCH_DIFFERS_BETWEEN_EXTRACTS = "branch_differs_between_extracts"
    MEMBERS_DIFFER_BETWEEN_EXTRACTS = "members_differ_between_extracts"


BETWEEN_EXTRACTS = frozenset(
    {
        QualityRule.DIFFERS_BETWEEN_EXTRACTS,
        QualityRule.BRANCH_DIFFERS_BETWEEN_EXTRACTS,
        QualityRule.MEMBERS_DIFFER_BETWEEN_EXTRACTS,
    }
)
"""The rules of snapshots built from several extracts; no other snapshot's files know of them."""


@dataclass(frozen=True)
class QualityMeaning:
    """The declaration of a rule.

    Parameters
    ----------
    rule
        Name in every format.
    label
        Name for people.
    subject
        Subject of its findings.
    definition
        What is found, in one sentence.
    value
        Meaning and unit of a finding's value; empty: no value.
    """

    rule: QualityRule
    label: Label
    subject: QualitySubject
    definition: str
    value: str = ""


def _enterprise(rule: QualityRule, zh: str, en: str, definition: str, value: str = "") -> QualityMeaning:
    return QualityMeaning(rule, Label(zh, en), QualitySubject.ENTERPRISE, definition, value)


def _members(rule: QualityRule, zh: str, en: str, definition: str) -> QualityMeaning:
    return QualityMeaning(rule, Label(zh, en), QualitySubject.MEMBER, definition)


QUALITY_RULES: tuple[QualityMeaning, ...] = (
    _enterprise(
        QualityRule.RETURN_MISSING, "从未报送", "No return", "Registered enterprises that never filed a return."
    ),
    _enterprise(
        QualityRule.RETURN_STALE,
        "报送过期",
        "Stale return",
        "Registered enterprises whose latest return lies outside the return window.",
        "age of the latest return, days",
    ),
    _enterprise(
        QualityRule.HEADCOUNT_UNKNOWN, "职工数未知", "Headcount unknown", "Registered enterprises without a headcount."
    ),
    _enterprise(
        QualityRule.MEMBERS_UNKNOWN,
        "党员数未知",
        "Members unknown",
        "Registered enterprises without a member count (where members are counted from returns).",
    ),
    _enterprise(
        QualityRule.INDUSTRY_UNKNOWN, "行业未知", "Industry unknown", "Registered enterprises without an industry."
    ),
    _enterprise(
        QualityRule.DISTRICT_UNKNOWN, "区划未知", "District unknown", "Registered enterprises without a district."
    ),
    _enterprise(
        QualityRule.SURVEYED_UNDECIDED,
        "“三有”无法判定",
        "Not known whether surveyed",
        "Operating enterprises of which unknown premises or headcount leave open whether they are in basis `surveyed`.",
    ),
    _enterprise(
        QualityRule.ELIGIBLE_UNDECIDED,
        "应建无法判定",
        "Not known whether eligible",
        "Operating enterprises of which unknown full members leave open whether they must establish an organisation.",
    ),
    _enterprise(
        QualityRule.ABOVE_SIZE_UNDECIDED,
        "规上无法判定",
        "Not known whether above size",
        "Operating enterprises whose return does not say whether they are above designated size.",
    ),
    _enterprise(
        QualityRule.REGISTER_DIFFERS_FROM_RETURN,
        "党员数与报送不一致",
        "Register against return",
        "Registered enterprises whose members by the register are not as many as the latest return states; none where "
        "nobody is known to work anywhere.",
        "register less return, persons",
    ),
    _enterprise(
        QualityRule.HEADCOUNT_JUMP,
        "职工数突变",
        "Headcount jump",
        "Registered enterprises whose latest headcount is more than three times, or less than a third of, the median "
        "of at least four earlier ones, with a modified z-score above 3.5.",
        "latest headcount, employees",
    ),
    _enterprise(
        QualityRule.CHECK_DIGIT_FAILED,
        "信用代码校验失败",
        "Failed check digit",
        "Registered enterprises whose code looks like a unified social credit code and fails its check characters.",
    ),
    QualityMeaning(
        QualityRule.BRANCH_BELOW_SIZE,
        Label("党组织规模不足", "Branch below its least size"),
        QualitySubject.BRANCH,
        "Living branches with fewer full members or members than is advised for their kind.",
        "full members of the subtree, persons",
    ),
    _members(
        QualityRule.MEMBERS_WITHOUT_EMPLOYER,
        "无就业单位党员",
        "Members without employer",
        "Members whose membership is open and who work nowhere.",
    ),
    _members(
        QualityRule.MEMBERS_OF_UNREGISTERED_EMPLOYER,
        "就业单位不在册党员",
        "Employer not registered",
        "Members who work at an enterprise that is not in the register on the date.",
    ),
    _enterprise(
        QualityRule.DIFFERS_BETWEEN_EXTRACTS,
        "各库数据不一致",
        "Differs between registries",
        "Registered enterprises of which, or of whose returns or coverage, several extracts have rows that differ; the "
        "newest counts.",
    ),
    QualityMeaning(
        QualityRule.BRANCH_DIFFERS_BETWEEN_EXTRACTS,
        Label("党组织各库数据不一致", "Branch differs between registries"),
        QualitySubject.BRANCH,
        "Living branches of which, or of whose returns, several extracts have rows that differ; the newest counts.",
    ),
    _members(
        QualityRule.MEMBERS_DIFFER_BETWEEN_EXTRACTS,
        "各库数据不一致的党员",
        "Members who differ between registries",
        "Members of whom, or of whose employments or affiliations, several extracts have rows that differ, of which "
        "the newest counts; and members with two employers or two primary branches on the date, who count at both.",
    ),
)
"""All rules, in the order of answers."""
