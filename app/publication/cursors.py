"""Cursors: opaque text, safe in URLs. Those of statistics hold snapshot, digest of the question, and position.

A snapshot never changes, so no row is repeated or skipped between pages.
"""

import base64
import hashlib
from typing import TypeVar

import msgspec

from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import Message, say
from app.statistics.question import AsOf, Page, Question

AnyQuestion = TypeVar("AnyQuestion", bound=Question)
Content = TypeVar("Content")

_NUL = rb"\u0000"
"""No cursor has it, and PostgreSQL does not accept it in text."""


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: its snapshot, the digest of its question, and how many rows came before."""

    snapshot: str
    digest: str
    position: int


def digest(question: Question, page: Page) -> str:
    """Return a digest of everything that decides which rows are listed, in which order."""
    content = msgspec.json.encode((question, page.sort, page.order, page.status))
    return hashlib.sha256(content).hexdigest()[:12]


def encode(content: object) -> str:
    """Return a cursor with this content."""
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=").decode()


def decode(cursor: str, kind: type[Content]) -> Content:
    """Return the content of a cursor.

    Raises
    ------
    InvalidRequest
        It is not a cursor, or not one of this kind.
    """
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if _NUL in content:
            raise refused(say("is not a cursor of this service"))
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise refused(say("is not a cursor of this service")) from error


def pinned(question: AnyQuestion, page: Page) -> tuple[AnyQuestion, int]:
    """Return the question pinned to the cursor's snapshot, and the position at which to continue.

    Raises
    ------
    InvalidRequest
        It is not a cursor, or belongs to another question.
    """
    if page.cursor is None:
        return question, 0
    cursor = decode(page.cursor, Cursor)
    if cursor.digest != digest(question, page) or cursor.position < 0:
        raise other_question()
    return msgspec.structs.replace(question, when=AsOf(snapshot=cursor.snapshot)), cursor.position


def position_in(rests_on: str, question: Question, page: Page) -> int:
    """Return the position at which to continue a list that rests on several snapshots.

    Raises
    ------
    InvalidRequest
        It is not a cursor, belongs to another question, or the snapshots are no longer the same.
    """
    if page.cursor is None:
        return 0
    cursor = decode(page.cursor, Cursor)
    if cursor.digest != digest(question, page) or cursor.position < 0:
        raise other_question()
    if cursor.snapshot != rests_on:
        raise refused(say("belongs to snapshots that have been replaced since: begin at the first page"))
    return cursor.position


def other_question() -> InvalidRequest:
    """Return the error of a cursor that belongs to another question."""
    return refused(say("belongs to another question; a page goes on with the same parameters"))


def refused(reason: Message) -> InvalidRequest:
    """Return the error of a cursor that cannot be used."""
    message = say("cursor {reason}", reason=reason)
    return InvalidRequest(message, [ErrorItem(ErrorCode.INVALID_CURSOR, "query/cursor", message)])
