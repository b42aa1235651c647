"""The audit log, for administrators."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field

from app.access.audit import AuditLog, AuditQuestion, Place
from app.api.http.authorization import ADMIN
from app.api.http.models import Closed
from app.api.http.pages import JSON, ListParameters, decode_cursor, page_of
from app.api.http.parameters import IsoDate, QueryOf
from app.api.http.routing import make_router
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest, refuse_reversed, sentence
from app.messages import say


class AuditParameter(Closed):
    """A parameter of an operation, or something that it changed."""

    name: str = Field(description="Name of a parameter, or of a value in the body or answer: `job`, `as_of`.")
    value: str = Field(description="A code, an id, a date or a choice; never a search text.")


class AuditRecord(Closed):
    """A change, a read of enterprises or branches, or a refusal."""

    at: datetime = Field(description="When, UTC.")
    request_id: str | None = Field(description="Of the request, as in the service's log; null: on the command line.")
    principal: str | None = Field(description="The caller: a key's name; null: an unknown key, or the command line.")
    key_id: str | None = Field(description="Id of the key that was sent; null: none, or an unknown one.")
    operation: str | None = Field(description="The operationId; null: refused before it reached one.")
    parameters: list[AuditParameter] = Field(
        description="Parameters of the request and what it concerned; empty if it was refused."
    )
    status: int | None = Field(
        description="HTTP status of the answer, or of the outcome of its job; null: done on the command line."
    )
    rows: int | None = Field(description="Rows shown or changed; null: not counted.")


class AuditRecordPage(Closed):
    """Records of the audit log, the newest first."""

    data: list[AuditRecord] = Field(description="The records.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


router = make_router("/v1/audit", "access", ADMIN)

ON_COMMAND_LINE = ("create_backup", "restore_backup", "delete_snapshot")
"""Recorded besides the operations of the API: these exist on the command line only."""

_NO_STORE = {"Cache-Control": "no-store"}


class AuditParameters(ListParameters):
    """Which records to list."""

    first: IsoDate | None = Field(default=None, alias="from", description="First day, UTC. Absent: the earliest.")
    last: IsoDate | None = Field(default=None, alias="to", description="Last day, UTC. Absent: today.")
    operation: str | None = Field(
        default=None, description="An operationId. Absent: all.", examples=["list_enterprises"]
    )
    key_id: str | None = Field(default=None, description="Id of a key, on record or not. Absent: all.")


AuditQuery = Annotated[AuditParameters, Depends(QueryOf(AuditParameters))]


@router.get("", response_model=AuditRecordPage)
async def list_audit_records(request: Request, query: AuditQuery) -> Response:
    """List changes, reads of enterprises and branches, and refusals, the newest first.

    A change made by a job has two records with the same `request_id`: when it was accepted, and when it ended.
    """
    refuse_reversed(query.first, query.last)
    _refuse_unknown(request, query.operation)
    question = AuditQuestion(query.first, query.last, query.operation, query.key_id)
    before = decode_cursor(request, query, Place)
    log = AuditLog(request.app.state.settings)
    page = await asyncio.to_thread(log.read, question, query.limit, before)
    content, links = page_of(request, query, page.records, page.end)
    return Response(content, headers=_NO_STORE | links, media_type=JSON)


def _refuse_unknown(request: Request, operation: str | None) -> None:
    known = {route.name for route in request.app.routes if isinstance(route, APIRoute)} | {*ON_COMMAND_LINE}
    if operation is not None and operation not in known:
        message = say("there is no operation {operation!r}", operation=operation)
        near = closest(operation, known)
        item = ErrorItem(ErrorCode.INVALID_CHOICE, "query/operation", message, suggestions=near)
        raise InvalidRequest(sentence(item), [item])
