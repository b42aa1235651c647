"""The schema of the registry, up and down; the same from the source tree and from an installed wheel."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from alembic import command
from app.database.engines import is_sqlite, make_sync_engine, sqlite_path
from app.database.outages import outages_named
from app.database.write_lock import write_lock_sync

_LOCK_SECONDS = 600
"""A migration waits this long for the write lock; another migration or an import may hold it."""

_READERS_SECONDS = 30
"""On PostgreSQL it waits this long for readers of a table that it alters; meanwhile new readers wait too."""


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database to the newest schema, all or nothing; creates a missing SQLite file and its folder.

    Parameters
    ----------
    revision
        An older schema to stop at.

    Raises
    ------
    WriteBusy
        Another writer held the write lock for ten minutes.
    DatabaseUnavailable
        The database is unavailable or full, or readers held a table for longer than a migration waits.
    """
    if is_sqlite(url):
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    with _configured(url) as config:
        command.upgrade(config, revision)


def downgrade(url: str, revision: str) -> None:
    """Migrate the database back to an older schema, `base` for none; data that only the newer one holds are lost.

    Raises
    ------
    WriteBusy, DatabaseUnavailable
        As for `upgrade`.
    """
    with _configured(url) as config:
        command.downgrade(config, revision)


def is_current(url: str) -> bool:
    """Say whether the database has the newest schema; creates no SQLite file.

    Raises
    ------
    DatabaseUnavailable
        The database is unavailable.
    """
    if is_sqlite(url) and not sqlite_path(url).exists():
        return False
    engine = make_sync_engine(url)
    try:
        with outages_named(), engine.connect() as connection:
            present = set(MigrationContext.configure(connection).get_current_heads())
    finally:
        engine.dispose()
    return present == {newest_revision()}


def newest_revision() -> str:
    """Return the revision of the newest schema."""
    return known_revisions()[0]


def known_revisions() -> tuple[str, ...]:
    """Return the revisions of all schemas that this version knows, the newest first."""
    return tuple(script.revision for script in ScriptDirectory(str(_scripts())).walk_revisions())


@contextmanager
def _configured(url: str) -> Iterator[Config]:
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = make_sync_engine(url)
    try:
        with write_lock_sync(engine, _LOCK_SECONDS) as connection:
            _limit_waiting(connection)
            config.attributes["connection"] = connection
            yield config
    finally:
        engine.dispose()


def _limit_waiting(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_READERS_SECONDS}s'"))


def _scripts() -> Path:
    installed = Path(__file__).parent / "alembic"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"
