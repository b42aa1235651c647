"""Middleware in front of the routes: security headers, CORS, compression, HEAD, 304, unexpected errors."""

import asyncio
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.problems import problem_response
from app.errors import ServiceError, TemporarilyUnavailable
from app.messages import say
from app.observability import failure

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Sent with every answer; pages with scripts send their own `Content-Security-Policy`."""

PAGE_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Sent with HTML pages too: other answers have no links and open no windows."""


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_OF_ALL = _raw(SECURITY_HEADERS)
_OF_PAGES = _raw(SECURITY_HEADERS | PAGE_HEADERS)


class Service(FastAPI):
    """FastAPI with middleware outside its own: a cached answer should pass through as few as possible."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outermost: list[Middleware] = []

    def build_middleware_stack(self) -> ASGIApp:
        """Return the whole stack, from `outermost` to the routes."""
        stack: ASGIApp = super().build_middleware_stack()
        for middleware in reversed(self.outermost):
            stack = middleware.cls(stack, *middleware.args, **middleware.kwargs)
        return stack


class SecurityHeaders:
    """Middleware: adds the security headers that an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = dict(message["headers"])
                wanted = _OF_PAGES if present.get(b"content-type", b"").startswith(b"text/html") else _OF_ALL
                missing = [header for header in wanted if header[0] not in present]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        await self.app(scope, receive, secured)


class HeadAsGet:
    """Middleware: answers HEAD like GET, with the same headers and without the body.

    In front of the routes, since a route with both methods would be in the document twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        # A copy, since the server reads its own scope to decide whether the answer has a body.
        inner = {**scope, "method": "GET"}
        try:
            await self.app(inner, receive, without_body(send))
        finally:
            scope.update({name: inner[name] for name in ("route",) if name in inner})


class Stopping(TemporarilyUnavailable):
    """The service stops, and did not wait for the end of this request any longer."""

    code = "stopping"
    title = "Service stopping"


class UnexpectedErrors:
    """Middleware: logs an unexpected error, and answers with a problem that does not contain its message.

    A request that the server gives up when it stops is answered too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.log = structlog.get_logger("orgcoverage.errors")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except (ClientDisconnect, BodyUnwanted):
            return
        except asyncio.CancelledError:
            if started:
                raise
            message = say("The service stops, and the request had not arrived or been answered in time; send it again.")
            await problem_response(Request(scope), Stopping(message), {"Connection": "close"})(scope, receive, send)
        except Exception as error:
            self.log.error("unexpected error", **failure(error))
            if started:
                raise  # half an answer must not look like a whole one: the server cuts the connection
            response = problem_response(Request(scope), ServiceError(say("The service failed; its log says why.")))
            await response(scope, receive, send)


_OF_THE_BODY = frozenset({b"content-type", b"content-length", b"content-encoding", b"content-disposition"})
"""Headers about the body, dropped with it."""


class BodyUnwanted(OSError):
    """Stops the sender of a body that is not wanted, as a closed connection would."""


class Revalidation:
    """Middleware: makes an answer's `ETag` specific to its encoding, and answers 304 if the caller has it already.

    Outside the compression, since two encodings of one answer are two representations: `"tag"` becomes `"tag-zstd"`,
    and `Vary` names `Accept-Encoding`. An answer that is to be cached passes whole: the cache answers 304 then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        known = known_tags(scope) if scope["type"] == "http" and scope["method"] == "GET" else frozenset()
        drop = without_body(send)
        unchanged = False

        async def revalidated(message: Message) -> None:
            nonlocal unchanged
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                tag = _tag_of_encoding(message)
                unchanged = is_known(tag, known) and scope["state"].get("cacheable") is None
                if unchanged:
                    message = not_modified(message)
            await (drop if unchanged else send)(message)

        await self.app(scope, receive, revalidated)


def without_body(send: Send) -> Send:
    """Return a `send` that drops the body."""

    async def headers_only(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif message.get("more_body", False):
            await send({"type": "http.response.body", "body": b""})
            raise BodyUnwanted
        else:
            await send({"type": "http.response.body", "body": b""})

    return headers_only


def known_tags(scope: Scope) -> frozenset[str]:
    """Return the entity tags in `If-None-Match`."""
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
    if not given:
        return frozenset()
    return frozenset(tag.strip().removeprefix("W/") for value in given for tag in value.split(",") if tag.strip())


def is_known(tag: str | None, known: frozenset[str]) -> bool:
    """Return whether the caller has the answer with this tag already; null: it has none."""
    return tag is not None and not known.isdisjoint((tag, "*"))


def _tag_of_encoding(message: Message) -> str | None:
    headers = MutableHeaders(raw=message["headers"])
    tag = headers.get("etag")
    if tag is None:
        return None
    if encoding := headers.get("content-encoding"):
        tag = f"{tag[:-1]}-{encoding}{tag[-1]}"
        headers["etag"] = tag
    if "Accept-Encoding" not in headers.get("vary", ""):
        headers.add_vary_header("Accept-Encoding")  # small bodies too, so that the header does not depend on the data
    return tag


def not_modified(message: Message) -> dict[str, Any]:
    """Return the start of an answer 304."""
    headers = [header for header in message["headers"] if header[0] not in _OF_THE_BODY]
    return {"type": "http.response.start", "status": 304, "headers": headers}
