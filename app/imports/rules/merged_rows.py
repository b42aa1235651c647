"""Rules of single rows, checked again on rows whose values come partly from the file and partly from the registry.

A file without some columns keeps the registry's values there, so that a row that is valid by itself may be invalid
with them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, CursorResult, Select, literal, select

from app.imports.columns import Dataset, Kind, unusable
from app.imports.difference import Difference, Incoming
from app.imports.issues import Rule
from app.imports.rows.rules import row_findings
from app.imports.targets import Target
from app.messages import Message

_TYPES = {
    Kind.DATE: pa.date32(),
    Kind.MONTH: pa.date32(),
    Kind.COUNT: pa.int32(),
    Kind.YEAR: pa.int32(),
    Kind.BOOLEAN: pa.bool_(),
}
"""Arrow types as in chunks; other kinds are text."""

_COMPARED_BESIDES: Mapping[str, tuple[str, ...]] = {
    "returns": ("members", "headcount"),
    "ledger": ("members", "headcount"),
    "branches": ("industry_code", "industry_group"),
}
"""Columns compared by rules in addition to the datasets' pairs of dates and the parts of counts."""

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class MergedProblem:
    """A rule that a merged row breaks: its column, row of the file, value and message."""

    rule: Rule
    column: str
    row_number: int
    value: str | None
    message: str | Message


def merged_problems(connection: Connection, difference: Difference, today: date) -> Iterator[MergedProblem]:
    """Yield the problems of merged rows that the values of the file alone do not have."""
    for incoming in difference.incoming:
        names = _halved(difference.stage.dataset, incoming.target, difference.stage.present)
        if names:
            yield from _problems(connection, difference, incoming, names, today)


def _halved(dataset: Dataset, target: Target, present: frozenset[str]) -> list[str]:
    """Return the columns of the table that rules compare, if the file has some but not all of them."""
    compared = {name for order in dataset.orders for name in (order.first, order.second)} | set(
        _COMPARED_BESIDES.get(dataset.name, ())
    )
    compared |= {name for column in dataset.columns if column.part_of for name in (column.name, column.part_of)}
    brought = [name for name in target.columns if target.source.get(name) in compared]
    return brought if {target.source[name] in present for name in brought} == {True, False} else []


def _problems(
    connection: Connection, difference: Difference, incoming: Incoming, names: Sequence[str], today: date
) -> Iterator[MergedProblem]:
    dataset, target = difference.stage.dataset, incoming.target
    titles = [target.source[name] for name in names]
    shown = [title for title in titles if title in difference.stage.present]
    rows = _merged(incoming, names).execution_options(stream_results=True)
    result: CursorResult[Any] = connection.execute(rows)
    for block in result.partitions(_ROWS_AT_ONCE):
        numbers, invalid_cells, *columns = zip(*block, strict=True)
        types = [_TYPES.get(dataset.column(title).kind, pa.string()) for title in titles]
        table = pa.table({title: pa.array(*cells) for title, *cells in zip(titles, columns, types, strict=True)})
        told = {(known.rule, known.column): known.rows for known in row_findings(dataset, table.select(shown), today)}
        for new in row_findings(dataset, table, today):
            unread = 0 if new.blank is None else np.array(invalid_cells) & unusable(dataset, new.blank)
            for place in np.flatnonzero(new.rows & ~told.get((new.rule, new.column), np.False_) & (unread == 0)):
                value = table.column(new.column)[int(place)].as_py()
                yield MergedProblem(
                    new.rule, new.column, numbers[place], None if value is None else str(value), new.message
                )


def _merged(incoming: Incoming, names: Sequence[str]) -> Select[Any]:
    rows = incoming.rows
    invalid_cells = rows.c.invalid_cells if "invalid_cells" in rows.c else literal(0)
    merged = select(rows.c.row_number, invalid_cells, *(rows.c[name] for name in names))
    # A new row has only the file's values, so only a part can lack its whole there.
    return merged if {"members", "headcount"} & set(names) else merged.where(~rows.c.is_new)
