"""A database that is away, damaged, outdated or not set up is told as such; a wrong statement is not."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.database.engines import is_sqlite, make_engine, make_sync_engine, sqlite_path
from app.database.migrations import upgrade
from app.database.outages import DatabaseUnavailable, driver_of, outages_named, reading
from app.snapshots.extract import TableWriter, extract
from tests.engines.embedded import EmbeddedPostgres
from tests.engines.server import PostgresServer

pytestmark = pytest.mark.long

AWAY = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
MIGRATE = "The registry's tables are missing, or of another version: run `orgcoverage migrate`."

ROWS = 200_000
"""Of which more than two batches are made; two are read before what happens at the first is seen."""

_SERIES = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS}) SELECT n FROM s)"

_MANY_ENTERPRISES = (
    f"INSERT INTO enterprise (code, name, kind) SELECT 'E' || n, '{'厦' * 100}', 'enterprise' FROM {_SERIES} AS n"
)


def build(url: str, folder: Path) -> str:
    """Build a snapshot by the command, which must end with 1; return the last line that it tells."""
    environment = {**os.environ, "ORGCOVERAGE_DATABASE_URL": url, "ORGCOVERAGE_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "app.cli", "snapshot", "build", "--as-of", "2017-06-30"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [path.name for path in (folder / "snapshots").rglob("*.arrow")] == []
    return done.stderr.splitlines()[-1]


def altered(url: str, statement: str) -> None:
    engine = make_sync_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


async def read(url: str, statement: str) -> None:
    engine = make_engine(url)
    try:
        async with reading(engine) as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


def test_a_build_says_what_to_do_when_tables_are_missing(database_url: str, tmp_path: Path) -> None:
    if is_sqlite(database_url):
        sqlite_path(database_url).touch()
    assert build(database_url, tmp_path / "data") == f"Database unavailable: {MIGRATE}"


def test_a_build_says_what_to_do_when_tables_are_of_another_version(migrated_url: str, tmp_path: Path) -> None:
    altered(migrated_url, "ALTER TABLE enterprise RENAME COLUMN supersedes TO replaces")
    assert build(migrated_url, tmp_path / "data") == f"Database unavailable: {MIGRATE}"


def test_a_build_says_so_when_the_database_is_away(tmp_path: Path) -> None:
    told = build(AWAY, tmp_path / "data")
    assert told.startswith("Database unavailable: The server of the registry's database is not reachable. (127.0.0.1:")


def test_a_build_says_so_when_the_file_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "registry.sqlite"
    file.write_text("no database\n" * 1000)
    told = build(f"sqlite+aiosqlite:///{file}", tmp_path / "data")
    assert told.startswith("Database unavailable: The registry's file is no SQLite database")


@pytest.mark.anyio
async def test_a_missing_column_is_told_as_another_version(migrated_url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as told:
        await read(migrated_url, "SELECT nothing_like_it FROM enterprise")
    assert str(told.value) == MIGRATE


def test_what_the_driver_itself_cannot_do_is_told_too(migrated_url: str) -> None:
    engine = make_sync_engine(migrated_url)
    with pytest.raises(DatabaseUnavailable) as told, outages_named(), engine.connect() as connection:  # noqa: SIM117
        with driver_of(connection) as driver:
            driver.execute("SELECT * FROM no_table")
    engine.dispose()
    assert str(told.value) == MIGRATE


@pytest.mark.anyio
@pytest.mark.parametrize("statement", ["SELECT FROM FROM enterprise", "SELECT nothing(1, 2)"])
async def test_a_wrong_statement_is_the_services_own_mistake(migrated_url: str, statement: str) -> None:
    with pytest.raises(DBAPIError):
        await read(migrated_url, statement)


@pytest.mark.parametrize(
    ("content", "told"), [(b"no database" * 1000, "no SQLite database"), (None, "cannot be opened")]
)
def test_a_file_that_cannot_be_read_is_named_for_what_it_is(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / ("registry.sqlite" if content is not None else "nowhere/registry.sqlite")
    if content is not None:
        file.write_bytes(content)
    engine = make_sync_engine(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(DatabaseUnavailable, match=told), outages_named(), engine.connect():
        pass
    engine.dispose()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_stops_while_a_table_is_read_is_told_as_such(
    how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = EmbeddedPostgres.open(in_memory=True)
    try:
        server = PostgresServer(embedded.url, embedded)
        url = server.url(server.create())
        upgrade(url)
        altered(url, _MANY_ENTERPRISES)
        told = read_until_first_rows(url, tmp_path, monkeypatch, lambda: embedded.stop(how=how))
    finally:
        embedded.close()
    assert str(told) in {
        "The registry's database is starting or stopping.",
        "The registry's database is not reachable or busy.",
    }


def test_a_file_that_is_damaged_behind_its_first_rows_is_told_as_such(
    migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered(migrated_sqlite_url, _MANY_ENTERPRISES)

    def damage() -> None:
        file = sqlite_path(migrated_sqlite_url)
        with file.open("r+b") as content:
            content.seek(file.stat().st_size // 2)
            content.write(bytes(file.stat().st_size // 2))

    told = read_until_first_rows(migrated_sqlite_url, tmp_path, monkeypatch, damage)
    assert str(told) == "The registry's database is damaged: restore a backup."


def read_until_first_rows(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]
) -> DatabaseUnavailable:
    """Extract enterprises, do something when the first rows are there; return the outage, of the rows behind."""
    write, written = TableWriter.write, list[int]()

    def first(writer: TableWriter, batch: pa.RecordBatch) -> None:
        if not written:
            then()
        written.append(batch.num_rows)
        write(writer, batch)

    monkeypatch.setattr(TableWriter, "write", first)
    with pytest.raises(DatabaseUnavailable) as told:
        extract(url, folder, lambda _: None, ["enterprise"])
    assert 0 < sum(written) < ROWS
    return told.value
