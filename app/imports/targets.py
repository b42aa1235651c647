"""The tables of the registry that a dataset fills."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy import ColumnElement, FromClause, Table, and_, func

from app.database.tables import METADATA
from app.imports.columns import Column, Dataset
from app.imports.datasets import DATASETS, ENTERPRISE_COLUMNS_OF_LEDGER

_RENAMED: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("industry-groups", "industry_group"): {"code": "group_code"},
    ("ledger", "enterprise_return"): {"enterprise_code": "code"},
}
"""Columns of a table that have another name in a dataset."""


@dataclass(frozen=True)
class Target:
    """One table that a dataset fills.

    Parameters
    ----------
    table
        The table in the registry.
    key
        Columns of the table's key.
    source
        Column of the file for each column of the table that the dataset contains.
    """

    dataset: Dataset
    table: Table
    key: tuple[str, ...]
    source: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the table but a surrogate `id`."""
        return tuple(column.name for column in self.table.columns if column.name != "id")

    @property
    def is_part(self) -> bool:
        """Whether several rows of the file form one row here (the enterprise of a ledger, the name of a group)."""
        return self.table.name != self.dataset.tables[-1]

    @property
    def is_replaced(self) -> bool:
        """Whether mode `replace` applies to this table: a ledger replaces returns, not enterprises."""
        return (self.dataset.name, self.table.name) != ("ledger", "enterprise")

    def file_column(self, name: str) -> Column | None:
        """Return the column of the file for a column of the table; null if the dataset has none."""
        return self.dataset.column(self.source[name]) if name in self.source else None


@cache
def targets(dataset: Dataset) -> tuple[Target, ...]:
    """Return the tables that a dataset fills; the last has a row for each row of the file."""
    return tuple(_target(dataset, METADATA.tables[name]) for name in dataset.tables)


BROUGHT_BY: Mapping[str, str] = {
    table: dataset.name for dataset in reversed(tuple(DATASETS.values())) for table in dataset.tables
}
"""For each table the dataset named in messages: of several the first."""


def anchor(dataset: str) -> tuple[Table, str]:
    """Return table and column of a dataset's codes."""
    table = METADATA.tables[DATASETS[dataset].tables[0]]
    return table, table.primary_key.columns.keys()[0]


def same_key(left: FromClause, right: FromClause, target: Target) -> ColumnElement[bool]:
    """Return the condition that two rows of a target's table, or of its staging, have one key; null equals null."""
    return and_(*(_comparable(left, name, target) == _comparable(right, name, target) for name in target.key))


def _comparable(rows: FromClause, name: str, target: Target) -> ColumnElement[str]:
    # Same expression as in the unique index of coverage, so that PostgreSQL can use it.
    column = rows.c[name]
    return func.coalesce(column, "") if target.table.c[name].nullable else column


def _target(dataset: Dataset, table: Table) -> Target:
    renamed = _RENAMED.get((dataset.name, table.name), {})
    brought = {column.name for column in dataset.columns}
    if (dataset.name, table.name) == ("ledger", "enterprise"):
        brought = set(ENTERPRISE_COLUMNS_OF_LEDGER)
    names = {column.name: renamed.get(column.name, column.name) for column in table.columns}
    source = {name: title for name, title in names.items() if title in brought}
    key = dataset.key if "id" in table.c else tuple(table.primary_key.columns.keys())
    return Target(dataset, table, key, source)
