"""Indexes set aside while many rows are written, and built anew from all of them: a third of the time, or less."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

MANY_ROWS = 50_000
"""Rows from which on it can pay."""

_LEAST_SHARE = 0.3
"""Share of a table's rows, as they will be, that must be written for it to pay."""

_WAIT = "2s"
"""How long the readers of the table are waited for; new ones wait meanwhile, and until the import's end."""


@contextmanager
def indexes_aside(connection: Connection, table: Table, written: int) -> Iterator[bool]:
    """Write rows without the indexes of their table where that pays; they are there again at the end of the block.

    Only on PostgreSQL, and only if nobody reads the table for long: a snapshot being built, for example. If the
    transaction fails, the indexes were never gone.

    Parameters
    ----------
    written
        Rows that will be inserted or changed.

    Yields
    ------
    bool
        Whether the indexes are away.
    """
    away = connection.dialect.name == "postgresql" and _pays(connection, table, written) and _dropped(connection, table)
    yield away
    if away:
        connection.execute(AddConstraint(table.primary_key, isolate_from_table=False))
        for index in table.indexes:
            connection.execute(CreateIndex(index))


def _pays(connection: Connection, table: Table, written: int) -> bool:
    if written < MANY_ROWS:
        return False
    there = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return written >= _LEAST_SHARE * (there + written)


def _dropped(connection: Connection, table: Table) -> bool:
    """Drop the indexes; return whether that could be had at once."""
    savepoint = connection.begin_nested()
    try:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
        connection.execute(DropConstraint(table.primary_key, isolate_from_table=False))
        for index in table.indexes:
            connection.execute(DropIndex(index))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
    except (OperationalError, ProgrammingError):
        # Somebody reads the table, or it belongs to another role: the rows are written with their indexes.
        savepoint.rollback()
        return False
    savepoint.commit()
    return True
