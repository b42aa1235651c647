"""Filters on attributes of enterprises, in process, compared with DuckDB over the same table as Parquet."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from app.catalogue.dimensions import ATTRIBUTES
from app.catalogue.measures import ROW_MEASURES
from app.catalogue.vocabulary import Basis, EnterpriseKind, Ownership, Sector, SizeClass
from app.publication.lists import list_answer
from app.publication.row_cache import RowCache, Source
from app.statistics import sums
from app.statistics.population import resolve, spans_of
from app.statistics.question import Listing, Page, Population, Question, Subject
from app.store.arrays import Int64
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot
from benchmarks.measuring import shortest, show, show_load
from benchmarks.registries import built, demo

FILTERS: dict[str, Population] = {
    "ownership": Population(ownership=(Ownership.PRIVATE,)),
    "size class": Population(size_class=(SizeClass.MICRO,)),
    "kind": Population(enterprise_kind=(EnterpriseKind.ENTERPRISE,)),
    "two sectors": Population(sector=(Sector.NON_PUBLIC, Sector.SOCIAL)),
    "group": Population(industry_group=("internet",)),
    "ownership, size class and group": Population(
        ownership=(Ownership.PRIVATE,), size_class=(SizeClass.MICRO,), industry_group=("internet",)
    ),
}
RUNS = 5
MEASURES = [measure.code for measure in ROW_MEASURES]
COLUMNS = {dimension.code: dimension.column for dimension in ATTRIBUTES}


def main(members: int = 200_000, rounds: int = 3) -> None:
    """Measure the sums of all provinces under each filter: every measure, basis `operating`."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-filters-") as name, duckdb.connect() as connection:
        folder = Path(name)
        shelf = Shelf(built(folder, demo(members).registry_url).snapshots_dir / "exact")
        snapshot = shelf.newest()
        show("filters: enterprises", len(snapshot.enterprises), "rows")
        connection.execute(f"CREATE VIEW enterprise AS SELECT * FROM read_parquet('{_as_parquet(snapshot, folder)}')")
        for what, population in FILTERS.items():
            _compare(shelf, connection, what, population, rounds)


def _compare(
    shelf: Shelf, connection: duckdb.DuckDBPyConnection, what: str, population: Population, rounds: int
) -> None:
    snapshot = shelf.newest()
    provinces = np.flatnonzero(snapshot.districts.of_level("province"))
    question = Question(Subject.DISTRICTS, population=population, listing=Listing(level="province"))
    text = _text(snapshot, population)
    ours = partial(sums.districts, snapshot, resolve(snapshot, population), provinces, snapshot.row_measures)
    if _filled(connection.execute(text).fetchall(), provinces) != ours().T.tolist():
        raise RuntimeError(f"different sums under {what}")
    works: dict[str, Callable[[], object]] = {
        "duckdb": lambda: connection.execute(text).fetchall(),
        "sums": ours,
        "page": lambda: list_answer(Source(shelf, RowCache(0)), question, Page()),
    }
    runs = [{name: shortest(RUNS, work) for name, work in works.items()} for _ in range(rounds)]
    target = "reach 1.5"
    show(f"filter by {what}: speed over DuckDB", median(run["duckdb"] / run["sums"] for run in runs), "x", target)
    target = "reach 50 over 1,360,000 enterprises, 1 over 20,000; aim 20"
    show(f"filter by {what}: sums of all provinces", 1000 * median(run["sums"] for run in runs), "ms", target)
    show(f"filter by {what}: the whole page", 1000 * median(run["page"] for run in runs), "ms")


def _as_parquet(snapshot: Snapshot, folder: Path) -> Path:
    """Write the enterprises as one Parquet file, with the index of their province (-1: none)."""
    columns = {name: snapshot.enterprises.arrow(name) for name in ("bases", "industry", *COLUMNS.values(), *MEASURES)}
    tops = np.flatnonzero(snapshot.districts.of_level("province"))
    province = np.full(len(snapshot.districts.codes) + 1, -1)
    for top in tops.tolist():
        province[top : snapshot.districts.ends[top]] = top
    path = folder / "enterprises.parquet"
    pq.write_table(
        pa.table(
            {
                "province": pa.array(province[snapshot.district_of(slice(0, len(snapshot.enterprises)))], pa.int32()),
                **columns,
            }
        ),
        path,
    )
    return path


def _text(snapshot: Snapshot, population: Population) -> str:
    """Return the SQL of the same sums for DuckDB."""
    bit = 1 << list(Basis).index(population.basis)
    wanted = ["province >= 0", f"(bases & {bit}) <> 0"]
    for name, column in COLUMNS.items():
        values = ", ".join(f"'{value}'" for value in getattr(population, name))
        wanted += [f"{column} IN ({values})"] if values else []
    if population.industry_group:
        nodes = [node for group in population.industry_group for node in snapshot.groups[group]]
        spans = spans_of(snapshot.industries, nodes)
        wanted.append("(" + " OR ".join(f"industry >= {start} AND industry < {end}" for start, end in spans) + ")")
    added = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in MEASURES)
    return f"SELECT province, {added} FROM enterprise WHERE {' AND '.join(wanted)} GROUP BY province"


def _filled(rows: list[tuple[int | None, ...]], provinces: Int64) -> list[list[int]]:
    found = {row[0]: [value or 0 for value in row[1:]] for row in rows}
    return [found.get(province, [0] * len(MEASURES)) for province in provinces.tolist()]


if __name__ == "__main__":
    typer.run(main)
