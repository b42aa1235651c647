"""Tables of the registry as Parquet files, from one database into another, SQLite or PostgreSQL."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Column, Connection, MetaData, Table, delete, func, insert, inspect, select, text

from app.database.outages import driver_of
from app.registry.erasure import REF_COLUMNS, Tombstones

_ROWS_AT_ONCE = 20_000

_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    date: pa.date32(),
    datetime: pa.timestamp("us", tz="UTC"),
    bool: pa.bool_(),
    int: pa.int64(),
}
"""Arrow types by the columns' Python types."""


def write_table(connection: Connection, declared: Table, file: IO[bytes]) -> int:
    """Write all rows of a table into a Parquet file, sorted by key; return their number. Instants are UTC."""
    table = _reflected(connection, declared.name)
    schema = pa.schema([(column.name, _TYPES[column.type.python_type]) for column in table.columns])
    by_key = [table.c[column.name] for column in declared.primary_key]
    rows = select(table).order_by(*by_key).execution_options(stream_results=True)
    written = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for block in connection.execute(rows).partitions(_ROWS_AT_ONCE):
            columns = zip(*block, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            written += len(block)
    file.flush()
    return written


def load_table(connection: Connection, name: str, file: IO[bytes], tombstones: Tombstones) -> int:
    """Replace all rows of a table by those of a Parquet file; return their number.

    Rows of members whose refs were erased are left out.
    """
    table = _reflected(connection, name)
    connection.execute(delete(table))
    loaded = 0
    for batch in pq.ParquetFile(file).iter_batches(_ROWS_AT_ONCE):
        rows = list(_rows(table, batch, tombstones))
        if rows:
            _insert(connection, table, rows)
        loaded += len(rows)
    _continue_sequences(connection, table)
    return loaded


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        values = [None if value is None else _in_utc(value) for value in values]
    return pa.array(values, kind)


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _reflected(connection: Connection, name: str) -> Table:
    """Return a table with the columns and types of the database, since those of the code may be newer."""
    columns = inspect(connection).get_columns(name)
    return Table(name, MetaData(), *(Column(column["name"], column["type"]) for column in columns))


def _rows(table: Table, batch: pa.RecordBatch, tombstones: Tombstones) -> Iterator[dict[str, Any]]:
    ref = REF_COLUMNS.get(table.name)
    naive = [
        column.name
        for column in table.columns
        if column.type.python_type is datetime and not getattr(column.type, "timezone", False)
    ]
    for row in batch.to_pylist():
        if ref is None or not tombstones.hold(row[ref]):
            yield row | {name: row[name] and row[name].replace(tzinfo=None) for name in naive}


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    names = [name for name in rows[0] if name in table.c]
    into = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with driver_of(connection) as driver, driver.cursor() as cursor, cursor.copy(into) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _continue_sequences(connection: Connection, table: Table) -> None:
    """Set PostgreSQL's sequences to the highest restored numbers."""
    if connection.dialect.name == "sqlite":
        return
    for column in inspect(connection).get_columns(table.name):
        if str(column.get("default", "")).startswith("nextval("):
            highest = connection.scalar(select(func.max(table.c[column["name"]])))
            if highest is not None:
                named = {"table": table.name, "column": column["name"], "highest": highest}
                connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"), named)
