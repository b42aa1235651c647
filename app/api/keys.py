"""API keys: made, listed and revoked by administrators."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import Path, Request, Response

from app.access.keys import Key, KeyWish, list_keys, make_key, revoke_key
from app.access.principals import Right
from app.api.admission import ADMIN
from app.api.auditing import note
from app.api.caching import JSON
from app.api.routes import make_router
from app.api.schemas.keys import ApiKeyList, KeyBody, NewApiKeyAnswer
from app.database.outages import reading
from app.database.turns import write_turn

router = make_router("/v1/keys", "access", ADMIN)

_UNKEPT = {"Cache-Control": "no-store"}


@router.get("", response_model=ApiKeyList)
async def list_api_keys(request: Request) -> Response:
    """List all keys on record, the newest first; expired and revoked ones stay on record."""
    async with reading(request.app.state.engine) as connection:
        keys = await connection.run_sync(list_keys)
    return _answer({"data": [_shown(key) for key in keys]})


@router.post("", status_code=201, response_model=NewApiKeyAnswer)
async def create_api_key(request: Request, body: KeyBody) -> Response:
    """Make a key; its token is in this answer and never shown again."""
    async with write_turn(request.app.state.engine, request.app.state.settings) as connection:
        key, token = await connection.run_sync(make_key, _wish(body))
    note(request, id=key.id)
    return _answer({"data": {**_shown(key), "token": token}}, HTTPStatus.CREATED)


@router.delete("/{id}", status_code=204, response_class=Response)
async def delete_api_key(
    request: Request, key_id: Annotated[str, Path(alias="id", description="Id of the key.")]
) -> Response:
    """Revoke a key; every worker refuses it within five seconds. One that is revoked already stays so."""
    async with write_turn(request.app.state.engine, request.app.state.settings) as connection:
        await connection.run_sync(revoke_key, key_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _wish(body: KeyBody) -> KeyWish:
    districts = None if body.districts is None else frozenset(body.districts)
    return KeyWish(body.name, frozenset(Right(right) for right in body.rights), districts, body.days)


def _shown(key: Key) -> dict[str, Any]:
    names = ("id", "name", "rights", "districts", "created_at", "expires_at", "revoked_at")
    return {name: getattr(key, name) for name in names}


def _answer(content: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, _UNKEPT, JSON)
