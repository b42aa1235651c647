"""The registry's revision: what tells a writer that somebody else has written meanwhile."""

from datetime import datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel


class RegistryRevision(SQLModel, table=True):
    """One row, `id` 1: a number that grows with every change of the registry, and when it last did (UTC)."""

    __tablename__ = "registry_revision"

    id: int = Field(primary_key=True)
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: datetime
