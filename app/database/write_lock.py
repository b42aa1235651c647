"""The registry's write lock: one writer at a time, across processes; and the revision that each write raises.

On PostgreSQL it is an advisory lock of the transaction, for which the server queues. On SQLite it is a lock file beside
the database, which the system releases when the holder dies; since waiters only poll it, a second lock file lets one of
them wait at the front, whom no other overtakes. Within a process, single changes take an `asyncio.Lock` first, so that
only one of them occupies a connection while it waits.
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
from app.database.engines import AUTOCOMMIT, IMMEDIATE, PROCESS_LOCK, is_sqlite, sqlite_path
from app.database.outages import outages_named, sqlstate
from app.database.tables import METADATA
from app.errors import TemporarilyUnavailable
from app.messages import say

_LOCK_KEY = 0x6F7267636F766572
"""Number of the advisory lock: the ASCII bytes of `orgcover`."""

_POLL_SECONDS = 0.02
"""A waiter polls the lock file this often."""

_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not acquired within `lock_timeout`."""

_SET_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', :wait, true)")
"""For this transaction only; 0 is no limit."""


class WriteBusy(TemporarilyUnavailable):
    """Another writer held the write lock for longer than this one waits; nothing was changed."""

    code = "write-busy"
    title = "Registry busy"


@asynccontextmanager
async def write_lock(engine: AsyncEngine, settings: Settings) -> AsyncIterator[AsyncConnection]:
    """Acquire the write lock and open a connection in a transaction, which commits at the end of the block.

    Parameters
    ----------
    engine
        Made by `make_engine`.
    settings
        `write_wait_seconds` limits the wait.

    Raises
    ------
    WriteBusy
        The lock was not acquired in time.
    DatabaseUnavailable
        The database is unavailable, full or not migrated, then or at the commit.
    """
    deadline = time.monotonic() + settings.write_wait_seconds
    url = _url(engine.sync_engine)
    with outages_named():
        async with _process_lock(engine, deadline), _file_lock(url, deadline), engine.connect() as connection:
            await connection.execution_options(**{IMMEDIATE: True})
            async with connection.begin():
                await connection.run_sync(_take_advisory_lock, _remaining(deadline))
                yield connection


@contextmanager
def write_lock_sync(bind: Engine | Connection, timeout: float | None = None) -> Iterator[Connection]:
    """Acquire the write lock and open a connection in a transaction, which commits at the end of the block.

    Parameters
    ----------
    bind
        An engine made by `make_sync_engine`, or one of its connections outside a transaction (whose temporary tables
        are then available).
    timeout
        Longest wait, seconds; null: no limit, as long as the holder lives.

    Raises
    ------
    WriteBusy
        The lock was not acquired in time.
    DatabaseUnavailable
        The database is unavailable, full or not migrated, then or at the commit.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with outages_named(), _file_lock_sync(_url(bind.engine), deadline), _connection(bind) as connection:
        connection.execution_options(**{IMMEDIATE: True})
        try:
            with connection.begin():
                _take_advisory_lock(connection, _remaining(deadline))
                yield connection
        finally:
            connection.execution_options(**{IMMEDIATE: False})


@contextmanager
def upkeep_lock_sync(engine: Engine) -> Iterator[Connection]:
    """Acquire the write lock and open a connection in autocommit.

    For what cannot run in a transaction, such as rewriting the database's files, while nobody else writes.

    Raises
    ------
    DatabaseUnavailable
        The database is unavailable, full or not migrated.
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


def raise_revision(connection: Connection) -> int:
    """Raise the revision within the transaction of a change and return the new one; async: `run_sync(raise_revision)`.

    Every transaction that changes the registry calls this once; an import sees by it that others wrote meanwhile.
    """
    table = METADATA.tables["registry_revision"]
    values = {"revision": table.c.revision + 1, "changed_at": datetime.now(UTC)}
    return int(connection.execute(update(table).values(values).returning(table.c.revision)).scalar_one())


def current_revision(connection: Connection) -> int:
    """Return the revision in this transaction, 0 after the first migration; async: `run_sync(current_revision)`."""
    return int(connection.execute(select(METADATA.tables["registry_revision"].c.revision)).scalar_one())


def _connection(bind: Engine | Connection) -> AbstractContextManager[Connection]:
    return bind.connect() if isinstance(bind, Engine) else nullcontext(bind)


@asynccontextmanager
async def _process_lock(engine: AsyncEngine, deadline: float) -> AsyncIterator[None]:
    lock: asyncio.Lock = engine.sync_engine.get_execution_options()[PROCESS_LOCK]
    try:
        async with asyncio.timeout(_remaining(deadline)):
            await lock.acquire()
    except TimeoutError as error:
        raise _busy() from error
    try:
        yield
    finally:
        lock.release()


def _file_lock(url: str, deadline: float) -> AbstractAsyncContextManager[None]:
    return _locked_file(url, deadline) if is_sqlite(url) else nullcontext()


@asynccontextmanager
async def _locked_file(url: str, deadline: float) -> AsyncIterator[None]:
    queue, lock = (AsyncFileLock(path, poll_interval=_POLL_SECONDS) for path in _lock_files(url))
    try:
        async with await queue.acquire(timeout=_remaining(deadline)):
            await lock.acquire(timeout=_remaining(deadline))
    except Timeout as error:
        raise _busy() from error
    try:
        yield
    finally:
        await lock.release()


def _file_lock_sync(url: str, deadline: float | None) -> AbstractContextManager[None]:
    return _locked_file_sync(url, deadline) if is_sqlite(url) else nullcontext()


@contextmanager
def _locked_file_sync(url: str, deadline: float | None) -> Iterator[None]:
    queue, lock = (FileLock(path, poll_interval=_POLL_SECONDS) for path in _lock_files(url))
    try:
        with queue.acquire(timeout=_timeout(deadline)):
            lock.acquire(timeout=_timeout(deadline))
    except Timeout as error:
        raise _busy() from error
    try:
        yield
    finally:
        lock.release()


def _lock_files(url: str) -> tuple[str, str]:
    database = sqlite_path(url)
    return f"{database}.queue.lock", f"{database}.lock"


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


def _busy() -> WriteBusy:
    return WriteBusy(say("Another change or import is being written; nothing was changed. Try again later."))


def _url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _remaining(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)


def _timeout(deadline: float | None) -> float:
    remaining = _remaining(deadline)
    return -1 if remaining is None else remaining
