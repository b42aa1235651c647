"""Engines of the registry, and how SQLite and PostgreSQL differ in opening one."""

import asyncio
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.messages import NotValid, say

IMMEDIATE = "immediate"
"""Execution option: a SQLite transaction takes SQLite's write lock at its start, so that it cannot fail to later."""

AUTOCOMMIT: Final = "AUTOCOMMIT"
"""Isolation level of a connection that commits each statement by itself."""

PROCESS_LOCK = "process_lock"
"""Execution option of an async engine: the `asyncio.Lock` that serializes the single changes of one process."""

_BUSY_SECONDS = 15
"""SQLite waits this long for a lock outside the write lock's control, such as a checkpoint's or another program's."""

_CONNECT_SECONDS = 5
"""A PostgreSQL server that does not accept a connection within this time is unavailable."""

_POOL_SECONDS = 10
"""A request waits this long for a free connection."""


def is_sqlite(url: str) -> bool:
    """Say whether a SQLAlchemy URL names a SQLite database; otherwise it is PostgreSQL."""
    return make_url(url).get_backend_name() == "sqlite"


def sqlite_path(url: str) -> Path:
    """Return the absolute path of a SQLite database.

    Raises
    ------
    ValueError
        If the URL names no file: a registry in memory could not be shared by processes.
    """
    database = make_url(url).database
    if not database or database == ":memory:":
        message = "the registry needs a database file: sqlite+aiosqlite:///path"
        raise NotValid("invalid_value", say(message))
    return Path(database).absolute()


def adbc_uri(url: str) -> str:
    """Return the address for ADBC: the path of a SQLite file, or a libpq URI with its password."""
    if is_sqlite(url):
        return str(sqlite_path(url))
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(url: str) -> AsyncEngine:
    """Return the async engine of a process that answers requests; it opens no connection yet.

    Parameters
    ----------
    url
        `sqlite+aiosqlite:///…` or `postgresql+psycopg://…`. On SQLite each connection is in WAL mode and
        `synchronous=FULL`; on PostgreSQL a connection is tested before use, so that a server restart causes no error.
    """
    engine = create_async_engine(
        url, **_options(url), pool_timeout=_POOL_SECONDS, execution_options={PROCESS_LOCK: asyncio.Lock()}
    )
    if is_sqlite(url):
        _prepare_sqlite(engine.sync_engine)
    return engine


def make_sync_engine(url: str) -> Engine:
    """Return the blocking engine of a process with one task (an import, a migration); the URL is the same."""
    driver = "sqlite+pysqlite" if is_sqlite(url) else "postgresql+psycopg"
    engine = create_engine(make_url(url).set(drivername=driver), **_options(url))
    if is_sqlite(url):
        _prepare_sqlite(engine)
    return engine


def _options(url: str) -> dict[str, Any]:
    if is_sqlite(url):
        return {"connect_args": {"timeout": _BUSY_SECONDS}}
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": _CONNECT_SECONDS}}


def _prepare_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes late and only before some statements; `_begin_sqlite` replaces it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") != AUTOCOMMIT:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(IMMEDIATE, False) else "BEGIN")
