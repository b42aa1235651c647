"""ASGI layers in front of the routes, outermost first as `add_layers` lists them."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type

from app.api.auditing import Auditing
from app.api.authentication import Authentication
from app.api.kept_answers import KeptAnswers
from app.api.limits import BodyLimits, TimeLimit
from app.api.problems import problem_response
from app.api.revalidation import BodyUnwanted, Revalidation, without_body
from app.config import Settings
from app.errors import ServiceError
from app.observability import Metrics, RequestAccounting, failure

COMPRESSED_FROM = 1400
"""Smaller bodies fit into one packet anyway, bytes."""

ZSTD_LEVEL = 1
"""Of a page of 110 KB: level 1 leaves 16.9 KB in 0.17 ms, level 3 16.7 KB in 0.22 ms, level 6 15.8 KB in 0.89 ms."""

GZIP_LEVEL = 1
"""Of the same: level 1 leaves 23 KB in 0.6 ms, level 4 19 KB in 1.1 ms, on the event loop."""

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


def add_layers(app: Service, settings: Settings, metrics: Metrics) -> None:
    """Put all layers in front of an application's routes."""
    add_compress_type("text/csv")
    app.outermost += [Middleware(RequestAccounting, metrics=metrics), Middleware(KeptAnswers, settings=settings)]
    layers: list[Middleware] = [Middleware(SecurityHeaders)]
    if settings.cors_origins:
        layers.append(_cross_origin(settings.cors_origins))
    layers += [
        Middleware(HeadAsGet),
        Middleware(UnexpectedErrors),
        *([] if settings.public_only else [Middleware(Auditing, settings=settings)]),
        Middleware(BodyLimits, settings=settings, routes=app.routes),
        Middleware(TimeLimit, seconds=settings.answer_seconds),
        Middleware(Authentication, settings=settings),
        Middleware(Revalidation),
        Middleware(
            CompressMiddleware,
            minimum_size=COMPRESSED_FROM,
            brotli=False,
            zstd_level=ZSTD_LEVEL,
            gzip_level=GZIP_LEVEL,
        ),
    ]
    app.user_middleware.extend(layers)


def _cross_origin(origins: tuple[str, ...]) -> Middleware:
    return Middleware(
        CrossOrigin,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Request-ID"),
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
