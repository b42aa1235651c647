"""API keys: who may ask for what, until when; of the secret only its digest."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Text
from sqlmodel import Field, SQLModel

from app.database.tables.metadata import CODE


class ApiKey(SQLModel, table=True):
    """One key; revoked and expired ones stay on record, so that the audit log can be read later.

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
