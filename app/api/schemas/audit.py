"""The shape of the audit log."""

from datetime import datetime

from pydantic import Field

from app.api.schemas.closed import Closed


class AuditParameter(Closed):
    """One thing that an operation was asked with or did something to."""

    name: str = Field(description="Name of a parameter, or of what stands in a body or answer: `job`, `as_of`.")
    value: str = Field(description="A code, an id, a date or a choice; never a text that was searched for.")


class AuditRecord(Closed):
    """Something that was written, read of enterprises or branches, or refused."""

    at: datetime = Field(description="When, UTC.")
    request_id: str | None = Field(description="Of the request, as in the service's log; null: on the command line.")
    principal: str | None = Field(description="Who asked: a key's name; null: an unknown key, or the command line.")
    key_id: str | None = Field(description="Id of the key that was sent; null: none, or an unknown one.")
    operation: str | None = Field(description="Its operationId; null: refused before it reached one.")
    parameters: list[AuditParameter] = Field(
        description="What it was asked with and what it concerned; empty where it was refused."
    )
    status: int | None = Field(
        description="HTTP status of the answer, or of what became of its job; null: done on the command line."
    )
    rows: int | None = Field(description="Rows that were shown or changed; null: not counted.")


class AuditRecordPage(Closed):
    """Records of the audit log, the newest first."""

    data: list[AuditRecord] = Field(description="The records.")
    next_cursor: str | None = Field(description="Where the next page starts; null on the last page.")
