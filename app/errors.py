"""Errors that are safe to show, each class with its code, status and title; and the signature of progress reports."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import ClassVar

from app.messages import Message, say

Report = Callable[[str, int, int | None], None]
"""Progress: called with a phase, the steps done, and the total number of steps (null: not known)."""


class ErrorCode(StrEnum):
    """What is wrong with one part of a request, for programs; in single changes also the rules of imports."""

    UNKNOWN_PARAMETER = "unknown_parameter"
    REPEATED_PARAMETER = "repeated_parameter"
    MISSING = "missing"
    UNKNOWN_FIELD = "unknown_field"
    CONFLICTING_PARAMETERS = "conflicting_parameters"
    REVERSED_RANGE = "reversed_range"
    INVALID_JSON = "invalid_json"
    INVALID_TYPE = "invalid_type"
    INVALID_VALUE = "invalid_value"
    INVALID_TEXT = "invalid_text"
    INVALID_DATE = "invalid_date"
    INVALID_NUMBER = "invalid_number"
    INVALID_BOOLEAN = "invalid_boolean"
    INVALID_CHOICE = "invalid_choice"
    INVALID_CURSOR = "invalid_cursor"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    TOO_MANY = "too_many"
    TOO_FEW = "too_few"
    UNKNOWN_CODE = "unknown_code"
    NOT_FOUND = "not_found"
    NO_SNAPSHOT = "no_snapshot"
    NOT_COMPARABLE = "not_comparable"
    FUTURE_DATE = "future_date"
    EXACT_ONLY = "exact_only"
    DAMAGED_SNAPSHOT = "damaged_snapshot"
    CYCLE = "cycle"
    UNKNOWN_COLUMN = "unknown_column"
    MISSING_COLUMN = "missing_column"
    REPEATED_COLUMN = "repeated_column"
    REFUSED_COLUMN = "refused_column"
    UNREADABLE_COLUMN = "unreadable_column"
    IDENTITY_NUMBER = "identity_number"
    AMBIGUOUS_SHEET = "ambiguous_sheet"


@dataclass(frozen=True)
class ErrorItem:
    """One problem of a request.

    Parameters
    ----------
    code
        What is wrong, for programs: an `ErrorCode`, or in single changes a rule of imports.
    place
        Where: `query/basis`, `path/code`, `header/Authorization`, `body/level`, `column/职工人数`.
    message
        What, in a sentence.
    allowed
        All values of an enumeration; empty where there is none.
    suggestions
        The few codes or names that are most like what was given; empty where none are looked for.
    """

    code: str
    place: str
    message: Message
    allowed: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


def sentence(item: ErrorItem) -> Message:
    """Return a problem as a sentence that says where it is."""
    return say(
        "{place}: {message}.",
        place=item.place,
        place_zh=item.place.partition("/")[2] or item.place,
        message=item.message,
    )


NEIGHBOURS = 50
"""Codes before and after an unknown one, in their order, among which the closest of very many are looked for."""


def closest(text: str, known: Iterable[str], *, most: int = 5, alike: float = 0.5) -> tuple[str, ...]:
    """Return the few of some texts that are most like another one, the closest first.

    Parameters
    ----------
    most
        How many at most.
    alike
        How much they must be alike: 0, not at all, to 1, the same.
    """
    return tuple(get_close_matches(text, list(known), most, alike))


class ServiceError(Exception):
    """An error that is safe to show; subclasses stand beside the code that raises them.

    `code` is the last part of the problem's `type`, `status` the HTTP status, `title` the same for every instance (in
    English: its own name in the tables of messages). `retry_after` (seconds) is sent as `Retry-After`; null: not sent.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: Message, errors: Sequence[ErrorItem] = ()) -> None:
        super().__init__(str(detail))
        self.detail = detail
        self.errors = tuple(errors)


class InvalidRequest(ServiceError):
    """A parameter, body or file is not valid; `errors` lists all problems."""

    code = "invalid-request"
    status = 422
    title = "Invalid request"


def conflicting(message: Message, *parameters: str) -> InvalidRequest:
    """Return the error of parameters that cannot stand together, or not without each other."""
    return InvalidRequest(
        message, [ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, f"query/{name}", message) for name in parameters]
    )


def refuse_reversed(first: date | None, last: date | None) -> None:
    """Refuse a `from` that is after its `to`; null on either side is no limit.

    Raises
    ------
    InvalidRequest
        `first` is after `last`.
    """
    if first is not None and last is not None and first > last:
        message = say("from={first} is after to={last}", first=first, last=last)
        places = ("query/from", "query/to")
        raise InvalidRequest(message, [ErrorItem(ErrorCode.REVERSED_RANGE, place, message) for place in places])


class NotFound(ServiceError):
    """The path names something that does not exist."""

    code = "not-found"
    status = 404
    title = "Not found"


class Conflict(ServiceError):
    """The change conflicts with stored data; `errors` says with what."""

    code = "conflict"
    status = 409
    title = "Conflict"


class TemporarilyUnavailable(ServiceError):
    """A part of the service is unavailable or busy; the same request can be retried."""

    code = "unavailable"
    status = 503
    title = "Temporarily unavailable"
    retry_after = 5
