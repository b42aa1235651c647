"""Warnings: outliers among an enterprise's headcounts, and dates outside a registration or life."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    extract,
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
from app.imports.targets import BROUGHT_BY
from app.messages import Message, say

OTHERS = 4
"""Least number of other returns of an enterprise for its headcount to be judged."""

LARGEST_SCORE = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993)."""

SCORE_UNIT = 0.6745
"""Makes the median absolute deviation comparable to a standard deviation of normal values (the same source)."""

LARGEST_FACTOR = 3
"""A headcount within this factor of the median, either way, is no outlier."""

_MATRIX_CELLS = 2_000_000
"""Most cells of an array processed at a time: 16 MB each."""

_ROWS_AT_ONCE = 20_000

Counts: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


def outlying_rows(connection: Connection, difference: Difference) -> Iterator[tuple[int, str]]:
    """Yield number and headcount of each new or changed return whose headcount is an outlier."""
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
    """Return the headcounts that may be outliers, with those they are compared to.

    Returns
    -------
    Select or None
        `enterprise_code`, `row_number` (null: not in the file) and `headcount`, of all returns of the enterprises that
        the import changes and whose headcounts differ enough; by enterprise. None if no returns are imported.
    """
    incoming = difference.of("enterprise_return")
    if incoming is None:
        return None
    every = _of_touched_enterprises(incoming).subquery("every")
    most, least = func.max(every.c.headcount), func.min(every.c.headcount)
    # A value beyond the factor from a median is also beyond it from the opposite extreme.
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
    """Return which values are outliers among the values of their group.

    Parameters
    ----------
    groups, values
        Group and value of each row, in any order.

    Returns
    -------
    array of bool
        For each row: its group has at least four others, it is more than three times their median or less than a third
        of it, and its modified z-score against them is above 3.5 (any, if their median absolute deviation is 0).
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
    # If the deviation is 0, every value but the median is unlikely: only the factor decides.
    unlikely: Flags = SCORE_UNIT * np.abs(values - median) > LARGEST_SCORE * deviation
    beyond: Flags = far & unlikely
    return beyond


def _columns(table: Table) -> tuple[ColumnElement[Any], ...]:
    return cast(null(), BigInteger).label("row_number"), table.c.enterprise_code, table.c.headcount


def _whole_enterprises(blocks: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    """Yield rows in blocks that do not separate the rows of an enterprise."""
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


@dataclass(frozen=True)
class _Dated:
    """Dated rows of something with a first and last day.

    Parameters
    ----------
    table, rule
        The rows, and the rule that a row outside breaks.
    column
        Column of their first day, which is reported.
    owner, code
        Table of what they belong to, and the column that refers to it.
    life
        Columns of the owner: its first day, and the day after its last.
    outside, leaving_out
        Messages for a row outside, and for an owner whose changed dates leave `{other}` rows outside.
    """

    table: str
    rule: Rule
    column: str
    owner: str
    code: str
    life: tuple[str, str]
    outside: Message
    leaving_out: Message


_OF_ENTERPRISES = (
    "enterprise",
    "enterprise_code",
    ("registered_on", "closed_on"),
    say("reaches beyond the registration of the enterprise"),
    say("{other} rows of {dataset} reach beyond its registration"),
)
_OF_BRANCHES = (
    "branch",
    "branch_code",
    ("established_on", "dissolved_on"),
    say("is outside the life of the branch"),
    say("{other} rows of {dataset} are outside its life"),
)
_DATED = (
    _Dated("enterprise_return", Rule.RETURN_OUTSIDE_REGISTRATION, "reported_on", *_OF_ENTERPRISES),
    _Dated("employment", Rule.EMPLOYMENT_OUTSIDE_REGISTRATION, "start_on", *_OF_ENTERPRISES),
    _Dated("branch_return", Rule.BRANCH_RETURN_OUTSIDE_LIFE, "period_on", *_OF_BRANCHES),
)


def outside_life(difference: Difference) -> Iterator[Finding]:
    """Find returns and employments at times when their enterprise or branch did not exist, from either side."""
    for dated in _DATED:
        own, owners = difference.of(dated.table), difference.of(dated.owner)
        if own is not None:
            yield _rows_outside(difference, own, dated)
        if owners is not None and not owners.is_first:
            yield _owners_leaving_out(difference, owners, dated)


def _rows_outside(difference: Difference, own: Incoming, dated: _Dated) -> Finding:
    rows = own.rows
    owners = difference.after(METADATA.tables[dated.owner]).alias("register")
    outside = found(rows, rows.c[dated.column]).join_from(rows, owners, owners.c.code == rows.c[dated.code])
    ends = ["end_on"] if "end_on" in rows.c else []
    outside = outside.where(_is_outside(rows, owners, dated), *difference.usable(rows, *ends))
    return finding(dated.rule, dated.column, dated.outside, outside)


def _owners_leaving_out(difference: Difference, owners: Incoming, dated: _Dated) -> Finding:
    """Return the enterprises or branches whose changed dates leave rows outside that are not in the file."""
    rows, registry = owners.rows, METADATA.tables[dated.owner]
    others = difference.after(METADATA.tables[dated.table]).alias("others")
    joined = rows.join(registry, registry.c.code == rows.c.code).join(others, others.c[dated.code] == rows.c.code)
    changes = or_(*(rows.c[name].is_distinct_from(registry.c[name]) for name in dated.life))
    outside = found(rows, rows.c.code, func.count()).select_from(joined)
    outside = outside.where(changes, *difference.usable(rows, *dated.life))
    outside = outside.where(others.c.row_number.is_(None), _is_outside(others, rows, dated))
    message = say(dated.leaving_out, dataset=say(BROUGHT_BY[dated.table]))
    return finding(dated.rule, "code", message, outside.group_by(rows.c.row_number, rows.c.code))


def _is_outside(rows: FromClause, owners: FromClause, dated: _Dated) -> ColumnElement[bool]:
    first, (begins, ends) = rows.c[dated.column], (owners.c[name] for name in dated.life)
    if dated.column == "period_on":  # the month of its first day is part of its life
        return or_(_month(first) < _month(begins), first >= ends)
    after_the_end = first >= ends if "end_on" not in rows.c else func.coalesce(rows.c.end_on, _EVER) > ends
    return or_(first < begins, after_the_end)


def _month(day: ColumnElement[Any]) -> ColumnElement[Any]:
    return extract("year", day) * 12 + extract("month", day)
