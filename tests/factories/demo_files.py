"""Demonstration files as plain rows, with the shipped classifications where they rest on them."""

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from app.demo.files import DatasetFile
from app.imports.columns import Kind
from app.imports.datasets import DATASETS
from tests.reference.registry import Registry, Row

CLASSIFICATIONS = Path(__file__).parents[2] / "app" / "registry" / "classifications"


def read_registry(files: Iterable[DatasetFile]) -> Registry:
    """All rows, typed, below the shipped trees: a file adds to them as an upsert would."""
    registry: Registry = {name: [] for name in DATASETS if name != "ledger"}
    for name in ("districts", "industries"):
        registry[name] = read_csv(name, CLASSIFICATIONS / f"{name}.csv")
    for file in files:
        read = read_csv if file.path.suffix == ".csv" else read_parquet
        rows = read(file.dataset, file.path)
        known = {row["code"] for row in rows} if file.dataset in {"districts", "industries"} else set()
        registry[file.dataset] = [*(row for row in registry[file.dataset] if row["code"] not in known), *rows]
    return registry


def header(file: DatasetFile) -> list[str]:
    """Columns of a file, in its order."""
    if file.path.suffix == ".csv":
        with file.path.open(encoding="utf-8", newline="") as lines:
            return next(csv.reader(lines))
    return list(pq.read_schema(file.path).names)


def read_parquet(dataset: str, path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def read_csv(dataset: str, path: Path) -> list[Row]:
    kinds = {column.name: column.kind for column in DATASETS[dataset].columns}
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            {name: typed(row[name], kind) if row[name] else None for name, kind in kinds.items()}
            for row in csv.DictReader(lines)
        ]


def typed(text: str, kind: Kind) -> Any:
    match kind:
        case Kind.DATE | Kind.MONTH:
            return date.fromisoformat(text)
        case Kind.COUNT | Kind.YEAR:
            return int(text)
        case Kind.BOOLEAN:
            return {"true": True, "false": False}[text]
        case _:
            return text
