"""The whole schema of the registry. It has no column for a person's name, phone or identity number."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Index, Integer, MetaData, Text, func, text
from sqlmodel import Field, SQLModel

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

CODE_LENGTH = 64
"""Longest code or ref, characters."""

CODE = Text().with_variant(Text(collation="C"), "postgresql")
"""Type of codes and refs: text that compares, sorts and is indexed as UTF-8 bytes, on both databases."""

METADATA: MetaData = SQLModel.metadata
METADATA.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}


def one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that a text column holds one of the values of an enumeration."""
    values = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def ordered(first: str, second: str, *, strictly: bool = True) -> CheckConstraint:
    """Return the CHECK that one date is before another; null on either side passes."""
    return CheckConstraint(f"{first} {'<' if strictly else '<='} {second}", name=f"{first}_{second}")


def not_negative(column: str) -> CheckConstraint:
    """Return the CHECK that a count is not negative; null passes."""
    return CheckConstraint(f"{column} >= 0", name=column)


class District(SQLModel, table=True):
    """A node of the district tree, from province down to street and an operator's own sites."""

    __tablename__ = "district"
    __table_args__ = (one_of("level", DistrictLevel),)

    code: str = Field(sa_column=Column(CODE, primary_key=True))
    parent_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    level: str = Field(sa_column=Column(Text, nullable=False))
    name_zh: str = Field(sa_column=Column(Text, nullable=False))
    name_en: str | None = Field(default=None, sa_column=Column(Text))


class Industry(SQLModel, table=True):
    """A node of the industry tree, from section down to class."""

    __tablename__ = "industry"
    __table_args__ = (one_of("level", IndustryLevel),)

    code: str = Field(sa_column=Column(CODE, primary_key=True))
    parent_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    level: str = Field(sa_column=Column(Text, nullable=False))
    name_zh: str = Field(sa_column=Column(Text, nullable=False))
    name_en: str | None = Field(default=None, sa_column=Column(Text))


class IndustryGroup(SQLModel, table=True):
    """A named set of industries of any level; sets may overlap."""

    __tablename__ = "industry_group"

    code: str = Field(sa_column=Column(CODE, primary_key=True))
    name_zh: str = Field(sa_column=Column(Text, nullable=False))
    name_en: str | None = Field(default=None, sa_column=Column(Text))


class IndustryGroupIndustry(SQLModel, table=True):
    """One industry of an industry group."""

    __tablename__ = "industry_group_industry"

    group_code: str = Field(sa_column=Column(CODE, primary_key=True))
    industry_code: str = Field(sa_column=Column(CODE, primary_key=True, index=True))


class Enterprise(SQLModel, table=True):
    """An enterprise, social organisation or institution, with district and industry of its registration."""

    __tablename__ = "enterprise"
    __table_args__ = (one_of("kind", EnterpriseKind), ordered("registered_on", "closed_on"))

    code: str = Field(sa_column=Column(CODE, primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    registered_on: date | None = Field(default=None, sa_column=Column(Date))
    closed_on: date | None = Field(default=None, sa_column=Column(Date))
    district_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    industry_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    supersedes: str | None = Field(default=None, sa_column=Column(CODE, index=True))


_PARTS_OF_HEADCOUNT = ("headcount_under_36", "headcount_women", "headcount_college")

_PARTS_OF_MEMBERS = (
    "full_members",
    "members_dual",
    "members_under_36",
    "members_women",
    "members_college",
    "members_floating",
)


class EnterpriseReturn(SQLModel, table=True):
    """A dated return of an enterprise; null is unknown, never carried forward from an earlier one."""

    __tablename__ = "enterprise_return"
    __table_args__ = (
        one_of("ownership", Ownership),
        one_of("size_class", SizeClass),
        not_negative("headcount"),
        not_negative("members"),
        *(CheckConstraint(f"{part} >= 0 AND {part} <= headcount", name=part) for part in _PARTS_OF_HEADCOUNT),
        *(CheckConstraint(f"{part} >= 0 AND {part} <= members", name=part) for part in _PARTS_OF_MEMBERS),
    )

    enterprise_code: str = Field(sa_column=Column(CODE, primary_key=True))
    reported_on: date = Field(sa_column=Column(Date, primary_key=True))
    district_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    industry_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    ownership: str | None = Field(default=None, sa_column=Column(Text))
    size_class: str | None = Field(default=None, sa_column=Column(Text))
    operating: bool | None = Field(default=None, sa_column=Column(Boolean))
    fixed_premises: bool | None = Field(default=None, sa_column=Column(Boolean))
    above_designated_size: bool | None = Field(default=None, sa_column=Column(Boolean))
    headcount: int | None = Field(default=None, sa_column=Column(Integer))
    headcount_under_36: int | None = Field(default=None, sa_column=Column(Integer))
    headcount_women: int | None = Field(default=None, sa_column=Column(Integer))
    headcount_college: int | None = Field(default=None, sa_column=Column(Integer))
    members: int | None = Field(default=None, sa_column=Column(Integer))
    full_members: int | None = Field(default=None, sa_column=Column(Integer))
    members_dual: int | None = Field(default=None, sa_column=Column(Integer))
    members_under_36: int | None = Field(default=None, sa_column=Column(Integer))
    members_women: int | None = Field(default=None, sa_column=Column(Integer))
    members_college: int | None = Field(default=None, sa_column=Column(Integer))
    members_floating: int | None = Field(default=None, sa_column=Column(Integer))


class Branch(SQLModel, table=True):
    """A committee, general branch or branch; branches form trees."""

    __tablename__ = "branch"
    __table_args__ = (
        one_of("kind", BranchKind),
        one_of("form", BranchForm),
        ordered("established_on", "dissolved_on"),
        CheckConstraint("industry_code IS NULL OR industry_group IS NULL", name="one_industry"),
    )

    code: str = Field(sa_column=Column(CODE, primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    parent_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    district_code: str = Field(sa_column=Column(CODE, nullable=False, index=True))
    form: str | None = Field(default=None, sa_column=Column(Text))
    dual_affiliation: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    industry_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    industry_group: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    established_on: date | None = Field(default=None, sa_column=Column(Date))
    dissolved_on: date | None = Field(default=None, sa_column=Column(Date))


class BranchReturn(SQLModel, table=True):
    """What a branch did in a month: counts only, no persons; `period_on` is the month's first day."""

    __tablename__ = "branch_return"
    __table_args__ = (not_negative("meetings"), not_negative("attendances"))

    branch_code: str = Field(sa_column=Column(CODE, primary_key=True))
    period_on: date = Field(sa_column=Column(Date, primary_key=True))
    meetings: int = Field(sa_column=Column(Integer, nullable=False))
    attendances: int | None = Field(default=None, sa_column=Column(Integer))


class Target(SQLModel, table=True):
    """What an office has set out to reach by a day: a share, and where; `value` is a decimal from 0 to 1, as text.

    `metric` has no CHECK: a new metric may have targets at once.
    """

    __tablename__ = "target"
    __table_args__ = (
        one_of("basis", Basis),
        one_of("sector", Sector),
        CheckConstraint("CAST(value AS NUMERIC) BETWEEN 0 AND 1", name="value"),
        CheckConstraint(
            "(industry_code IS NULL AND (industry_group IS NULL OR sector IS NULL)) "
            "OR (industry_group IS NULL AND sector IS NULL)",
            name="one_scope",
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True, autoincrement=True))
    metric: str = Field(sa_column=Column(Text, nullable=False))
    basis: str = Field(sa_column=Column(Text, nullable=False))
    due_on: date = Field(sa_column=Column(Date, nullable=False))
    value: str = Field(sa_column=Column(Text, nullable=False))
    district_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    industry_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    industry_group: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    sector: str | None = Field(default=None, sa_column=Column(Text))
    source: str | None = Field(default=None, sa_column=Column(Text))


class EnterpriseCoverage(SQLModel, table=True):
    """How an enterprise is covered, over an interval; the branch may be null for work means."""

    __tablename__ = "enterprise_coverage"
    __table_args__ = (one_of("means", CoverageMeans), ordered("start_on", "end_on"))

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True, autoincrement=True))
    enterprise_code: str = Field(sa_column=Column(CODE, nullable=False))
    branch_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    means: str = Field(sa_column=Column(Text, nullable=False))
    start_on: date = Field(sa_column=Column(Date, nullable=False))
    end_on: date | None = Field(default=None, sa_column=Column(Date))


def _unique(model: type[SQLModel], *columns: str) -> None:
    """Declare the unique key of a table some of whose columns may be null: null equals null."""
    table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    key = [func.coalesce(table.c[name], text("''")) if table.c[name].nullable else table.c[name] for name in columns]
    Index(f"uq_{table.name}_key", *key, unique=True)


_unique(EnterpriseCoverage, "enterprise_code", "branch_code", "means", "start_on")
_unique(Target, "metric", "basis", "due_on", "district_code", "industry_code", "industry_group", "sector")


class Affiliation(SQLModel, table=True):
    """A member's affiliation with a branch over an interval, primary or secondary (dual affiliation)."""

    __tablename__ = "affiliation"
    __table_args__ = (one_of("role", AffiliationRole), ordered("start_on", "end_on"))

    member_ref: str = Field(sa_column=Column(CODE, primary_key=True))
    branch_code: str = Field(sa_column=Column(CODE, primary_key=True, index=True))
    role: str = Field(sa_column=Column(Text, primary_key=True))
    start_on: date = Field(sa_column=Column(Date, primary_key=True))
    end_on: date | None = Field(default=None, sa_column=Column(Date))


class Member(SQLModel, table=True):
    """A member; a null date means that the event has not happened."""

    __tablename__ = "member"
    __table_args__ = (
        one_of("sex", Sex),
        one_of("education", Education),
        one_of("identity", Identity),
        ordered("joined_on", "full_since", strictly=False),
        ordered("joined_on", "left_on"),
        ordered("floating_since", "floating_until"),
    )

    ref: str = Field(sa_column=Column(CODE, primary_key=True))
    joined_on: date = Field(sa_column=Column(Date, nullable=False))
    full_since: date | None = Field(default=None, sa_column=Column(Date))
    left_on: date | None = Field(default=None, sa_column=Column(Date))
    birth_year: int | None = Field(default=None, sa_column=Column(Integer))
    sex: str | None = Field(default=None, sa_column=Column(Text))
    education: str | None = Field(default=None, sa_column=Column(Text))
    identity: str = Field(default="open", sa_column=Column(Text, nullable=False, server_default=text("'open'")))
    floating_since: date | None = Field(default=None, sa_column=Column(Date))
    floating_until: date | None = Field(default=None, sa_column=Column(Date))


class Employment(SQLModel, table=True):
    """Where a member works, over an interval; one employer at a time."""

    __tablename__ = "employment"
    __table_args__ = (ordered("start_on", "end_on"),)

    member_ref: str = Field(sa_column=Column(CODE, primary_key=True))
    enterprise_code: str = Field(sa_column=Column(CODE, primary_key=True, index=True))
    start_on: date = Field(sa_column=Column(Date, primary_key=True))
    end_on: date | None = Field(default=None, sa_column=Column(Date))


class RegistryRevision(SQLModel, table=True):
    """One row, `id` 1: a number that every change of the registry increments, and the time of the last change (UTC)."""

    __tablename__ = "registry_revision"

    id: int = Field(primary_key=True)
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: datetime


class ApiKey(SQLModel, table=True):
    """An API key; revoked and expired ones are kept, so that the ids in the audit log can be resolved.

    `rights` are words in order, separated by spaces; `districts` a JSON list of the districts whose subtrees it covers,
    null for everything. Instants are UTC.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("length(secret_sha256) = 64", name="secret_sha256"),
        CheckConstraint("created_at < expires_at", name="created_at_expires_at"),
    )

    id: str = Field(sa_column=Column(CODE, primary_key=True))
    secret_sha256: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    rights: str = Field(sa_column=Column(Text, nullable=False))
    districts: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class Tombstone(SQLModel, table=True):
    """The keyed digest of an erased ref, which imports refuse, and the day of erasure; the ref cannot be derived.

    The key is a separate file; see `registry.erasure`.
    """

    __tablename__ = "tombstone"
    __table_args__ = (CheckConstraint("length(digest) = 64", name="digest"),)

    digest: str = Field(sa_column=Column(CODE, primary_key=True))
    erased_on: date = Field(sa_column=Column(Date, nullable=False))
