"""Writing an import: deleted, changed and new rows, each in one statement.

For many rows, indexes are dropped and rebuilt, which takes a third of the time, or less.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Table,
    case,
    delete,
    except_,
    exists,
    func,
    insert,
    select,
    text,
    union,
    update,
)
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from app.imports.difference import Difference, Incoming
from app.imports.options import ImportMode, OnError
from app.imports.staging import count_rows
from app.imports.targets import same_key

MANY_ROWS = 50_000
"""Least number of rows for which it can be faster."""

_LEAST_SHARE = 0.3
"""Least share of a table's new rows to be written for which it is faster."""

_WAIT = "2s"
"""Longest wait for readers of the table; new readers wait meanwhile, and until the import ends."""


@contextmanager
def indexes_dropped(connection: Connection, table: Table, written: int) -> Iterator[bool]:
    """Write rows without the indexes of their table if that is faster; they are rebuilt at the end of the block.

    On SQLite the primary key stays, since it cannot be dropped. On PostgreSQL only if no reader, such as a build, holds
    the table for long. If the transaction fails, the indexes remain as they were.

    Parameters
    ----------
    written
        Rows that will be inserted or changed.

    Yields
    ------
    bool
        Whether the indexes are dropped.
    """
    away = _pays(connection, table, written) and _dropped(connection, table)
    yield away
    if away:
        if connection.dialect.name == "postgresql":
            connection.execute(AddConstraint(table.primary_key, isolate_from_table=False))
        for index in table.indexes:
            connection.execute(CreateIndex(index))


def _pays(connection: Connection, table: Table, written: int) -> bool:
    if written < MANY_ROWS:
        return False
    there = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return written >= _LEAST_SHARE * (there + written)


def _dropped(connection: Connection, table: Table) -> bool:
    """Drop the indexes; return whether it succeeded without a long wait."""
    if connection.dialect.name == "sqlite":
        for index in table.indexes:
            connection.execute(DropIndex(index))
        return True
    savepoint = connection.begin_nested()
    try:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
        connection.execute(DropConstraint(table.primary_key))
        for index in table.indexes:
            connection.execute(DropIndex(index))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
    except (OperationalError, ProgrammingError):
        # A reader holds the table, or it belongs to another role: rows are written with the indexes.
        savepoint.rollback()
        return False
    savepoint.commit()
    return True


@dataclass(frozen=True)
class Tally:
    """What an import does, in rows: of the file (`inserted`, `changed`, `unchanged`) and of the registry (`deleted`).

    `touches` says whether anything is written.
    """

    inserted: int
    changed: int
    unchanged: int
    deleted: int
    touches: bool


def tally(connection: Connection, difference: Difference) -> Tally:
    """Count what an import would do.

    A row of the file is inserted if its own row of the registry is new, else changed if any of its values differs
    (for a ledger, also those of the enterprise).
    """
    own = difference.own
    skips = difference.options.on_error is OnError.SKIP
    good = count_rows(connection, difference.stage.chosen()) if skips else difference.stage.rows
    gone = 0 if own.gone is None else count_rows(connection, select(own.gone))
    touches_parts = any(part.gone is not None for part in difference.incoming)
    if difference.options.mode is ImportMode.DELETE:
        return Tally(0, 0, good - gone, gone, touches=bool(gone) or touches_parts)
    if all(incoming.is_first for incoming in difference.incoming):
        return Tally(good, 0, 0, 0, touches=bool(good))
    inserted, changed = _new_and_changed(connection, difference)
    return Tally(inserted, changed, good - inserted - changed, gone, bool(inserted or changed or gone) or touches_parts)


def write(connection: Connection, difference: Difference, done: Tally) -> None:
    """Apply the differences to the registry; under the write lock, and in the state for which they were computed."""
    own = difference.own
    with indexes_dropped(connection, own.target.table, done.inserted + done.changed) as dropped:
        for incoming in difference.incoming:
            _delete(connection, incoming)
            if not incoming.is_first and (done.changed or incoming is not own):
                _update(connection, incoming)
            if done.inserted or incoming is not own:
                # In key order an index grows only at its end; any other order takes several times as long.
                in_order = not (dropped and incoming is own) or connection.dialect.name == "sqlite"
                _insert(connection, incoming, in_order=in_order)


def _new_and_changed(connection: Connection, difference: Difference) -> tuple[int, int]:
    own = difference.own.rows
    numbers = select(func.count(case((own.c.is_new, 1))), func.count()).select_from(own)
    new, touched = connection.execute(numbers).one()
    is_whole = difference.own is difference.incoming[0]
    return new, touched - new if is_whole else count_rows(connection, _changed(difference))


def _changed(difference: Difference) -> CompoundSelect[int]:
    """Return the rows of the file that are not new themselves but change something, if only the row of a part."""
    own = difference.own.rows
    touched = union(*(select(incoming.rows.c.row_number) for incoming in difference.incoming)).subquery("touched")
    return except_(select(touched.c.row_number), select(own.c.row_number).where(own.c.is_new))


def _delete(connection: Connection, incoming: Incoming) -> None:
    if incoming.gone is not None:
        table, target, gone = incoming.target.table, incoming.target, incoming.gone
        going: ColumnElement[bool] = exists().where(same_key(gone, table, target))
        if len(target.key) == 1:  # SQLite would scan the whole table otherwise
            going = table.c[target.key[0]].in_(select(gone.c[target.key[0]]))
        connection.execute(delete(table).where(going))


def _update(connection: Connection, incoming: Incoming) -> None:
    table, target, rows = incoming.target.table, incoming.target, incoming.rows
    values = {name: rows.c[name] for name in target.columns if name not in target.key}
    if values:
        changed = update(table).values(values).where(same_key(rows, table, target), ~rows.c.is_new)
        connection.execute(changed)


def _insert(connection: Connection, incoming: Incoming, *, in_order: bool) -> None:
    names = incoming.target.columns
    rows: FromClause = incoming.rows
    by_key = [rows.c[name] for name in incoming.target.key] if in_order else []
    new = select(*(rows.c[name] for name in names)).where(rows.c.is_new).order_by(*by_key)
    connection.execute(insert(incoming.target.table).from_select(list(names), new))
