"""The registry as visible to a key with a limited scope: for dry runs, which could reveal rows outside one by one.

Temporary tables have the names of the registry's, so that all rules, differences and counts of the connection use
them. They contain the rows inside; rows elsewhere that these refer to, such as the branch above, without location; and
no tombstones.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    false,
    insert,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.schema import CreateTable

from app.database.tables import METADATA
from app.imports.rules.scopes import NAMED, territory
from app.registry.territory import BELONGS_TO, Territory, is_attached

_OF_NOBODY = "tombstone"


def show_inside_alone(connection: Connection, scope: frozenset[str], today: date) -> None:
    """Replace the registry by what lies inside a scope, for this connection until it is closed."""
    inside = territory(connection, scope, today)
    assert inside is not None
    made = [_made(connection, METADATA.tables[name], inside) for name in (*BELONGS_TO, _OF_NOBODY)]
    # Only now: from here on the names refer to the new tables.
    for table, name in made:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def _made(connection: Connection, table: Table, inside: Territory) -> tuple[str, str]:
    name = f"inside_{table.name}"
    columns = [Column(it.name, it.type, primary_key=it.primary_key, autoincrement=False) for it in table.columns]
    copy = Table(name, MetaData(), *columns, prefixes=["TEMPORARY"])
    connection.execute(CreateTable(copy))
    for rows in _rows(table, inside):
        connection.execute(insert(copy).from_select([column.name for column in table.columns], rows))
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {name}"))
    return name, table.name


def _rows(table: Table, inside: Territory) -> Iterator[Select[tuple[object, ...]]]:
    """Yield the statements of the visible rows: those inside, and those that these refer to, without location."""
    if table.name == _OF_NOBODY:
        yield select(table).where(false())
        return
    known = _known(table, inside)
    yield select(table).where(known)
    for named in _named_by(table.name, inside):
        places = [null() if column.name == "district_code" else column for column in table.columns]
        yield select(*places).where(~known, table.c.code.in_(named))
        known = or_(known, table.c.code.in_(named))


def _known(table: Table, inside: Territory) -> ColumnElement[bool]:
    belongs = inside.row(table.name, table)
    return or_(belongs, ~is_attached(table.c.ref)) if table.name == "member" else belongs


def _named_by(table: str, inside: Territory) -> Iterator[Select[tuple[str]]]:
    """Yield the statements of the codes of a table that rows inside refer to."""
    for naming, (column, of) in NAMED.items():
        if of == table:
            rows = METADATA.tables[naming].alias("naming")
            yield select(rows.c[column]).where(rows.c[column].is_not(None), inside.row(naming, rows))
