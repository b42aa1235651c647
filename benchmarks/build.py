"""Builds of snapshots, registry to published, compared with the same two SQL texts run by the database itself."""

import sqlite3
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import typer

from app.config import Settings, Thresholds
from app.database.engines import sqlite_path
from app.demo.generated import GENERATED_DATE
from app.snapshots.build import build_snapshot
from app.snapshots.facts import STEPS, Parameters, statement, step_statement
from app.snapshots.lineage import LINEAGE
from benchmarks.measuring import Pair, Run, in_subprocess, measured, paired, show, show_load, show_pair
from benchmarks.registries import demo, filled, libpq, postgres

TEXTS = ("enterprises", "branches")
_UNREAD = {"unregistered_enterprise", "workplace_sum"}
"""Of the tables of the steps, those that these two do not read."""

_RECURSION = """
WITH RECURSIVE lineage (ancestor, code, distance) AS (
    SELECT code, code, 0 FROM branch
    UNION ALL
    SELECT lineage.ancestor, branch.code, lineage.distance + 1
    FROM lineage
    JOIN branch ON branch.parent_code = lineage.code
)
SELECT * FROM lineage
"""
"""The lineage of branches, where no Python makes it."""


def main(members: int = 200_000, rounds: int = 3) -> None:
    """Measure builds from SQLite and PostgreSQL."""
    show_load()
    show("build: members", members, "members")
    with tempfile.TemporaryDirectory(prefix="benchmark-build-") as name:
        folder = Path(name)
        url = demo(members).registry_url
        build = partial(_built, folder, url)
        pair = paired(rounds, build, lambda: in_subprocess(_on_sqlite, sqlite_path(url)))
        _show_run("SQLite", pair, "reach 2 at 1,000,000")
        with postgres() as server:
            settings = server.settings(folder / "postgresql")
            filled(settings, members)
            address = libpq(settings)
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            build = partial(_built, folder, settings.registry_url)
            pair = paired(
                rounds,
                lambda: server.charged(build),
                lambda: server.charged(lambda: in_subprocess(_on_postgres, address)),
            )
            _show_run("PostgreSQL", pair, "reach 1.6 at 1,000,000")


def _show_run(engine: str, pair: Pair, target: str) -> None:
    show_pair(f"{engine}, build", pair, "the two SQL texts there", target)
    show(f"{engine}, build: peak memory of the process", pair.peak, "MiB", "reach 1,536 at 10,000,000")


def _built(folder: Path, url: str) -> Run:
    return in_subprocess(_build, Settings(database_url=url, data_dir=Path(tempfile.mkdtemp(dir=folder))))


def _build(settings: Settings) -> Run:
    return measured(lambda: build_snapshot(settings, GENERATED_DATE, lambda *_: None))


def _on_sqlite(database: Path) -> Run:
    with closing(sqlite3.connect(database)) as connection:
        return measured(lambda: [connection.execute(text) for text in _statements()])


def _on_postgres(address: str) -> Run:
    with psycopg.connect(address) as connection:
        return measured(lambda: [connection.execute(text) for text in _statements()])


def _statements() -> list[str]:
    parameters = Parameters(GENERATED_DATE, Thresholds(), "register")
    steps = {step.table: step_statement(step, parameters) for step in STEPS if step.table not in _UNREAD}
    asked = {LINEAGE: _RECURSION, **steps, **{f"{name}_fact": statement(name, parameters) for name in TEXTS}}
    return [f"CREATE TEMPORARY TABLE {name} AS {text}" for name, text in asked.items()]


if __name__ == "__main__":
    typer.run(main)
