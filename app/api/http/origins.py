"""Requests of web pages: those of configured origins are allowed (CORS); without a key, those of others are refused.

Where everything is answered without a key (`ANONYMOUS=exact`), any page open in a browser of this machine could send a
change, and a host name that is rebound to this machine could read everything. No such page has a key.
"""

from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.problems import problem_response
from app.config import Settings
from app.errors import ServiceError
from app.messages import say, verbatim

EXPOSED_HEADERS = ("ETag", "Link", "Location", "Retry-After", "X-Request-ID", "Content-Disposition")
"""Headers that a page of another origin may read."""

_CHANGES = frozenset({"POST", "PUT", "DELETE"})

_OWN_SITES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` in requests not sent by a foreign page; `none`: the user typed the address."""


class ForeignOrigin(ServiceError):
    """A page of another origin may not change anything here without a key."""

    code = "foreign-origin"
    status = 403
    title = "Foreign origin"


class UnknownHost(ServiceError):
    """The request is for a host that this service does not answer for without a key."""

    code = "unknown-host"
    status = 421
    title = "Unknown host"


class PreflightRefused(ServiceError):
    """A page of another origin may not send this request."""

    code = "preflight-refused"
    status = 400
    title = "Preflight refused"


class KnownHosts:
    """Middleware: without a key, answers only as loopback and the configured hosts."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._hosts = frozenset(host.lower() for host in settings.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            host = _header(scope, b"host")
            if not (_is_known(host, self._hosts) or _has_key(scope)):
                message = say(
                    "Without a key this service answers on this machine alone, not as {host}; ORGCOVERAGE_HOSTS names "
                    "others.",
                    host=verbatim(host) if host else say("an unnamed host"),
                )
                await problem_response(Request(scope), UnknownHost(message))(scope, receive, send)
                return
        await self.app(scope, receive, send)


class OwnOrigin:
    """Middleware: without a key, refuses changes that pages of other origins send."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._origins = frozenset(settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["method"] in _CHANGES and not _has_key(scope) and self._is_foreign(scope):
            message = say("A page of another origin may not change anything here without a key.")
            await problem_response(Request(scope), ForeignOrigin(message))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        origin = _header(scope, b"origin")
        if origin in self._origins:
            return False
        if origin and urlsplit(origin).netloc != _header(scope, b"host"):
            return True
        site = _header(scope, b"sec-fetch-site")
        return site is not None and site not in _OWN_SITES


def cross_origin(origins: tuple[str, ...]) -> Middleware:
    """Return the middleware that allows requests from pages of these origins."""
    return Middleware(
        CrossOrigin,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "If-Match", "If-None-Match", "X-Request-ID"),
        expose_headers=EXPOSED_HEADERS,
    )


class CrossOrigin(CORSMiddleware):
    """Middleware: allows requests from pages of some origins; a refused preflight is a problem, like every error."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer to a preflight request."""
        response = super().preflight_response(request_headers)
        return response if response.status_code < HTTPStatus.BAD_REQUEST else _RefusedPreflight(response.body)


class _RefusedPreflight(Response):
    """A problem that names what the framework refused: the origin, the method or headers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the problem."""
        refused = bytes(self.body).decode().removeprefix("Disallowed CORS ")
        error = PreflightRefused(
            say("Pages of other origins may not send this request; refused: {refused}.", refused=refused)
        )
        await problem_response(Request(scope), error)(scope, receive, send)


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def _has_key(scope: Scope) -> bool:
    return any(name == b"authorization" for name, _ in scope["headers"])


@lru_cache(maxsize=64)
def _is_known(host: str | None, hosts: frozenset[str]) -> bool:
    """Whether a `Host` is loopback or one of the hosts, with any port; cached: it takes as long as a cached answer."""
    name = urlsplit(f"//{host or ''}").hostname or ""
    if name == "localhost" or name.endswith(".localhost") or name in hosts:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
