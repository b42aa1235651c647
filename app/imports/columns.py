"""What a dataset is made of: columns, their kinds, the order of its dates; and the marks of unusable cells.

What is wrong with a row by itself is one number: which of its cells cannot be used, and what else. Such a row is never
taken, but it is asked all that its other cells can answer.
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
        Whether header and cell must be there.
    enumeration
        The values of a column of kind `enumeration`; null for the others.
    default_when_blank
        What a blank cell means; null: nothing is known. Chunks hold it already.
    part_of
        The count that this count is a part of; null: it is a part of none.
    refers_to
        The dataset whose key its codes or refs are; null: they are its own.
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
        """Columns whose values no problem repeats."""
        return frozenset(column.name for column in self.columns if column.kind is Kind.REF)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


OTHERWISE = 1 << 30
"""The flaw of a row whose cells can all be used, but not together."""

REPEATED = 1 << 29
"""The flaw of a row whose key another row of the file has too: what will be under that key is uncertain."""


def unusable(dataset: Dataset, *columns: str) -> int:
    """Return the mark of a row whose cells in these columns cannot be used; each column has a bit of its own."""
    names = [column.name for column in dataset.columns]
    return sum(1 << names.index(name) for name in columns)


def usable(rows: FromClause, dataset: Dataset, *columns: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows have usable cells in these columns; nothing where no invalid row is among them."""
    yield from _free_of(rows, unusable(dataset, *columns))


def certain(rows: FromClause, dataset: Dataset, *key: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows say what will be under their key; nothing where no invalid row is among them."""
    yield from _free_of(rows, unusable(dataset, *key) | REPEATED)


def sound(rows: FromClause) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows have no flaw; nothing where no invalid row is among them."""
    if "invalid_cells" in rows.c:
        yield rows.c.invalid_cells == 0


def _free_of(rows: FromClause, invalid_cells: int) -> Iterator[ColumnElement[bool]]:
    if "invalid_cells" in rows.c:
        yield rows.c.invalid_cells.bitwise_and(invalid_cells) == 0
