"""The classifications that ship with the product, and loading them; `README.md` says where they come from."""

import csv
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select

from app.database.engines import make_sync_engine
from app.database.write_lock import raise_revision, write_lock_sync
from app.registry.entities import DISTRICTS, INDUSTRIES, Entity

_LONGEST_WAIT_SECONDS = 600
"""Longest wait for another writer."""


@dataclass(frozen=True)
class LoadedClassifications:
    """Numbers of loaded rows; 0 if the registry had some already."""

    districts: int
    industries: int


def load_classifications(url: str) -> LoadedClassifications:
    """Load the shipped districts and industries, each only if the registry has none; the other is unchanged.

    Parameters
    ----------
    url
        URL of a migrated database.

    Raises
    ------
    WriteBusy
        If another writer held the write lock for ten minutes.
    DatabaseUnavailable
        If the database is unavailable or not migrated.
    """
    engine = make_sync_engine(url)
    try:
        with write_lock_sync(engine, _LONGEST_WAIT_SECONDS) as connection:
            loaded = LoadedClassifications(_load(connection, DISTRICTS), _load(connection, INDUSTRIES))
            if loaded.districts or loaded.industries:
                raise_revision(connection)
            return loaded
    finally:
        engine.dispose()


def shipped_rows(entity: Entity) -> list[dict[str, str | None]]:
    """Return the shipped rows of districts or industries, by the columns of their table; null for a blank cell."""
    columns = entity.table.c.keys()
    path = Path(__file__).with_name(f"{entity.name}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: row[name] or None for name in columns} for row in csv.DictReader(file)]


def _load(connection: Connection, entity: Entity) -> int:
    table: Table = entity.table
    if connection.scalar(select(table.c.code).limit(1)) is not None:
        return 0
    rows = shipped_rows(entity)
    connection.execute(insert(table), rows)
    return len(rows)
