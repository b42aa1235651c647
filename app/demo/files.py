"""Files of demonstration data: one frozen class per dataset, whose fields are its columns in order; seeded randomness.

Null is an empty cell: unknown, or of an end date: not ended.
"""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A row of any dataset."""


@dataclass(frozen=True)
class EnterpriseRow(Row):
    """A row of `enterprises`; district and industry are those of its registration."""

    code: str
    name: str
    kind: str
    registered_on: date | None
    closed_on: date | None = None
    district_code: str | None = None
    industry_code: str | None = None
    supersedes: str | None = None


@dataclass(frozen=True)
class ReturnRow(Row):
    """A row of `returns`; member counts are those stated by the enterprise."""

    enterprise_code: str
    reported_on: date
    district_code: str | None = None
    industry_code: str | None = None
    ownership: str | None = None
    size_class: str | None = None
    operating: bool | None = None
    fixed_premises: bool | None = None
    above_designated_size: bool | None = None
    headcount: int | None = None
    headcount_under_36: int | None = None
    headcount_women: int | None = None
    headcount_college: int | None = None
    members: int | None = None
    full_members: int | None = None
    members_dual: int | None = None
    members_under_36: int | None = None
    members_women: int | None = None
    members_college: int | None = None
    members_floating: int | None = None


@dataclass(frozen=True)
class BranchRow(Row):
    """A row of `branches`."""

    code: str
    name: str
    kind: str
    parent_code: str | None
    district_code: str
    form: str | None = None
    dual_affiliation: bool = False
    industry_code: str | None = None
    industry_group: str | None = None
    established_on: date | None = None
    dissolved_on: date | None = None


@dataclass(frozen=True)
class CoverageRow(Row):
    """A row of `coverage`."""

    enterprise_code: str
    branch_code: str | None
    means: str
    start_on: date
    end_on: date | None = None


@dataclass(frozen=True)
class BranchReturnRow(Row):
    """A row of `branch-returns`; `period_on` is the first day of its month."""

    branch_code: str
    period_on: date
    meetings: int
    attendances: int | None = None


@dataclass(frozen=True)
class MemberRow(Row):
    """A row of `members`."""

    ref: str
    joined_on: date
    full_since: date | None = None
    left_on: date | None = None
    birth_year: int | None = None
    sex: str | None = None
    education: str | None = None
    identity: str | None = None
    floating_since: date | None = None
    floating_until: date | None = None


@dataclass(frozen=True)
class EmploymentRow(Row):
    """A row of `employments`."""

    member_ref: str
    enterprise_code: str
    start_on: date
    end_on: date | None = None


@dataclass(frozen=True)
class AffiliationRow(Row):
    """A row of `affiliations`; `role` is `primary` or `secondary`."""

    member_ref: str
    branch_code: str
    role: str
    start_on: date
    end_on: date | None = None


def columns_of(row: type[Row]) -> tuple[str, ...]:
    """Return the columns of a dataset in order, from the class of its rows."""
    return tuple(field.name for field in fields(row))


@dataclass(frozen=True)
class DatasetFile:
    """One file to import.

    Parameters
    ----------
    dataset
        Name of the dataset as imports know it, e.g. `enterprises`.
    path
        Path of the file; CSV (UTF-8) or Parquet, with the columns of the dataset.
    """

    dataset: str
    path: Path


def write_rows(folder: Path, dataset: str, rows: Sequence[Row]) -> DatasetFile:
    """Write the rows of a dataset (at least one) as `<dataset>.csv`: UTF-8, LF, ISO dates, null = empty."""
    path = folder / f"{dataset}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns_of(type(rows[0])))
        writer.writerows([_cell(value) for value in astuple(row)] for row in rows)
    return DatasetFile(dataset, path)


def copy_data(folder: Path, dataset: str, name: str) -> DatasetFile:
    """Copy a file of the data folder, which has the columns of its dataset, to `<dataset>.csv`."""
    path = folder / f"{dataset}.csv"
    path.write_bytes(resources.files("app.demo").joinpath("data", name).read_bytes())
    return DatasetFile(dataset, path)


def read_data(name: str) -> tuple[dict[str, str], ...]:
    """Read a table of the data folder: one mapping of column to text per row, in the order of the file."""
    return _read("app.demo", "data", name)


def read_classification(name: str) -> tuple[dict[str, str], ...]:
    """Read a shipped classification (`districts.csv`, `industries.csv`), one mapping per row, in its order."""
    return _read("app.registry", "classifications", name)


class SeededRandom(Random):
    """A random generator seeded by a text: the same text gives the same draws everywhere."""

    def happens(self, share: float) -> bool:
        """Draw true with a probability of 0 to 1."""
        return self.random() < share

    def unless(self, share: float, value: T) -> T | None:
        """Return the value, or null with a probability of 0 to 1."""
        return None if self.happens(share) else value

    def day(self, first: date, last: date) -> date:
        """Draw a day from `first` to `last`, both included, uniformly."""
        return first + timedelta(days=self.randrange((last - first).days + 1))

    def weighted(self, choices: Sequence[T], weights: Sequence[float]) -> T:
        """Draw one of the choices, with probabilities proportional to the weights."""
        return self.choices(choices, weights)[0]


@cache
def _read(package: str, *path: str) -> tuple[dict[str, str], ...]:
    with resources.files(package).joinpath(*path).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _cell(value: str | int | date | None) -> str:
    """Return the text of a cell for imports: `true`/`false`, ISO dates, empty for null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
