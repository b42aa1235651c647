"""One frozen class per dataset that demonstration data fill; its fields are the dataset's columns, in order.

Null is an empty cell: unknown, or for an end that it has not happened.
"""

from dataclasses import dataclass, fields
from datetime import date


@dataclass(frozen=True)
class Row:
    """A row of any dataset."""


@dataclass(frozen=True)
class EnterpriseRow(Row):
    """A row of `enterprises`; district and industry are those of registration."""

    code: str
    name: str
    kind: str
    registered_on: date | None
    closed_on: date | None = None
    district_code: str | None = None
    industry_code: str | None = None
    supersedes: str | None = None


@dataclass(frozen=True)
class ReturnRow(Row):
    """A row of `returns`; the counts of members are those the enterprise stated."""

    enterprise_code: str
    reported_on: date
    district_code: str | None = None
    industry_code: str | None = None
    ownership: str | None = None
    size_class: str | None = None
    operating: bool | None = None
    fixed_premises: bool | None = None
    above_designated_size: bool | None = None
    headcount: int | None = None
    members: int | None = None
    full_members: int | None = None
    members_dual: int | None = None
    members_under_36: int | None = None
    members_women: int | None = None
    members_college: int | None = None
    members_floating: int | None = None


@dataclass(frozen=True)
class BranchRow(Row):
    """A row of `branches`."""

    code: str
    name: str
    kind: str
    parent_code: str | None
    district_code: str
    form: str | None = None
    dual_affiliation: bool = False
    industry_code: str | None = None
    industry_group: str | None = None
    established_on: date | None = None
    dissolved_on: date | None = None


@dataclass(frozen=True)
class CoverageRow(Row):
    """A row of `coverage`."""

    enterprise_code: str
    branch_code: str | None
    means: str
    start_on: date
    end_on: date | None = None


@dataclass(frozen=True)
class MemberRow(Row):
    """A row of `members`."""

    ref: str
    joined_on: date
    full_since: date | None = None
    left_on: date | None = None
    birth_year: int | None = None
    sex: str | None = None
    education: str | None = None
    identity: str | None = None
    floating_since: date | None = None
    floating_until: date | None = None


@dataclass(frozen=True)
class EmploymentRow(Row):
    """A row of `employments`."""

    member_ref: str
    enterprise_code: str
    start_on: date
    end_on: date | None = None


@dataclass(frozen=True)
class AffiliationRow(Row):
    """A row of `affiliations`; `role` is `primary` or `secondary`."""

    member_ref: str
    branch_code: str
    role: str
    start_on: date
    end_on: date | None = None


def columns_of(row: type[Row]) -> tuple[str, ...]:
    """Columns of a dataset in order, from the class of its rows."""
    return tuple(field.name for field in fields(row))
