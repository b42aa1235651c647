"""The write itself: what goes, what changes, what is new, each as one statement."""

from dataclasses import dataclass

from sqlalchemy import (
    CompoundSelect,
    Connection,
    FromClause,
    case,
    delete,
    except_,
    exists,
    func,
    insert,
    select,
    union,
    update,
)

from app.imports.indexes import indexes_aside
from app.imports.options import ImportMode
from app.imports.prospect import Incoming, Prospect
from app.imports.staging import count_rows
from app.imports.targets import same_key


@dataclass(frozen=True)
class Tally:
    """What an import does, in rows: of the file (`inserted`, `changed`, `unchanged`) and of the registry (`deleted`).

    `touches` says whether anything is written at all.
    """

    inserted: int
    changed: int
    unchanged: int
    deleted: int
    touches: bool


def tally(connection: Connection, prospect: Prospect) -> Tally:
    """Count what an import would do.

    A row of the file is inserted where its own row of the registry is new, else changed where anything that it says
    differs (of a ledger, of the enterprise too).
    """
    own = prospect.own
    good = count_rows(connection, prospect.stage.chosen())
    gone = 0 if own.gone is None else count_rows(connection, select(own.gone))
    touches_parts = any(part.gone is not None for part in prospect.incoming)
    if prospect.options.mode is ImportMode.DELETE:
        return Tally(0, 0, good - gone, gone, touches=bool(gone) or touches_parts)
    if all(incoming.is_first for incoming in prospect.incoming):
        return Tally(good, 0, 0, 0, touches=bool(good))
    inserted, changed = _new_and_changed(connection, prospect)
    return Tally(inserted, changed, good - inserted - changed, gone, bool(inserted or changed or gone) or touches_parts)


def write(connection: Connection, prospect: Prospect, done: Tally) -> None:
    """Bring the registry to what the prospect says; within the turn to write, and of the state that it was made of."""
    own = prospect.own
    with indexes_aside(connection, own.target.table, done.inserted + done.changed):
        for incoming in prospect.incoming:
            _delete(connection, incoming)
            if not incoming.is_first and (done.changed or incoming is not own):
                _update(connection, incoming)
            if done.inserted or incoming is not own:
                _insert(connection, incoming)


def _new_and_changed(connection: Connection, prospect: Prospect) -> tuple[int, int]:
    own = prospect.own.rows
    numbers = select(func.count(case((own.c.is_new, 1))), func.count()).select_from(own)
    new, touched = connection.execute(numbers).one()
    is_whole = prospect.own is prospect.incoming[0]
    return new, touched - new if is_whole else count_rows(connection, _changed(prospect))


def _changed(prospect: Prospect) -> CompoundSelect[int]:
    """Return the rows of the file that are not new themselves, but change something, if only a part's row."""
    own = prospect.own.rows
    touched = union(*(select(incoming.rows.c.row_number) for incoming in prospect.incoming)).subquery("touched")
    return except_(select(touched.c.row_number), select(own.c.row_number).where(own.c.is_new))


def _delete(connection: Connection, incoming: Incoming) -> None:
    if incoming.gone is not None:
        table, target = incoming.target.table, incoming.target
        connection.execute(delete(table).where(exists().where(same_key(incoming.gone, table, target))))


def _update(connection: Connection, incoming: Incoming) -> None:
    table, target, rows = incoming.target.table, incoming.target, incoming.rows
    values = {name: rows.c[name] for name in target.columns if name not in target.key}
    if values:
        changed = update(table).values(values).where(same_key(rows, table, target), ~rows.c.is_new)
        connection.execute(changed)


def _insert(connection: Connection, incoming: Incoming) -> None:
    names = incoming.target.columns
    rows: FromClause = incoming.rows
    # In the order of the key an index grows at its end only; in any other order that costs several times as much.
    by_key = [rows.c[name] for name in incoming.target.key]
    new = select(*(rows.c[name] for name in names)).where(rows.c.is_new).order_by(*by_key)
    connection.execute(insert(incoming.target.table).from_select(list(names), new))
