"""DuckDB in this process, as an engine of builds; of very many rows it answers texts for one part after the other."""

import errno
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from app.config import Settings
from app.messages import say
from app.snapshots.pool import BuildOutOfMemory, processes_of

_ROWS_AT_ONCE = 20480
"""Rows that DuckDB holds of each part before it writes them; with more of them it would spill."""

_BY_PART = f"PARTITION_BY (part), APPEND, ROW_GROUP_SIZE {_ROWS_AT_ONCE}"


@dataclass(frozen=True)
class Dealing:
    """How rows are dealt out: those with one value of a column into one part of a group, with those of other tables."""

    group: str
    column: str


@contextmanager
def open_duckdb(settings: Settings, folder: Path) -> Iterator["_DuckDB"]:
    """Give DuckDB with the limits of the settings; `folder` is for what it writes."""
    with (
        _shortages_named(settings),
        TemporaryDirectory(dir=folder) as aside,
        duckdb.connect(config=_limits(Path(aside), settings)) as connection,
        _interruptible(connection),
    ):
        connection.execute("SET enable_progress_bar = false")  # else printed on a terminal
        yield _DuckDB(connection, folder, Path(aside))


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


@contextmanager
def _interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let Ctrl-C end a query; by itself DuckDB waits for the end of what its threads are at, which may be all of it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        connection.interrupt()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
