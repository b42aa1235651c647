"""The registry's write lock: one writer at a time, across processes, and the revision that each write raises.

On PostgreSQL it is an advisory lock of the transaction, whose waiters the server queues. On SQLite it is a lock file
beside the database, which the system releases when its holder dies; since waiters only poll for it, a second file
admits one of them to the front, and nobody overtakes that one. Within a process, single changes pass a turnstile
first: only one of them at a time occupies a connection while it waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from datetime import UTC, datetime

from filelock import AsyncFileLock, FileLock, Timeout
from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.config import Settings
from app.database.engines import AUTOCOMMIT, IMMEDIATE, TURNSTILE, is_sqlite, sqlite_path
from app.database.outages import outages_named, sqlstate
from app.database.tables import METADATA
from app.errors import TemporarilyUnavailable

_LOCK_KEY = 0x6F7267636F766572
"""Number of the advisory lock: the ASCII bytes of `orgcover`."""

_POLL_SECONDS = 0.02
"""A waiter looks at the lock file this often."""

_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not had within `lock_timeout`."""


class WriteBusy(TemporarilyUnavailable):
    """Another writer held the registry for longer than this one would wait; nothing was changed."""

    code = "write-busy"
    title = "Registry busy"


@asynccontextmanager
async def write_lock(engine: AsyncEngine, settings: Settings) -> AsyncIterator[AsyncConnection]:
    """Wait for the turn to write and lend a connection in a transaction, which commits at the end of the block.

    Parameters
    ----------
    engine
        Made by `make_engine`.
    settings
        `write_wait_seconds` limits the wait.

    Raises
    ------
    WriteBusy
        If the turn did not come in time.
    DatabaseUnavailable
        If the database is away, full or not set up, then or at the commit.
    """
    deadline = time.monotonic() + settings.write_wait_seconds
    url = _url(engine.sync_engine)
    with outages_named():
        async with _turnstile(engine, deadline), _file_lock(url, deadline), engine.connect() as connection:
            await connection.execution_options(**{IMMEDIATE: True})
            async with connection.begin():
                await connection.run_sync(_take_advisory_lock, _left(deadline))
                yield connection


@contextmanager
def write_lock_sync(bind: Engine | Connection, timeout: float | None = None) -> Iterator[Connection]:
    """Wait for the turn to write and lend a connection in a transaction, which commits at the end of the block.

    Parameters
    ----------
    bind
        An engine made by `make_sync_engine`, or one of its connections that is in no transaction (its temporary
        tables, if any, are there within the turn).
    timeout
        Longest wait, seconds; null: without limit, as long as the holder lives.

    Raises
    ------
    WriteBusy
        If the turn did not come in time.
    DatabaseUnavailable
        If the database is away, full or not set up, then or at the commit.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with outages_named(), _file_lock_sync(_url(bind.engine), deadline), _connection(bind) as connection:
        connection.execution_options(**{IMMEDIATE: True})
        try:
            with connection.begin():
                _take_advisory_lock(connection, _left(deadline))
                yield connection
        finally:
            connection.execution_options(**{IMMEDIATE: False})


@contextmanager
def upkeep_lock_sync(engine: Engine) -> Iterator[Connection]:
    """Wait for the turn to write and lend a connection on which each statement stands alone, outside any transaction.

    For what a database does in no transaction, such as rewriting its files, while nobody else writes.

    Raises
    ------
    DatabaseUnavailable
        If the database is away, full or not set up.
    """
    with outages_named(), _file_lock_sync(_url(engine), None), engine.connect() as connection:
        connection.execution_options(isolation_level=AUTOCOMMIT)
        if is_sqlite(_url(engine)):
            yield connection
            return
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
        try:
            yield connection
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})


def _url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)


def _busy() -> WriteBusy:
    return WriteBusy("Another change or import holds the registry; nothing was changed. Ask again later.")


def _connection(bind: Engine | Connection) -> AbstractContextManager[Connection]:
    return bind.connect() if isinstance(bind, Engine) else nullcontext(bind)


@asynccontextmanager
async def _turnstile(engine: AsyncEngine, deadline: float) -> AsyncIterator[None]:
    lock: asyncio.Lock = engine.sync_engine.get_execution_options()[TURNSTILE]
    try:
        async with asyncio.timeout(_left(deadline)):
            await lock.acquire()
    except TimeoutError as error:
        raise _busy() from error
    try:
        yield
    finally:
        lock.release()


def _lock_files(url: str) -> tuple[str, str]:
    database = sqlite_path(url)
    return f"{database}.queue.lock", f"{database}.lock"


def _file_lock(url: str, deadline: float) -> AbstractAsyncContextManager[None]:
    return _held_file(url, deadline) if is_sqlite(url) else nullcontext()


@asynccontextmanager
async def _held_file(url: str, deadline: float) -> AsyncIterator[None]:
    door, turn = (AsyncFileLock(path, poll_interval=_POLL_SECONDS) for path in _lock_files(url))
    try:
        async with await door.acquire(timeout=_left(deadline)):
            await turn.acquire(timeout=_left(deadline))
    except Timeout as error:
        raise _busy() from error
    try:
        yield
    finally:
        await turn.release()


def _file_lock_sync(url: str, deadline: float | None) -> AbstractContextManager[None]:
    return _held_file_sync(url, deadline) if is_sqlite(url) else nullcontext()


@contextmanager
def _held_file_sync(url: str, deadline: float | None) -> Iterator[None]:
    door, turn = (FileLock(path, poll_interval=_POLL_SECONDS) for path in _lock_files(url))
    try:
        with door.acquire(timeout=_seconds(deadline)):
            turn.acquire(timeout=_seconds(deadline))
    except Timeout as error:
        raise _busy() from error
    try:
        yield
    finally:
        turn.release()


def _seconds(deadline: float | None) -> float:
    left = _left(deadline)
    return -1 if left is None else left


def _take_advisory_lock(connection: Connection, wait: float | None) -> None:
    if connection.dialect.name == "sqlite":
        return
    milliseconds = 0 if wait is None else max(int(wait * 1000), 1)
    try:
        connection.execute(_SET_LOCK_TIMEOUT, {"wait": f"{milliseconds}ms"})
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        connection.execute(_SET_LOCK_TIMEOUT, {"wait": "0"})
    except OperationalError as error:
        if sqlstate(error) == _LOCK_NOT_AVAILABLE:
            raise _busy() from error
        raise


_SET_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', :wait, true)")
"""For this transaction only; 0 is no limit."""


def raise_revision(connection: Connection) -> int:
    """Raise the revision within the transaction of a change, and return the new one; async: `run_sync(bump)`.

    Every transaction that changes the registry calls this once, so that whoever checked an older state can tell.
    """
    table = METADATA.tables["registry_revision"]
    values = {"revision": table.c.revision + 1, "changed_at": datetime.now(UTC)}
    return int(connection.execute(update(table).values(values).returning(table.c.revision)).scalar_one())


def current_revision(connection: Connection) -> int:
    """Return the revision that this transaction sees, 0 after the first migration; async: `run_sync(current)`."""
    return int(connection.execute(select(METADATA.tables["registry_revision"].c.revision)).scalar_one())
