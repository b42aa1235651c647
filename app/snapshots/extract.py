"""Extracting the registry: the columns that the rules need, streamed with ADBC in one read transaction, to Parquet.

Runs in its own process: ADBC and Python's `sqlite3` in one process would defeat SQLite's file locks.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Boolean, Column, Date, Integer, Table

from app.database.engines import adbc_uri, is_sqlite
from app.database.outages import outages_of_extraction_named
from app.database.tables import METADATA

EXTRACTED = (
    "district",
    "industry",
    "industry_group",
    "industry_group_industry",
    "enterprise",
    "enterprise_return",
    "enterprise_coverage",
    "branch",
    "branch_return",
    "target",
    "member",
    "employment",
    "affiliation",
)
"""The tables that a snapshot is computed from."""

_BATCH_ROWS = 65_536
"""Rows per batch from SQLite and per row group; the driver's default of 1,024 makes a build take 1.6 times as long."""

Report = Callable[[int], None]


def extract(url: str, folder: Path, report: Report) -> None:
    """Write one Parquet file per table into the folder, all of one state of the registry.

    Parameters
    ----------
    url
        SQLAlchemy URL of the registry.
    folder
        Target folder; the files are `<table>.parquet`.
    report
        Called with the number of tables done.

    Raises
    ------
    DatabaseUnavailable
        The database is unavailable, damaged or not migrated.
    """
    sqlite = is_sqlite(url)
    with (
        outages_of_extraction_named(),
        closing(_connect(url, sqlite=sqlite)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        if sqlite:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": _BATCH_ROWS})
        else:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for done, name in enumerate(EXTRACTED, start=1):
            cursor.execute(_selection(METADATA.tables[name], sqlite=sqlite))
            _stream(cursor.fetch_record_batch(), folder / f"{name}.parquet")
            report(done)
        connection.rollback()


def view(table: str, file: Path, url: str) -> str:
    """Return the SQL that creates a DuckDB view of an extracted file with the registry's types."""
    columns = METADATA.tables[table].columns
    restored = [_restored(column) if is_sqlite(url) else _quoted(column) for column in columns if column.name != "id"]
    path = str(file).replace("'", "''")
    return f"CREATE VIEW {table} AS SELECT {', '.join(restored)} FROM read_parquet('{path}')"


def _connect(url: str, *, sqlite: bool) -> Any:
    if sqlite:
        from adbc_driver_sqlite import dbapi as sqlite_dbapi  # noqa: PLC0415 - only the driver in use is loaded

        return sqlite_dbapi.connect(adbc_uri(url))
    from adbc_driver_postgresql import dbapi as postgresql_dbapi  # noqa: PLC0415 - as above

    return postgresql_dbapi.connect(adbc_uri(url))


def _selection(table: Table, *, sqlite: bool) -> str:
    columns = [
        f"coalesce({column.name}, '') AS {column.name}" if sqlite and _is_text(column) else _quoted(column)
        for column in table.columns
        if column.name != "id"
    ]
    return f"SELECT {', '.join(columns)} FROM {table.name}"


def _is_text(column: Column[Any]) -> bool:
    return not isinstance(column.type, Integer | Boolean)


def _restored(column: Column[Any]) -> str:
    text = f"nullif(CAST({column.name} AS VARCHAR), '')"  # columns of an empty table are integers
    if isinstance(column.type, Date):
        return f"CAST({text} AS DATE) AS {column.name}"
    if isinstance(column.type, Boolean):
        return f"CAST({column.name} AS BOOLEAN) AS {column.name}"
    if isinstance(column.type, Integer):
        return f"CAST({column.name} AS INTEGER) AS {column.name}"
    return f"{text} AS {column.name}"


def _quoted(column: Column[Any]) -> str:
    return column.name


def _stream(reader: Any, path: Path) -> None:
    """Write each batch while the next is read: both release the interpreter's lock, so each has a core."""
    with (
        pq.ParquetWriter(path, reader.schema, compression="zstd", compression_level=1) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        writing: Future[None] | None = None
        for batch in reader:
            if writing is not None:
                writing.result()
            writing = pool.submit(writer.write_batch, batch)
        if writing is not None:
            writing.result()
