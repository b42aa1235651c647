"""Extracting the registry: the columns that the rules need, streamed with ADBC in one read transaction, to Parquet.

Runs in its own process: ADBC and Python's `sqlite3` in one process would defeat SQLite's file locks.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Boolean, Column, Date, Integer, Table

from app.database.engines import adbc_uri, is_sqlite
from app.database.outages import outages_of_extraction_named, streamed
from app.database.tables import METADATA
from app.read_ahead import read_ahead

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

_FILE_BYTES = 128 * 1024**2
"""Size beyond which a table goes on in another file."""

_MANY_VALUES = frozenset({"code", "name", "ref", "enterprise_code", "branch_code", "member_ref"})
"""Columns of about as many values as rows, of which dictionaries would be begun in vain."""

Files = Mapping[str, tuple[str, ...]]
"""The Parquet files of each table: paths, or addresses in an object store."""


def extract(url: str, folder: Path, report: Callable[[int], None], tables: Sequence[str] = EXTRACTED) -> Files:
    """Write the tables into the folder, all of one state of the registry; return their files.

    Parameters
    ----------
    url
        SQLAlchemy URL of the registry.
    folder
        Target folder; the files are `<table>-<number>.parquet`, the same from every database.
    report
        Called with the number of tables done.

    Raises
    ------
    DatabaseUnavailable
        The database is unavailable, damaged or not migrated.
    """
    sqlite = is_sqlite(url)
    files = {}
    with (
        outages_of_extraction_named(),
        closing(_connect(url, sqlite=sqlite)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        if sqlite:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": _BATCH_ROWS})
        else:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for done, name in enumerate(tables, start=1):
            cursor.execute(_selection(METADATA.tables[name], sqlite=sqlite))
            files[name] = _stream(cursor.fetch_record_batch(), folder, name)
            report(done)
        connection.rollback()
    return files


def columns_of(table: str) -> list[Column[Any]]:
    """Return the columns of a table that are extracted."""
    return [column for column in METADATA.tables[table].columns if column.name != "id"]


def schema_of(table: str) -> pa.Schema:
    """Return the Arrow schema of an extracted table."""
    return pa.schema([(column.name, _type(column)) for column in columns_of(table)])


class TableWriter:
    """Writer of the Parquet files of a table; a context manager.

    Parameters
    ----------
    folder
        An existing folder.
    table
        Name of the table.
    """

    def __init__(self, folder: Path, table: str) -> None:
        self._folder, self._table, self._schema = folder, table, schema_of(table)
        self._paths: list[Path] = []
        self._open()

    @property
    def files(self) -> tuple[str, ...]:
        """The files, whole once the writer is closed."""
        return tuple(map(str, self._paths))

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the last file in any case."""
        self._close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows as a row group, with the registry's types; an empty text is null, which SQLite gave as such."""
        if self._file.tell() > _FILE_BYTES:
            self._close()
            self._open()
        columns = [_typed(batch.column(field.name), field) for field in self._schema]
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))

    def _open(self) -> None:
        self._paths.append(self._folder / f"{self._table}-{len(self._paths):04}.parquet")
        self._file = pa.OSFile(str(self._paths[-1]), "wb")
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in self._schema.names if name not in _MANY_VALUES],
        )

    def _close(self) -> None:
        self._writer.close()
        self._file.close()


def _connect(url: str, *, sqlite: bool) -> Any:
    if sqlite:
        from adbc_driver_sqlite import dbapi as sqlite_dbapi  # noqa: PLC0415 - only the driver in use is loaded

        return sqlite_dbapi.connect(adbc_uri(url))
    from adbc_driver_postgresql import dbapi as postgresql_dbapi  # noqa: PLC0415 - as above

    return postgresql_dbapi.connect(adbc_uri(url))


def _selection(table: Table, *, sqlite: bool) -> str:
    columns = [
        f"coalesce({column.name}, '') AS {column.name}" if sqlite and _is_text(column) else column.name
        for column in columns_of(table.name)
    ]
    return f"SELECT {', '.join(columns)} FROM {table.name}"


def _is_text(column: Column[Any]) -> bool:
    return not isinstance(column.type, Integer | Boolean)


def _type(column: Column[Any]) -> pa.DataType:
    if isinstance(column.type, Date):
        return pa.date32()
    if isinstance(column.type, Boolean):
        return pa.bool_()
    return pa.int32() if isinstance(column.type, Integer) else pa.string()


def _typed(values: pa.Array, field: pa.Field) -> pa.Array:
    if values.type == pa.string():
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    elif field.type == pa.date32() and values.type != pa.date32():
        values = values.cast(pa.string())  # columns of an empty table are integers
    return values.cast(field.type)


def _stream(reader: Any, folder: Path, table: str) -> tuple[str, ...]:
    """Write each batch while the next is read: both release the interpreter's lock, so each has a core."""
    with TableWriter(folder, table) as writer, closing(read_ahead(streamed(reader))) as batches:
        for batch in batches:
            writer.write(batch)
    return writer.files
