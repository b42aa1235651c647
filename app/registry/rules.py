"""What must hold for one thing of the registry and whatever it touches, as it would be after a change.

Each rule yields its problems; pointers are those of the change's body. Bulk imports ask the same of whole sets.
"""

from collections.abc import Callable, Iterator
from datetime import date

from sqlalchemy import Connection, func, literal, select

from app.catalogue.vocabulary import AffiliationRole, DistrictLevel
from app.database.tables import CODE, METADATA
from app.errors import ErrorItem
from app.registry.entities import (
    BRANCHES,
    CODE_RULE,
    DISTRICTS,
    ENTERPRISES,
    INDUSTRIES,
    INDUSTRY_GROUPS,
    Entity,
    exists,
    is_code,
    references_of,
    unknown_code,
)
from app.registry.reads import Row, ancestors_statement, find_row
from app.registry.territory import BELONGS_TO, OUTSIDE, Territory, not_inside, present_district
from app.registry.trees import describe_cycle

_ORDERED_DATES = {ENTERPRISES.name: ("registered_on", "closed_on"), BRANCHES.name: ("established_on", "dissolved_on")}

NAMED = 10
"""Codes that a message names."""


def broken_rules(connection: Connection, entity: Entity, row: Row, inside: Territory | None = None) -> list[ErrorItem]:
    """Return every problem that a thing would have, or make, if it were as `row` says; empty if it may be so.

    Parameters
    ----------
    connection
        In the transaction of the change.
    row
        All columns; of an industry group also `industries`.
    inside
        Where it must lie, and what it newly names; null: anywhere. Where that is broken, nothing else is told, lest it
        tell of what lies elsewhere.
    """
    if not is_code(row["code"]):
        return [ErrorItem("path/code", f"a code has {CODE_RULE}")]
    if inside is not None:
        change = (connection, entity, row, inside)
        if outside := [*_lies_outside(*change), *_names_outside(*change)] or [*_circles_outside(*change)]:
            return outside
    return [problem for rule in _RULES for problem in rule(connection, entity, row)]


def name_codes(codes: list[str]) -> str:
    """Return the first few codes as text."""
    return ", ".join(codes[:NAMED]) + (", …" if len(codes) > NAMED else "")


def _references(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    for column, to in references_of(entity).items():
        code = row[column]
        # A thing that names itself is in a cycle, whether or not it is there yet.
        if code is not None and not _is_itself(entity, to, row, code) and not exists(connection, to, code):
            yield unknown_code(connection, to, code, f"body/{column}")


def _is_itself(entity: Entity, to: Entity, row: Row, code: str) -> bool:
    return to is entity and code == row["code"]


def _industries(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    if entity is INDUSTRY_GROUPS:
        for place, code in enumerate(row["industries"]):
            pointer = f"body/industries/{place}"
            if code in row["industries"][:place]:
                yield ErrorItem(pointer, f"industry {code!r} is in the list already")
            elif not exists(connection, INDUSTRIES, code):
                yield unknown_code(connection, INDUSTRIES, code, pointer)


def _dates(_connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    if entity.name in _ORDERED_DATES:
        first, second = _ORDERED_DATES[entity.name]
        if row[first] is not None and row[second] is not None and row[second] <= row[first]:
            yield ErrorItem(f"body/{second}", f"must be after {first}")


def _cycle(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    cycle = _line_to_itself(connection, entity, row)
    if cycle:
        yield ErrorItem(f"body/{entity.chain}", describe_cycle(cycle))


def _line_to_itself(connection: Connection, entity: Entity, row: Row) -> list[str]:
    """Return the codes of the cycle that a thing would be in, from its own upwards; empty: of none."""
    if entity.chain is None or row[entity.chain] is None or not is_code(row[entity.chain]):
        return []
    code, above = row["code"], row[entity.chain]
    line = [above] if above == code else list(connection.scalars(ancestors_statement(entity, above, stop=code)))
    return [code, *line[:-1]] if line and line[-1] == code else []


def _level_of_parent(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    parent = _parent(connection, entity, row)
    if parent is not None and _rank(entity, row["level"]) <= _rank(entity, parent["level"]):
        message = f"must be lower than {parent['level']}, the level of its parent {parent['code']!r}"
        allowed = tuple(entity.levels[_rank(entity, parent["level"]) + 1 :])
        yield ErrorItem("body/level", message, allowed)


def _level_of_children(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    if entity.levels:
        high = entity.levels[: _rank(entity, row["level"]) + 1]
        children = _children_of_level(connection, entity, row["code"], [str(level) for level in high])
        if children:
            yield ErrorItem("body/level", f"must be higher than the levels of its children {name_codes(children)}")


def _site(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    if entity is not DISTRICTS:
        return
    if row["level"] == DistrictLevel.SITE:
        parent = _parent(connection, entity, row)
        if row["parent_code"] is None or (parent is not None and parent["level"] != DistrictLevel.STREET):
            yield ErrorItem("body/parent_code", "a site is under a street")
    elif row["level"] != DistrictLevel.STREET:
        sites = _children_of_level(connection, entity, row["code"], [DistrictLevel.SITE])
        if sites:
            yield ErrorItem("body/level", f"must be street: its children {name_codes(sites)} are sites")


def _one_industry(_connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    if entity is BRANCHES and row["industry_code"] is not None and row["industry_group"] is not None:
        yield ErrorItem("body/industry_group", "industry_code and industry_group exclude each other")


def _dual_affiliation(connection: Connection, entity: Entity, row: Row) -> Iterator[ErrorItem]:
    if entity is not BRANCHES or row["dual_affiliation"]:
        return
    table = METADATA.tables["affiliation"]
    secondary = (table.c.branch_code == row["code"]) & (table.c.role == AffiliationRole.SECONDARY)
    members = connection.scalar(select(func.count(table.c.member_ref.distinct())).where(secondary)) or 0
    if members:
        message = f"cannot be false while secondary affiliations remain (of {members} members)"
        yield ErrorItem("body/dual_affiliation", message)


def _names_outside(connection: Connection, entity: Entity, row: Row, inside: Territory) -> Iterator[ErrorItem]:
    """Yield the codes that a thing newly names and that are nowhere inside."""
    before = find_row(connection, entity, row["code"]) or {}
    for column, to in references_of(entity).items():
        code = row[column]
        is_new = code is not None and code not in (before.get(column), row["code"])
        if to.table_name in BELONGS_TO and is_new and not _is_inside(connection, to, code, inside):
            yield ErrorItem(f"body/{column}", not_inside(to.name))


def _lies_outside(connection: Connection, entity: Entity, row: Row, inside: Territory) -> Iterator[ErrorItem]:
    """Yield that an enterprise or branch would lie outside, or that an enterprise is registered anew there."""
    before, district = find_row(connection, entity, row["code"]) or {}, row["district_code"]
    places = {district if entity is BRANCHES else _present_place(connection, row, inside.today)}
    if district is not None and district != before.get("district_code"):
        places.add(district)
    known = [place for place in places if place is None or is_code(place)]
    if any(connection.scalar(select(inside.is_elsewhere(literal(place, CODE)))) for place in known):
        yield ErrorItem("body/district_code", OUTSIDE)


def _circles_outside(connection: Connection, entity: Entity, row: Row, inside: Territory) -> Iterator[ErrorItem]:
    """Yield a cycle whose other things do not all lie inside; none of them is named."""
    cycle = _line_to_itself(connection, entity, row)
    if not all(_is_inside(connection, entity, code, inside) for code in cycle[1:]):
        yield ErrorItem(f"body/{entity.chain}", "is below itself")


def _is_inside(connection: Connection, entity: Entity, code: str, inside: Territory) -> bool:
    return is_code(code) and bool(connection.scalar(select(inside.code(entity.table_name, literal(code, CODE)))))


def _present_place(connection: Connection, row: Row, today: date) -> str | None:
    """Return the district where an enterprise would be now."""
    columns = [literal(row[name], CODE).label(name) for name in ("code", "district_code")]
    return connection.scalar(select(present_district(select(*columns).subquery("coming"), today)))


def _parent(connection: Connection, entity: Entity, row: Row) -> Row | None:
    """Return the other node that is to be the parent in a tree with levels, if there is one."""
    if not entity.levels or row["parent_code"] in (None, row["code"]):
        return None
    return find_row(connection, entity, row["parent_code"])


def _children_of_level(connection: Connection, entity: Entity, code: str, levels: list[str]) -> list[str]:
    table = entity.table
    children = (table.c.parent_code == code) & (table.c.code != code) & table.c.level.in_(levels)
    return list(connection.scalars(select(table.c.code).where(children).order_by(table.c.code).limit(NAMED + 1)))


def _rank(entity: Entity, level: str) -> int:
    return entity.levels.index(level)


_RULES: tuple[Callable[[Connection, Entity, Row], Iterator[ErrorItem]], ...] = (
    _references,
    _industries,
    _dates,
    _cycle,
    _level_of_parent,
    _level_of_children,
    _site,
    _one_industry,
    _dual_affiliation,
)
