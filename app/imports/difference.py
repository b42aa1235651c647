"""The registry as it would be after an import: new, changed, deleted and unchanged rows.

Only differences are stored, in temporary tables: a row that is the same in file and registry is neither written nor
checked by the rules between rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    CreateTableAs,
    FromClause,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    union_all,
)

from app.imports.columns import certain, usable
from app.imports.options import ImportMode, ImportOptions
from app.imports.staging import Stage, count_rows
from app.imports.targets import Target, same_key, targets
from app.registry.territory import Territory

KEPT_WHEN_BLANK: Mapping[str, str] = {"identity": "open"}
"""Columns whose blank cells keep the registry's value in every mode, and their values in a new row: no blank cell
publishes a withheld member."""

_REPLACED_BY_DATE = {"enterprise_return": "reported_on", "branch_return": "period_on"}
"""Tables of which mode `replace` replaces only the dates in the file."""


@dataclass(frozen=True)
class Incoming:
    """What an import does to one table.

    Parameters
    ----------
    New and changed rows with their new values: `row_number`, `is_new`, and the columns of the table; also
        New and changed rows as they will be: `row_number`, `is_new`, and the columns of the table; also
        `invalid_cells` where invalid rows are among them, whose unusable cells are null.
    gone
        Rows to be deleted: their key, and the `row_number` of the file's row with that key (mode `delete`; else null).
        None if there are none.
    is_first
        Whether the table was empty, so that it will contain only these rows.
    """

    target: Target
    rows: FromClause
    gone: Table | None
    is_first: bool

    def coming(self) -> Select[Any]:
        """Return the rows that will certainly be written: `row_number`, and the columns of the table."""
        target = self.target
        rows = select(self.rows.c.row_number, *(self.rows.c[name] for name in target.columns))
        return rows.where(*certain(self.rows, target.dataset, *(target.source[name] for name in target.key)))


@dataclass(frozen=True)
class Difference:
    """The registry as it would be after the import, as differences from what it is."""

    stage: Stage
    options: ImportOptions
    incoming: tuple[Incoming, ...]
    territory: Territory | None = None

    @property
    def own(self) -> Incoming:
        """What the import does to the table with one row per row of the file."""
        return self.incoming[-1]

    def of(self, table: str) -> Incoming | None:
        """Return what the import does to a table; null if nothing."""
        return next((incoming for incoming in self.incoming if incoming.target.table.name == table), None)

    def usable(self, rows: FromClause, *columns: str) -> Iterator[ColumnElement[bool]]:
        """Yield the condition that rows of the file have usable cells in these columns of the file."""
        return usable(rows, self.stage.dataset, *columns)

    def after(self, table: Table) -> FromClause:
        """Return the rows that a table will certainly contain: `row_number` (null: unchanged row), and its columns."""
        incoming = self.of(table.name)
        if incoming is None:
            return _unnumbered(select(table)).subquery(f"{table.name}_after")
        coming = incoming.coming()
        if incoming.is_first:
            return coming.subquery(f"{table.name}_after")
        return union_all(kept(incoming), coming).subquery(f"{table.name}_after")


def kept(incoming: Incoming) -> Select[Any]:
    """Return the rows of a table that an import neither changes nor removes; `row_number` is null."""
    target = incoming.target
    rows = _unnumbered(select(*(target.table.c[name] for name in target.columns)))
    return rows.where(*stays(incoming, target.table))


def stays(incoming: Incoming, rows: FromClause) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that rows of a table (or of an alias of it) are neither changed nor deleted."""
    for others in (incoming.rows, incoming.gone):
        if others is not None:
            yield ~exists().where(same_key(others, rows, incoming.target))


def with_named(incoming: Incoming, rows: FromClause, column: str, name: str) -> tuple[FromClause, ColumnElement[Any]]:
    """Return rows joined to those rows of their own table that a column refers to, and a value of the latter.

    Joined by key on both sides, so that a small import reads few rows.
    """
    coming = incoming.coming().subquery("named_coming")
    joined = rows.outerjoin(coming, coming.c.code == rows.c[column])
    if incoming.is_first:
        return joined, coming.c[name]
    staying = incoming.target.table.alias("named_staying")
    joined = joined.outerjoin(staying, and_(staying.c.code == rows.c[column], *stays(incoming, staying)))
    return joined, func.coalesce(coming.c[name], staying.c[name])


def work_out(
    connection: Connection, stage: Stage, options: ImportOptions, territory: Territory | None = None
) -> Difference:
    """Compute what an import would do with the chosen rows of its file; replaces earlier results.

    A single change computes this only once.

    Parameters
    ----------
    territory
        What lies inside the scope of the options; null: everything.
    """
    if not stage.is_change:
        forget(connection, stage)
    incoming = (_incoming(connection, stage, target, options, territory) for target in targets(stage.dataset))
    return Difference(stage, options, tuple(incoming), territory)


def forget(connection: Connection, stage: Stage) -> None:
    """Drop the temporary tables of earlier results."""
    names = [name(target) for target in targets(stage.dataset) for name in (_rows_name, _gone_name)]
    several = connection.dialect.name == "postgresql"
    for part in [", ".join(names)] if several else names:
        connection.execute(text(f"DROP TABLE IF EXISTS {part}"))


def file_rows(stage: Stage, target: Target) -> FromClause:
    """Return the chosen rows of the file under the names of a table's columns, one per key of the table.

    Of several ledger rows of one enterprise, the one with the latest `reported_on` counts; a group has the names of
    its first row (a rule checks that the others agree).
    """
    staged = stage.chosen().subquery("chosen")
    invalid_cells = [staged.c.invalid_cells] if stage.holds_invalid else []
    columns = [*(staged.c[title].label(name) for name, title in target.source.items()), *invalid_cells]
    if not target.is_part:
        return select(staged.c.row_number, *columns).subquery("file")
    latest = [staged.c.reported_on.desc().nulls_last()] if "reported_on" in staged.c else []
    place = func.row_number().over(
        partition_by=[staged.c[target.source[name]] for name in target.key], order_by=[*latest, staged.c.row_number]
    )
    ranked = select(staged.c.row_number, *columns, place.label("place")).subquery("ranked")
    return select(ranked).where(ranked.c.place == 1).subquery("file")


def materialised(connection: Connection, rows: Select[Any], name: str, *key: str, few: bool = False) -> Table:
    """Store the rows of a statement in a temporary table with an index on a key.

    `few` gives SQLite statistics, so that it does not begin a join at the larger side.
    """
    is_postgres = connection.dialect.name == "postgresql"
    if not is_postgres and not few:
        # Rows that are then changed in the order of their own table need each of its pages once.
        rows = rows.order_by(*(rows.selected_columns[column] for column in key))
    made = CreateTableAs(rows, name, temporary=True, metadata=MetaData())
    connection.execute(made)
    if is_postgres:
        connection.execute(text(f"ANALYZE {name}"))
    else:
        # PostgreSQL uses a hash join; SQLite would scan the whole table for each row.
        connection.execute(text(f"CREATE INDEX temp.{name}_key ON {name} ({', '.join(key)})"))
        if few:
            connection.execute(text(f"ANALYZE temp.{name}"))
    # One SQLAlchemy table for the same columns, so that its statements are compiled once.
    return _MADE.setdefault((name, tuple(made.table.columns.keys())), made.table)


_MADE: dict[tuple[str, tuple[str, ...]], Table] = {}
"""Temporary tables by name and columns."""


def _rows_name(target: Target) -> str:
    return f"incoming_{target.table.name}"


def _gone_name(target: Target) -> str:
    return f"gone_{target.table.name}"


def _unnumbered(rows: Select[Any]) -> Select[Any]:
    names = [column for column in rows.selected_columns if column.name != "id"]
    return rows.with_only_columns(cast(null(), BigInteger).label("row_number"), *names)


def _incoming(
    connection: Connection, stage: Stage, target: Target, options: ImportOptions, territory: Territory | None
) -> Incoming:
    is_first = not connection.execute(select(exists().select_from(target.table))).scalar_one()
    differing = _differences(stage, target, options, is_first=is_first)
    if is_first and not target.is_part:
        return Incoming(target, differing.subquery(_rows_name(target)), None, is_first)
    few = stage.is_change
    rows = materialised(connection, differing, _rows_name(target), *target.key, few=few)
    going = None if is_first else _going(connection, stage, target, options, territory)
    gone = None if going is None else materialised(connection, going, _gone_name(target), *target.key, few=few)
    if gone is not None and not count_rows(connection, select(gone)):
        gone = None
    return Incoming(target, rows, gone, is_first)


def _differences(stage: Stage, target: Target, options: ImportOptions, *, is_first: bool) -> Select[Any]:
    """Return the rows of the file that are new or differ from the registry, with their new values."""
    file, registry = file_rows(stage, target), target.table
    values = {name: _value(target, name, file, stage, options, is_first=is_first) for name in target.columns}
    invalid_cells = [file.c.invalid_cells] if stage.holds_invalid else []
    labelled = [*(value.label(name) for name, value in values.items()), *invalid_cells]
    if is_first:
        rows = select(file.c.row_number, true().label("is_new"), *labelled)
        return rows.where(false()) if options.mode is ImportMode.DELETE else rows
    is_new = registry.c[target.key[0]].is_(None)
    changes = [value.is_distinct_from(registry.c[name]) for name, value in values.items() if name not in target.key]
    joined = file.outerjoin(registry, same_key(file, registry, target))
    # It is unknown whether an invalid row differs.
    changes += [file.c.invalid_cells != 0] if stage.holds_invalid else []
    rows = select(file.c.row_number, is_new.label("is_new"), *labelled).select_from(joined)
    return rows.where(false() if options.mode is ImportMode.DELETE else or_(is_new, *changes))


def _value(
    target: Target, name: str, file: FromClause, stage: Stage, options: ImportOptions, *, is_first: bool
) -> ColumnElement[Any]:
    """Return the new value of a column: the file's cell, the registry's value, or the meaning of a blank cell."""
    registry = target.table.c[name]
    there: ColumnElement[Any] = cast(null(), registry.type) if is_first else registry
    column = target.file_column(name)
    if column is None:
        return there
    is_present = column.name in stage.present
    if name in KEPT_WHEN_BLANK:
        return func.coalesce(*([file.c[name]] if is_present else []), there, _constant(KEPT_WHEN_BLANK[name]))
    if is_present:
        return file.c[name]
    default = column.default_when_blank
    blank = cast(null(), registry.type) if default is None else _constant(default)
    if options.mode is ImportMode.REPLACE and target.is_replaced:
        return blank
    return there if default is None else func.coalesce(there, blank)


def _constant(value: object) -> ColumnElement[Any]:
    # Literals: SQLAlchemy leaves a parameter inside IS DISTINCT FROM unbound in CREATE TABLE AS.
    if isinstance(value, bool):
        return true() if value else false()
    return literal_column(f"'{value}'", Text)


def _going(
    connection: Connection, stage: Stage, target: Target, options: ImportOptions, territory: Territory | None
) -> Select[Any] | None:
    """Return the rows of the registry to delete; null if the mode deletes none from this table."""
    if options.mode is ImportMode.UPSERT:
        whole = stage.is_change and target.table.name == "industry_group_industry"
        return _left_out_of_groups(stage, target) if whole else None
    if not target.is_replaced:
        return None
    if options.mode is ImportMode.REPLACE:
        unnamed = _unnamed_in_file(connection, stage, target)
        if unnamed is None or territory is None:
            return unnamed
        return unnamed.where(territory.row(target.table.name, target.table))
    return _emptied_groups(stage, target) if target.is_part else _named_in_file(stage, target)


def _named_in_file(stage: Stage, target: Target) -> Select[Any]:
    file = file_rows(stage, target)
    keys = [target.table.c[name] for name in target.key]
    return select(file.c.row_number, *keys).join_from(file, target.table, same_key(file, target.table, target))


def _unnamed_in_file(connection: Connection, stage: Stage, target: Target) -> Select[Any] | None:
    """Return the rows of the registry whose key is not in the file; rows that are left out count as in the file.

    Null if unknown: none of the file's rows is chosen, or a key among them cannot be read.
    """
    staged, registry = stage.table, target.table
    has_rows = count_rows(connection, select(staged).limit(1)) > 0
    if has_rows and not count_rows(connection, stage.chosen().limit(1)):
        return None
    keyed = and_(*usable(staged, stage.dataset, *(target.source[name] for name in target.key)))
    if stage.holds_invalid and count_rows(connection, select(staged).where(~keyed).limit(1)):
        return None
    named = select(*(staged.c[target.source[name]].label(name) for name in target.key)).subquery("named")
    rows = _unnumbered(select(*(registry.c[name] for name in target.key)))
    rows = rows.where(~exists().where(same_key(named, registry, target)))
    dated = _REPLACED_BY_DATE.get(registry.name)
    if dated is None:
        return rows
    chosen = stage.chosen().subquery("chosen")
    return rows.where(registry.c[dated].in_(select(chosen.c[target.source[dated]])))


def _emptied_groups(stage: Stage, target: Target) -> Select[Any]:
    """Return the industry groups that a file of keys leaves without industries."""
    own = targets(stage.dataset)[-1]
    file, registry = file_rows(stage, own), own.table
    remaining = exists().where(
        registry.c.group_code == target.table.c.code, ~exists().where(same_key(file, registry, own))
    )
    named = select(file.c.group_code, func.min(file.c.row_number).label("row_number")).group_by(file.c.group_code)
    losing = named.subquery("losing")
    joined = losing.join(target.table, target.table.c.code == losing.c.group_code)
    return select(losing.c.row_number, target.table.c.code).select_from(joined).where(~remaining)


def _left_out_of_groups(stage: Stage, target: Target) -> Select[Any]:
    """Return the industries that the file does not list for its groups."""
    file = file_rows(stage, target)
    keys = [target.table.c[name] for name in target.key]
    rows = _unnumbered(select(*keys)).where(target.table.c.group_code.in_(select(file.c.group_code)))
    return rows.where(~exists().where(same_key(file, target.table, target)))
