"""The current registry: lists by code, single entities, and the dated rows of an enterprise.

Builders return statements and execute nothing; the functions below them run these. Codes sort as UTF-8 bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.database.outages import reading
from app.database.tables import METADATA
from app.messages import say
from app.registry.entities import (
    BRANCHES,
    ENTERPRISES,
    INDUSTRY_GROUPS,
    Entity,
    UnknownCode,
    exists,
    is_code,
    not_registered,
    unknown_code,
)
from app.registry.territory import EVERYTHING, Visibility, seen, seen_with_owners

Row: TypeAlias = dict[str, Any]
"""The columns of one entity; for an industry group also `industries`, the codes of its set."""


@dataclass(frozen=True)
class Listing:
    """Filters and page of a list.

    Parameters
    ----------
    q
        Part of the code or of a name; letter case is ignored (ASCII).
    parent
        Code of the parent of the listed nodes.
    level
        Level of the tree.
    after
        Code after which the page begins; null: the first page.
    limit
        Most rows of the page.
    """

    q: str | None = None
    parent: str | None = None
    level: str | None = None
    after: str | None = None
    limit: int = 100


class CoverageKey(NamedTuple):
    """The last row of a page of coverage."""

    start_on: date
    means: str
    branch_code: str


@dataclass(frozen=True)
class Rows:
    """One page, and whether more rows follow."""

    rows: Sequence[Row]
    more: bool


def list_statement(entity: Entity, listing: Listing, visibility: Visibility) -> Select[Any]:
    """Return the statement of a page of an entity's visible rows and one more, by code."""
    table = entity.table
    statement = seen(select(table), entity, visibility).order_by(table.c.code).limit(listing.limit + 1)
    if listing.q is not None:
        searched = [table.c[name] for name in ("code", *entity.names)]
        statement = statement.where(or_(*(column.icontains(listing.q, autoescape=True) for column in searched)))
    if listing.parent is not None:
        statement = statement.where(table.c.parent_code == listing.parent)
    if listing.level is not None:
        statement = statement.where(table.c.level == listing.level)
    return statement if listing.after is None else statement.where(table.c.code > listing.after)


def find_statement(entity: Entity, code: str) -> Select[Any]:
    """Return the statement of one entity."""
    return select(entity.table).where(entity.table.c.code == code)


def industries_statement(groups: Sequence[str]) -> Select[Any]:
    """Return the statement of the sets of some industry groups: a row per group and industry."""
    table = METADATA.tables["industry_group_industry"]
    wanted = select(table.c.group_code, table.c.industry_code).where(table.c.group_code.in_(groups))
    return wanted.order_by(table.c.group_code, table.c.industry_code)


def returns_statement(enterprise: str, after: date | None, limit: int) -> Select[Any]:
    """Return the statement of a page of an enterprise's returns and one row more, by date."""
    table = METADATA.tables["enterprise_return"]
    statement = select(table).where(table.c.enterprise_code == enterprise)
    if after is not None:
        statement = statement.where(table.c.reported_on > after)
    return statement.order_by(table.c.reported_on).limit(limit + 1)


def coverage_statement(enterprise: str, after: CoverageKey | None, limit: int) -> Select[Any]:
    """Return the statement of a page of an enterprise's coverage and one row more, by start, means and branch."""
    table = METADATA.tables["enterprise_coverage"]
    key = (table.c.start_on, table.c.means, func.coalesce(table.c.branch_code, ""))
    shown = [column for column in table.c if column.name != "id"]
    statement = select(*shown).where(table.c.enterprise_code == enterprise)
    if after is not None:
        statement = statement.where(tuple_(*key) > after)
    return statement.order_by(*key).limit(limit + 1)


async def list_entities(
    engine: AsyncEngine, entity: Entity, listing: Listing, visibility: Visibility = EVERYTHING
) -> Rows:
    """Return a page of an entity's visible rows.

    Raises
    ------
    UnknownCode
        If `parent` is not found; the closest few codes are suggested.
    DatabaseUnavailable
        If the database is unavailable.
    """
    async with reading(engine) as connection:
        if listing.parent is not None:
            await connection.run_sync(_require_parent, entity, listing.parent, visibility)
        page = await _page(connection, list_statement(entity, listing, visibility), listing.limit)
        if entity is INDUSTRY_GROUPS:
            return Rows(await connection.run_sync(with_industries, page.rows), page.more)
        return page


async def find_entity(engine: AsyncEngine, entity: Entity, code: str, visibility: Visibility = EVERYTHING) -> Row:
    """Return one entity.

    Raises
    ------
    NotRegistered
        If it is not found, or not visible.
    DatabaseUnavailable
        If the database is unavailable.
    """
    async with reading(engine) as connection:
        row = await connection.run_sync(find_row, entity, code)
        if row is None or not await connection.run_sync(_is_seen, entity, code, visibility):
            raise not_registered(entity, code)
    return row


async def list_returns(
    engine: AsyncEngine, enterprise: str, after: date | None, limit: int, visibility: Visibility = EVERYTHING
) -> Rows:
    """Return a page of an enterprise's returns, the oldest first.

    Raises
    ------
    NotRegistered
        If the enterprise is not found, or not visible.
    DatabaseUnavailable
        If the database is unavailable.
    """
    statement = returns_statement(enterprise, after, limit)
    seen_ones = seen_with_owners(statement, METADATA.tables["enterprise_return"], visibility)
    return await _list_dated(engine, enterprise, seen_ones, limit, visibility)


async def list_coverage(
    engine: AsyncEngine, enterprise: str, after: CoverageKey | None, limit: int, visibility: Visibility = EVERYTHING
) -> Rows:
    """Return a page of an enterprise's coverage, the oldest first.

    Raises
    ------
    NotRegistered
        If the enterprise is not found, or not visible.
    DatabaseUnavailable
        If the database is unavailable.
    """
    return await _list_dated(engine, enterprise, coverage_statement(enterprise, after, limit), limit, visibility)


def find_row(connection: Connection, entity: Entity, code: str) -> Row | None:
    """Return one entity, or null if not found."""
    if not is_code(code):
        return None
    found = connection.execute(find_statement(entity, code)).mappings().one_or_none()
    if found is None:
        return None
    return with_industries(connection, [dict(found)])[0] if entity is INDUSTRY_GROUPS else dict(found)


def with_industries(connection: Connection, groups: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return industry groups with the codes of their sets, by code."""
    sets: dict[str, list[str]] = {group["code"]: [] for group in groups}
    for group, industry in connection.execute(industries_statement(list(sets))):
        sets[group].append(industry)
    return [{**group, "industries": sets[group["code"]]} for group in groups]


def _is_seen(connection: Connection, entity: Entity, code: str, visibility: Visibility) -> bool:
    return (
        is_code(code) and connection.execute(seen(find_statement(entity, code), entity, visibility)).first() is not None
    )


def _require_parent(connection: Connection, entity: Entity, code: str, visibility: Visibility) -> None:
    """Refuse a parent that is not found; a branch outside the scope counts as not found, and no codes are suggested."""
    hidden = entity is BRANCHES and visibility.scope is not None
    if _is_seen(connection, entity, code, visibility) if hidden else exists(connection, entity, code):
        return
    item = unknown_code(connection, entity, code, "query/parent")
    raise UnknownCode(
        say("{place}: {message}.", place="parent", message=item.message),
        [replace(item, suggestions=()) if hidden else item],
    )


async def _list_dated(
    engine: AsyncEngine, enterprise: str, statement: Select[Any], limit: int, visibility: Visibility
) -> Rows:
    async with reading(engine) as connection:
        if not await connection.run_sync(_is_seen, ENTERPRISES, enterprise, visibility):
            raise not_registered(ENTERPRISES, enterprise)
        return await _page(connection, statement, limit)


async def _page(connection: AsyncConnection, statement: Select[Any], limit: int) -> Rows:
    rows = [dict(row) for row in (await connection.execute(statement)).mappings()]
    return Rows(rows[:limit], len(rows) > limit)
