"""A whole registry on both databases: generated, imported file by file, built, served.

Time and peak memory of each step, sizes on disk, and times of the first answers.
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import psycopg
import typer

from app.config import Settings
from app.database.engines import is_sqlite, sqlite_path
from app.database.migrations import upgrade
from app.demo.files import DatasetFile
from app.demo.generated import GENERATED_DATE, write_generated
from app.imports.load import import_file
from app.imports.options import ImportOptions
from app.snapshots.build import build_snapshot
from benchmarks.measuring import Run, in_subprocess, measured, show, show_load
from benchmarks.registries import environment, libpq, postgres
from benchmarks.serving import served
from benchmarks.start import PATHS

DATASETS = (
    "districts", "industries", "industry-groups", "enterprises", "returns", "branches", "coverage", "members",
    "employments", "affiliations",
)  # fmt: skip


def main(members: int = 1_000_000) -> None:
    """Measure one registry from generated files to answers, each step in its own process."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-whole-") as name:
        folder = Path(name)
        show("whole: members", members, "members")
        _show_run("generate the files", in_subprocess(_generate, folder, members), "")
        _measure("SQLite", Settings(data_dir=folder / "sqlite"), folder)
        with postgres() as server:
            _measure("PostgreSQL", server.settings(folder / "postgresql"), folder)


def _measure(engine: str, settings: Settings, folder: Path) -> None:
    settings.data_dir.mkdir()
    upgrade(settings.registry_url)
    runs = []
    for dataset in DATASETS:
        runs.append(in_subprocess(_import, settings, DatasetFile(dataset, folder / f"{dataset}.parquet")))
        _show_run(f"{engine}: import of {dataset}", runs[-1], "memory: reach 512, aim 300")
    show(f"{engine}: all imports", sum(run.seconds for run in runs), "s")
    show(f"{engine}: registry on disk", _registry_bytes(settings) / 2**20, "MiB")
    _show_run(f"{engine}: build", in_subprocess(_build, engine, settings), "memory: reach 1,536 at 10,000,000")
    files = [path for path in settings.snapshots_dir.rglob("*") if path.is_file()]
    show(f"{engine}: snapshot on disk", sum(path.stat().st_size for path in files) / 2**20, "MiB")
    _serve(engine, settings)


def _serve(engine: str, settings: Settings) -> None:
    """Send each request twice; the very first answer includes verifying and mapping the snapshot."""
    with served("app.asgi:app", environment(settings), factory=False) as server:
        for path in PATHS:
            for visit in ("first", "again"):
                run = measured(partial(server.get, path))
                show(f"{engine}: {visit} {path}", 1000 * run.seconds, "ms")


def _show_run(what: str, run: Run, target: str) -> None:
    show(what, run.seconds, "s")
    show(f"{what}: CPU time of the process", run.cpu, "s")
    show(f"{what}: peak memory of the process", run.peak, "MiB", target)


def _generate(folder: Path, members: int) -> Run:
    return measured(lambda: write_generated(folder, members))


def _import(settings: Settings, file: DatasetFile) -> Run:
    return measured(lambda: import_file(settings, file.dataset, file.path, ImportOptions(), lambda *_: None))


def _build(engine: str, settings: Settings) -> Run:
    began: dict[str, float] = {}

    def note(phase: str, _done: int, _total: int | None) -> None:
        began.setdefault(phase, time.perf_counter())

    run = measured(lambda: build_snapshot(settings, GENERATED_DATE, note))
    bounds = [*began.values(), time.perf_counter()]
    for phase, start, end in zip(began, bounds, bounds[1:], strict=False):
        show(f"{engine}: build, {phase}", end - start, "s")
    return run


def _registry_bytes(settings: Settings) -> int:
    if is_sqlite(settings.registry_url):
        return sqlite_path(settings.registry_url).stat().st_size
    with psycopg.connect(libpq(settings)) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    typer.run(main)
