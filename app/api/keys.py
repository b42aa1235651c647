"""API keys: administrators create, list and revoke them."""

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import Path, Request, Response
from pydantic import Field, StringConstraints

from app.access.keys import LONGEST_DAYS, MOST_DISTRICTS, NAME_LENGTH, Key, NewKey, list_keys, make_key, revoke_key
from app.access.principals import Right
from app.api.http.auditing import audit_details
from app.api.http.authorization import ADMIN
from app.api.http.models import Closed
from app.api.http.pages import JSON
from app.api.http.routing import make_router
from app.api.registry.models import NO_NUL, Code
from app.database.outages import reading
from app.database.write_lock import write_lock


class KeyRight(StrEnum):
    """What a key may do.

    `read`: statistics and registry; `write`: also imports, single changes and builds; `release`: also releases and
    withdrawals of snapshots; `admin`: also keys, audit and erasure.
    """

    READ = "read"
    WRITE = "write"
    RELEASE = "release"
    ADMIN = "admin"


class KeyBody(Closed):
    """The key to make."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH, pattern=NO_NUL)
    ] = Field(description="Its name, also in the audit log.", examples=["Siming dashboard"])
    rights: list[KeyRight] = Field(
        min_length=1, description="What it may do; `write` and `release` include `read`, `admin` all."
    )
    districts: Annotated[list[Code], Field(max_length=MOST_DISTRICTS)] | None = Field(
        description="Codes of the districts whose subtrees it covers; null: everything.", examples=[["350203"]]
    )
    days: int = Field(default=90, ge=1, le=LONGEST_DAYS, description="Days until it expires.")


class ApiKey(Closed):
    """A key on record; its secret is not stored."""

    id: str = Field(description="Id of the key: the middle part of its token.", examples=["9f86d081884c7d65"])
    name: str = Field(description="Its name.")
    rights: list[KeyRight] = Field(description="What it may do.")
    districts: list[str] | None = Field(
        description="Codes of the districts whose subtrees it covers; null: everything."
    )
    created_at: datetime = Field(description="When it was made, UTC.")
    expires_at: datetime = Field(description="When it expires, UTC.")
    revoked_at: datetime | None = Field(description="When it was revoked, UTC; null: not revoked.")


class NewApiKey(ApiKey):
    """A key just made, with its token."""

    token: str = Field(
        description="Send it as `Authorization: Bearer …`. It is shown only once.",
        examples=["oc_9f86d081884c7d65_" + "0" * 64],
    )


class ApiKeyList(Closed):
    """All keys on record, the newest first."""

    data: list[ApiKey] = Field(description="The keys, expired and revoked ones included.")


class NewApiKeyAnswer(Closed):
    """A key just made."""

    data: NewApiKey = Field(description="The key.")


router = make_router("/v1/keys", "access", ADMIN)

_NO_STORE = {"Cache-Control": "no-store"}


@router.get("", response_model=ApiKeyList)
async def list_api_keys(request: Request) -> Response:
    """List all keys on record, the newest first; expired and revoked ones stay on record."""
    async with reading(request.app.state.engine) as connection:
        keys = await connection.run_sync(list_keys)
    return _answer({"data": [_shown(key) for key in keys]})


@router.post("", status_code=201, response_model=NewApiKeyAnswer)
async def create_api_key(request: Request, body: KeyBody) -> Response:
    """Create a key; its token is in this answer and never shown again."""
    async with write_lock(request.app.state.engine, request.app.state.settings) as connection:
        key, token = await connection.run_sync(make_key, _new_key(body))
    audit_details(request, id=key.id)
    return _answer({"data": {**_shown(key), "token": token}}, HTTPStatus.CREATED)


@router.delete("/{id}", status_code=204, response_class=Response)
async def delete_api_key(
    request: Request, key_id: Annotated[str, Path(alias="id", description="Id of the key.")]
) -> Response:
    """Revoke a key; every worker refuses it within five seconds. Revoking it again changes nothing."""
    async with write_lock(request.app.state.engine, request.app.state.settings) as connection:
        await connection.run_sync(revoke_key, key_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _new_key(body: KeyBody) -> NewKey:
    districts = None if body.districts is None else frozenset(body.districts)
    return NewKey(body.name, frozenset(Right(right) for right in body.rights), districts, body.days)


def _shown(key: Key) -> dict[str, Any]:
    names = ("id", "name", "rights", "districts", "created_at", "expires_at", "revoked_at")
    return {name: getattr(key, name) for name in names}


def _answer(content: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, _NO_STORE, JSON)
