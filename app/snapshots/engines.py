"""Engines that answer the SQL texts over Parquet files: DuckDB in this process, or a cluster by Spark Connect.

None of this code runs in a cluster: it is given texts, reads the extracts where they lie, and writes Parquet files.
"""

import errno
import os
import secrets
import socket
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.messages import say
from app.snapshots.pool import BuildOutOfMemory, processes_of
from app.snapshots.storage import Storage, open_storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_PORT = 15002
"""The port of Spark Connect where the address has none."""

_CONNECT_SECONDS = 10

_ROWS_AT_ONCE = 20480
"""Rows that DuckDB holds of each part before it writes them; with more of them it would spill."""

_BY_PART = f"PARTITION_BY (part), APPEND, ROW_GROUP_SIZE {_ROWS_AT_ONCE}"


class EngineUnavailable(TemporarilyUnavailable):
    """The engine of builds cannot be reached or has failed; nothing is built."""

    code = "engine-unavailable"
    title = "Engine unavailable"


@dataclass(frozen=True)
class Dealing:
    """How rows are dealt out: those with one value of a column into one part of a group, with those of other tables."""

    group: str
    column: str


class Engine(Protocol):
    """Tables by name, and texts that are answered from them."""

    def divide(self, dealings: Mapping[str, Dealing], parts: int) -> None:
        """Deal out some tables, and what is kept from now on, unless the engine divides its work by itself."""

    def read(self, name: str, files: Sequence[str]) -> None:
        """Make Parquet files a table."""

    def lend(self, name: str, rows: pa.Table) -> None:
        """Make rows a table."""

    def name(self, name: str, text: str) -> None:
        """Make the answer to a text a table, to be found anew whenever it is read."""

    def answer(self, text: str) -> pa.Table:
        """Answer a text with few rows."""

    def keep(self, name: str, text: str, within: str | None = None, dealing: Dealing | None = None, /) -> None:
        """Answer a text once, and make the answer a table; it goes when the engine is closed.

        `within` a group, the text can be answered for each of its parts, and the answers are all rows.
        """

    def store(self, name: str, text: str, within: str | None = None, /) -> Path:
        """Do so, and return a Parquet file of it here that stays, or the folder of several."""


@contextmanager
def open_engine(settings: Settings, folder: Path) -> Iterator[Engine]:
    """Give the engine of the settings; `folder` is for what it writes.

    Raises
    ------
    EngineUnavailable
        The cluster cannot be reached, refuses, or fails.
    BuildOutOfMemory
        DuckDB is given too little memory.
    OSError
        The disk is full.
    """
    if settings.build_engine == "duckdb":
        with (
            _shortages_named(settings),
            TemporaryDirectory(dir=folder) as aside,
            duckdb.connect(config=_limits(Path(aside), settings)) as connection,
        ):
            connection.execute("SET enable_progress_bar = false")  # else printed on a terminal
            yield _DuckDB(connection, folder, Path(aside))
        return
    shared = open_storage(settings.spark_folder or str(folder), settings.extract_credentials_file)
    with _failures_named(settings.spark_remote):
        session = _session(settings.spark_remote)
        engine = _Spark(session, shared, folder, _place(settings))
        engine.clear()  # of a killed build
        try:
            yield engine
        finally:
            engine.clear()
            session.stop()


class _DuckDB:
    """DuckDB in this process."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, aside: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._aside = aside
        self._parts = 1
        self._dealt: dict[str, list[str]] = {}

    def divide(self, dealings: Mapping[str, Dealing], parts: int) -> None:
        self._parts = parts
        for name, dealing in dealings.items():
            self.keep(name, f"SELECT * FROM {name}", None, dealing)

    def read(self, name: str, files: Sequence[str]) -> None:
        listed = ", ".join(map(_quoted, files))
        self.name(name, f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")

    def lend(self, name: str, rows: pa.Table) -> None:
        path = self._aside / f"{name}.parquet"
        pq.write_table(rows, path)
        self.read(name, [str(path)])

    def name(self, name: str, text: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {text}")

    def answer(self, text: str) -> pa.Table:
        return self._connection.sql(text).to_arrow_table()

    def keep(self, name: str, text: str, within: str | None = None, dealing: Dealing | None = None) -> None:
        if self._parts == 1 or dealing is None:
            self._write(name, text, self._aside, within)
            return
        folder = self._aside / name
        folder.mkdir()
        dealt = f"SELECT *, hash({dealing.column}) % {self._parts} AS part FROM ({text}) AS answer"
        self._copy(f"SELECT * FROM ({text}) AS answer LIMIT 0", folder / "none.parquet")  # a part may have no file
        for part in self._each_part(within):
            self._copy(dealt, folder, f"{_BY_PART}, FILENAME_PATTERN '{part}-{{uuid}}'")
        self._dealt.setdefault(dealing.group, []).append(name)
        self._read_part(name, "*")

    def store(self, name: str, text: str, within: str | None = None) -> Path:
        return self._write(name, text, self._folder, within)

    def _write(self, name: str, text: str, folder: Path, within: str | None) -> Path:
        if self._parts == 1 or within is None:
            path = folder / f"{name}.parquet"
            self._copy(text, path)
            self.read(name, [str(path)])
            return path
        path = folder / name
        path.mkdir()
        for part in self._each_part(within):
            self._copy(text, path / f"{part}.parquet")
        self.read(name, [str(path / "*.parquet")])
        return path

    def _copy(self, text: str, path: Path, options: str = "COMPRESSION zstd") -> None:
        self._connection.execute(f"COPY ({text}) TO {_quoted(str(path))} (FORMAT parquet, {options})")

    def _each_part(self, group: str | None) -> Iterator[int]:
        """Yield the parts of a group while its tables are those of each; for none, one part that is all."""
        if group is None:
            yield 0
            return
        for part in range(self._parts):
            for name in self._dealt[group]:
                self._read_part(name, part)
            yield part
        for name in self._dealt[group]:
            self._read_part(name, "*")

    def _read_part(self, name: str, part: int | str) -> None:
        folder = self._aside / name
        self.read(name, [str(folder / "none.parquet"), *map(str, folder.glob(f"part={part}/*.parquet"))])


class _Spark:
    """A server of Spark Connect: Apache Spark, or Sail."""

    def __init__(self, session: "SparkSession", shared: Storage, folder: Path, place: str) -> None:
        self._session = session
        self._shared = shared
        self._folder = folder
        self._place = place
        self._prefix = f"{place}/{secrets.token_hex(8)}"  # the cluster may still be at work for a killed build

    def divide(self, dealings: Mapping[str, Dealing], parts: int) -> None:
        pass  # a cluster does so by itself

    def read(self, name: str, files: Sequence[str]) -> None:
        self._session.read.parquet(*files).createOrReplaceTempView(name)

    def lend(self, name: str, rows: pa.Table) -> None:
        written, place = self._folder / f"{name}.parquet", f"{self._prefix}/{name}.parquet"
        pq.write_table(rows, written, compression="zstd")
        self._shared.take(place, written)
        self.read(name, [self._shared.address(place)])

    def name(self, name: str, text: str) -> None:
        self._session.sql(text).createOrReplaceTempView(name)

    def answer(self, text: str) -> pa.Table:
        return _plain(self._session.sql(text).toArrow())

    def keep(self, name: str, text: str, _within: str | None = None, _dealing: Dealing | None = None) -> None:
        place = f"{self._prefix}/{name}"
        self._session.sql(text).write.parquet(self._shared.address(place))
        if self._shared.holds(place):
            self.read(name, [self._shared.address(place)])
        else:  # a server may write nothing where there are no rows
            self.name(name, text)

    def store(self, name: str, text: str, _within: str | None = None) -> Path:
        self.keep(name, text)
        target = self._folder / name
        target.mkdir()
        if not self._shared.copy_all(f"{self._prefix}/{name}", target):
            pq.write_table(self.answer(text), target / "none.parquet")
        return target

    def clear(self) -> None:
        """Remove from the shared storage what was written there, by killed builds too."""
        self._shared.remove_all(self._place)


def _place(settings: Settings) -> str:
    """Return the folder in the shared storage that is of the builds of these snapshots alone, one at a time."""
    noted = settings.snapshots_dir / ".spark"
    if settings.spark_folder and not noted.exists():
        noted.write_text(secrets.token_hex(8))
    return f"build-{noted.read_text()}" if settings.spark_folder else "build"


def _limits(folder: Path, settings: Settings) -> dict[str, Any]:
    return {
        "memory_limit": settings.build_memory,
        "threads": processes_of(settings),
        "temp_directory": str(folder / "spill"),
        "partitioned_write_flush_threshold": _ROWS_AT_ONCE,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _session(remote: str) -> "SparkSession":
    address = urlsplit(remote)
    try:  # the client would go on trying for many minutes
        socket.create_connection((address.hostname or "", address.port or _PORT), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise _unavailable(remote, error) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its client has not been tried by its makers with the newest pandas
            from pyspark.sql import SparkSession  # noqa: PLC0415 - of an extra

            return SparkSession.builder.remote(remote).create()
    except ImportError as missing:
        message = say("A cluster needs the extra `spark`: pip install 'orgcoverage[spark]'.")
        raise EngineUnavailable(message) from missing


@contextmanager
def _shortages_named(settings: Settings) -> Iterator[None]:
    """Raise the system's errors for DuckDB's own of a full disk and Ctrl-C; say where its memory does not suffice."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        if "max_temp_directory_size" in str(error):  # no room to put aside what does not fit
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        message = say(
            "The build needs more memory than ORGCOVERAGE_BUILD_MEMORY={memory}: raise it.",
            memory=settings.build_memory,
        )
        raise BuildOutOfMemory(message) from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error
    except duckdb.IOException as error:
        if os.strerror(errno.ENOSPC) not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


@contextmanager
def _failures_named(remote: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"pyspark", "grpc"}:
            raise
        raise _unavailable(remote, error) from error


def _unavailable(remote: str, error: Exception) -> EngineUnavailable:
    message = say("The cluster at {remote} cannot be used: {reason}.", remote=remote, reason=type(error).__name__)
    return EngineUnavailable(message)


def _plain(table: pa.Table) -> pa.Table:
    """Return rows with texts of the usual type; servers send views of texts and long texts."""
    texts = {pa.large_string(), pa.string_view()}
    schema = pa.schema([field.with_type(pa.string()) if field.type in texts else field for field in table.schema])
    return table.cast(schema)


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
