"""Results of a rule between rows: the rows of the file that break it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Select, Text, cast, literal, null, select

from app.imports.issues import Rule
from app.messages import Message
from app.registry.entities import Entity


@dataclass(frozen=True)
class Outcome:
    """A broken rule, and how it is reported.

    Parameters
    ----------
    rule, column
        The rule, and the column that is reported (null: none).
    message
        What is wrong; `{other}` stands for the row's number `other`, `{names}` for the names from `referring`.
    codes_of
        The entity whose closest codes are suggested for the value; null: no suggestions.
    referring
        Statement of the names of rows that refer to `:code`, the value; null: they are not named.
    """

    rule: Rule
    column: str | None
    message: str | Message
    codes_of: Entity | None = None
    referring: Select[Any] | None = None


@dataclass(frozen=True)
class Finding:
    """Rows that break one of a few rules, in one statement.

    Parameters
    ----------
    outcomes
        The possible errors of a row.
    rows
        `row_number` in the file (null: the registry's row), `value` of the column as text, `other`, a number, and
        `outcome`, the index of the error in `outcomes`.
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
    """Return the statement of a finding's rows, without conditions."""
    return select(
        rows.c.row_number,
        cast(null() if value is None else value, Text).label("value"),
        cast(null() if other is None else other, BigInteger).label("other"),
        (literal(0, Integer) if outcome is None else outcome).label("outcome"),
    )
