"""The committed document; and watching all services in the test process: each answer has a status that it declares."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.middleware import Service

Json = dict[str, Any]

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"

NOT_LOOKED_UP = frozenset({200, 304})
"""Ordinary answers: to look for the operation of each would slow down tests that ask thousands of times."""

IN_FRONT = frozenset({421, 500, 501})
"""Answers of the service in front of all operations, for which the document has `default`."""

BODY_REFUSED = frozenset({408, 413})
"""The same of a body that was sent to an operation which takes none."""


def watch(undeclared: list[str]) -> None:
    """Make all services write down every answer whose status is not declared."""
    build = Service.build_middleware_stack

    def watched(service: Service) -> ASGIApp:
        stack = build(service)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            async def seen(message: Message) -> None:
                if message["type"] == "http.response.start" and not is_declared(service, scope, message["status"]):
                    undeclared.append(f"{scope['method']} {scope['path']}: {message['status']}")
                await send(message)

            await stack(scope, receive, seen)

        return application

    setattr(Service, "build_middleware_stack", watched)  # noqa: B010 - for the whole session


def is_declared(service: Service, scope: Scope, status: int) -> bool:
    """Whether the operation that is asked, if there is one, declares a status."""
    if status in NOT_LOOKED_UP | IN_FRONT:
        return True
    asked = {**scope, "method": "GET" if scope["method"] == "HEAD" else scope["method"]}
    route: Any = next((route for route in service.routes if route.matches(asked)[0] is Match.FULL), None)
    operation = route and declared().get(route.path_format, {}).get(asked["method"].lower())
    if not operation:
        return True
    return str(status) in operation["responses"] or (status in BODY_REFUSED and "requestBody" not in operation)


def resolved(document: Json, node: Json) -> Json:
    """Return a part of a document, or what it refers to."""
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    found: Json = document["components"][kind][name]
    return found


@cache
def declared() -> Json:
    """Return the paths of the committed document."""
    paths: Json = json.loads(DOCUMENT.read_bytes())["paths"]
    return paths
