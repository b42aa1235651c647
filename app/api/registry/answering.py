"""From a parsed request to a response: the registry is read or changed, as far as the caller sees it."""

import asyncio
from collections.abc import Callable
from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import Request, Response
from pydantic import BaseModel

from app.access.principals import Principal, Tier
from app.api.http.auditing import audit_details
from app.api.http.pages import JSON, ListParameters, content_tag, decode_cursor, page_response, validated
from app.api.registry.models import SearchParameters
from app.errors import ServiceError
from app.imports.changes import Outcome, Precondition, any_state, delete_entity, replace_entity
from app.messages import say
from app.publication.code_lists import Search, find_code, search_codes
from app.registry.entities import DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS, Entity
from app.registry.reads import CoverageKey, Listing, Row, Rows, find_entity, list_coverage, list_entities, list_returns
from app.registry.territory import Visibility
from app.statistics.as_of import ExactOnly, refuse_exact_only
from app.statistics.question import Listing as RowListing
from app.statistics.question import Question, Subject
from app.store.shelf import Shelf

CODE_LISTS: dict[str, Subject] = {
    DISTRICTS.name: Subject.DISTRICTS,
    INDUSTRIES.name: Subject.INDUSTRIES,
    INDUSTRY_GROUPS.name: Subject.INDUSTRY_GROUPS,
}
"""What the public sees of the registry, from its newest protected snapshot."""


def sees_registry(request: Request) -> bool:
    """Say whether a request sees (some of) the registry; whoever has only protected figures does not."""
    principal: Principal = request.state.principal
    return principal.key_id is not None or principal.elsewhere is not Tier.PUBLIC


def visibility_of(request: Request) -> Visibility:
    """Return what a request sees of the registry.

    Raises
    ------
    ExactOnly
        It has only protected figures.
    """
    if not sees_registry(request):
        message = say("Without a key only the lists of districts, industries and industry groups can be had here")
        raise ExactOnly(message)
    return Visibility(request.state.principal.scope, request.app.state.settings.today())


def code_list(entity: Entity) -> Subject:
    """Return which list of a protected snapshot stands for an entity.

    Raises
    ------
    ExactOnly
        None does.
    """
    if entity.name not in CODE_LISTS:
        message = say(
            "{dataset} can be had with a key only; without one there are lists of codes", dataset=say(entity.name)
        )
        raise ExactOnly(message)
    return CODE_LISTS[entity.name]


async def public_list_response(request: Request, entity: Entity, asked: SearchParameters) -> Response:
    """Return a page of a code list, with a link to the next.

    Raises
    ------
    ExactOnly
        There is no such list for the public, or not of this level.
    SnapshotNotFound
        There is no protected snapshot yet.
    """
    subject, after = code_list(entity), decode_cursor(request, asked, str)
    search = Search(after=after, **asked.model_dump(mode="json", exclude={"cursor"}, exclude_none=True))
    snapshot = await asyncio.to_thread(_shelf(request).newest)
    refuse_exact_only(snapshot.manifest, Question(subject, listing=RowListing(level=search.level)))
    entries, more = await asyncio.to_thread(partial(search_codes, snapshot, subject, search))
    return page_response(request, asked, entries, entries[-1].code if more else None, public=True)


async def public_one_response(request: Request, entity: Entity, code: str) -> Response:
    """Return one entry of a code list.

    Raises
    ------
    ExactOnly
        There is no such list for the public.
    SnapshotNotFound, SubjectNotFound
        There is no protected snapshot yet, or no such code in it.
    """
    subject = code_list(entity)
    snapshot = await asyncio.to_thread(_shelf(request).newest)
    entry = await asyncio.to_thread(partial(find_code, snapshot, subject, code))
    return validated(msgspec.json.encode({"data": entry}), public=True)


def _shelf(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.readers[Tier.PUBLIC].shelf
    return shelf


class PreconditionFailed(ServiceError):
    """What `If-Match` names is not what is recorded now: somebody else has changed it, or it is not there."""

    code = "precondition-failed"
    status = 412
    title = "Precondition failed"


IF_MATCH = "Change it only if its answer still has this `ETag`; `*`: only if it is there."

CONDITIONAL: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": IF_MATCH,
            "schema": {"type": "string", "description": IF_MATCH},
        }
    ]
}
"""`openapi_extra=` of a single change."""


def replaced(answer: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` of a replacement."""
    return {
        200: {"description": "It was there, and is now as given."},
        201: {"model": answer, "description": "It is new."},
    }


async def list_response(request: Request, entity: Entity, asked: SearchParameters) -> Response:
    """Return a page of an entity, with a link to the next."""
    if not sees_registry(request):
        return await public_list_response(request, entity, asked)
    after = decode_cursor(request, asked, str)
    chosen = asked.model_dump(mode="json", exclude={"cursor"}, exclude_none=True)
    page = await list_entities(request.app.state.engine, entity, Listing(after=after, **chosen), visibility_of(request))
    return _page(request, asked, page, lambda row: row["code"])


async def returns_response(request: Request, enterprise: str, asked: ListParameters) -> Response:
    """Return a page of an enterprise's returns, with a link to the next."""
    after = decode_cursor(request, asked, date)
    page = await list_returns(request.app.state.engine, enterprise, after, asked.limit, visibility_of(request))
    return _page(request, asked, page, lambda row: row["reported_on"])


async def coverage_response(request: Request, enterprise: str, asked: ListParameters) -> Response:
    """Return a page of how an enterprise is reached, with a link to the next."""
    after = decode_cursor(request, asked, CoverageKey)
    page = await list_coverage(request.app.state.engine, enterprise, after, asked.limit, visibility_of(request))
    return _page(request, asked, page, _coverage_key)


async def one_response(request: Request, entity: Entity, code: str) -> Response:
    """Return one thing."""
    if not sees_registry(request):
        return await public_one_response(request, entity, code)
    row = await find_entity(request.app.state.engine, entity, code, visibility_of(request))
    audit_details(request, rows=1)
    return validated(_encoded(row), public=False)


async def replace_response(request: Request, entity: Entity, code: str, body: BaseModel) -> Response:
    """Make the registry hold a thing as given: 201 where it is new, else 200; and return it.

    Raises
    ------
    PreconditionFailed
        It is not what `If-Match` names.
    """
    state = request.app.state
    principal: Principal = request.state.principal
    values = body.model_dump()
    change = await replace_entity(
        state.engine, state.settings, entity, code, values, principal.scope, _precondition(request)
    )
    audit_details(request, rows=int(change.outcome is not Outcome.UNCHANGED))
    content = _encoded(change.row)
    if change.outcome is not Outcome.CREATED:
        return Response(content, media_type=JSON)
    return Response(content, HTTPStatus.CREATED, {"Location": f"/v1/{entity.name}/{quote(code, safe='')}"}, JSON)


async def delete_response(request: Request, entity: Entity, code: str) -> Response:
    """Take a thing out of the registry: 204.

    Raises
    ------
    PreconditionFailed
        It is not what `If-Match` names.
    """
    state = request.app.state
    principal: Principal = request.state.principal
    await delete_entity(state.engine, state.settings, entity, code, principal.scope, _precondition(request))
    audit_details(request, rows=1)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _precondition(request: Request) -> Precondition:
    """Return what must hold of a thing for the request to change it."""
    given = request.headers.getlist("if-match")
    if not given:
        return any_state
    tags = [tag.strip() for line in given for tag in line.split(",")]

    def require_match(row: Row | None) -> None:
        if row is None:
            raise PreconditionFailed(say("What `If-Match` names is not recorded; nothing was changed."))
        # The same content in another encoding has a tag with that behind; weak tags match nothing.
        tag = content_tag(_encoded(row)).removesuffix('"')
        if not any(each in ("*", f'{tag}"') or each.startswith(f"{tag}-") for each in tags):
            raise PreconditionFailed(say("It was changed since the answer that `If-Match` names; get it anew."))

    return require_match


def _encoded(row: Row) -> bytes:
    return msgspec.json.encode({"data": row})


def _coverage_key(row: Row) -> CoverageKey:
    return CoverageKey(row["start_on"], row["means"], row["branch_code"] or "")


def _page(request: Request, asked: ListParameters, page: Rows, key: Callable[[Row], object]) -> Response:
    audit_details(request, rows=len(page.rows))
    return page_response(request, asked, page.rows, key(page.rows[-1]) if page.more else None, public=False)
