"""A hundred changed members: from the file until the running service answers with them."""

import json
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import typer

from app.config import Settings
from app.database.engines import sqlite_path
from app.demo.generated import GENERATED_DATE
from benchmarks.measuring import show, show_load
from benchmarks.registries import built, command, demo, environment
from benchmarks.serving import Server, served

CHANGED = 100


def main(members: int = 1_000_000, rounds: int = 3) -> None:
    """Measure an import with its build, and the first answer from the new snapshot, on SQLite."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-refresh-") as name:
        settings = Settings(data_dir=Path(name) / "data")
        shutil.copytree(demo(members).data_dir, settings.data_dir, ignore=shutil.ignore_patterns("snapshots"))
        built(settings.data_dir, settings.registry_url)
        with served("app.asgi:app", environment(settings), factory=False) as server:
            runs = [_refreshed(settings, server, Path(name) / "members.csv") for _ in range(rounds)]
    taken, used = zip(*runs, strict=True)
    show("refresh: members", members, "members")
    show(f"refresh: {CHANGED} changed members, until they are served", median(taken), "s", "reach 10, aim 4")
    show("refresh: CPU time of import and build", median(used), "s")


def _refreshed(settings: Settings, server: Server, path: Path) -> tuple[float, float]:
    """Return the time until there is a new snapshot, and the CPU time of import and build, seconds."""
    _write_changes(settings, path)
    before, started, used = _newest(server), time.perf_counter(), _of_children()
    command(settings, "import", "members", str(path), "--build", GENERATED_DATE.isoformat())
    while _newest(server) == before:
        time.sleep(0.02)
    return time.perf_counter() - started, _of_children() - used


def _of_children() -> float:
    """Return the CPU time of all child processes that have ended, seconds."""
    times = os.times()
    return times.children_user + times.children_system


def _write_changes(settings: Settings, path: Path) -> None:
    """Write a file of `CHANGED` members, each with the other sex."""
    wanted = "SELECT ref, joined_on, CASE sex WHEN 'female' THEN 'male' ELSE 'female' END FROM member LIMIT ?"
    with closing(sqlite3.connect(sqlite_path(settings.registry_url))) as connection:
        rows = connection.execute(wanted, (CHANGED,)).fetchall()
    path.write_text("ref,joined_on,sex\n" + "\n".join(map(",".join, rows)), encoding="utf-8")


def _newest(server: Server) -> str:
    answer = json.loads(server.get("/v1/statistics/districts?level=province"))
    return str(answer["meta"]["snapshot"])


if __name__ == "__main__":
    typer.run(main)
