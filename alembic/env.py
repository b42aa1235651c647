"""Alembic's environment: runs on the connection that it is given, or on the settings' database under the write lock."""

import warnings

from sqlalchemy import Connection

from alembic import context
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.database.write_lock import write_lock_sync


def run(connection: Connection) -> None:
    """Run the migrations, or compare for `check`, in the transaction of the connection."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        # SQLite alters a table only by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with warnings.catch_warnings(), context.begin_transaction():
        # SQLite cannot reflect this unique key of coverage; tests check what it does.
        warnings.filterwarnings("ignore", ".*expression-based index.*uq_(enterprise_coverage|target)_key")
        context.run_migrations()


def run_on_settings_database() -> None:
    """Run on the settings' database; for the `alembic` command in the source tree."""
    engine = make_sync_engine(Settings().registry_url)
    with write_lock_sync(engine) as connection:
        run(connection)
    engine.dispose()


if context.is_offline_mode():
    context.configure(url=Settings().registry_url, target_metadata=METADATA, literal_binds=True)
    context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    run_on_settings_database()
