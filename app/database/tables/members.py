"""Members under pseudonyms, and where they work; no name, phone or identity number has a place here."""

from datetime import date

from sqlalchemy import Column, Date, Integer, Text, text
from sqlmodel import Field, SQLModel

from app.catalogue.vocabulary import Education, Identity, Sex
from app.database.tables.metadata import CODE, one_of, ordered


class Member(SQLModel, table=True):
    """A member; a null date says that it has not happened."""

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
