"""What is wrong with a row of a file by itself, as one number: which of its cells cannot be used, and what else.

A flawed row is never taken, but it is asked all that its other cells can answer.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, FromClause

from app.imports.columns import Dataset

OTHERWISE = 1 << 30
"""The flaw of a row whose cells can all be used, but not together."""

REPEATED = 1 << 29
"""The flaw of a row whose key another row of the file has too: what will be under that key is uncertain."""


def unusable(dataset: Dataset, *columns: str) -> int:
    """Return the flaws of a row whose cells in these columns cannot be used; each column has a bit of its own."""
    names = [column.name for column in dataset.columns]
    return sum(1 << names.index(name) for name in columns)


def usable(rows: FromClause, dataset: Dataset, *columns: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows have usable cells in these columns; nothing where no flawed row is among them."""
    yield from _free_of(rows, unusable(dataset, *columns))


def certain(rows: FromClause, dataset: Dataset, *key: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows say what will be under their key; nothing where no flawed row is among them."""
    yield from _free_of(rows, unusable(dataset, *key) | REPEATED)


def sound(rows: FromClause) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows have no flaw; nothing where no flawed row is among them."""
    if "flaws" in rows.c:
        yield rows.c.flaws == 0


def _free_of(rows: FromClause, flaws: int) -> Iterator[ColumnElement[bool]]:
    if "flaws" in rows.c:
        yield rows.c.flaws.bitwise_and(flaws) == 0
