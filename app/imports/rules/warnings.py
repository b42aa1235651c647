"""Warnings: a headcount that is an outlier among the enterprise's returns, and days outside its registration."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    CursorResult,
    Date,
    FromClause,
    Select,
    Table,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from app.database.tables import METADATA
from app.imports.difference import Difference, Incoming, kept
from app.imports.issues import Rule
from app.imports.rules.finding import Finding, finding, found
from app.messages import say

OTHERS = 4
"""Returns that an enterprise must have besides one for its headcount to be judged."""

LARGEST_SCORE = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993)."""

SCORE_UNIT = 0.6745
"""Makes the median absolute deviation comparable to a standard deviation of normal values (the same source)."""

LARGEST_FACTOR = 3
"""A headcount within this factor of the median, either way, is no jump."""

_MATRIX_CELLS = 2_000_000
"""Cells of the arrays that are worked on at a time: 16 MB each."""

_ROWS_AT_ONCE = 20_000

Counts: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


def outlying_rows(connection: Connection, difference: Difference) -> Iterator[tuple[int, str]]:
    """Yield the number and headcount of each new or changed return whose headcount jumps."""
    rows = judged_returns(difference)
    if rows is None:
        return
    result: CursorResult[Any] = connection.execute(rows.execution_options(stream_results=True))
    for block in _whole_enterprises(result.partitions(_ROWS_AT_ONCE)):
        codes, headcounts = np.array([row[0] for row in block]), np.array([row[2] for row in block], np.int64)
        enterprises = np.cumsum(np.r_[False, codes[1:] != codes[:-1]])
        for place in np.flatnonzero(outliers(enterprises, headcounts)):
            if (number := block[place][1]) is not None:
                yield number, str(headcounts[place])


def judged_returns(difference: Difference) -> Select[Any] | None:
    """Return the headcounts that may have jumped, with those they are compared to.

    Returns
    -------
    Select or None
        `enterprise_code`, `row_number` (null: not in the file) and `headcount`, of all returns of the enterprises that
        the import touches and of which the headcounts differ enough; by enterprise. None where no returns come in.
    """
    incoming = difference.of("enterprise_return")
    if incoming is None:
        return None
    every = _of_touched_enterprises(incoming).subquery("every")
    most, least = func.max(every.c.headcount), func.min(every.c.headcount)
    # Who is beyond the factor from a median is beyond it from the other end of all values, too.
    differing = and_(func.count(every.c.headcount) > OTHERS, most > LARGEST_FACTOR * least)
    judged = select(every.c.enterprise_code).group_by(every.c.enterprise_code).having(differing)
    told = every.alias("told")
    chosen = select(told.c.enterprise_code, told.c.row_number, told.c.headcount)
    chosen = chosen.where(told.c.headcount.is_not(None), told.c.enterprise_code.in_(judged))
    return chosen.order_by(told.c.enterprise_code)


def _of_touched_enterprises(incoming: Incoming) -> Select[Any] | CompoundSelect[Any]:
    table = incoming.target.table
    coming = incoming.coming().subquery("coming")
    rows = select(coming.c.row_number, coming.c.enterprise_code, coming.c.headcount)
    if incoming.is_first:
        return rows
    there = kept(incoming).with_only_columns(*_columns(table))
    return union_all(rows, there.where(table.c.enterprise_code.in_(select(coming.c.enterprise_code))))


def outliers(groups: Counts, values: Counts) -> Flags:
    """Return which values jump against the other values of their group.

    Parameters
    ----------
    groups, values
        Group and value of each row, in any order.

    Returns
    -------
    array of bool
        For each row: its group has at least four others, it is more than three times their median or less than a third
        of it, and its modified z-score against them is above 3.5 (any, where their median absolute deviation is 0).
    """
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0]) if len(groups) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(groups)])
    flags = np.zeros(len(groups), np.bool_)
    for size in np.unique(sizes[sizes > OTHERS]):
        places = order[starts[sizes == size][:, None] + np.arange(size)]
        flags[places] = _jumps_in_rows(values[places])
    return flags


def _jumps_in_rows(matrix: Counts) -> Flags:
    """Return `outliers` of a matrix that has one group per row."""
    groups, size = matrix.shape
    flags: Flags = np.empty(matrix.shape, np.bool_)
    many = max(1, _MATRIX_CELLS // (size * size))
    few = max(1, _MATRIX_CELLS // size)
    for first in range(0, groups, many):
        part = matrix[first : first + many]
        for left in range(0, size, few):
            judged = np.arange(left, min(left + few, size))
            flags[first : first + many, judged] = _beyond(part[:, judged], _others(part, judged))
    return flags


def _others(matrix: Counts, judged: Counts) -> Counts:
    """Return for each row and each judged column the values of the other columns: rows × judged × (columns - 1)."""
    columns = np.arange(matrix.shape[1] - 1)
    return matrix[:, columns + (columns >= judged[:, None])]


def _beyond(values: Counts, others: Counts) -> Flags:
    median = np.median(others, axis=2)
    deviation = np.median(np.abs(others - median[..., None]), axis=2)
    far = (values > LARGEST_FACTOR * median) | (LARGEST_FACTOR * values < median)
    # Where the deviation is 0, every value but the median is unlikely: the factor decides alone.
    unlikely: Flags = SCORE_UNIT * np.abs(values - median) > LARGEST_SCORE * deviation
    beyond: Flags = far & unlikely
    return beyond


def _columns(table: Table) -> tuple[ColumnElement[Any], ...]:
    return cast(null(), BigInteger).label("row_number"), table.c.enterprise_code, table.c.headcount


def _whole_enterprises(blocks: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    """Yield rows in blocks that do not part the rows of an enterprise."""
    held: list[Any] = []
    for block in blocks:
        held.extend(block)
        last = next(place for place, row in enumerate(held) if row[0] == held[-1][0])
        if last:
            yield held[:last]
        held = held[last:]
    if held:
        yield held


_EVER = literal(date.max, Date)


def outside_registration(difference: Difference) -> Iterator[Finding]:
    """Find returns and employments with a day on which their enterprise is not in the register, from either side."""
    for table, rule in (
        ("enterprise_return", Rule.RETURN_OUTSIDE_REGISTRATION),
        ("employment", Rule.EMPLOYMENT_OUTSIDE_REGISTRATION),
    ):
        own, enterprises = difference.of(table), difference.of("enterprise")
        if own is not None:
            yield _rows_outside(difference, own, rule)
        if enterprises is not None and not enterprises.is_first:
            yield _enterprises_leaving_out(difference, enterprises, table, rule)


def _rows_outside(difference: Difference, own: Incoming, rule: Rule) -> Finding:
    rows, column = own.rows, _first_day(own.target.table.name)
    enterprises = difference.after(METADATA.tables["enterprise"]).alias("register")
    outside = found(rows, rows.c[column]).join_from(rows, enterprises, enterprises.c.code == rows.c.enterprise_code)
    ends = ["end_on"] if "end_on" in rows.c else []
    outside = outside.where(_is_outside(rows, enterprises), *difference.usable(rows, *ends))
    return finding(rule, column, "reaches beyond the registration of the enterprise", outside)


def _enterprises_leaving_out(difference: Difference, enterprises: Incoming, table: str, rule: Rule) -> Finding:
    """Return the enterprises whose dates change so that rows which are not in the file are outside."""
    rows, registry = enterprises.rows, METADATA.tables["enterprise"]
    others = difference.after(METADATA.tables[table]).alias("others")
    joined = rows.join(registry, registry.c.code == rows.c.code).join(others, others.c.enterprise_code == rows.c.code)
    dates = ("registered_on", "closed_on")
    changes = or_(*(rows.c[name].is_distinct_from(registry.c[name]) for name in dates))
    outside = found(rows, rows.c.code, func.count()).select_from(joined)
    outside = outside.where(changes, *difference.usable(rows, *dates))
    outside = outside.where(others.c.row_number.is_(None), _is_outside(others, rows))
    message = say("{other} rows of {dataset} reach beyond its registration", dataset=say(_dataset(table)))
    return finding(rule, "code", message, outside.group_by(rows.c.row_number, rows.c.code))


def _is_outside(rows: FromClause, enterprises: FromClause) -> ColumnElement[bool]:
    opened, closed = enterprises.c.registered_on, enterprises.c.closed_on
    if "reported_on" in rows.c:
        return or_(rows.c.reported_on < opened, rows.c.reported_on >= closed)
    return or_(rows.c.start_on < opened, func.coalesce(rows.c.end_on, _EVER) > closed)


def _first_day(table: str) -> str:
    return "reported_on" if table == "enterprise_return" else "start_on"


def _dataset(table: str) -> str:
    return "returns" if table == "enterprise_return" else "employments"
