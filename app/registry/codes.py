"""Codes as the registry takes them, and those that are not there."""

import re
from difflib import get_close_matches

from sqlalchemy import Connection, select, union_all

from app.database.tables.metadata import CODE_LENGTH
from app.errors import ErrorItem, InvalidRequest, NotFound
from app.registry.entities import Entity

CODE_RULE = f"1 to {CODE_LENGTH} characters, not `.` or `..`, without `/`, control characters and outer spaces"
"""What a code may be, in a sentence."""

_WRONG = re.compile(r"[/\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\s|\s$|^\.{1,2}$")

_NEIGHBOURS = 50
"""Codes before and after an unknown one, in their order, among which the closest are looked for."""

_CLOSEST = 5
"""Codes that a problem offers."""


class NotRegistered(NotFound):
    """The registry has nothing of this kind under this code."""

    code = "not-registered"
    title = "Not registered"


class UnknownCode(InvalidRequest):
    """A parameter holds a code that the registry does not have; `allowed` offers the closest."""

    code = "unknown-code"
    title = "Unknown code"


def is_code(text: str) -> bool:
    """Say whether a text may be a code."""
    return 0 < len(text) <= CODE_LENGTH and _WRONG.search(text) is None


def exists(connection: Connection, entity: Entity, code: str) -> bool:
    """Say whether the registry has a code."""
    return (
        is_code(code) and connection.scalar(select(entity.table.c.code).where(entity.table.c.code == code)) is not None
    )


def unknown_code(connection: Connection, entity: Entity, code: str, pointer: str) -> ErrorItem:
    """Return the problem that a code is not in the registry, with the closest few that are."""
    closest = get_close_matches(code, _neighbours(connection, entity, code), _CLOSEST, 0.5) if is_code(code) else []
    return ErrorItem(pointer, f"there is no {entity.noun} {code!r}", tuple(closest))


def not_registered(entity: Entity, code: str) -> NotRegistered:
    """Return the error that a path names a code that is not there."""
    message = f"There is no {entity.noun} {code!r}."
    return NotRegistered(message, [ErrorItem("path/code", message)])


def _neighbours(connection: Connection, entity: Entity, code: str) -> list[str]:
    column = entity.table.c.code
    before = select(column).where(column < code).order_by(column.desc()).limit(_NEIGHBOURS).subquery()
    after = select(column).where(column > code).order_by(column).limit(_NEIGHBOURS).subquery()
    return list(connection.scalars(union_all(select(before.c.code), select(after.c.code))))
