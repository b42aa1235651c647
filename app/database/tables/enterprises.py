"""Enterprises and their dated returns."""

from datetime import date

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Integer, Text
from sqlmodel import Field, SQLModel

from app.catalogue.vocabulary import EnterpriseKind, Ownership, SizeClass
from app.database.tables.metadata import CODE, not_negative, one_of, ordered

_PARTS = (
    "full_members",
    "members_dual",
    "members_under_36",
    "members_women",
    "members_college",
    "members_floating",
)


class Enterprise(SQLModel, table=True):
    """An enterprise, social organisation or institution, with the place and industry of its registration."""

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


class EnterpriseReturn(SQLModel, table=True):
    """The dated ledger row of an enterprise; null is unknown, never carried forward."""

    __tablename__ = "enterprise_return"
    __table_args__ = (
        one_of("ownership", Ownership),
        one_of("size_class", SizeClass),
        not_negative("headcount"),
        not_negative("members"),
        *(CheckConstraint(f"{part} >= 0 AND {part} <= members", name=part) for part in _PARTS),
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
    members: int | None = Field(default=None, sa_column=Column(Integer))
    full_members: int | None = Field(default=None, sa_column=Column(Integer))
    members_dual: int | None = Field(default=None, sa_column=Column(Integer))
    members_under_36: int | None = Field(default=None, sa_column=Column(Integer))
    members_women: int | None = Field(default=None, sa_column=Column(Integer))
    members_college: int | None = Field(default=None, sa_column=Column(Integer))
    members_floating: int | None = Field(default=None, sa_column=Column(Integer))
