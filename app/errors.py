"""What work tells its caller: errors, each class with its code, status and title, and progress."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import ClassVar

Report = Callable[[str, int, int | None], None]
"""Called with a phase, the steps done, and the steps in all (null: not known)."""


@dataclass(frozen=True)
class ErrorItem:
    """One thing that is wrong.

    Parameters
    ----------
    pointer
        Where: `query/basis`, `path/code`, `body/level`, `header/Authorization`.
    message
        What, in a sentence.
    allowed
        The choices there are (all of an enumeration; of codes the closest few); empty where there is no list.
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
    """A problem of the caller's or of the service, safe to show; subclasses stand beside the code that raises them.

    `code` is the last part of the problem's `type`, `status` the HTTP status, `title` the same for every instance.
    `retry_after` (seconds) is sent as `Retry-After` where it is not null.
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
    """A parameter, body or file that cannot be understood; `errors` lists all that is wrong."""

    code = "invalid-request"
    status = 422
    title = "Invalid request"


def refuse_reversed(first: date | None, last: date | None) -> None:
    """Refuse a `from` that is after its `to`; null on either side is no limit.

    Raises
    ------
    InvalidRequest
        It is.
    """
    if first is not None and last is not None and first > last:
        message = f"from={first} is after to={last}"
        raise InvalidRequest(message, [ErrorItem("query/from", message), ErrorItem("query/to", message)])


class NotFound(ServiceError):
    """What the path names does not exist."""

    code = "not-found"
    status = 404
    title = "Not found"


class Conflict(ServiceError):
    """The change contradicts what is there; `errors` says what stands against it."""

    code = "conflict"
    status = 409
    title = "Conflict"


class TemporarilyUnavailable(ServiceError):
    """A part is away or busy; the same request can be sent again."""

    code = "unavailable"
    status = 503
    title = "Temporarily unavailable"
    retry_after = 5
