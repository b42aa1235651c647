"""How routers are made and mounted, and handlers called directly where there is nothing to resolve.

FastAPI finds the arguments of a handler anew for each request, which takes about 100 µs; a handler of ours mostly takes
the request, texts of the path and one parameter model, and returns a ready response.
"""

from collections.abc import Callable, Coroutine, Iterable
from functools import cached_property
from typing import Any, get_type_hints

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.api.http.authorization import Authorization, authorizations, query_names
from app.api.http.parameters import QueryOf
from app.api.http.problems import PROBLEM_RESPONSE
from app.catalogue.codes import fold_width

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def direct_handler(dependant: Dependant) -> Handler | None:
    """Return what calls a handler without FastAPI's help; null where it is needed."""
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


FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; its real media type is in the header.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""`responses=` of an operation that answers with a file (with `response_class=Response`)."""

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
    """A route of this API, called directly where it can be."""

    @cached_property
    def query_names(self) -> tuple[str, ...]:
        """The query parameters that it takes."""
        return query_names(self.dependant)

    @property
    def takes_file(self) -> bool:
        """Whether its body is a file, and not JSON."""
        return self.openapi_extra is RAW_BODY

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for this route; codes in its path mean the same in full and in half width."""
        match, found = super().matches(scope)
        if given := found.get("path_params"):
            found["path_params"] = {
                name: fold_width(value) if isinstance(value, str) else value for name, value in given.items()
            }
        return match, found

    def get_route_handler(self) -> Handler:
        """Return the handler; where it reads JSON, only after the request is admitted."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return direct_handler(self.dependant) or handler

        async def admitted(request: Request) -> Response:
            for authorization in authorizations(self):
                await authorization(request)
            return await handler(request)

        return admitted


def make_router(prefix: str, tag: str, right: Depends | None = None) -> APIRouter:
    """Return an empty router.

    Parameters
    ----------
    prefix
        The full path before those of the operations, `/v1/…`.
    tag
        The one tag of its operations.
    right
        `READ`, `WRITE` … where all operations share it; else each operation has `dependencies=[READ]` of its own.
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
    """Put the routes of routers into an application.

    As they are, instead of with `include_router`: an included router is asked twice per request whether it matches,
    which costs up to 75 µs at the end of 60 routes.
    """
    for router in routers:
        app.router.routes.extend(router.routes)
