"""The files that demonstration data come in, and the small tables that they are made from."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

from app.demo.rows import Row, columns_of


@dataclass(frozen=True)
class DatasetFile:
    """One file to import.

    Parameters
    ----------
    dataset
        Name of the dataset as imports know it, e.g. `enterprises`.
    path
        Where the file is; CSV (UTF-8) or Parquet, its columns those of the dataset.
    """

    dataset: str
    path: Path


def write_rows(folder: Path, dataset: str, rows: Sequence[Row]) -> DatasetFile:
    """Write the rows of one dataset (at least one) as `<dataset>.csv`: UTF-8, LF, ISO dates, null = empty."""
    path = folder / f"{dataset}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns_of(type(rows[0])))
        writer.writerows([_cell(value) for value in astuple(row)] for row in rows)
    return DatasetFile(dataset, path)


def copy_data(folder: Path, dataset: str, name: str) -> DatasetFile:
    """Write a file of the data folder, which already has the columns of its dataset, as `<dataset>.csv`."""
    path = folder / f"{dataset}.csv"
    path.write_bytes(resources.files("app.demo").joinpath("data", name).read_bytes())
    return DatasetFile(dataset, path)


def read_data(name: str) -> tuple[dict[str, str], ...]:
    """Read a table of the data folder: one mapping of column to text per row, in the order of the file."""
    return _read("app.demo", "data", name)


def read_classification(name: str) -> tuple[dict[str, str], ...]:
    """Read a shipped classification (`districts.csv`, `industries.csv`), one mapping per row, in its order."""
    return _read("app.registry", "classifications", name)


@cache
def _read(package: str, *path: str) -> tuple[dict[str, str], ...]:
    with resources.files(package).joinpath(*path).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _cell(value: str | int | date | None) -> str:
    """Text of a cell as imports read it: `true`/`false`, ISO dates, empty for null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
