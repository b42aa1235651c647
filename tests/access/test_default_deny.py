"""A route that does not declare its right does not start."""

from collections.abc import Callable

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from app import main
from app.api.http.authorization import OPEN, READ, RightNotDeclared
from app.api.http.routing import make_router
from app.config import Settings
from app.main import create_app


async def answer(_request: Request) -> Response:
    """Answer anybody."""
    return Response("shown to anybody")


async def talk(websocket: WebSocket) -> None:
    """Talk to anybody."""
    await websocket.accept()


def through_a_router(*rights: object) -> APIRouter:
    router = make_router("/v1/new", "new")
    router.get("", dependencies=list(rights))(answer)  # type: ignore[arg-type]  # one of them is no dependency
    return router


def of_routes(*routes: object) -> APIRouter:
    router = APIRouter()
    router.routes.extend(routes)  # type: ignore[arg-type]  # of every kind
    return router


def foreign_router() -> APIRouter:
    """A router that is not made as those of this service, whose route would not refuse unknown parameters."""
    router = APIRouter(prefix="/v1/new", dependencies=[READ])
    router.get("")(answer)
    return router


UNDECLARED: dict[str, Callable[[], APIRouter]] = {
    "no right": through_a_router,
    "two rights": lambda: through_a_router(READ, OPEN),
    "another dependency": lambda: through_a_router(Depends(lambda: None)),
    "a foreign router": foreign_router,
    "a plain route": lambda: of_routes(Route("/v1/new", answer)),
    "a route of the framework": lambda: of_routes(APIRoute("/v1/new", answer)),
    "an application mounted": lambda: of_routes(Mount("/v1/new", FastAPI())),
    "a socket": lambda: of_routes(WebSocketRoute("/v1/new", talk)),
}


@pytest.mark.parametrize("how", UNDECLARED)
def test_application_is_not_built_when_a_route_declares_no_right(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "ROUTERS", (*main.ROUTERS, UNDECLARED[how]()))
    with pytest.raises(RightNotDeclared, match="/v1/new"):
        create_app(Settings(_env_file=None))


def test_application_is_built_when_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "ROUTERS", (*main.ROUTERS, through_a_router(READ)))
    assert any(route.path == "/v1/new" for route in create_app(Settings(_env_file=None)).routes)  # type: ignore[attr-defined]  # all have one
