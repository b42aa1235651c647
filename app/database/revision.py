"""Reading and raising the registry's revision."""

from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from app.database.tables import METADATA


def bump(connection: Connection) -> int:
    """Raise the revision within the transaction of a change, and return the new one; async: `run_sync(bump)`.

    Every transaction that changes the registry calls this once, so that whoever checked an older state can tell.
    """
    table = METADATA.tables["registry_revision"]
    values = {"revision": table.c.revision + 1, "changed_at": datetime.now(UTC)}
    return int(connection.execute(update(table).values(values).returning(table.c.revision)).scalar_one())


def current(connection: Connection) -> int:
    """Return the revision that this transaction sees, 0 after the first migration; async: `run_sync(current)`."""
    return int(connection.execute(select(METADATA.tables["registry_revision"].c.revision)).scalar_one())
