"""What a rule between rows finds: a statement that yields the rows of the file that break it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Select, Text, cast, literal, null, select

from app.imports.issues import Rule
from app.imports.messages import Message


@dataclass(frozen=True)
class Outcome:
    """A rule, the column at which it is told (null: none), and how; `{other}` stands for the row's number `other`."""

    rule: Rule
    column: str | None
    message: str | Message


@dataclass(frozen=True)
class Finding:
    """Rows that break one of a few rules that one statement asks.

    Parameters
    ----------
    outcomes
        What may be wrong with a row.
    rows
        `row_number` in the file (null: the registry's row), `value` of the column as text, `other`, a number, and
        `outcome`, the place of what is wrong in `outcomes`.
    """

    outcomes: tuple[Outcome, ...]
    rows: Select[Any]


def finding(rule: Rule, column: str | None, message: str | Message, rows: Select[Any]) -> Finding:
    """Return the finding of one rule."""
    return Finding((Outcome(rule, column, message),), rows)


def found(
    rows: FromClause,
    value: ColumnElement[Any] | None = None,
    other: ColumnElement[Any] | None = None,
    outcome: ColumnElement[int] | None = None,
) -> Select[Any]:
    """Return the statement of a finding's rows, without a condition yet."""
    return select(
        rows.c.row_number,
        cast(null() if value is None else value, Text).label("value"),
        cast(null() if other is None else other, BigInteger).label("other"),
        (literal(0, Integer) if outcome is None else outcome).label("outcome"),
    )
