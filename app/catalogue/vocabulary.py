"""The enumerations of the domain, with their values in the database, in files and in answers, in the domain's order.

Each is a `StrEnum`, whose members are these texts. Labels, and the Chinese words that imports accept, are data beside
the code that uses them.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Label:
    """A name for people, Chinese and English."""

    zh: str
    en: str


class DistrictLevel(StrEnum):
    """Level of a district, from the highest down; a child's level is lower than its parent's."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"
    SITE = "site"


class IndustryLevel(StrEnum):
    """Level of an industry, from the highest down (GB/T 4754: letter, two, three, four digits)."""

    SECTION = "section"
    DIVISION = "division"
    GROUP = "group"
    CLASS = "class"


class EnterpriseKind(StrEnum):
    """What an enterprise is; social organisations have a survey threshold of their own."""

    ENTERPRISE = "enterprise"
    SOCIAL_ORGANISATION = "social_organisation"
    INSTITUTION = "institution"


class Ownership(StrEnum):
    """Who controls an enterprise, by its return."""

    STATE = "state"
    COLLECTIVE = "collective"
    PRIVATE = "private"
    FOREIGN = "foreign"
    HONG_KONG_MACAO_TAIWAN = "hong_kong_macao_taiwan"
    MIXED = "mixed"
    OTHER = "other"


class Sector(StrEnum):
    """Where an enterprise belongs by its kind and the ownership of its return; the first two are the two new ones."""

    NON_PUBLIC = "non_public"
    SOCIAL = "social"
    PUBLIC = "public"


NON_PUBLIC_OWNERSHIP = frozenset({Ownership.PRIVATE, Ownership.FOREIGN, Ownership.HONG_KONG_MACAO_TAIWAN})
"""Ownerships that put an enterprise (of kind `enterprise`) into the sector `non_public`."""

PUBLIC_OWNERSHIP = frozenset({Ownership.STATE, Ownership.COLLECTIVE})
"""The same for `public`; with another ownership, or an unknown one, it is in none."""


class SizeClass(StrEnum):
    """Statistical size of an enterprise, by its return."""

    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"
    MICRO = "micro"


class BranchKind(StrEnum):
    """Rank of a branch; recommended sizes depend on it."""

    COMMITTEE = "committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"


class BranchForm(StrEnum):
    """How a branch was established; descriptive, used in no figure."""

    STANDALONE = "standalone"
    JOINT = "joint"
    AREA = "area"
    INDUSTRY = "industry"
    FUNCTIONAL = "functional"
    TEMPORARY = "temporary"


class CoverageMeans(StrEnum):
    """How an enterprise is covered: by an organisation or by work means."""

    STANDALONE = "standalone"
    JOINT = "joint"
    AREA = "area"
    INDUSTRY = "industry"
    ATTACHED = "attached"
    INSTRUCTOR = "instructor"
    LIAISON = "liaison"
    TRADE_UNION = "trade_union"
    YOUTH_LEAGUE = "youth_league"


ORGANISATION_MEANS = frozenset(
    {
        CoverageMeans.STANDALONE,
        CoverageMeans.JOINT,
        CoverageMeans.AREA,
        CoverageMeans.INDUSTRY,
        CoverageMeans.ATTACHED,
    }
)
"""Means that make an enterprise *organised* while their branch is living; the branch is required."""

WORK_MEANS = frozenset(CoverageMeans) - ORGANISATION_MEANS
"""Means that cover an enterprise without an organisation; the branch is optional."""


class Sex(StrEnum):
    """Sex of a member."""

    FEMALE = "female"
    MALE = "male"


class Education(StrEnum):
    """Highest education of a member, from the highest down."""

    DOCTORATE = "doctorate"
    MASTER = "master"
    BACHELOR = "bachelor"
    JUNIOR_COLLEGE = "junior_college"
    SECONDARY_VOCATIONAL = "secondary_vocational"
    SENIOR_SECONDARY = "senior_secondary"
    JUNIOR_SECONDARY_OR_BELOW = "junior_secondary_or_below"


class Workplace(StrEnum):
    """Where a member works: in a registered enterprise, nowhere, or withheld or in one that is not registered."""

    ENTERPRISE = "enterprise"
    NO_EMPLOYER = "no_employer"
    ELSEWHERE = "elsewhere"


class Identity(StrEnum):
    """Whether a member's identity may be known at work; a withheld member is in no figure by workplace."""

    OPEN = "open"
    WITHHELD = "withheld"


class AffiliationRole(StrEnum):
    """A member's formal affiliation, or an additional (dual) one."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class Basis(StrEnum):
    """The population of enterprises that a rate divides by; every rate has one."""

    REGISTERED = "registered"
    OPERATING = "operating"
    SURVEYED = "surveyed"
    ELIGIBLE = "eligible"
    ABOVE_SIZE = "above_size"
