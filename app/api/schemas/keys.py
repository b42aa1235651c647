"""The shape of API keys, as they are asked for and told."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from app.access.keys import LONGEST_DAYS, NAME_LENGTH
from app.api.schemas.closed import Closed
from app.api.schemas.registry import NO_NUL


class KeyRight(StrEnum):
    """What a key may do.

    `read`: statistics and registry; `write`: also imports, single changes and builds; `admin`: also keys, audit and
    erasure.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class KeyBody(Closed):
    """The key to make."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH, pattern=NO_NUL)
    ] = Field(description="What people and the audit log call it.", examples=["Siming dashboard"])
    rights: list[KeyRight] = Field(min_length=1, description="What it may do; `write` brings `read`, `admin` both.")
    districts: list[str] | None = Field(
        description="Codes of the districts whose subtrees it covers; null: everything.", examples=[["350203"]]
    )
    days: int = Field(default=90, ge=1, le=LONGEST_DAYS, description="Days until it expires.")


class ApiKey(Closed):
    """A key on record; its secret is nowhere."""

    id: str = Field(description="Id of the key: the middle part of its token.", examples=["9f86d081884c7d65"])
    name: str = Field(description="What people call it.")
    rights: list[KeyRight] = Field(description="What it may do.")
    districts: list[str] | None = Field(
        description="Codes of the districts whose subtrees it covers; null: everything."
    )
    created_at: datetime = Field(description="When it was made, UTC.")
    expires_at: datetime = Field(description="When it expires, UTC.")
    revoked_at: datetime | None = Field(description="When it was revoked, UTC; null: it is not.")


class NewApiKey(ApiKey):
    """A key just made, with its token."""

    token: str = Field(
        description="Send it as `Authorization: Bearer …`. It is shown this once.",
        examples=["oc_9f86d081884c7d65_" + "0" * 64],
    )


class ApiKeyList(Closed):
    """All keys on record, the newest first."""

    data: list[ApiKey] = Field(description="The keys, expired and revoked ones included.")


class NewApiKeyAnswer(Closed):
    """A key just made."""

    data: NewApiKey = Field(description="The key.")
