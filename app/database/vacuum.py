"""Vacuum after an erasure: removing the bytes of deleted rows from the database's files.

A database only marks the space of a deleted row as free; its bytes stay until they are overwritten: in pages, indexes,
the write-ahead log and the planner's statistics. Here the files are rewritten without them.
"""

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine, text

from app.database.engines import AUTOCOMMIT, is_sqlite
from app.database.outages import outages_named
from app.database.write_lock import upkeep_lock_sync
from app.errors import TemporarilyUnavailable
from app.messages import say

_READERS_SECONDS = 600
"""Longest wait for readers of an older state, seconds; a build of ten million members reads for half a minute."""

_POLL_SECONDS = 0.2

_OLDER_READERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND age(backend_xmin) > age(cast(:seen AS xid))"
)
"""Number of connections that may still see rows deleted before the transaction `seen`."""

_SEEN = text("SELECT cast(cast(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS xid)")


class StillBeingRead(TemporarilyUnavailable):
    """The rows are deleted, but their bytes stay in the files while readers of an older state need them."""

    code = "still-being-read"
    title = "Still being read"
    retry_after = 60


def scrub(engine: Engine, tables: Sequence[str]) -> None:
    """Rewrite the files of tables, so that nothing of rows deleted before is left.

    On SQLite it is the whole file. It blocks other writers; on PostgreSQL also readers of these tables.

    Raises
    ------
    StillBeingRead
        A reader has held an older state for ten minutes; try again.
    DatabaseUnavailable
        The database is unavailable, or there is no disk space for a second copy.
    """
    if is_sqlite(engine.url.render_as_string(hide_password=False)):
        _scrub_sqlite(engine)
    else:
        _scrub_postgres(engine, tables)


def _scrub_sqlite(engine: Engine) -> None:
    with upkeep_lock_sync(engine) as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.exec_driver_sql("VACUUM")

    def is_written_back() -> bool:
        with engine.connect().execution_options(isolation_level=AUTOCOMMIT) as connection:
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        return not busy

    _await(is_written_back)


def _scrub_postgres(engine: Engine, tables: Sequence[str]) -> None:
    with outages_named(), engine.connect() as connection:
        seen = connection.scalar(_SEEN)

    def is_unread() -> bool:
        with engine.connect() as connection:
            return not connection.execute(_OLDER_READERS, {"seen": seen}).scalar_one()

    _await(is_unread)
    with upkeep_lock_sync(engine) as connection:
        connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {', '.join(tables)}")
        # The planner's statistics contain sampled values; this table belongs to the database's owner.
        connection.exec_driver_sql("VACUUM FULL pg_catalog.pg_statistic")


def _await(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READERS_SECONDS
    with outages_named():
        while not is_done():
            if time.monotonic() > deadline:
                message = say(
                    "The rows are deleted, but a reader still uses an older state; try again when it has ended."
                )
                raise StillBeingRead(message)
            time.sleep(_POLL_SECONDS)
