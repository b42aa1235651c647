"""From a parsed request to a response: the registry is asked or changed, and what it says is encoded."""

from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import Request, Response
from pydantic import BaseModel

from app.access.principals import Principal
from app.api.auditing import note
from app.api.caching import JSON, validated
from app.api.registry.asked import PageAsked, SearchAsked
from app.api.registry.code_lists import public_list_response, public_one_response
from app.api.registry.cursors import decode_cursor
from app.api.registry.paging import page_response
from app.api.registry.sight import sees_registry, sight_of
from app.registry.changes import Outcome, delete_entity, replace_entity
from app.registry.entities import Entity
from app.registry.reads import (
    CoverageKey,
    Listing,
    Row,
    Rows,
    find_entity,
    list_coverage,
    list_entities,
    list_returns,
)


def replaced(answer: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` of a replacement."""
    return {
        200: {"description": "It was there, and is now as given."},
        201: {"model": answer, "description": "It is new."},
    }


async def list_response(request: Request, entity: Entity, asked: SearchAsked) -> Response:
    """Return a page of an entity, with a link to the next."""
    if not sees_registry(request):
        return await public_list_response(request, entity, asked)
    after = decode_cursor(request, asked, str)
    chosen = asked.model_dump(mode="json", exclude={"cursor"}, exclude_none=True)
    page = await list_entities(request.app.state.engine, entity, Listing(after=after, **chosen), sight_of(request))
    return _page(request, asked, page, lambda row: row["code"])


async def returns_response(request: Request, enterprise: str, asked: PageAsked) -> Response:
    """Return a page of an enterprise's returns, with a link to the next."""
    after = decode_cursor(request, asked, date)
    page = await list_returns(request.app.state.engine, enterprise, after, asked.limit, sight_of(request))
    return _page(request, asked, page, lambda row: row["reported_on"])


async def coverage_response(request: Request, enterprise: str, asked: PageAsked) -> Response:
    """Return a page of how an enterprise is reached, with a link to the next."""
    after = decode_cursor(request, asked, CoverageKey)
    page = await list_coverage(request.app.state.engine, enterprise, after, asked.limit, sight_of(request))
    return _page(request, asked, page, _coverage_key)


async def one_response(request: Request, entity: Entity, code: str) -> Response:
    """Return one thing."""
    if not sees_registry(request):
        return await public_one_response(request, entity, code)
    row = await find_entity(request.app.state.engine, entity, code, sight_of(request))
    note(request, rows=1)
    return validated(msgspec.json.encode({"data": row}), public=False)


async def replace_response(request: Request, entity: Entity, code: str, body: BaseModel) -> Response:
    """Make the registry hold a thing as given: 201 where it is new, else 200; and return it."""
    state = request.app.state
    principal: Principal = request.state.principal
    values = body.model_dump()
    change = await replace_entity(state.engine, state.settings, entity, code, values, principal.scope)
    note(request, rows=int(change.outcome is not Outcome.UNCHANGED))
    content = msgspec.json.encode({"data": change.row})
    if change.outcome is not Outcome.CREATED:
        return Response(content, media_type=JSON)
    return Response(content, HTTPStatus.CREATED, {"Location": f"/v1/{entity.name}/{quote(code, safe='')}"}, JSON)


async def delete_response(request: Request, entity: Entity, code: str) -> Response:
    """Take a thing out of the registry: 204."""
    state = request.app.state
    principal: Principal = request.state.principal
    await delete_entity(state.engine, state.settings, entity, code, principal.scope)
    note(request, rows=1)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _coverage_key(row: Row) -> CoverageKey:
    return CoverageKey(row["start_on"], row["means"], row["branch_code"] or "")


def _page(request: Request, asked: PageAsked, page: Rows, key: Callable[[Row], object]) -> Response:
    note(request, rows=len(page.rows))
    return page_response(request, asked, page.rows, key(page.rows[-1]) if page.more else None, public=False)
