"""Imports killed at random moments: nothing partial is visible, nothing acknowledged is lost, a file can come again."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select, text

from app.database.engines import is_sqlite, make_sync_engine
from app.database.tables import METADATA
from tests.lengths import at_length

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("ORGCOVERAGE_TEST_KILLS", at_length(10, 4)))
"""Kills of each engine's imports; the full count is 200."""

ROWS = 3000
MEMBER = METADATA.tables["member"]

State = tuple[int, frozenset[int]]
"""Number of members, and their years of birth: of one import all are the same."""


def test_registry_is_old_or_new_when_imports_are_killed(migrated_url: str, tmp_path: Path) -> None:
    draws = random.Random(20170625)
    with connected(migrated_url) as engine:
        whole = seconds_of_an_import(migrated_url, tmp_path)
        old = state(engine)
        killed = 0
        for turn in range(1, KILLS + 1):
            new = (ROWS + turn, frozenset({1900 + turn % 100}))
            acknowledged = import_and_kill(migrated_url, tmp_path, turn, draws.uniform(0, 1.1) * whole)
            killed += not acknowledged
            wait_for_backends(engine)
            seen = state(engine)
            assert seen in (({new}) if acknowledged else ({old, new})), f"{seen} after {old}, not {new}"
            check_integrity(engine)
            old = seen
        assert killed >= KILLS // 4, "the imports were done before they were killed"
        last = members(tmp_path, KILLS, 1900 + KILLS % 100)
        for _ in range(2):
            assert run(migrated_url, tmp_path, last).communicate()[0].split() == ["start", "taken"]
            assert state(engine) == (ROWS + KILLS, frozenset({1900 + KILLS % 100}))


def members(folder: Path, turn: int, year: int) -> str:
    """Write the members of a turn: one more than in the turn before, all of another year."""
    path = folder / f"members-{turn}-{year}.csv"
    rows = (f"m{number},2010-01-01,{year}" for number in range(ROWS + turn))
    path.write_text("\n".join(["ref,joined_on,birth_year", *rows]), encoding="utf-8")
    return f"members={path}"


def run(url: str, folder: Path, *files: str) -> "subprocess.Popen[str]":
    """Start a process that imports files."""
    command = [sys.executable, "-m", "tests.reliability.importer", url, str(folder), *files]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def seconds_of_an_import(url: str, folder: Path) -> float:
    """Import the first members, then others as the kills will meet them; return how long that took."""
    for year in (1900, 1901, 1900):
        with run(url, folder, members(folder, 0, year)) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "start\n"
            started = time.monotonic()
            assert child.stdout.readline() == "taken\n"
            taken = time.monotonic() - started
    return taken


def import_and_kill(url: str, folder: Path, turn: int, after: float) -> bool:
    """Kill an import some time after its start; return whether it had been acknowledged."""
    with run(url, folder, members(folder, turn, 1900 + turn % 100)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "start\n"
        time.sleep(after)
        child.kill()
        return child.stdout.read() == "taken\n"


@contextmanager
def connected(url: str) -> Iterator[Engine]:
    engine = make_sync_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def state(engine: Engine) -> State:
    with engine.connect() as connection:
        number = connection.execute(select(func.count()).select_from(MEMBER)).scalar_one()
        years = connection.execute(select(MEMBER.c.birth_year).distinct()).scalars()
        return number, frozenset(years)


def wait_for_backends(engine: Engine) -> None:
    """Wait until PostgreSQL has noticed that the client is gone: until then it may commit what it was told to."""
    with engine.connect() as connection:
        while not is_sqlite(str(engine.url)) and _other_backends(connection):
            connection.rollback()
            time.sleep(0.02)


def _other_backends(connection: Connection) -> int:
    others = "pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
    return int(connection.execute(text(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")).scalar_one())


def check_integrity(engine: Engine) -> None:
    """Check that the file is whole (SQLite) or that the key is there and finds every row (PostgreSQL)."""
    with engine.connect() as connection:
        if is_sqlite(str(engine.url)):
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
            return
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'pk_member'::regclass"
        assert connection.execute(text(valid)).scalar_one()
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        found = connection.execute(text("SELECT count(*) FROM member WHERE ref >= ''")).scalar_one()
        connection.execute(text("SET LOCAL enable_seqscan = on"))
        connection.execute(text("SET LOCAL enable_indexscan = off"))
        connection.execute(text("SET LOCAL enable_indexonlyscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        assert connection.execute(text("SELECT count(*) FROM member WHERE ref >= ''")).scalar_one() == found
