"""Datasets and their columns, kinds and orders of dates; and the error bits of invalid rows.

The errors that a row has on its own are one number: a bit for each unusable cell, and one for other errors. Such a
row is never written, but its usable cells are still checked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, FromClause

from app.imports.issues import Rule


class Kind(StrEnum):
    """What a cell holds; `imports.cells` reads each kind."""

    CODE = "code"
    TEXT = "text"
    REF = "ref"
    DATE = "date"
    MONTH = "month"
    COUNT = "count"
    BOOLEAN = "boolean"
    ENUMERATION = "enumeration"
    YEAR = "year"
    FRACTION = "fraction"


@dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Parameters
    ----------
    name
        The English header, and the column's name in the registry.
    kind
        What its cells hold.
    zh, en
        What it means, for templates and documentation.
    required
        Whether header and cell are required.
    enumeration
        The values of a column of kind `enumeration`; null for other kinds.
    default_when_blank
        What a blank cell means; null: unknown. Chunks contain it already.
    part_of
        The count that this count is a part of; null: none.
    refers_to
        The dataset whose key its codes or refs are; null: it refers to none.
    """

    name: str
    kind: Kind
    zh: str
    en: str
    required: bool = False
    enumeration: type[StrEnum] | None = None
    default_when_blank: str | bool | None = None
    part_of: str | None = None
    refers_to: str | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of an enumeration, in its order; empty for other kinds."""
        return tuple(self.enumeration or ())


@dataclass(frozen=True)
class Order:
    """Two dates of a row of which the first comes before the second; `may_coincide` allows the same day."""

    first: str
    second: str
    rule: Rule
    may_coincide: bool = False


@dataclass(frozen=True)
class Dataset:
    """A kind of file.

    Parameters
    ----------
    name
        As callers write it.
    tables
        Tables of the registry that it fills.
    key
        Columns that name a row; what a file of mode `delete` holds.
    zh, en
        What a row is, for templates and documentation.
    columns
        In the order of templates and exports.
    orders
        Pairs of dates and their order.
    """

    name: str
    tables: tuple[str, ...]
    key: tuple[str, ...]
    zh: str
    en: str
    columns: tuple[Column, ...]
    orders: tuple[Order, ...] = ()

    @property
    def hidden(self) -> frozenset[str]:
        """Columns whose values are never shown in problems."""
        return frozenset(column.name for column in self.columns if column.kind is Kind.REF)

    def column(self, name: str) -> Column:
        """Return the column with this name."""
        return next(column for column in self.columns if column.name == name)


OTHERWISE = 1 << 30
"""The error bit of a row whose cells are usable one by one, but not together."""

REPEATED = 1 << 29
"""The error bit of a row whose key occurs more than once in the file, so that its values are uncertain."""


def unusable(dataset: Dataset, *columns: str) -> int:
    """Return the error bits of a row whose cells in these columns are unusable; each column has its own bit."""
    names = [column.name for column in dataset.columns]
    return sum(1 << names.index(name) for name in columns)


def usable(rows: FromClause, dataset: Dataset, *columns: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows have usable cells in these columns; nothing if there are no invalid rows."""
    yield from _free_of(rows, unusable(dataset, *columns))


def certain(rows: FromClause, dataset: Dataset, *key: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that the values of rows under their key are certain; nothing if there are no invalid rows."""
    yield from _free_of(rows, unusable(dataset, *key) | REPEATED)


def sound(rows: FromClause) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows have no error; nothing if there are no invalid rows."""
    if "invalid_cells" in rows.c:
        yield rows.c.invalid_cells == 0


def _free_of(rows: FromClause, invalid_cells: int) -> Iterator[ColumnElement[bool]]:
    if "invalid_cells" in rows.c:
        yield rows.c.invalid_cells.bitwise_and(invalid_cells) == 0
