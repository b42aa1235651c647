"""A database that is away, full or not set up, told as a problem that a caller can understand."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import TemporarilyUnavailable


class DatabaseUnavailable(TemporarilyUnavailable):
    """The registry's database cannot answer now; statistics are not concerned."""

    code = "database-unavailable"
    title = "Database unavailable"


@contextmanager
def outages_named() -> Iterator[None]:
    """Turn what the driver raises while the database is away, full, busy or not set up into `DatabaseUnavailable`.

    Other errors of the database (a violated constraint, a wrong statement) are the service's own and pass unchanged.
    """
    try:
        yield
    except PoolTimeout as error:
        message = "All connections to the registry's database are in use."
        raise DatabaseUnavailable(message) from error
    except DBAPIError as error:
        detail = _outage(error)
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


def _outage(error: DBAPIError) -> str | None:
    text = str(error.orig)
    if "no such table" in text or (isinstance(error, ProgrammingError) and sqlstate(error) == "42P01"):
        return "The registry's tables are missing: run `orgcoverage migrate`."
    if "disk is full" in text or sqlstate(error) == "53100":
        return "The disk of the registry's database is full; nothing was changed."
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return "The registry's database is not reachable or busy."
    return None
