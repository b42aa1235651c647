"""The auditing of requests: the middleware that records them, and the parameters that it may record.

All changes, reads of enterprises and branches, and refusals are audited. Statistics of districts, industries and groups
are not, so answering them writes nothing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import structlog
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.audit import AuditLog, AuditParameter, AuditRecord, Origin
from app.access.principals import Principal
from app.api.http.problems import problem_response
from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.messages import say

Handler = TypeVar("Handler", bound=Callable[..., Any])

_AUDITED = "audited_by"
"""Attribute of a handler that is audited."""

_CHANGES = frozenset({"POST", "PUT", "DELETE"})

RECORDED = frozenset(
    {
        *("code", "dataset", "id", "format", "limit", "order", "sort", "fields", "totals", "bom", "lang"),
        *("as_of", "snapshot", "tier", "basis", "district", "industry", "industry_group"),
        *("enterprise_kind", "sector", "ownership", "size_class", "parent", "within", "level", "include_empty"),
        *("organised", "eligible", "has_members", "reached_by_dual", "relation", "kind", "form", "status"),
        *("branch", "enterprise", "by", "from", "to", "compare_to", "strict", "rule"),
        *("mode", "on_error", "dry_run", "ignore_unknown", "build"),
    }
)
"""Parameters whose values are recorded: codes, ids, dates and choices, each validated before the answer is made."""

WITHHELD = frozenset({"q", "cursor", "sheet"})
"""Parameters whose values are not recorded: search texts, cursors, and names of sheets, which may be anything."""

_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

_REFUSALS_A_MINUTE = 100
"""Refusals that a worker records per minute; more are only counted in the metrics, so they cannot fill the disk."""


class NotAudited(TemporarilyUnavailable):
    """The audit log cannot be written, so what must be audited is not shown."""

    code = "not-audited"
    title = "Not audited"
    retry_after = 60


@dataclass(frozen=True)
class _AuditDetails:
    """What a handler adds to the audit record of its request."""

    rows: int | None
    parameters: tuple[AuditParameter, ...]


def audit_details(request: Request, rows: int | None = None, **parameters: str) -> None:
    """Add to the audit record what a request shows or changes.

    Parameters
    ----------
    rows
        Rows shown or changed; null: not counted.
    parameters
        Codes, ids and dates in the body or the answer.
    """
    recorded = tuple(AuditParameter(name, value) for name, value in parameters.items())
    request.state.audit_details = _AuditDetails(rows, recorded)


def origin_of(request: Request) -> Origin:
    """Return the caller, for records written after the answer."""
    principal: Principal = request.state.principal
    return Origin(principal.name, principal.key_id, request.state.request_id)


def audited(*names: str) -> Callable[[Handler], Handler]:
    """Mark a handler that shows single enterprises or branches as audited.

    Parameters
    ----------
    names
        Query parameters of which one must be given for it to show any; none: it is always audited.
    """

    def marked(handler: Handler) -> Handler:
        setattr(handler, _AUDITED, names)
        return handler

    return marked


class Auditing:
    """Middleware: writes the audit record before the answer begins.

    A read that cannot be recorded is refused (503). A change has been made by then, and a refusal shows nothing: if
    one of these cannot be recorded, the record goes to the service's log.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._audit = AuditLog(settings)
        self._log = structlog.get_logger("orgcoverage.audit")
        self._refusals = _RateLimit(_REFUSALS_A_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def audited(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._recorded(scope, message["status"]):
                await problem_response(Request(scope), _not_audited())(scope, receive, send)
                raise ClientDisconnect  # stops the sender of the body
            await send(message)

        await self.app(scope, receive, audited if scope["type"] == "http" else send)

    def _recorded(self, scope: Scope, status: int) -> bool:
        """Record a request if it is audited; return whether the answer may be sent."""
        operation: str | None = getattr(scope.get("route"), "name", None)
        if status in _REFUSALS:
            if self._refusals.take():
                self._append(_record(scope, operation, status))
            return True
        if status >= HTTPStatus.BAD_REQUEST or not _is_audited(scope):
            return True
        return self._append(_record(scope, operation, status, *_details(scope))) or scope["method"] in _CHANGES

    def _append(self, record: AuditRecord) -> bool:
        # On the event loop: a write of 300 bytes to memory takes 30 µs, half of what a thread would cost.
        try:
            self._audit.append(record)
        except OSError:
            self._log.exception("audit record not written", record=record)
            return False
        return True


def _is_audited(scope: Scope) -> bool:
    if scope["method"] in _CHANGES:
        return True
    names: tuple[str, ...] | None = getattr(getattr(scope.get("route"), "endpoint", None), _AUDITED, None)
    if names:
        return any(name in names for name, _ in _query(scope))
    return names is not None


class _RateLimit:
    """A limit per minute."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._left = number
        self._minute = 0

    def take(self) -> bool:
        """Take one; return whether the limit allows it."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._left = minute, self._number
        self._left -= 1
        return self._left >= 0


def _record(
    scope: Scope,
    operation: str | None,
    status: int,
    parameters: tuple[AuditParameter, ...] = (),
    rows: int | None = None,
) -> AuditRecord:
    state = scope.get("state", {})
    principal: Principal | None = state.get("principal")
    return AuditRecord(
        at=datetime.now(UTC),
        request_id=state.get("request_id"),
        principal=None if principal is None else principal.name,
        key_id=None if principal is None else principal.key_id,
        operation=operation,
        parameters=parameters,
        status=status,
        rows=rows,
    )


def _details(scope: Scope) -> tuple[tuple[AuditParameter, ...], int | None]:
    added: _AuditDetails = scope.get("state", {}).get("audit_details", _AuditDetails(None, ()))
    return (*_request_parameters(scope), *added.parameters), added.rows


def _request_parameters(scope: Scope) -> Iterator[AuditParameter]:
    for name, value in [*scope.get("path_params", {}).items(), *_query(scope)]:
        if name in RECORDED:
            yield AuditParameter(name, str(value))


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _not_audited() -> NotAudited:
    return NotAudited(say("The audit log cannot be written; enterprises and branches are not shown without it."))
