"""Warnings of returns and employments outside the registration of their enterprise. Statements only."""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import ColumnElement, Date, FromClause, func, literal, or_

from app.database.tables import METADATA
from app.imports.findings import Finding, finding, found
from app.imports.issues import Rule
from app.imports.prospect import Incoming, Prospect

_EVER = literal(date.max, Date)


def outside_registration(prospect: Prospect) -> Iterator[Finding]:
    """Find returns and employments with a day on which their enterprise is not in the register, from either side."""
    for table, rule in (
        ("enterprise_return", Rule.RETURN_OUTSIDE_REGISTRATION),
        ("employment", Rule.EMPLOYMENT_OUTSIDE_REGISTRATION),
    ):
        own, enterprises = prospect.of(table), prospect.of("enterprise")
        if own is not None:
            yield _rows_outside(prospect, own, rule)
        if enterprises is not None and not enterprises.is_first:
            yield _enterprises_leaving_out(prospect, enterprises, table, rule)


def _rows_outside(prospect: Prospect, own: Incoming, rule: Rule) -> Finding:
    rows, column = own.rows, _first_day(own.target.table.name)
    enterprises = prospect.after(METADATA.tables["enterprise"]).alias("register")
    outside = found(rows, rows.c[column]).join_from(rows, enterprises, enterprises.c.code == rows.c.enterprise_code)
    ends = ["end_on"] if "end_on" in rows.c else []
    outside = outside.where(_is_outside(rows, enterprises), *prospect.usable(rows, *ends))
    return finding(rule, column, "reaches beyond the registration of the enterprise", outside)


def _enterprises_leaving_out(prospect: Prospect, enterprises: Incoming, table: str, rule: Rule) -> Finding:
    """Return the enterprises whose dates change so that rows which are not in the file are outside."""
    rows, registry = enterprises.rows, METADATA.tables["enterprise"]
    others = prospect.after(METADATA.tables[table]).alias("others")
    joined = rows.join(registry, registry.c.code == rows.c.code).join(others, others.c.enterprise_code == rows.c.code)
    dates = ("registered_on", "closed_on")
    changes = or_(*(rows.c[name].is_distinct_from(registry.c[name]) for name in dates))
    outside = found(rows, rows.c.code, func.count()).select_from(joined)
    outside = outside.where(changes, *prospect.usable(rows, *dates))
    outside = outside.where(others.c.row_number.is_(None), _is_outside(others, rows))
    message = f"{{other}} rows of {_dataset(table)} reach beyond its registration"
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
