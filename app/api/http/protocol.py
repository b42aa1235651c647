"""The server's HTTP protocol, with problems for requests that never reach the application."""

import secrets

from fastapi import Request
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.http.middleware import SECURITY_HEADERS
from app.api.http.problems import HeadTooLarge, UnreadableRequest, problem_response
from app.errors import ServiceError
from app.messages import say

HEAD_BYTES = 512 * 1024
"""Largest head of a request, bytes; the server has no limit. Twice one read, which may include the end of another."""


class ProblemProtocol(HttpToolsProtocol):
    """The server's protocol, except for the answers that it gives itself."""

    _head: int | None = 0
    """Bytes of an incomplete head; null while none is arriving."""

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Continue with the body."""
        self._head = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read what has arrived."""
        super().data_received(data)
        if self._head is not None and not self.transport.is_closing():
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._refuse(HeadTooLarge(say("Address and headers take more than {most:,} bytes.", most=HEAD_BYTES)))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the server's signature
        """Refuse an invalid request."""
        self._refuse(
            UnreadableRequest(say("This is not HTTP/1.1. Letters beyond ASCII in an address are percent-encoded."))
        )

    def _read_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers read so far, which may name a language; none where nothing was understood."""
        read: list[tuple[bytes, bytes]] = getattr(self, "headers", None) or []
        return [header for header in read if header[0] == b"accept-language"]

    def _read_query(self) -> bytes:
        url: bytes = getattr(self, "url", None) or b""
        return url.partition(b"?")[2]

    def _refuse(self, error: ServiceError) -> None:
        request_id = secrets.token_hex(8)
        scope = {
            "type": "http",
            "path": "",
            "headers": self._read_headers(),
            "query_string": self._read_query(),
            "state": {"request_id": request_id},
        }
        headers = {**SECURITY_HEADERS, "X-Request-ID": request_id, "Connection": "close"}
        response = problem_response(Request(scope), error, headers)
        lines = [*self.server_state.default_headers, *response.raw_headers]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
        self.transport.write(STATUS_LINE[error.status] + head + b"\r\n" + bytes(response.body))
        self.transport.close()
