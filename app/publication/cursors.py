"""Cursors: snapshot, digest of the question, position; a snapshot never changes, so nothing drifts."""

import base64
import binascii
import hashlib
from dataclasses import replace
from typing import TypeVar

import msgspec

from app.errors import ErrorItem, InvalidRequest
from app.statistics.question import AsOf, Page, Question

AnyQuestion = TypeVar("AnyQuestion", bound=Question)


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: the snapshot it is of, the question it answers, how many rows came before."""

    snapshot: str
    digest: str
    position: int


def digest(question: Question, page: Page) -> str:
    """Return a digest of everything that decides which rows come in which order."""
    asked = msgspec.json.encode((question, page.sort, page.order))
    return hashlib.sha256(asked).hexdigest()[:12]


def encode(cursor: Cursor) -> str:
    """Return a cursor as text that goes into a URL as it is."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def decode(question: AnyQuestion, page: Page) -> tuple[AnyQuestion, int]:
    """Return the question pinned to the cursor's snapshot, and the position to go on from.

    Raises
    ------
    InvalidRequest
        The cursor is not one, or belongs to another question.
    """
    if page.cursor is None:
        return question, 0
    try:
        cursor = msgspec.json.decode(base64.urlsafe_b64decode(page.cursor + "=" * (-len(page.cursor) % 4)), type=Cursor)
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise _refused("is not a cursor of this service") from error
    if cursor.digest != digest(question, page) or cursor.position < 0:
        raise _refused("belongs to another question; a page goes on with the same parameters")
    return replace(question, when=AsOf(snapshot=cursor.snapshot)), cursor.position


def _refused(reason: str) -> InvalidRequest:
    message = f"cursor {reason}"
    return InvalidRequest(message, [ErrorItem("query/cursor", message)])
