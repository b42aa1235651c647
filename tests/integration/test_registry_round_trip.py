"""What is exported comes back in by an import, on both engines, as it was."""

import asyncio
from pathlib import Path

import pytest

from app.config import Settings
from app.database.engines import make_engine
from app.database.migrations import downgrade, upgrade
from app.imports.load import import_file
from app.imports.options import ImportMode, ImportOptions, ImportResult, OnError
from app.registry.classifications import load_classifications
from app.registry.export import EXPORTS, export_rows
from tests.factories.small_registry import fill


def export(url: str, dataset: str) -> bytes:
    async def whole() -> bytes:
        engine = make_engine(url)
        content = b"".join([piece async for piece in export_rows(engine, dataset)])
        await engine.dispose()
        return content

    return asyncio.run(whole())


def take(url: str, folder: Path, dataset: str, content: bytes, mode: ImportMode) -> ImportResult:
    path = folder / f"{dataset}.csv"
    path.write_bytes(content)
    settings = Settings(database_url=url, data_dir=folder / "data")
    options = ImportOptions(mode, OnError.REJECT, dry_run=False, ignore_unknown=False)
    return import_file(settings, dataset, path, options, lambda *_: None).result


@pytest.mark.parametrize("mode", [ImportMode.UPSERT, ImportMode.REPLACE])
def test_nothing_changes_when_an_export_is_imported(migrated_url: str, tmp_path: Path, mode: ImportMode) -> None:
    fill(migrated_url)
    for dataset in EXPORTS:
        content = export(migrated_url, dataset)
        result = take(migrated_url, tmp_path, dataset, content, mode)
        assert (dataset, result.inserted, result.changed, result.deleted, result.errors) == (dataset, 0, 0, 0, 0)
        assert result.unchanged > 0
        assert export(migrated_url, dataset) == content


def test_registry_is_the_same_when_its_exports_fill_an_empty_one(migrated_url: str, tmp_path: Path) -> None:
    fill(migrated_url)
    exports = {dataset: export(migrated_url, dataset) for dataset in EXPORTS}
    downgrade(migrated_url, "base")
    upgrade(migrated_url)
    for dataset, content in exports.items():
        assert take(migrated_url, tmp_path, dataset, content, ImportMode.UPSERT).errors == 0
    assert {dataset: export(migrated_url, dataset) for dataset in EXPORTS} == exports


def test_shipped_classifications_come_back_when_exported(migrated_url: str, tmp_path: Path) -> None:
    load_classifications(migrated_url)
    for dataset in ("districts", "industries"):
        result = take(migrated_url, tmp_path, dataset, export(migrated_url, dataset), ImportMode.REPLACE)
        assert (result.inserted, result.changed, result.deleted, result.errors) == (0, 0, 0, 0)
