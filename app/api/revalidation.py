"""Answers that the caller has already: told by their entity tags, and not sent again."""

from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
