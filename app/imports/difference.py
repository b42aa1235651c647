"""The registry as it would be after an import: what differs, what goes, and what stays.

Only differences are kept, in temporary tables: a row that the registry has already as the file has it is not touched,
neither by the write nor by the rules between rows.
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
"""Columns of which a blank cell keeps what is there, in every mode, and what they hold in a new row: no blank cell
makes a withheld member known."""

_REPLACED_BY_DATE = {"enterprise_return": "reported_on"}
"""Tables of which mode `replace` replaces only the dates that the file contains."""


@dataclass(frozen=True)
class Incoming:
    """What an import does to one table.

    Parameters
    ----------
    rows
        New and changed rows as they will be: `row_number`, `is_new`, and the columns of the table; also
        `invalid_cells` where invalid rows are among them, whose unusable cells are null.
    gone
        Rows that go: their key, and the `row_number` of the file's row that names them (mode `delete`; else null).
        None where nothing goes.
    is_first
        Whether the table was empty, so that these rows are all there will be.
    """

    target: Target
    rows: FromClause
    gone: Table | None
    is_first: bool

    def coming(self) -> Select[Any]:
        """Return the rows that are certain to come: `row_number`, and the columns of the table."""
        target = self.target
        rows = select(self.rows.c.row_number, *(self.rows.c[name] for name in target.columns))
        return rows.where(*certain(self.rows, target.dataset, *(target.source[name] for name in target.key)))


@dataclass(frozen=True)
class Difference:
    """The registry as it would be after the import, by what differs from what it is."""

    stage: Stage
    options: ImportOptions
    incoming: tuple[Incoming, ...]
    territory: Territory | None = None

    @property
    def own(self) -> Incoming:
        """What the import does to the table that holds a row for each row of the file."""
        return self.incoming[-1]

    def of(self, table: str) -> Incoming | None:
        """Return what the import does to a table; null where it leaves it alone."""
        return next((incoming for incoming in self.incoming if incoming.target.table.name == table), None)

    def usable(self, rows: FromClause, *columns: str) -> Iterator[ColumnElement[bool]]:
        """Yield the condition that rows of the file have usable cells in these columns of the file."""
        return usable(rows, self.stage.dataset, *columns)

    def after(self, table: Table) -> FromClause:
        """Return the rows that a table is certain to hold: `row_number` (null: as it is now), and its columns."""
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
    """Yield the conditions that rows of a table (or of an alias of it) neither change nor go."""
    for others in (incoming.rows, incoming.gone):
        if others is not None:
            yield ~exists().where(same_key(others, rows, incoming.target))


def with_named(incoming: Incoming, rows: FromClause, column: str, name: str) -> tuple[FromClause, ColumnElement[Any]]:
    """Return rows joined to those of their own table that they will name in a column, and a value of the latter.

    By key on either side: where few rows come in, few are looked at.
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
    """Work out what an import would do with the chosen rows of its file; earlier workings-out are forgotten.

    Of a single change there is one only.

    Parameters
    ----------
    territory
        What lies inside the scope of the options; null where that is everything.
    """
    if not stage.is_change:
        forget(connection, stage)
    incoming = (_incoming(connection, stage, target, options, territory) for target in targets(stage.dataset))
    return Difference(stage, options, tuple(incoming), territory)


def forget(connection: Connection, stage: Stage) -> None:
    """Drop the temporary tables of an earlier working-out."""
    names = [name(target) for target in targets(stage.dataset) for name in (_rows_name, _gone_name)]
    several = connection.dialect.name == "postgresql"
    for part in [", ".join(names)] if several else names:
        connection.execute(text(f"DROP TABLE IF EXISTS {part}"))


def file_rows(stage: Stage, target: Target) -> FromClause:
    """Return the chosen rows of the file under the names of a table's columns, one per key of the table.

    Of several rows of a ledger for one enterprise the latest `reported_on` speaks; the names of a group are those of
    its first row (others must say the same).
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
    """Keep the rows of a statement in a temporary table, and let both databases look them up by a key.

    SQLite is told that there are `few`, lest it begin a join at the large side.
    """
    made = CreateTableAs(rows, name, temporary=True, metadata=MetaData())
    connection.execute(made)
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {name}"))
    else:
        # PostgreSQL hashes what it looks up many times; SQLite would go through all of it each time.
        connection.execute(text(f"CREATE INDEX temp.{name}_key ON {name} ({', '.join(key)})"))
        if few:
            connection.execute(text(f"ANALYZE temp.{name}"))
    # The same table of SQLAlchemy's for the same columns, so that it compiles statements of it once.
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
    """Return the rows of the file that are new or differ from the registry, as they will be."""
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
    # Of an invalid row it is not known whether it differs.
    changes += [file.c.invalid_cells != 0] if stage.holds_invalid else []
    rows = select(file.c.row_number, is_new.label("is_new"), *labelled).select_from(joined)
    return rows.where(false() if options.mode is ImportMode.DELETE else or_(is_new, *changes))


def _value(
    target: Target, name: str, file: FromClause, stage: Stage, options: ImportOptions, *, is_first: bool
) -> ColumnElement[Any]:
    """Return what a column will hold: the file's cell, what is there, or what a blank cell means."""
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
    # Written out: SQLAlchemy leaves a parameter inside IS DISTINCT FROM unbound in CREATE TABLE AS.
    if isinstance(value, bool):
        return true() if value else false()
    return literal_column(f"'{value}'", Text)


def _going(
    connection: Connection, stage: Stage, target: Target, options: ImportOptions, territory: Territory | None
) -> Select[Any] | None:
    """Return the rows of the registry that go; null where the mode removes none from this table."""
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
    """Return the rows of the registry whose key no row of the file has; a row that is left out keeps what is there.

    Null where that cannot be told: none of the file's rows is chosen, or a key among them cannot be read.
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
    """Return the industry groups named in a file of keys that keep no industry."""
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
    """Return the industries of the groups in the file that it does not list."""
    file = file_rows(stage, target)
    keys = [target.table.c[name] for name in target.key]
    rows = _unnumbered(select(*keys)).where(target.table.c.group_code.in_(select(file.c.group_code)))
    return rows.where(~exists().where(same_key(file, target.table, target)))
