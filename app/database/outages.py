"""Outages of the database (unavailable, full, damaged, not migrated) as errors with a message for the operator."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import TemporarilyUnavailable
from app.messages import Message, say

_OUTDATED = say("The registry's tables are missing, or of another version: run `orgcoverage migrate`.")

_BUSY = say("The registry's database is busy.")

_UNREACHABLE = say("The server of the registry's database is not reachable.")

_FULL = say("The disk of the registry's database is full; nothing was changed.")

_CONNECTIONS = say("The registry's database has no connection left.")

_STARTING = say("The registry's database is starting or stopping.")

_BY_STATE = {
    "42P01": _OUTDATED,
    "42703": _OUTDATED,
    "53100": _FULL,
    "53300": _CONNECTIONS,
    "55P03": _BUSY,
    "57P01": _STARTING,
    "57P02": _STARTING,
    "57P03": _STARTING,
}
"""Messages by PostgreSQL's error codes."""

_BY_TEXT = {
    "no such table": _OUTDATED,
    "no such column": _OUTDATED,
    "has no column named": _OUTDATED,
    "disk is full": _FULL,
    "is locked": _BUSY,
    "readonly database": say("The registry's database cannot be written: its file or folder is read-only."),
    "unable to open": say("The registry's database cannot be opened."),
    "failed to open": say("The registry's database cannot be opened."),
    "disk I/O error": say("The disk of the registry's database cannot be read or written."),
    "malformed": say("The registry's database is damaged: restore a backup."),
    "not a database": say("The registry's file is no SQLite database: check ORGCOVERAGE_DATABASE_URL."),
    "authentication failed": say("The registry's database refused the user or the password."),
    "no password supplied": say("The registry's database asks for a password, and none is set."),
    "does not exist": say("The registry's database, or its user, does not exist on the server."),
    "remaining connection slots": _CONNECTIONS,
    "too many clients": _CONNECTIONS,
    "starting up": _STARTING,
    "terminating connection": _STARTING,
    "shutting down": _STARTING,
    "resolve host": say("The host of the registry's database is not known."),
    "translate host name": say("The host of the registry's database is not known."),
    "Connection refused": _UNREACHABLE,
    "timeout expired": _UNREACHABLE,
    "timed out": _UNREACHABLE,
    "No route to host": _UNREACHABLE,
    "unreachable": _UNREACHABLE,
}
"""Messages by parts of the database's own, where it gives no code: SQLite, ADBC, and a server while one connects."""

_UNAVAILABLE = say("The registry's database is not reachable or busy.")

_ADDRESS = re.compile(r'server at "(?P<host>[^"]+)".*?port (?P<port>\d+)')

_Batch = TypeVar("_Batch")

_SQL_ERROR = 1
"""SQLite's code of a wrong statement: a defect of the service."""


class DatabaseUnavailable(TemporarilyUnavailable):
    """The registry's database is unavailable now; statistics do not need it.

    Parameters
    ----------
    address
        Host and port of its server as far as they are known: for the operator, and in no answer.
    """

    code = "database-unavailable"
    title = "Database unavailable"

    def __init__(self, detail: Message, address: str | None = None) -> None:
        super().__init__(detail)
        self.address = address


@contextmanager
def outages_named() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for SQLAlchemy's errors of an unavailable, full, busy or unmigrated database.

    Other errors of the database (a violated constraint, a wrong statement) are defects and pass unchanged.
    """
    try:
        yield
    except PoolTimeout as error:
        message = say("All connections to the registry's database are in use.")
        raise DatabaseUnavailable(message) from error
    except DBAPIError as error:
        unavailable = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        wrong = getattr(error.orig, "sqlite_errorcode", None) == _SQL_ERROR
        detail = _outage(str(error.orig), sqlstate(error), unavailable=unavailable and not wrong)
        if detail is None:
            raise
        raise DatabaseUnavailable(detail, _address(str(error.orig))) from error


@contextmanager
def driver_of(connection: Connection) -> Iterator[Any]:
    """Give the driver's own connection, whose errors become SQLAlchemy's, so that `outages_named` knows them."""
    base = connection.dialect.loaded_dbapi.Error
    try:
        yield connection.connection.driver_connection
    except base as error:
        raise DBAPIError.instance(None, None, error, base, dialect=connection.dialect) from error


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
        raise DatabaseUnavailable(detail, _address(str(error))) from error


def streamed(batches: Iterable[_Batch]) -> Iterator[_Batch]:
    """Give the batches of ADBC's reader, whose errors Arrow raises as the system's: they become ADBC's again."""
    import adbc_driver_manager as adbc  # noqa: PLC0415 - as above

    try:
        yield from batches
    except OSError as error:
        raise adbc.OperationalError(str(error), status_code=adbc.AdbcStatusCode.IO) from error


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


def _outage(text: str, state: str | None, *, unavailable: bool) -> Message | None:
    """Return the message for an error, by its text and, on PostgreSQL, its code; null: no outage.

    Parameters
    ----------
    unavailable
        Whether it has the type of errors of an unavailable database.
    """
    if state is not None and state in _BY_STATE:
        return _BY_STATE[state]
    if state is not None and not unavailable:
        return None
    message = next((message for part, message in _BY_TEXT.items() if part in text), None)
    return message or (_UNAVAILABLE if unavailable else None)


def _address(text: str) -> str | None:
    found = _ADDRESS.search(text)
    return f"{found['host']}:{found['port']}" if found else None
