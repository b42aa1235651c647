"""Single changes in a large registry, on both databases: from the given values to the committed change."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.engines import make_engine
from app.imports.changes import delete_entity, replace_entity
from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, INDUSTRY_GROUPS, Entity
from app.registry.reads import Row, find_entity
from benchmarks.measuring import show, show_load
from benchmarks.registries import demo, filled, postgres

ENTITIES = (ENTERPRISES, BRANCHES, DISTRICTS, INDUSTRY_GROUPS)


def main(members: int = 1_000_000, times: Annotated[int, typer.Option(min=2)] = 50) -> None:
    """Measure new, changed and deleted things of each kind on a generated registry."""
    show_load()
    show("changes: members", members, "members")
    with tempfile.TemporaryDirectory(prefix="benchmark-changes-") as name, postgres() as server:
        on_sqlite, on_postgres = Settings(data_dir=Path(name) / "sqlite"), server.settings(Path(name) / "postgres")
        shutil.copytree(demo(members).data_dir, on_sqlite.data_dir, ignore=shutil.ignore_patterns("snapshots"))
        filled(on_postgres, members)
        for database, settings in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
            asyncio.run(_measure(database, settings, times))


async def _measure(database: str, settings: Settings, times: int) -> None:
    engine = make_engine(settings.registry_url)
    for entity in ENTITIES:
        row = await _some(engine, entity)
        code, name = row.pop("code"), entity.names[0]

        async def put(number: int, entity: Entity = entity, row: Row = row, code: str = code, name: str = name) -> None:
            await replace_entity(engine, settings, entity, code, row | {name: f"{row[name]} {number}"})

        async def add(number: int, entity: Entity = entity, row: Row = row) -> None:
            await replace_entity(engine, settings, entity, f"{entity.noun} {number}", row)

        async def remove(number: int, entity: Entity = entity) -> None:
            await delete_entity(engine, settings, entity, f"{entity.noun} {number}")

        for what, change in (("changed", put), ("new", add), ("deleted", remove)):
            median, most = await _taken(change, times)
            show(f"changes: {database}, {entity.noun} {what}, median", median, "ms", "reach 50, aim 20")
            show(f"changes: {database}, {entity.noun} {what}, 95 %", most, "ms")
    await engine.dispose()


async def _some(engine: AsyncEngine, entity: Entity) -> Row:
    """Return a thing from the middle of the list."""
    table = entity.table
    async with engine.connect() as connection:
        codes = list(await connection.scalars(select(table.c.code).order_by(table.c.code).limit(2000)))
    return await find_entity(engine, entity, codes[-1])


async def _taken(change: Callable[[int], Awaitable[None]], times: int) -> tuple[float, float]:
    """Return median and 95th percentile of changes one after the other, ms."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        await change(number)
        taken.append((time.perf_counter() - started) * 1000)
    cuts = quantiles(taken, n=20)
    return cuts[9], cuts[18]


if __name__ == "__main__":
    typer.run(main)
