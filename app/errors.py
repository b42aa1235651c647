"""Errors that are safe to show, each class with its code, status and title; and the signature of progress reports."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import ClassVar

Report = Callable[[str, int, int | None], None]
"""Progress: called with a phase, the steps done, and the total number of steps (null: not known)."""


@dataclass(frozen=True)
class ErrorItem:
    """One problem of a request.

    Parameters
    ----------
    pointer
        Where: `query/basis`, `path/code`, `body/level`, `header/Authorization`.
    message
        What, in a sentence.
    allowed
        Allowed values (all of an enumeration; of codes the closest few); empty where there is no list.
    """

    pointer: str
    message: str
    allowed: tuple[str, ...] = field(default=())


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

    `code` is the last part of the problem's `type`, `status` the HTTP status, `title` the same for every instance.
    `retry_after` (seconds) is sent as `Retry-After`; null: not sent.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str, errors: Sequence[ErrorItem] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)


class InvalidRequest(ServiceError):
    """A parameter, body or file is not valid; `errors` lists all problems."""

    code = "invalid-request"
    status = 422
    title = "Invalid request"


def refuse_reversed(first: date | None, last: date | None) -> None:
    """Refuse a `from` that is after its `to`; null on either side is no limit.

    Raises
    ------
    InvalidRequest
        `first` is after `last`.
    """
    if first is not None and last is not None and first > last:
        message = f"from={first} is after to={last}"
        raise InvalidRequest(message, [ErrorItem("query/from", message), ErrorItem("query/to", message)])


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
