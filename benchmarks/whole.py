"""A whole registry on both databases: generated, imported file by file, built; time and peak memory of each step."""

import tempfile
from pathlib import Path

import typer

from app.config import Settings
from app.database.migrations import upgrade
from app.demo.files import DatasetFile
from app.demo.generator import GENERATED_DATE, write_generated
from app.imports.load import import_file
from app.imports.options import ImportOptions
from app.snapshots.build import build_snapshot
from benchmarks.measuring import Run, apart, measured, show
from benchmarks.registries import postgres

DATASETS = (
    "districts", "industries", "industry-groups", "enterprises", "returns", "branches", "coverage", "members",
    "employments", "affiliations",
)  # fmt: skip


def main(members: int = 1_000_000) -> None:
    """Take one registry from nothing to a snapshot, each step in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="benchmark-whole-") as name:
        folder = Path(name)
        show("whole: members", members, "members")
        _tell("generate the files", apart(_generate, folder, members), "")
        _take("SQLite", Settings(data_dir=folder / "sqlite"), folder)
        with postgres() as server:
            _take("PostgreSQL", server.settings(folder / "postgresql"), folder)


def _take(engine: str, settings: Settings, folder: Path) -> None:
    upgrade(settings.registry_url)
    runs = []
    for dataset in DATASETS:
        runs.append(apart(_import, settings, DatasetFile(dataset, folder / f"{dataset}.parquet")))
        _tell(f"{engine}: import of {dataset}", runs[-1], "memory: reach 512, aim 300")
    show(f"{engine}: all imports", sum(run.seconds for run in runs), "s")
    _tell(f"{engine}: build", apart(_build, settings), "memory: reach 1,536 at 10,000,000")


def _tell(what: str, run: Run, target: str) -> None:
    show(what, run.seconds, "s")
    show(f"{what}: CPU time of the process", run.cpu, "s")
    show(f"{what}: peak memory of the process", run.peak, "MiB", target)


def _generate(folder: Path, members: int) -> Run:
    return measured(lambda: write_generated(folder, members))


def _import(settings: Settings, file: DatasetFile) -> Run:
    return measured(lambda: import_file(settings, file.dataset, file.path, ImportOptions(), lambda *_: None))


def _build(settings: Settings) -> Run:
    return measured(lambda: build_snapshot(settings, GENERATED_DATE, lambda *_: None))


if __name__ == "__main__":
    typer.run(main)
