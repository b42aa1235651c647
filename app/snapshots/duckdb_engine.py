"""DuckDB in this process, as an engine of builds; of very many rows it answers texts part by part."""

import errno
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
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
"""Rows that a thread holds before it writes them; with more of them it would spill."""

_PARTS_AT_ONCE = 2
"""Parts that are answered at once: while one has work for a single thread, the other has some for the rest."""


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
    ):
        connection.execute("SET enable_progress_bar = false")  # else printed on a terminal
        here = _DuckDB(connection, folder, Path(aside), min(processes_of(settings), _PARTS_AT_ONCE))
        with _interruptible(here.interrupt):
            yield here


class _DuckDB:
    """DuckDB in this process."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, aside: Path, at_once: int) -> None:
        self._connection = connection
        self._cursors = list[duckdb.DuckDBPyConnection]()
        self._folder = folder
        self._aside = aside
        self._at_once = at_once
        self._parts = 1
        self._left = iter(range(0))  # parts that are not begun
        self._dealt: dict[str, list[str]] = {}

    def interrupt(self) -> None:
        """End what is being answered; by itself DuckDB waits for what its threads are at, which may be all of it."""
        self._leave()
        for connection in (self._connection, *self._cursors):
            with suppress(duckdb.ConnectionException):  # it is closed meanwhile
                connection.interrupt()

    def divide(self, dealings: Mapping[str, Dealing], parts: int) -> None:
        self._parts = parts
        for name, dealing in dealings.items():
            self.keep(name, f"SELECT * FROM {name}", None, dealing)

    def read(self, name: str, files: Sequence[str]) -> None:
        self.name(name, _rows(files))

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
        for part in range(self._parts):
            (folder / f"part={part}").mkdir(parents=True)
        dealt = f"SELECT *, hash({dealing.column}) % {self._parts} AS part FROM ({text}) AS answer"
        empty = _copy(f"SELECT * FROM ({text}) AS answer LIMIT 0", folder / "none.parquet")  # a part may have no file
        self._connection.execute(empty)
        self._answer_parts(
            within,
            lambda part: _copy(dealt, folder, f"PARTITION_BY (part), APPEND, FILENAME_PATTERN '{part}-{{uuid}}'"),
        )
        self._dealt.setdefault(dealing.group, []).append(name)
        self.name(name, self._part(name, "*"))

    def store(self, name: str, text: str, within: str | None = None) -> Path:
        return self._write(name, text, self._folder, within)

    def _write(self, name: str, text: str, folder: Path, within: str | None) -> Path:
        if self._parts == 1 or within is None:
            path = folder / f"{name}.parquet"
            self._connection.execute(_copy(text, path))
            self.read(name, [str(path)])
            return path
        path = folder / name
        path.mkdir()
        self._answer_parts(within, lambda part: _copy(text, path / f"{part}.parquet"))
        self.read(name, [str(path / "*.parquet")])
        return path

    def _answer_parts(self, group: str | None, statement: Callable[[int], str]) -> None:
        """Run a statement for each part of a group, whose tables are then those of the part; for none, once for all."""
        if group is None:
            self._connection.execute(statement(0))
            return
        self._left = iter(range(self._parts))
        with ThreadPoolExecutor(self._at_once) as pool:
            for thread in [pool.submit(self._answer_left, group, statement) for _ in range(self._at_once)]:
                thread.result()

    def _answer_left(self, group: str, statement: Callable[[int], str]) -> None:
        """Run a statement for one part after the other as long as any is left to begin."""
        with self._connection.cursor() as cursor:  # whose temporary tables are its own
            self._cursors.append(cursor)
            try:
                for part in self._left:
                    for name in self._dealt[group]:
                        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {self._part(name, part)}")
                    cursor.execute(statement(part))
            finally:
                self._leave()  # after an error the others' work is in vain
                self._cursors.remove(cursor)

    def _leave(self) -> None:
        deque(self._left, maxlen=0)

    def _part(self, name: str, part: int | str) -> str:
        folder = self._aside / name
        return _rows([str(folder / "none.parquet"), *map(str, folder.glob(f"part={part}/*.parquet"))])


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
def _interruptible(end: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C end queries."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        end()
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


def _rows(files: Sequence[str]) -> str:
    return f"SELECT * FROM read_parquet([{', '.join(map(_quoted, files))}], hive_partitioning = false)"


def _copy(text: str, path: Path, options: str = "COMPRESSION zstd") -> str:
    return f"COPY ({text}) TO {_quoted(str(path))} (FORMAT parquet, ROW_GROUP_SIZE {_ROWS_AT_ONCE}, {options})"


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
