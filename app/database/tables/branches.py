"""Branches, how they reach enterprises, and who belongs to them."""

from datetime import date

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Index, Integer, Text, func, text
from sqlmodel import Field, SQLModel

from app.catalogue.vocabulary import AffiliationRole, BranchForm, BranchKind, CoverageMeans
from app.database.tables.metadata import CODE, one_of, ordered


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


class EnterpriseCoverage(SQLModel, table=True):
    """How an enterprise is reached, over an interval; work means may stand without a branch."""

    __tablename__ = "enterprise_coverage"
    __table_args__ = (one_of("means", CoverageMeans), ordered("start_on", "end_on"))

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True, autoincrement=True))
    enterprise_code: str = Field(sa_column=Column(CODE, nullable=False))
    branch_code: str | None = Field(default=None, sa_column=Column(CODE, index=True))
    means: str = Field(sa_column=Column(Text, nullable=False))
    start_on: date = Field(sa_column=Column(Date, nullable=False))
    end_on: date | None = Field(default=None, sa_column=Column(Date))


Index(
    "uq_enterprise_coverage_key",
    EnterpriseCoverage.__table__.c.enterprise_code,  # type: ignore[attr-defined]  # SQLModel does not declare __table__
    func.coalesce(EnterpriseCoverage.__table__.c.branch_code, text("''")),  # type: ignore[attr-defined]  # as above
    EnterpriseCoverage.__table__.c.means,  # type: ignore[attr-defined]  # as above
    EnterpriseCoverage.__table__.c.start_on,  # type: ignore[attr-defined]  # as above
    unique=True,
)


class Affiliation(SQLModel, table=True):
    """A member's belonging to a branch over an interval, primary or secondary (dual affiliation)."""

    __tablename__ = "affiliation"
    __table_args__ = (one_of("role", AffiliationRole), ordered("start_on", "end_on"))

    member_ref: str = Field(sa_column=Column(CODE, primary_key=True))
    branch_code: str = Field(sa_column=Column(CODE, primary_key=True, index=True))
    role: str = Field(sa_column=Column(Text, primary_key=True))
    start_on: date = Field(sa_column=Column(Date, primary_key=True))
    end_on: date | None = Field(default=None, sa_column=Column(Date))
