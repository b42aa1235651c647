"""Requests to the application in this process, for a client that waits: its event loop runs in a thread of its own."""

from collections.abc import Generator, Iterator, MutableMapping
from contextlib import ExitStack
from typing import Any

import httpx
from anyio import BrokenResourceError, EndOfStream, create_memory_object_stream, sleep_forever
from anyio.from_thread import start_blocking_portal
from anyio.streams.memory import MemoryObjectSendStream

from app.api.http.middleware import BodyUnwanted, Service

ADDRESS = "http://localhost"

_AHEAD = 4
"""Pieces of an answer that may wait for their reader."""

Message = MutableMapping[str, Any]


class InProcess(httpx.BaseTransport):
    """Sends requests to an application, which starts with it and stops when it is closed.

    An answer is read while it is written: httpx's own transport for applications keeps the whole of it in memory.
    """

    def __init__(self, app: Service) -> None:
        self._app = app
        with ExitStack() as starting:
            self._portal = starting.enter_context(start_blocking_portal())
            starting.enter_context(self._portal.wrap_async_context_manager(app.router.lifespan_context(app)))
            self._running = starting.pop_all()

    def close(self) -> None:
        """Stop the application."""
        self._running.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; return its answer once that has begun."""
        messages = self._messages(request)
        start = next(messages)
        return httpx.Response(start["status"], headers=start["headers"], stream=_Body(messages))

    def _messages(self, request: httpx.Request) -> Generator[Message, None, None]:
        sending, receiving = create_memory_object_stream[Message](_AHEAD)
        answering = self._portal.start_task_soon(self._answer, _scope(request), request.read(), sending)
        try:
            while True:
                yield self._portal.call(receiving.receive)
        except EndOfStream:
            answering.result()  # raises what the application has raised
        finally:
            self._portal.call(receiving.aclose)

    async def _answer(self, scope: Message, body: bytes, sending: MemoryObjectSendStream[Message]) -> None:
        requests: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            for message in requests:
                return message
            await sleep_forever()
            raise AssertionError  # never reached

        async def send(message: Message) -> None:
            try:
                await sending.send(message)
            except BrokenResourceError:
                raise BodyUnwanted from None

        async with sending:
            await self._app(scope, receive, send)


class _Body(httpx.SyncByteStream):
    """The body of an answer; closing it stops whoever writes it."""

    def __init__(self, messages: Generator[Message, None, None]) -> None:
        self._messages = messages

    def __iter__(self) -> Iterator[bytes]:
        for message in self._messages:
            yield message.get("body", b"")

    def close(self) -> None:
        self._messages.close()


def _scope(request: httpx.Request) -> Message:
    """Return a request as ASGI has it; nothing is compressed on its way through one process."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw if name.lower() != b"accept-encoding"],
        "client": None,
        "server": (request.url.host, request.url.port),
    }
