"""Imports killed at random moments: nothing partial is seen, nothing accepted is lost, the same file mends it."""

import os
import random
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from sqlalchemy import text

from app.config import Settings
from app.database.engines import is_sqlite, make_sync_engine

KILLS = int(os.environ.get("ORGCOVERAGE_TEST_KILLS", "10"))
"""Kills of each engine's imports; the full count is 200."""

ROWS = 3000
LATEST = 28


def test_an_import_is_whole_or_absent_when_it_is_killed(migrated_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    file = tmp_path / "members.csv"
    whole = _seconds_of_an_import(settings, file)
    dice = random.Random(20170625)
    seen, killed = _seen(migrated_url), 0
    for turn in range(KILLS):
        joined_on = _write(file, turn + 2)
        done = _import_and_kill(settings, file, dice.uniform(0.3, 1.1) * whole)
        killed += not done
        before, seen = seen, _seen(migrated_url)
        assert seen in ({joined_on: ROWS}, before), "part of an import is visible"
        assert not done or seen == {joined_on: ROWS}, "an import that ended well is lost"
    assert killed >= KILLS // 2, "the imports were done before they were killed"
    joined_on = _write(file, 1)
    assert _import(settings, file).wait() == 0
    assert _seen(migrated_url) == {joined_on: ROWS}
    if is_sqlite(migrated_url):
        assert _ask(migrated_url, "PRAGMA integrity_check") == [("ok",)]


def _write(file: Path, turn: int) -> date:
    """Write a file that gives every member the same, new date of joining; return it."""
    joined_on = date(2000 + turn // LATEST, 1, 1 + turn % LATEST)
    rows = "".join(f"m-{number:05},{joined_on}\n" for number in range(ROWS))
    file.write_text(f"ref,joined_on\n{rows}", encoding="utf-8")
    return joined_on


def _import(settings: Settings, file: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATABASE_URL": settings.database_url,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir),
    }
    command = [sys.executable, "-m", "app.cli", "import", "members", str(file)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _seconds_of_an_import(settings: Settings, file: Path) -> float:
    _write(file, 0)
    start = time.monotonic()
    assert _import(settings, file).wait() == 0
    return time.monotonic() - start


def _import_and_kill(settings: Settings, file: Path, seconds: float) -> bool:
    """Kill an import after so long; return whether it had ended well before."""
    process = _import(settings, file)
    try:
        return process.wait(timeout=seconds) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def _seen(url: str) -> dict[date, int]:
    """How many members of each date of joining there are, as another process reads them."""
    rows = _ask(url, "SELECT joined_on, count(*) FROM member GROUP BY joined_on")
    return {date.fromisoformat(str(day)): count for day, count in rows}


def _ask(url: str, question: str) -> list[tuple[object, int]]:
    engine = make_sync_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(question))]
    finally:
        engine.dispose()
