"""Middleware in front of the routes: security headers, CORS, compression, HEAD, 304, unexpected errors."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.problems import problem_response
from app.errors import ServiceError
from app.observability import failure

EXPOSED_HEADERS = ("ETag", "Link", "Location", "Retry-After", "X-Request-ID", "Content-Disposition")
"""What a page of another origin may read besides the body."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Sent with every answer; a page that needs scripts sends its own `Content-Security-Policy`."""

PAGE_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Sent with pages besides: what is no page links nowhere and opens nothing."""


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_OF_ALL = _raw(SECURITY_HEADERS)
_OF_PAGES = _raw(SECURITY_HEADERS | PAGE_HEADERS)


class Service(FastAPI):
    """FastAPI with layers outside its own: what an answer takes that was asked before is passing through layers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outermost: list[Middleware] = []

    def build_middleware_stack(self) -> ASGIApp:
        """Return all layers as one, from `outermost` to the routes."""
        stack: ASGIApp = super().build_middleware_stack()
        for layer in reversed(self.outermost):
            stack = layer.cls(stack, *layer.args, **layer.kwargs)
        return stack


def cross_origin(origins: tuple[str, ...]) -> Middleware:
    """Return the layer that lets pages of these origins ask."""
    return Middleware(
        CrossOrigin,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "If-Match", "If-None-Match", "X-Request-ID"),
        expose_headers=EXPOSED_HEADERS,
    )


class PreflightRefused(ServiceError):
    """A page of another origin may not ask what it wants to ask."""

    code = "preflight-refused"
    status = 400
    title = "Preflight refused"


class CrossOrigin(CORSMiddleware):
    """ASGI layer: lets pages of some origins ask; a refused preflight is a problem, as every error is."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer to what a browser asks before it asks."""
        response = super().preflight_response(request_headers)
        return response if response.status_code < HTTPStatus.BAD_REQUEST else _RefusedPreflight(response.body)


class _RefusedPreflight(Response):
    """Names what was refused, the origin, the method or headers, as the framework has found it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the problem."""
        refused = bytes(self.body).decode().removeprefix("Disallowed CORS ")
        error = PreflightRefused(f"A page may not ask this here; refused: {refused}.")
        await problem_response(Request(scope), error)(scope, receive, send)


class SecurityHeaders:
    """Adds the security headers that an answer does not set itself."""

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
    """Answers HEAD wherever GET is answered, with the same headers and without the body.

    In front of the routes, since a route with both methods would stand in the document twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        # A copy: the server goes by its own scope when it decides whether a body is due.
        inner = {**scope, "method": "GET"}
        try:
            await self.app(inner, receive, without_body(send))
        finally:
            scope.update({name: inner[name] for name in ("route",) if name in inner})


class UnexpectedErrors:
    """ASGI layer: an error that nobody foresaw is logged, and answered as a problem without its message."""

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
        except Exception as error:
            self.log.error("unexpected error", **failure(error))
            if started:
                raise  # half an answer must not look like a whole one: the server cuts the connection
            response = problem_response(Request(scope), ServiceError("The service failed; its log says why."))
            await response(scope, receive, send)


_OF_THE_BODY = frozenset({b"content-type", b"content-length", b"content-encoding", b"content-disposition"})
"""Headers that say something of a body, and go where it goes."""


class BodyUnwanted(OSError):
    """Tells whoever streams a body that nobody reads on, as a closed connection would."""


class Revalidation:
    """Makes an answer's `ETag` that of its encoding, and answers 304 where the caller has that one already.

    Outside the compression, since two encodings of one answer are two representations: `"tag"` becomes `"tag-zstd"`,
    and `Vary` says so.
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
                unchanged = tag is not None and (tag in known or "*" in known)
                if unchanged:
                    message = not_modified(message)
            await (drop if unchanged else send)(message)

        await self.app(scope, receive, revalidated)


def without_body(send: Send) -> Send:
    """Return what sends headers, and no byte of the body."""

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
    """Return the entity tags of the answers that the caller has."""
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
    if not given:
        return frozenset()
    return frozenset(tag.strip().removeprefix("W/") for value in given for tag in value.split(",") if tag.strip())


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
    """Return the start of an answer that says that the caller has it already."""
    headers = [header for header in message["headers"] if header[0] not in _OF_THE_BODY]
    return {"type": "http.response.start", "status": 304, "headers": headers}
