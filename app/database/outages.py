"""Outages of the database (unavailable, full, damaged, not migrated) as errors with a message for the operator."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import TemporarilyUnavailable

_OUTDATED = "The registry's tables are missing, or of another version: run `orgcoverage migrate`."

_FULL = "The disk of the registry's database is full; nothing was changed."

_BY_STATE = {"42P01": _OUTDATED, "42703": _OUTDATED, "53100": _FULL}
"""Messages by PostgreSQL's error codes."""

_BY_TEXT = {
    "no such table": _OUTDATED,
    "no such column": _OUTDATED,
    "has no column named": _OUTDATED,
    "disk is full": _FULL,
    "is locked": "The registry's database is busy.",
    "readonly database": "The registry's database cannot be written: its file or folder is read-only.",
    "unable to open": "The registry's database cannot be opened.",
    "failed to open": "The registry's database cannot be opened.",
    "disk I/O error": "The disk of the registry's database cannot be read or written.",
    "malformed": "The registry's database is damaged: restore a backup.",
    "not a database": "The registry's file is no SQLite database: check ORGCOVERAGE_DATABASE_URL.",
}
"""Messages by parts of SQLite's own; its codes do not tell a missing table from a wrong statement, ADBC has none."""

_UNAVAILABLE = "The registry's database is not reachable or busy."

_SQL_ERROR = 1
"""SQLite's code of a wrong statement: a defect of the service."""


class DatabaseUnavailable(TemporarilyUnavailable):
    """The registry's database is unavailable now; statistics do not need it."""

    code = "database-unavailable"
    title = "Database unavailable"


@contextmanager
def outages_named() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for SQLAlchemy's errors of an unavailable, full, busy or unmigrated database.

    Other errors of the database (a violated constraint, a wrong statement) are defects and pass unchanged.
    """
    try:
        yield
    except PoolTimeout as error:
        message = "All connections to the registry's database are in use."
        raise DatabaseUnavailable(message) from error
    except DBAPIError as error:
        unavailable = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        wrong = getattr(error.orig, "sqlite_errorcode", None) == _SQL_ERROR
        detail = _outage(str(error.orig), sqlstate(error), unavailable=unavailable and not wrong)
        if detail is None:
            raise
        raise DatabaseUnavailable(detail) from error


@contextmanager
def outages_of_extraction_named() -> Iterator[None]:
    """Do the same for ADBC's errors."""
    import adbc_driver_manager as adbc  # noqa: PLC0415 - loaded only where it is used

    try:
        yield
    except adbc.Error as error:
        detail = _outage(str(error), error.sqlstate, unavailable=isinstance(error, adbc.OperationalError))
        if detail is None:
            raise
        raise DatabaseUnavailable(detail) from error


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection for reading.

    Raises
    ------
    DatabaseUnavailable
        The database is unavailable, full, busy or not migrated.
    """
    with outages_named():
        async with engine.connect() as connection:
            yield connection


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's five-character code of an error; null on SQLite and where the server did not answer."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _outage(text: str, state: str | None, *, unavailable: bool) -> str | None:
    """Return the message for an error, by its text and, on PostgreSQL, its code; null: no outage.

    Parameters
    ----------
    unavailable
        Whether it has the type of errors of an unavailable database.
    """
    if state is not None:
        return _BY_STATE.get(state, _UNAVAILABLE if unavailable else None)
    message = next((message for part, message in _BY_TEXT.items() if part in text), None)
    return message or (_UNAVAILABLE if unavailable else None)
