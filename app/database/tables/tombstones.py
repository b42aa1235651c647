"""What is left of an erased member: that there was one, and when it was erased."""

from datetime import date

from sqlalchemy import CheckConstraint, Column, Date
from sqlmodel import Field, SQLModel

from app.database.tables.metadata import CODE


class Tombstone(SQLModel, table=True):
    """The keyed digest of a ref that may not come back, and the day of its erasure; nobody can tell the ref from it.

    The key is a file of its own, `registry.tombstones` says how the two belong together.
    """

    __tablename__ = "tombstone"
    __table_args__ = (CheckConstraint("length(digest) = 64", name="digest"),)

    digest: str = Field(sa_column=Column(CODE, primary_key=True))
    erased_on: date = Field(sa_column=Column(Date, nullable=False))
