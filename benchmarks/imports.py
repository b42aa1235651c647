"""Imports of members: against a bare COPY on PostgreSQL, against a bare `executemany` on SQLite."""

import csv
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import typer

from app.config import Settings
from app.database.migrations import upgrade
from app.demo.generator import write_generated
from app.imports.load import import_file
from app.imports.options import ImportOptions
from benchmarks.measuring import Run, apart, paired, show, show_pair
from benchmarks.registries import libpq, on_postgres, postgres


def main(rows: int = 200_000, rounds: int = 3) -> None:
    """Measure first and repeated imports of a file of members on both databases."""
    with tempfile.TemporaryDirectory(prefix="benchmark-imports-") as name:
        folder = Path(name)
        first, hundredth, every = _files(folder, rows)
        show("members: rows", rows, "rows")
        show("members: file", first.stat().st_size / 2**20, "MiB")
        with postgres() as address:
            _on_postgres(on_postgres(address, folder), rounds, first, {"1 %": hundredth, "all": every})
        _on_sqlite(folder, rounds, first)


def _files(folder: Path, rows: int) -> tuple[Path, Path, Path]:
    """Write the members as CSV: as they are, with one in a hundred changed, with all changed."""
    write_generated(folder, rows)
    members = pq.read_table(folder / "members.parquet")
    paths = (folder / "members.csv", folder / "hundredth.csv", folder / "every.csv")
    number = np.arange(members.num_rows)
    changes = (number < 0, number % 100 == 0, number >= 0)
    for years, (path, changed) in enumerate(zip(paths, changes, strict=True)):
        born = members["birth_year"].cast(pa.int32())
        other = pc.add(born.fill_null(1980), years)
        column = pc.if_else(pa.array(changed), other, born)
        position = members.column_names.index("birth_year")
        arrow_csv.write_csv(members.set_column(position, "birth_year", column), path)
    return paths


def _on_postgres(settings: Settings, rounds: int, first: Path, again: dict[str, Path]) -> None:
    upgrade(settings.registry_url)
    address = libpq(settings)
    _execute(address, "CREATE TABLE rival (LIKE member INCLUDING DEFAULTS INCLUDING INDEXES)")
    peaks: list[float] = []

    def copied() -> float:
        _execute(address, "TRUNCATE rival")
        return apart(_copy, address, first).seconds

    def imported(path: Path, *before: str) -> Callable[[], float]:
        def run() -> float:
            _execute(address, *before)
            done = apart(_import, settings, path)
            peaks.append(done.peak)
            return done.seconds

        return run

    def repeated(path: Path) -> Callable[[], float]:
        def run() -> float:
            _execute(address, "TRUNCATE member")
            apart(_copy, address, first, table="member")
            return imported(path, "VACUUM ANALYZE member")()

        return run

    pair = paired(rounds, imported(first, "TRUNCATE member"), copied)
    show_pair("PostgreSQL, first import", pair, "COPY into a table with primary key", "reach 0.6, aim 1.0")
    for what, path in again.items():
        pair = paired(rounds, repeated(path), copied)
        show_pair(f"PostgreSQL, again with {what} changed", pair, "COPY", "reach 0.6 (1 %), 0.4 (all), aim 1.0, 0.5")
    show("PostgreSQL, import: peak memory of the process", max(peaks), "MiB", "reach 512, aim 300")


def _on_sqlite(folder: Path, rounds: int, first: Path) -> None:
    template = Settings(data_dir=folder / "template")
    upgrade(template.registry_url)
    runs: list[Run] = []

    def fresh(name: str) -> Settings:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(template.data_dir, folder / name)
        return Settings(data_dir=folder / name)

    def imported() -> float:
        runs.append(apart(_import, fresh("ours"), first))
        return runs[-1].seconds

    def inserted() -> float:
        return apart(_execute_many, fresh("rival").data_dir / "registry.sqlite", first).seconds

    pair = paired(rounds, imported, inserted)
    show_pair("SQLite, first import", pair, "executemany of parsed rows", "reach 0.5, aim 0.8")
    show("SQLite, import: peak memory of the process", max(run.peak for run in runs), "MiB", "reach 512, aim 300")


def _import(settings: Settings, path: Path) -> float:
    started = time.perf_counter()
    import_file(settings, "members", path, ImportOptions(), lambda *_: None)
    return time.perf_counter() - started


def _copy(address: str, path: Path, table: str = "rival") -> float:
    started = time.perf_counter()
    with psycopg.connect(address) as connection, path.open("rb") as file:
        columns = file.readline().decode().replace('"', "").strip()
        with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)") as copy:
            while block := file.read(1 << 18):
                copy.write(block)
    return time.perf_counter() - started


def _execute_many(database: Path, path: Path) -> float:
    with path.open(encoding="utf-8", newline="") as file:
        header, *cells = csv.reader(file)
    rows = [tuple(cell or None for cell in row) for row in cells]
    columns = ", ".join(f"{name} {'INTEGER' if name == 'birth_year' else 'TEXT'}" for name in header[1:])
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-65536"):
            connection.execute(statement)
        connection.execute(f"CREATE TABLE rival ({header[0]} TEXT PRIMARY KEY, {columns})")
        started = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO rival VALUES ({', '.join('?' * len(header))})", rows)
        connection.execute("COMMIT")
        return time.perf_counter() - started


def _execute(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in (*statements, "CHECKPOINT"):
            connection.execute(statement)


if __name__ == "__main__":
    typer.run(main)
