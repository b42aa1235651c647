"""Rules for a key with a limited scope: which rows of a file it may add, change or delete.

A row belongs to an enterprise, a branch or a member, and these lie where the registry says. Anything outside is
reported as not found, and such a row is not checked further, so that no problem reveals anything about it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, exists, func, or_, select, text

from app.database.tables import METADATA
from app.imports.difference import Difference, file_rows, materialised
from app.imports.issues import Rule
from app.imports.options import ImportMode
from app.imports.rules.finding import Finding, finding, found
from app.imports.rules.references import not_gone
from app.imports.targets import BROUGHT_BY, same_key
from app.registry.entities import PLACED, REFERENCES
from app.registry.territory import (
    BELONGS_TO,
    OUTSIDE,
    Territory,
    is_attached,
    not_inside,
    place_of_return,
    present_district,
    subtree_codes,
)

_DISTRICTS = "districts_inside"

NAMED: Mapping[str, tuple[str, str]] = {
    reference.table_name: (reference.column, reference.to.table_name)
    for reference in REFERENCES
    if reference.to in PLACED and not reference.belongs
}
"""For each table a column that refers to something which its rows do not belong to, and that thing's table."""


def territory(connection: Connection, scope: frozenset[str] | None, today: date) -> Territory | None:
    """Return what lies inside a scope in the current registry; null: everything."""
    if scope is None:
        return None
    connection.execute(text(f"DROP TABLE IF EXISTS {_DISTRICTS}"))
    codes = materialised(connection, select(subtree_codes(scope).c.code), _DISTRICTS, "code")
    return Territory(codes, today)


def belonging_outside(difference: Difference) -> Iterator[Finding]:
    """Find rows of the file that belong to something outside the scope."""
    inside, table = difference.territory, difference.own.target.table.name
    if inside is not None:
        for name, of in BELONGS_TO[table].items():
            yield _of_something_outside(difference, inside, name, of)
        if table == "enterprise_return":
            yield _returns_outside(difference, inside)
        if table == "target":
            yield _targets_outside(difference, inside)


def going_outside(difference: Difference) -> Iterator[Finding]:
    """Find rows of the file, of something inside, that would move it outside, or newly refer to something there."""
    inside, table = difference.territory, difference.own.target.table.name
    if inside is not None and difference.options.mode is not ImportMode.DELETE:
        if table in _PLACES:
            yield _put_outside(difference, inside)
        if table in NAMED:
            yield _naming_outside(difference, inside)


def pushed_out(difference: Difference) -> Iterator[Finding]:
    """Find enterprises that would lie outside after some of their returns are deleted."""
    incoming, inside = difference.of("enterprise_return"), difference.territory
    if inside is None or incoming is None or incoming.gone is None:
        return
    gone, firm = incoming.gone, METADATA.tables["enterprise"].alias("firm")
    latest = _latest_returns(difference, gone, inside.today)
    rows = found(gone, gone.c.enterprise_code).join_from(gone, firm, firm.c.code == gone.c.enterprise_code)
    rows = rows.outerjoin(latest, latest.c.enterprise_code == firm.c.code)
    rows = rows.where(inside.is_elsewhere(func.coalesce(latest.c.district_code, firm.c.district_code)))
    column = incoming.target.source["enterprise_code"]
    yield finding(
        Rule.OUTSIDE_SCOPE, column, "without a return that would go it lies outside the districts of the key", rows
    )


def _of_something_outside(difference: Difference, inside: Territory, name: str, of: str) -> Finding:
    """Find rows that belong to something outside or, unless they create it themselves, to something not found.

    A member without employment and affiliation belongs to nobody yet, and may be written by every key.
    """
    target = difference.own.target
    file = file_rows(difference.stage, target)
    code, table = file.c[name], METADATA.tables[of]
    there = exists().where(table.primary_key.columns[0] == code)
    open_to = or_(inside.code(of, code), *([and_(there, ~is_attached(code))] if of == "member" else []))
    bring_it = of in difference.stage.dataset.tables
    rows = found(file, code).where(code.is_not(None), ~open_to, *([there] if bring_it else []))
    message = OUTSIDE if bring_it else not_inside(BROUGHT_BY[of])
    return finding(Rule.OUTSIDE_SCOPE, target.source[name], message, rows)


def _returns_outside(difference: Difference, inside: Territory) -> Finding:
    """Find recorded returns that place their enterprise, which now lies inside, outside."""
    target = difference.own.target
    file, there = file_rows(difference.stage, target), target.table.alias("there")
    rows = found(file, file.c.reported_on).join_from(file, there, same_key(file, there, target))
    rows = rows.where(inside.enterprise(file.c.enterprise_code), ~inside.holds(place_of_return(there)))
    return finding(
        Rule.OUTSIDE_SCOPE, "reported_on", "the return that is there lies outside the districts of the key", rows
    )


def _targets_outside(difference: Difference, inside: Territory) -> Finding:
    """Find targets of districts outside, and of none; an unknown district is told as one."""
    file = file_rows(difference.stage, difference.own.target)
    rows = found(file, file.c.district_code).where(
        inside.is_elsewhere(file.c.district_code), *difference.usable(file, "district_code")
    )
    return finding(Rule.OUTSIDE_SCOPE, "district_code", OUTSIDE, rows)


def _put_outside(difference: Difference, inside: Territory) -> Finding:
    rows = difference.own.rows
    target = difference.own.target
    elsewhere = _PLACES[target.table.name](rows, inside)
    needed = [target.source[name] for name in BELONGS_TO[target.table.name]]
    put = found(rows, rows.c.district_code).where(elsewhere, *difference.usable(rows, "district_code", *needed))
    return finding(Rule.OUTSIDE_SCOPE, "district_code", OUTSIDE, put)


def _enterprises_elsewhere(rows: FromClause, inside: Territory) -> ColumnElement[bool]:
    """Say whether an enterprise's registration moves outside, or its current location would be outside."""
    there = METADATA.tables["enterprise"].alias("there")
    known = exists().where(there.c.code == rows.c.code, there.c.district_code == rows.c.district_code)
    anew = and_(rows.c.district_code.is_not(None), ~known, inside.is_elsewhere(rows.c.district_code))
    return or_(anew, inside.is_elsewhere(present_district(rows, inside.today)))


def _returns_elsewhere(rows: FromClause, inside: Territory) -> ColumnElement[bool]:
    return inside.is_elsewhere(place_of_return(rows))


def _branches_elsewhere(rows: FromClause, inside: Territory) -> ColumnElement[bool]:
    return inside.is_elsewhere(rows.c.district_code)


_PLACES = {
    "enterprise": _enterprises_elsewhere,
    "enterprise_return": _returns_elsewhere,
    "branch": _branches_elsewhere,
}
"""For each table whose rows say where something is, the condition that this would be outside."""


def _naming_outside(difference: Difference, inside: Territory) -> Finding:
    """Find rows that refer to something outside, unless the registry's row does already, or to something not found."""
    target, rows = difference.own.target, difference.own.rows
    name, of = NAMED[target.table.name]
    code, before = rows.c[name], target.table.alias("before")
    named_before = exists().where(same_key(before, rows, target), before.c[name] == code)
    staying = METADATA.tables[of].alias("staying")
    there = exists().where(staying.c.code == code, *not_gone(difference, staying, of))
    naming = found(rows, code).where(code.is_not(None), ~and_(there, or_(named_before, inside.code(of, code))))
    if difference.of(of) is not None:
        coming = rows.alias("coming")
        naming = naming.where(~exists().where(coming.c.code == code))
    return finding(Rule.OUTSIDE_SCOPE, target.source[name], not_inside(BROUGHT_BY[of]), naming)


def _latest_returns(difference: Difference, gone: FromClause, today: date) -> FromClause:
    """Return the latest remaining return of each enterprise that loses some: `enterprise_code`, district."""
    after = difference.after(METADATA.tables["enterprise_return"])
    place = func.row_number().over(partition_by=after.c.enterprise_code, order_by=after.c.reported_on.desc())
    concerned: Select[Any] = select(after.c.enterprise_code, after.c.district_code, place.label("place")).where(
        after.c.enterprise_code.in_(select(gone.c.enterprise_code)), after.c.reported_on <= today
    )
    ranked = concerned.subquery("ranked")
    return select(ranked).where(ranked.c.place == 1).subquery("latest")
