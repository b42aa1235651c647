"""Rules on trees: levels fall from parent to child, a site is under a street, no node is its own ancestor."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
    text,
    union_all,
)

from app.catalogue.vocabulary import DistrictLevel
from app.imports.difference import Difference, Incoming, kept, materialised, stays, with_named
from app.imports.issues import Rule
from app.imports.rules.finding import Finding, Outcome, finding, found
from app.registry.entities import ENTITIES, REFERENCES
from app.registry.trees import find_cycles

_LEVELS: Mapping[str, tuple[StrEnum, ...]] = {it.table_name: it.levels for it in ENTITIES.values() if it.levels}
"""For each tree with levels: its levels, from the highest down."""


def wrong_levels(difference: Difference) -> Iterator[Finding]:
    """Find nodes whose level is not below their parent's, or not above that of a child that is not in the file."""
    order = _LEVELS.get(difference.own.target.table.name)
    if order is None:
        return
    rows = difference.own.rows.alias("node")
    joined, level = with_named(difference.own, rows, "parent_code", "level")
    wrong = found(rows, rows.c.level).select_from(joined).where(_rank(rows.c.level, order) <= _rank(level, order))
    yield finding(Rule.LEVEL_ORDER, "level", "must be lower than the level of the parent", wrong)
    for children in _children(difference.own):
        above = _above(rows, children, _rank(children.c.level, order) <= _rank(rows.c.level, order))
        yield finding(Rule.LEVEL_ORDER, "level", "must be higher than the levels of its {other} children", above)


def misplaced_sites(difference: Difference) -> Iterator[Finding]:
    """Find sites that are not under a street, and nodes with sites that are no longer a street."""
    if difference.own.target.table.name != "district":
        return
    rows = difference.own.rows.alias("node")
    joined, level = with_named(difference.own, rows, "parent_code", "level")
    # A parent that is not found is reported as an unknown code.
    elsewhere = or_(rows.c.parent_code.is_(None), level != DistrictLevel.STREET)
    sites = found(rows, rows.c.parent_code).select_from(joined)
    sites = sites.where(rows.c.level == DistrictLevel.SITE, elsewhere, *difference.usable(rows, "parent_code"))
    yield finding(Rule.SITE_PLACE, "parent_code", "a site must be under a street", sites)
    for children in _children(difference.own):
        is_no_street = rows.c.level != DistrictLevel.STREET
        above = _above(rows, children, and_(children.c.level == DistrictLevel.SITE, is_no_street))
        yield finding(Rule.SITE_PLACE, "level", "must stay a street: {other} sites are under it", above)


def _children(incoming: Incoming) -> Iterator[FromClause]:
    """Yield the unchanged nodes, as children; nothing if the registry had none."""
    if not incoming.is_first:
        yield kept(incoming).subquery("staying").alias("child")


def _above(rows: FromClause, children: FromClause, wrong: ColumnElement[bool]) -> Select[Any]:
    below = select(func.count()).select_from(children).where(children.c.parent_code == rows.c.code, wrong)
    number = below.correlate(rows).scalar_subquery()
    return found(rows, rows.c.level, number).where(number > 0)


def _rank(level: ColumnElement[str], order: tuple[StrEnum, ...]) -> ColumnElement[int]:
    return case({str(value): rank for rank, value in enumerate(order)}, value=level)


_LINKS: Mapping[str, str] = {
    reference.table_name: reference.column
    for reference in REFERENCES
    if reference.table_name == reference.to.table_name
}
"""For each table whose rows refer to other rows of it, the column of this reference."""

_BELOW = (
    Outcome(Rule.CYCLE, "parent_code", "is below itself, in a cycle of {other}"),
    Outcome(Rule.CYCLE, "parent_code", "is below itself"),
)
_CONTINUING = (
    Outcome(Rule.SUPERSEDES_CYCLE, "supersedes", "continues itself, in a cycle of {other}"),
    Outcome(Rule.SUPERSEDES_CYCLE, "supersedes", "continues itself"),
)
"""With and without the length of the cycle, which would reveal rows outside to a key with a limited scope."""

_NAME = "links"


def rows_on_cycles(connection: Connection, difference: Difference) -> Iterator[tuple[Outcome, int, str, int]]:
    """Yield the rows of the file that are on a cycle: error, number, code above, length of the cycle."""
    name = difference.own.target.table.name
    if name not in _LINKS or _LINKS[name] not in difference.stage.present:
        return
    outcome = (_CONTINUING if name == "enterprise" else _BELOW)[difference.territory is not None]
    links: Select[Any] = _links(difference.own, _LINKS[name])
    if not difference.stage.is_change:
        connection.execute(text(f"DROP TABLE IF EXISTS {_NAME}"))
        kept_links = materialised(connection, links, _NAME, "above")
        connection.execute(text(f"CREATE INDEX {_NAME}_code ON {_NAME} (code)"))
        links = _without_a_root(kept_links)
    endless = {row.code: row for row in connection.execute(links)}
    for cycle in find_cycles({code: row.above for code, row in endless.items()}):
        for row in (endless[code] for code in cycle):
            if row.row_number is not None:
                yield outcome, row.row_number, row.above, len(cycle)


def _links(incoming: Incoming, column: str) -> Select[Any]:
    """Return the new or changed nodes that have a parent, and the unchanged ancestors of these.

    `row_number`, `code` and `above` of each. They include all nodes on a new cycle.
    """
    rows = incoming.coming().subquery("coming")
    coming = select(rows.c.row_number, rows.c.code, rows.c[column].label("above")).where(rows.c[column].is_not(None))
    if incoming.is_first:
        return coming
    lowest, staying = coming.subquery("lowest"), incoming.target.table.alias("staying")
    goes_on = (staying.c[column].is_not(None), *stays(incoming, staying))
    step = select(staying.c.code, staying.c[column].label("above")).where(*goes_on)
    line = step.join_from(lowest, staying, staying.c.code == lowest.c.above).cte("line", recursive=True)
    line = line.union(step.join_from(line, staying, staying.c.code == line.c.above))
    above = select(cast(null(), BigInteger).label("row_number"), line.c.code, line.c.above)
    nodes = union_all(coming, above).subquery("nodes")
    return select(nodes.c.row_number, nodes.c.code, nodes.c.above)


def _without_a_root(links: Table) -> Select[tuple[int | None, str, str]]:
    """Return the nodes without a root above: those on a cycle, and those below one."""
    upper, lower, rest = links.alias("upper"), links.alias("lower"), links.alias("rest")
    top = select(links.c.code).where(~exists().where(upper.c.code == links.c.above))
    reached = top.cte("reached", recursive=True)
    reached = reached.union_all(select(lower.c.code).join_from(reached, lower, lower.c.above == reached.c.code))
    return select(rest.c.row_number, rest.c.code, rest.c.above).where(rest.c.code.not_in(select(reached.c.code)))
