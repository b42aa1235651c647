"""A database that is away, full, damaged or not set up, told as a problem that a caller can understand."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import TemporarilyUnavailable

_OUTDATED = "The registry's tables are missing, or of another version: run `orgcoverage migrate`."

_FULL = "The disk of the registry's database is full; nothing was changed."

_OF_STATE = {"42P01": _OUTDATED, "42703": _OUTDATED, "53100": _FULL}
"""What PostgreSQL's codes mean to whoever runs the service."""

_OF_TEXT = {
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
"""What SQLite's own texts mean; its codes do not tell a missing table from a wrong statement, and ADBC hides them."""

_AWAY = "The registry's database is not reachable or busy."

_SQL_ERROR = 1
"""SQLite's code of a statement that is wrong: the service's own mistake."""


class DatabaseUnavailable(TemporarilyUnavailable):
    """The registry's database cannot answer now; statistics are not concerned."""

    code = "database-unavailable"
    title = "Database unavailable"


@contextmanager
def outages_named() -> Iterator[None]:
    """Turn what SQLAlchemy raises while the database is away, full, busy or not set up into `DatabaseUnavailable`.

    Other errors of the database (a violated constraint, a wrong statement) are the service's own and pass unchanged.
    """
    try:
        yield
    except PoolTimeout as error:
        message = "All connections to the registry's database are in use."
        raise DatabaseUnavailable(message) from error
    except DBAPIError as error:
        away = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        wrong = getattr(error.orig, "sqlite_errorcode", None) == _SQL_ERROR
        detail = _outage(str(error.orig), sqlstate(error), away=away and not wrong)
        if detail is None:
            raise
        raise DatabaseUnavailable(detail) from error


@contextmanager
def outages_of_extraction_named() -> Iterator[None]:
    """Turn what ADBC raises in these cases into `DatabaseUnavailable`."""
    import adbc_driver_manager as adbc  # noqa: PLC0415 - where ADBC is not used it is not loaded

    try:
        yield
    except adbc.Error as error:
        detail = _outage(str(error), error.sqlstate, away=isinstance(error, adbc.OperationalError))
        if detail is None:
            raise
        raise DatabaseUnavailable(detail) from error


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Lend a connection for reading.

    Raises
    ------
    DatabaseUnavailable
        If the database is away, full, busy or not set up.
    """
    with outages_named():
        async with engine.connect() as connection:
            yield connection


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's five-letter code of an error; null on SQLite and where the server did not answer."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _outage(text: str, state: str | None, *, away: bool) -> str | None:
    """Say what an error of a database means, given its text and, on PostgreSQL, its code.

    Parameters
    ----------
    away
        Whether it is of the kind that a database raises which does not answer.
    """
    if state is not None:
        return _OF_STATE.get(state, _AWAY if away else None)
    told = next((meaning for part, meaning in _OF_TEXT.items() if part in text), None)
    return told or (_AWAY if away else None)
