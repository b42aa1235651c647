"""Making and mounting routers, and calling handlers directly where they have no dependencies to resolve.

FastAPI resolves the arguments of a handler for each request, which takes about 100 µs; most handlers here take only the
request, texts of the path and one parameter model, and return a ready response.
"""

import json
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import cached_property
from typing import Any, get_type_hints

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.api.http.authorization import Authorization, authorizations, query_names
from app.api.http.parameters import QueryOf
from app.api.http.problems import PROBLEM_RESPONSE, UnsupportedMediaType
from app.catalogue.codes import fold_width
from app.errors import ErrorCode, ErrorItem, InvalidRequest, sentence
from app.messages import say
from app.validation import pointer_part

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def direct_handler(dependant: Dependant) -> Handler | None:
    """Return a function that calls a handler without FastAPI; null if the handler needs FastAPI."""
    if not _is_plain(dependant):
        return None
    endpoint: Any = dependant.call
    request_name = dependant.request_param_name
    paths = [(field.name, field.alias) for field in dependant.path_params]
    parts: list[tuple[str | None, Any]] = [(part.name, part.call) for part in dependant.dependencies]

    async def handle(request: Request) -> Response:
        arguments: dict[str, Any] = {name: request.path_params[alias] for name, alias in paths}
        if request_name is not None:
            arguments[request_name] = request
        for name, part in parts:
            value = await part(request)
            if name is not None:
                arguments[name] = value
        response: Response = await endpoint(**arguments)
        return response

    return handle


def _is_plain(dependant: Dependant) -> bool:
    return (
        get_type_hints(dependant.call).get("return") is Response
        and all(isinstance(part.call, Authorization | QueryOf) for part in dependant.dependencies)
        and all(field.field_info.annotation is str and not field.field_info.metadata for field in dependant.path_params)
        and not (dependant.query_params or dependant.header_params or dependant.cookie_params or dependant.body_params)
        and dependant.response_param_name is None
        and dependant.background_tasks_param_name is None
        and dependant.http_connection_param_name is None
    )


_ESCAPE = b"\\u"

FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; its real media type is in the header.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""`responses=` of an operation that returns a file (with `response_class=Response`)."""

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""Media type of workbooks."""

RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""`openapi_extra=` of an operation that takes a file as its raw body."""


class Route(APIRoute):
    """A route of this API, called directly where possible."""

    @cached_property
    def query_names(self) -> tuple[str, ...]:
        """Names of its query parameters."""
        return query_names(self.dependant)

    @cached_property
    def known_names(self) -> frozenset[str]:
        """The same, to be looked up."""
        return frozenset(self.query_names)

    @property
    def takes_file(self) -> bool:
        """Whether its body is a file instead of JSON."""
        return self.openapi_extra is RAW_BODY

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for this route; codes in its path mean the same in full and in half width."""
        match, found = super().matches(scope)
        if given := found.get("path_params"):
            found["path_params"] = {
                name: fold_width(value) if isinstance(value, str) else value for name, value in given.items()
            }
        return match, found

    @cached_property
    def direct(self) -> Handler | None:
        """Calls the handler without FastAPI; null if the handler needs FastAPI."""
        return direct_handler(self.dependant)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what a direct handler raises is answered by the handlers of errors around all routes."""
        if self.direct is None or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
        else:
            response = await self.direct(Request(scope, receive, send))
            await response(scope, receive, send)

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler; a JSON body is read only after the request is authorized."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def authorized(request: Request) -> Response:
            for authorization in authorizations(self):
                await authorization(request)
            await require_json(request)
            return await handler(request)

        return authorized


def make_router(prefix: str, tag: str, right: Depends | None = None) -> APIRouter:
    """Return an empty router.

    Parameters
    ----------
    prefix
        Path before those of the operations, `/v1/…`.
        tag
        The tag of its operations.
        right
        `READ`, `WRITE` … if all operations share it; else each operation has its own `dependencies=[READ]`.
    """
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        dependencies=[right] if right is not None else [],
        route_class=Route,
        responses={"default": PROBLEM_RESPONSE},
        generate_unique_id_function=lambda route: route.name,
    )


def mount(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Add the routes of routers to an application.

    Directly instead of with `include_router`, which matches an included router twice per request: up to 75 µs at the
    end of 60 routes.
    """
    for router in routers:
        app.router.routes.extend(router.routes)


async def require_json(request: Request) -> None:
    """Refuse a body that is not sent as JSON, or whose texts are no text.

    Raises
    ------
    UnsupportedMediaType
        Its content type is another, or missing.
    InvalidRequest
        A text holds half of a surrogate pair: JSON can write it, and nothing can store it.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType(
            say("The body must be sent as application/json, not as {given}.", given=media_type)
            if media_type
            else say("The body must be sent as application/json, with its Content-Type.")
        )
    body = await request.body()
    if _ESCAPE in body:
        try:
            halves = [*_halves(json.loads(body), "body")]
        except ValueError:
            return  # not JSON: the parser says where
        if halves:
            message = say("holds half of a surrogate pair, which is no character")
            items = [ErrorItem(ErrorCode.INVALID_TEXT, place, message) for place in halves]
            raise InvalidRequest(sentence(items[0]), items)


def _halves(value: object, pointer: str) -> Iterator[str]:
    """Yield where texts are no text."""
    if isinstance(value, dict):
        if any(not _is_text(name) for name in value):
            yield pointer
        for name, part in value.items():
            yield from _halves(part, f"{pointer}/{pointer_part(name)}") if _is_text(name) else ()
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _halves(part, f"{pointer}/{place}")
    elif isinstance(value, str) and not _is_text(value):
        yield pointer


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
