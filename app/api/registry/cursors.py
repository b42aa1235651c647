"""Cursors of the registry's lists: a digest of the question and the key at which the page ended.

By key and not by number, so that changes between two pages neither repeat nor skip what was there all along.
"""

import base64
from typing import TypeVar

import msgspec
from fastapi import Request

from app.api.caching import digest
from app.api.registry.asked import PageAsked
from app.errors import ErrorItem, InvalidRequest

Key = TypeVar("Key")

_NUL = rb"\u0000"
"""No key has it, and PostgreSQL does not take it."""


def encode_cursor(request: Request, asked: PageAsked, key: object) -> str:
    """Return the cursor of a page that ended at a key, as text that goes into a URL as it is."""
    content = msgspec.json.encode((_question(request, asked), key))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode_cursor(request: Request, asked: PageAsked, kind: type[Key]) -> Key | None:
    """Return the key at which the page before ended; null for the first page.

    Raises
    ------
    InvalidRequest
        The cursor is not one, or belongs to another question.
    """
    if asked.cursor is None:
        return None
    try:
        content = base64.urlsafe_b64decode(asked.cursor + "=" * (-len(asked.cursor) % 4))
        if _NUL in content:
            raise _refused("is not a cursor of this service")
        question, key = msgspec.json.decode(content, type=tuple[str, kind])  # type: ignore[valid-type]  # made to measure
    except (msgspec.MsgspecError, ValueError) as error:
        raise _refused("is not a cursor of this service") from error
    if question != _question(request, asked):
        raise _refused("belongs to another question; a page goes on with the same parameters")
    return key


def _question(request: Request, asked: PageAsked) -> str:
    chosen = asked.model_dump_json(exclude={"limit", "cursor"})
    return digest(request.scope["path"].encode(errors="surrogatepass"), chosen.encode())


def _refused(reason: str) -> InvalidRequest:
    message = f"cursor {reason}"
    return InvalidRequest(message, [ErrorItem("query/cursor", message)])
