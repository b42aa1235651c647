"""Limits of a request: bytes of its body, time for the body to arrive, time until the answer begins."""

import asyncio
from collections.abc import Sequence

from fastapi import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.problems import ContentTooLarge, Refusal, problem_response
from app.api.http.routing import Route
from app.config import Settings
from app.errors import ServiceError, TemporarilyUnavailable
from app.messages import say

_CODING = b"transfer-encoding"


class BodyTooSlow(ServiceError):
    """The body did not arrive in time."""

    code = "body-too-slow"
    status = 408
    title = "Body too slow"


class AnswerTooLate(TemporarilyUnavailable):
    """The answer did not begin in time and was aborted."""

    code = "answer-too-late"
    title = "Answer too late"


class UnknownTransferCoding(ServiceError):
    """The body is sent in a coding that is not read here."""

    code = "unknown-transfer-coding"
    status = 501
    title = "Unknown transfer coding"


class BodyLimits:
    """Middleware: refuses a body that is too large (413) or arrives too slowly (408), on every path.

    A declared size is checked before a byte is read; otherwise the limits apply while the body is read. A body that no
    handler reads is not stored.

    Parameters
    ----------
    routes
        Those that take a file have the limit for files, all other paths that for other bodies.
    """

    def __init__(self, app: ASGIApp, settings: Settings, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self._settings = settings
        self._files = {
            (method, route.path)
            for route in routes
            if isinstance(route, Route) and route.takes_file
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        declared = _declared_size(scope) if scope["type"] == "http" else 0
        if declared is None and not _is_chunked(scope):
            error = UnknownTransferCoding(say("A body is sent with Content-Length or with Transfer-Encoding: chunked."))
            await problem_response(Request(scope), error)(scope, receive, send)
            return
        if declared == 0:
            await self.app(scope, receive, send)
            return
        arrival = _Arrival(self._settings, self._limit(scope), receive)
        if declared is not None and declared > arrival.limit:
            await problem_response(Request(scope), arrival.too_large())(scope, receive, send)
            return
        await self.app(scope, arrival.receive, send)

    def _limit(self, scope: Scope) -> int:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_file = (scope["method"], path) in self._files
        return self._settings.upload_limit_bytes if is_file else self._settings.body_limit_bytes


class _Arrival:
    """A body that is arriving; its time starts with the first read."""

    def __init__(self, settings: Settings, limit: int, receive: Receive) -> None:
        self.limit = limit
        self._receive = receive
        self._grace = settings.body_seconds
        self._rate = settings.body_bytes_per_second
        self._longest = settings.upload_seconds
        self._began: float | None = None
        self._size = 0
        self._whole = False

    async def receive(self) -> Message:
        """Return the next message; after the end of the body there is no time limit."""
        if self._whole:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self._began = now if self._began is None else self._began
        try:
            async with asyncio.timeout_at(self._began + min(self._grace + self._size / self._rate, self._longest)):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(self._too_slow(), {"Connection": "close"}) from None
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self.limit:
            raise Refusal(self.too_large())
        return message

    def too_large(self) -> ContentTooLarge:
        return ContentTooLarge(
            say("The body is larger than the {limit:,} bytes that this path takes.", limit=self.limit)
        )

    def _too_slow(self) -> BodyTooSlow:
        return BodyTooSlow(
            say(
                "{size:,} bytes of the body have arrived; it may take {grace} seconds and a second more for every "
                "{rate:,} bytes, {longest:,} in all.",
                size=self._size,
                grace=self._grace,
                rate=self._rate,
                longest=self._longest,
            )
        )


class TimeLimit:
    """Middleware: aborts an answer that does not begin in time (503).

    The time while a body arrives does not count. An answer that has begun takes as long as its reader.
    """

    def __init__(self, app: ASGIApp, seconds: int) -> None:
        self.app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        whole = begun = False

        async def arriving() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            limit.reschedule(None)
            message = await receive()
            whole = not message.get("more_body", False)
            limit.reschedule(None if begun else loop.time() + self._seconds)
            return message

        async def beginning(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                limit.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as limit:
                await self.app(scope, arriving, beginning)
        except TimeoutError:
            if not limit.expired():
                raise
            await problem_response(Request(scope), self._too_late())(scope, receive, send)

    def _too_late(self) -> AnswerTooLate:
        return AnswerTooLate(
            say(
                "The answer did not begin within {seconds} seconds. A change may have been made nevertheless; "
                "repeating the request is harmless.",
                seconds=self._seconds,
            )
        )


def _is_chunked(scope: Scope) -> bool:
    return all(value.strip().lower() == b"chunked" for name, value in scope["headers"] if name == _CODING)


def _declared_size(scope: Scope) -> int | None:
    """Return the declared size of the body, bytes; null: not declared."""
    size: int | None = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            size = int(value)
        elif name == _CODING:
            return None
    return size
