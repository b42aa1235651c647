"""Districts, industries and industry groups: trees and sets without history."""

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.database.tables.metadata import CODE, one_of


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
