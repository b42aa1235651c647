"""How routers are made and mounted, so that all operations share one set of conventions."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.params import Depends
from fastapi.routing import APIRoute

from app.api.admission import admissions, query_names
from app.api.direct import Handler, direct_handler
from app.api.problems import PROBLEM_RESPONSE

FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; its real media type is in the header.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""`responses=` of an operation that answers with a file (with `response_class=Response`)."""

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

    def get_route_handler(self) -> Handler:
        """Return the handler; where it reads JSON, only after the request is admitted."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return direct_handler(self.dependant) or handler

        async def admitted(request: Request) -> Response:
            for admission in admissions(self):
                await admission(request)
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
