"""A file's rows in a temporary table beside the registry, where rules between rows can check them as sets.

The table belongs to the import's own connection: no other sees it, and it is dropped with the connection, also if the
process is killed. It is filled without the write lock.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import chain
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    CompoundSelect,
    Connection,
    Date,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    false,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateTable, DropTable
from sqlalchemy.types import TypeEngine

from app.database.outages import driver_of
from app.database.tables import CODE
from app.imports.columns import REPEATED, Dataset, Kind
from app.imports.rows.checks import Chunk
from app.imports.rows.texts import Values

_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.CODE: CODE,
    Kind.REF: CODE,
    Kind.TEXT: Text(),
    Kind.ENUMERATION: Text(),
    Kind.DATE: Date(),
    Kind.MONTH: Date(),
    Kind.COUNT: Integer(),
    Kind.YEAR: Integer(),
    Kind.FRACTION: Text(),
    Kind.BOOLEAN: Boolean(),
}

_ROWS_AT_ONCE = 10_000
"""Rows converted to Python objects at a time (SQLite only)."""

_ROWS_A_STATEMENT = 32
"""Rows that one statement inserts (SQLite only): a quarter faster for narrow rows than one."""

_SETTINGS = {
    "postgresql": (
        "SET temp_buffers = '32MB'",
        "SET work_mem = '64MB'",
        "SET maintenance_work_mem = '128MB'",
        "SET default_statistics_target = 10",  # plans depend on sizes, not on values
    ),
    "sqlite": ("PRAGMA cache_size = -65536",),
}
"""Memory and planner settings of a connection that runs an import."""


@dataclass(frozen=True)
class Stage:
    """The staged rows of a file.

    Parameters
    ----------
    table
        `row_number` (header = 1), `invalid_cells` (see `imports.columns`; 0: none), `is_left_out` (a problem with other
        rows; only under `skip`), and the columns of the dataset, null if not in the file.
    present
        Names of the columns in the file.
    rows
        Number of rows, invalid ones included.
    holds_invalid
        Whether invalid rows are checked too; such a stage is never written.
    is_change
        Whether these are the rows of a single change: few, and for an industry group all its rows.
    may_conflict
        Whether rows of one member may exclude each other by their spans; false is certain, for rows without errors.
    """

    dataset: Dataset
    table: Table
    present: frozenset[str]
    rows: int = 0
    holds_invalid: bool = False
    is_change: bool = False
    may_conflict: bool = True

    def chosen(self) -> Select[Any]:
        """Return the statement of the rows to be written, as far as known, and of invalid ones if included."""
        staying = select(self.table).where(~self.table.c.is_left_out)
        return staying if self.holds_invalid else staying.where(self.table.c.invalid_cells == 0)

    def invalid_rows(self) -> Select[Any]:
        """Return the statement of the numbers of the invalid rows."""
        return select(self.table.c.row_number).where(self.table.c.invalid_cells != 0)


def prepare(connection: Connection) -> None:
    """Set memory and planner of a connection that runs an import, until it is closed."""
    for setting in _SETTINGS[connection.dialect.name]:
        connection.execute(text(setting))


def create_stage(connection: Connection, dataset: Dataset, present: frozenset[str]) -> Stage:
    """Create the temporary table for the rows of a file."""
    table = _staged(dataset, is_sqlite=_is_sqlite(connection))
    connection.execute(CreateTable(table))
    return Stage(dataset, table, present)


@cache
def _staged(dataset: Dataset, *, is_sqlite: bool) -> Table:
    """Return the table, one object for all, so that SQLAlchemy compiles its statements once."""
    columns = [Column(column.name, _TYPES[column.kind]) for column in dataset.columns]
    return Table(
        "staged",
        MetaData(),
        # On SQLite this is the rowid: no additional column or index.
        Column("row_number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=is_sqlite),
        Column("invalid_cells", Integer, nullable=False),
        Column("is_left_out", Boolean, nullable=False, server_default=false()),
        *columns,
        prefixes=["TEMPORARY"],
    )


def stage_change(connection: Connection, dataset: Dataset, chunk: Chunk) -> Stage:
    """Return the staged rows of a single change."""
    stage = create_stage(connection, dataset, chunk.present)
    flags = zip(chunk.rows.tolist(), chunk.invalid_cells.tolist(), strict=True)
    marks = ({"row_number": row, "invalid_cells": invalid, "is_left_out": False} for row, invalid in flags)
    rows = [mark | cells for mark, cells in zip(marks, chunk.table.to_pylist(), strict=True)]
    connection.execute(insert(stage.table), rows)
    return replace(stage, rows=len(rows), is_change=True)


def drop_stage(connection: Connection, stage: Stage) -> None:
    """Drop the rows of a single change; the connection remains in use."""
    connection.execute(DropTable(stage.table))


def fill(connection: Connection, stage: Stage, chunks: Iterable[Chunk], report: Callable[[Chunk, int], None]) -> int:
    """Write chunks into the stage; return the number of rows.

    Parameters
    ----------
    report
        Called after each chunk, with it and with the number of rows staged so far.
    """
    write = _sqlite_writer if _is_sqlite(connection) else _postgres_writer
    rows = 0
    with write(connection, stage) as take:
        for chunk in chunks:
            take(_staged_columns(stage, chunk))
            rows += len(chunk.rows)
            report(chunk, rows)
    if not _is_sqlite(connection):
        connection.execute(text("ANALYZE staged"))
    return rows


def index_keys(connection: Connection, stage: Stage) -> None:
    """Index the column that others refer to on SQLite; PostgreSQL uses hash joins."""
    if _is_sqlite(connection):
        connection.execute(text(f"CREATE INDEX temp.staged_key ON staged ({', '.join(stage.dataset.key)})"))


def mark_repeated(connection: Connection, stage: Stage, rows: Select[Any]) -> None:
    """Mark the rows with these numbers as having a repeated key."""
    staged = stage.table
    invalid_cells = staged.c.invalid_cells.bitwise_or(REPEATED)
    connection.execute(update(staged).where(staged.c.row_number.in_(rows)).values(invalid_cells=invalid_cells))


def leave_out(connection: Connection, stage: Stage, rows: Select[Any]) -> int:
    """Leave out the rows with these numbers; return how many were not left out before."""
    staged = stage.table
    wanted = (~staged.c.is_left_out, staged.c.row_number.in_(rows))
    return connection.execute(update(staged).where(*wanted).values(is_left_out=True)).rowcount


def take_back(connection: Connection, stage: Stage) -> None:
    """Include the rows again that were left out for problems with other rows, before these are checked again."""
    staged = stage.table
    connection.execute(update(staged).where(staged.c.is_left_out).values(is_left_out=False))


def count_rows(connection: Connection, rows: Select[Any] | CompoundSelect[Any]) -> int:
    """Return the number of rows of a statement."""
    return int(connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one())


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _staged_columns(stage: Stage, chunk: Chunk) -> dict[str, Values]:
    columns = {"row_number": pa.array(chunk.rows), "invalid_cells": pa.array(chunk.invalid_cells)}
    return columns | {name: chunk.table.column(name).combine_chunks() for name in _brought(stage)}


def _brought(stage: Stage) -> list[str]:
    return [column.name for column in stage.dataset.columns if column.name in stage.present]


def _names(stage: Stage) -> str:
    return ", ".join(["row_number", "invalid_cells", *_brought(stage)])


@contextmanager
def _postgres_writer(connection: Connection, stage: Stage) -> Iterator[Callable[[dict[str, Values]], None]]:
    plain = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
    with (
        driver_of(connection) as driver,
        driver.cursor() as cursor,
        cursor.copy(f"COPY staged ({_names(stage)}) FROM STDIN (FORMAT csv)") as copy,
    ):

        def take(columns: dict[str, Values]) -> None:
            block = BytesIO()
            arrow_csv.write_csv(pa.table(columns), block, plain)
            copy.write(block.getbuffer())

        yield take


@contextmanager
def _sqlite_writer(connection: Connection, stage: Stage) -> Iterator[Callable[[dict[str, Values]], None]]:
    width = 2 + len(_brought(stage))
    row = f"({', '.join('?' * width)})"
    with driver_of(connection) as driver, closing(driver.cursor()) as cursor:

        def insert_rows(cells: list[Any], rows: int) -> None:
            """Insert rows of which the cells follow each other, this many by each statement."""
            statement = f"INSERT INTO staged ({_names(stage)}) VALUES {', '.join([row] * rows)}"
            places = range(0, len(cells), rows * width)
            cursor.executemany(statement, (cells[place : place + rows * width] for place in places))

        def take(columns: dict[str, Values]) -> None:
            for part in _sqlite_table(columns).to_batches(_ROWS_AT_ONCE):
                cells = list(chain.from_iterable(zip(*(column.to_pylist() for column in part.columns), strict=True)))
                whole = len(part) // _ROWS_A_STATEMENT * _ROWS_A_STATEMENT * width
                insert_rows(cells[:whole], _ROWS_A_STATEMENT)
                insert_rows(cells[whole:], 1)

        yield take


def _sqlite_table(columns: dict[str, Values]) -> pa.Table:
    """Return the columns with dates as text, as SQLite stores them."""
    dates = {name: values.cast(pa.string()) for name, values in columns.items() if pa.types.is_date(values.type)}
    return pa.table(columns | dates)
