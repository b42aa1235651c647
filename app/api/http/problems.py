"""Every error as RFC 9457 `application/problem+json`, without internal details."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.api.http.language import language_of
from app.api.http.models import Closed
from app.errors import ErrorCode, ErrorItem, InvalidRequest, NotFound, ServiceError, sentence
from app.imports.issues import Rule
from app.messages import Language, Message, say
from app.observability import failure
from app.validation import error_item

CODES = tuple(sorted({*map(str, ErrorCode), *map(str, Rule)}))
"""All codes of items: those of requests, and the rules of imports, by which single changes are judged too."""


class ProblemItem(Closed):
    """One thing that is wrong; at most one of `parameter`, `pointer` and `column` is not null."""

    code: str = Field(
        description="What is wrong, made for programs: a code of requests, or of single changes a rule of imports.",
        json_schema_extra={"enum": [*CODES]},
    )
    parameter: str | None = Field(description="Name of the parameter of query, path or header; null: not of one.")
    pointer: str | None = Field(
        description="JSON pointer (RFC 6901) into the body, as `/level`; null: not in a JSON body."
    )
    column: str | None = Field(description="Column of a file, as the file names it; null: not of one.")
    message: str = Field(description="What, in a sentence, in the language of the answer.")
    allowed: list[str] = Field(description="All values of an enumeration; empty where there is none.")
    suggestions: list[str] = Field(description="The closest few of what there is: guesses; empty where none are made.")


class Problem(Closed):
    """An error: what is wrong and how to correct it."""

    type: str = Field(description="URI reference of the kind of problem; stable, made for programs.")
    title: str = Field(description="The kind of problem in a few words; the same for every problem of a type.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What is wrong this time, in a sentence.")
    instance: str = Field(description="The path of the request.")
    request_id: str = Field(description="Id of the request, as in the log and in the header `X-Request-ID`.")
    errors: list[ProblemItem] = Field(description="All that is wrong, one by one; empty where `detail` says it all.")


PROBLEM_TYPE = "application/problem+json"

TYPE_BASE = "/problems/"
"""Prefix of an error's code in `type`, which is a path with an explanation."""

PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem (RFC 9457): any status from 400 on.",
    "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
"""The `default` response of every operation."""

_PARAMETERS = frozenset({"query", "path", "header"})


class BadRequest(ServiceError):
    """The body cannot be read as its media type."""

    code = "bad-request"
    status = 400
    title = "Bad request"


class UnreadableRequest(ServiceError):
    """What was sent is not a valid HTTP request."""

    code = "unreadable-request"
    status = 400
    title = "Unreadable request"


class HeadTooLarge(ServiceError):
    """The address and headers of the request are too large."""

    code = "head-too-large"
    status = 431
    title = "Head too large"


class MethodNotAllowed(ServiceError):
    """The path does not take this method."""

    code = "method-not-allowed"
    status = 405
    title = "Method not allowed"


class ContentTooLarge(ServiceError):
    """The body is larger than the service accepts."""

    code = "content-too-large"
    status = 413
    title = "Content too large"


class UnsupportedMediaType(ServiceError):
    """The body is not sent as JSON where JSON is taken."""

    code = "unsupported-media-type"
    status = 415
    title = "Unsupported media type"


class Refusal(HTTPException):
    """A service error raised while a body is read; the framework reports others there as an unreadable body."""

    def __init__(self, error: ServiceError, headers: dict[str, str] | None = None) -> None:
        super().__init__(error.status, headers=headers)
        self.error = error


_OF_STATUS: dict[int, ServiceError] = {
    error.status: error
    for error in (
        BadRequest(say("The body cannot be read.")),
        NotFound(say("There is nothing at this path.")),
        MethodNotAllowed(say("This path does not take this method; the header `Allow` lists those it takes.")),
    )
}
"""The service errors for the framework's own refusals, by status."""


def add_problem_handlers(app: FastAPI) -> None:
    """Make an application answer every expected error with a problem."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


def problem_response(request: Request, error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return a service error as a response, in the language of the request."""
    language = language_of(request.scope)
    body = {
        "type": TYPE_BASE + error.code,
        "title": say(error.title).said(language),
        "status": error.status,
        "detail": error.detail.said(language),
        "instance": request.scope["path"],
        "request_id": getattr(request.state, "request_id", ""),
        "errors": [item_of(item, language) for item in error.errors],
    }
    extra = dict(headers or {}) | {"Cache-Control": "no-store", "Content-Language": language}
    if error.status == HTTPStatus.UNAUTHORIZED or (error.status == HTTPStatus.FORBIDDEN and not _has_key(request)):
        extra["WWW-Authenticate"] = "Bearer"  # a key might help
    if error.retry_after is not None:
        extra["Retry-After"] = str(error.retry_after)
    return Response(msgspec.json.encode(body), error.status, extra, PROBLEM_TYPE)


def _has_key(request: Request) -> bool:
    return "authorization" in request.headers


async def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and error.__cause__ is not None:
        structlog.get_logger("orgcoverage.problems").warning("problem", code=error.code, **failure(error.__cause__))
    return problem_response(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    items = [error_item(entry) for entry in error.errors()]
    if all(item.place.startswith("path/") for item in items):
        return problem_response(request, NotFound(say("There is nothing at this path."), items))
    return problem_response(request, InvalidRequest(_summary(items), items))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if isinstance(error, Refusal):
        return problem_response(request, error.error, headers)
    if error.status_code == MethodNotAllowed.status:
        headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    return problem_response(request, _OF_STATUS[error.status_code], headers)


def _allowed_methods(request: Request) -> set[str]:
    """Return all methods of a path; the framework gives only those of one route, and each operation is a route."""
    matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in route.methods}
    return methods | {"HEAD"} if "GET" in methods else methods


def _summary(items: Sequence[ErrorItem]) -> Message:
    if len(items) == 1:
        return sentence(items[0])
    return say("{number} things are wrong with this request; `errors` lists them.", number=len(items))


def item_of(item: ErrorItem, language: Language) -> dict[str, Any]:
    """Return an item as it is answered."""
    kind, _, rest = item.place.partition("/")
    return {
        "code": item.code,
        "parameter": rest.partition("/")[0] if kind in _PARAMETERS and rest else None,
        "pointer": (f"/{rest}" if rest else "") if kind == "body" else None,
        "column": rest if kind == "column" else None,
        "message": item.message.said(language),
        "allowed": item.allowed,
        "suggestions": item.suggestions,
    }
