"""Imports of members and their rows, compared with a plain COPY on PostgreSQL and a plain `executemany` on SQLite."""

import csv
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import partial
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
from app.demo.generated import write_generated
from app.imports.datasets import find_dataset
from app.imports.load import import_file
from app.imports.options import ImportOptions
from benchmarks.measuring import Run, in_subprocess, measured, paired, show, show_load, show_pair
from benchmarks.registries import Server, libpq, postgres

DATED = ("employments", "affiliations")
"""The other large datasets: rows of members, which refer to them and to what is imported before."""

BEFORE = ("districts", "industries", "industry-groups", "enterprises", "branches", "members")
"""What these refer to."""


def main(rows: int = 200_000, rounds: int = 3) -> None:
    """Measure first and repeated imports of a file of members on both databases, and first ones of their rows."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-imports-") as name:
        folder = Path(name)
        first, hundredth, every = _files(folder, rows)
        show("imports: rows of members", rows, "rows")
        show("imports: size of their CSV file", first.stat().st_size / 2**20, "MiB")
        with postgres() as server:
            _on_postgres(server, folder, rounds, first, {"1 %": hundredth, "all": every})
        _on_sqlite(folder, rounds)


def _files(folder: Path, rows: int) -> tuple[Path, Path, Path]:
    """Write the members as CSV: unchanged, with 1 % changed, with all changed."""
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
    for dataset in DATED:
        arrow_csv.write_csv(pq.read_table(folder / f"{dataset}.parquet"), folder / f"{dataset}.csv")
    return paths


def _on_postgres(server: Server, folder: Path, rounds: int, first: Path, again: dict[str, Path]) -> None:
    settings = server.settings(folder)
    upgrade(settings.registry_url)
    address = libpq(settings)
    for dataset in ("members", *DATED):
        table, key = _keyed(dataset)
        _execute(address, f"CREATE TABLE rival_of_{table} (LIKE {table}, PRIMARY KEY ({key}))")

    def copied(dataset: str = "members") -> Run:
        rival = f"rival_of_{_keyed(dataset)[0]}"
        _execute(address, f"TRUNCATE {rival}")
        return server.charged(lambda: in_subprocess(_copy, address, folder / f"{dataset}.csv", rival))

    def imported(path: Path, dataset: str = "members") -> Run:
        return server.charged(lambda: in_subprocess(_import, settings, path, dataset))

    def first_import(dataset: str = "members") -> Run:
        _execute(address, f"TRUNCATE {_keyed(dataset)[0]}")
        return imported(folder / f"{dataset}.csv", dataset)

    def repeated(path: Path) -> Run:
        _execute(address, "TRUNCATE member")
        _send(address, first, "member")
        _execute(address, "VACUUM ANALYZE member")
        return imported(path)

    pair = paired(rounds, first_import, copied)
    show_pair("PostgreSQL, first import", pair, "COPY into a table with primary key", "reach 0.6, aim 1.0")
    show("PostgreSQL, first import: peak memory of the process", pair.peak, "MiB", "reach 512, aim 300")
    for what, path in again.items():
        pair = paired(rounds, partial(repeated, path), copied)
        show_pair(f"PostgreSQL, again with {what} changed", pair, "COPY", "reach 0.6 (1 %), 0.4 (all), aim 1.0, 0.5")
    in_subprocess(_fill, settings, folder, BEFORE[:-1])
    for dataset in DATED:
        pair = paired(rounds, partial(first_import, dataset), partial(copied, dataset))
        show_pair(f"PostgreSQL, first import of {dataset}", pair, "COPY into a table with primary key")
        show(
            f"PostgreSQL, first import of {dataset}: peak memory of the process", pair.peak, "MiB", "reach 512, aim 300"
        )


def _on_sqlite(folder: Path, rounds: int) -> None:
    template = Settings(data_dir=folder / "template")
    upgrade(template.registry_url)

    def fresh(name: str) -> Settings:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(template.data_dir, folder / name)
        return Settings(data_dir=folder / name)

    def ours(dataset: str) -> Run:
        return in_subprocess(_import, fresh("ours"), folder / f"{dataset}.csv", dataset)

    def rival(dataset: str) -> Run:
        database = fresh("rival").data_dir / "registry.sqlite"
        return in_subprocess(_execute_many, database, folder / f"{dataset}.csv", _keyed(dataset)[1])

    for dataset in ("members", *DATED):
        if dataset == DATED[0]:
            in_subprocess(_fill, template, folder, BEFORE)
        pair = paired(rounds, partial(ours, dataset), partial(rival, dataset))
        what = f"SQLite, first import of {dataset}"
        show_pair(what, pair, "executemany of parsed rows", "reach 0.5, aim 0.8")
        show(f"{what}: peak memory of the process", pair.peak, "MiB", "reach 512, aim 300")


def _keyed(dataset: str) -> tuple[str, str]:
    """Return the table of a dataset and the columns of its key."""
    declared = find_dataset(dataset)
    return declared.tables[0], ", ".join(declared.key)


def _import(settings: Settings, path: Path, dataset: str) -> Run:
    return measured(lambda: import_file(settings, dataset, path, ImportOptions(), lambda *_: None))


def _fill(settings: Settings, folder: Path, datasets: Sequence[str]) -> Run:
    """Import what other datasets refer to."""
    return measured(lambda: [_import(settings, folder / f"{dataset}.parquet", dataset) for dataset in datasets])


def _copy(address: str, path: Path, table: str) -> Run:
    return measured(lambda: _send(address, path, table))


def _send(address: str, path: Path, table: str) -> None:
    with psycopg.connect(address) as connection, path.open("rb") as file:
        columns = file.readline().decode().replace('"', "").strip()
        with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)") as copy:
            while block := file.read(1 << 18):
                copy.write(block)


def _execute_many(database: Path, path: Path, key: str) -> Run:
    with path.open(encoding="utf-8", newline="") as file:
        header, *cells = csv.reader(file)
    rows = [tuple(cell or None for cell in row) for row in cells]
    columns = ", ".join(f"{name} {'INTEGER' if name == 'birth_year' else 'TEXT'}" for name in header)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-65536"):
            connection.execute(statement)
        connection.execute(f"CREATE TABLE rival ({columns}, PRIMARY KEY ({key}))")
        return measured(lambda: _insert(connection, f"INSERT INTO rival VALUES ({', '.join('?' * len(header))})", rows))


def _insert(connection: sqlite3.Connection, statement: str, rows: list[tuple[str | None, ...]]) -> None:
    connection.execute("BEGIN")
    connection.executemany(statement, rows)
    connection.execute("COMMIT")


def _execute(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in (*statements, "CHECKPOINT"):
            connection.execute(statement)


if __name__ == "__main__":
    typer.run(main)
