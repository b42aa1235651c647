"""What a rule between rows finds: a statement that yields the rows of the file that break it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Select, Text, cast, literal, null, select

from app.imports.issues import Rule
from app.messages import Message
from app.registry.entities import Entity


@dataclass(frozen=True)
class Outcome:
    """A rule that is broken, and how that is told.

    Parameters
    ----------
    rule, column
        The rule, and the column at which it is told (null: none).
    message
        What is wrong; `{other}` stands for the row's number `other`, `{names}` for what `referring` names.
    codes_of
        Whose codes the value should be one of; the closest are offered. Null: nothing is.
    referring
        Statement of what names the rows that refer to `:code`, the value; null: they are not named.
    """

    rule: Rule
    column: str | None
    message: str | Message
    codes_of: Entity | None = None
    referring: Select[Any] | None = None


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
