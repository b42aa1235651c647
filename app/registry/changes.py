"""Single changes of the registry by code: one transaction in a writer's turn each; the same again changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.tables import METADATA
from app.database.write_lock import raise_revision, write_lock
from app.errors import Conflict, ErrorItem, InvalidRequest
from app.registry.entities import INDUSTRY_GROUPS, Entity, Reference, not_registered, references_to
from app.registry.reads import Row, find_row
from app.registry.rules import NAMED, broken_rules, name_codes
from app.registry.territory import BELONGS_TO, Territory, require_everything, subtree_codes


class ChangeRefused(InvalidRequest):
    """The change breaks rules of the registry; `errors` lists all of them."""

    code = "change-refused"
    title = "Change refused"


class StillReferredTo(Conflict):
    """What is to be deleted is referred to; `errors` says by what (of members only their number)."""

    code = "still-referred-to"
    title = "Still referred to"


class Outcome(StrEnum):
    """What a change did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """What a change did, and the thing as it is now."""

    outcome: Outcome
    row: Row


async def replace_entity(
    engine: AsyncEngine,
    settings: Settings,
    entity: Entity,
    code: str,
    values: Mapping[str, Any],
    scope: frozenset[str] | None = None,
) -> Change:
    """Make the registry hold a thing as given, whether or not it was there.

    Parameters
    ----------
    engine, settings
        Of the process.
    entity, code
        What is changed.
    values
        Every column but the code, of its type, null where unknown; of an industry group also `industries`.
    scope
        Codes of the districts in whose subtrees the caller may write; null: everywhere.

    Raises
    ------
    ScopeTooNarrow
        If it is of a tree or group, and the scope is limited.
    NotRegistered
        If it is there, outside the scope.
    ChangeRefused
        If rules are broken; all are listed, and nothing was changed.
    WriteBusy, DatabaseUnavailable
        If the turn to write did not come in time, or the database cannot answer now.
    """
    inside = _territory(entity, scope, settings)
    async with write_lock(engine, settings) as connection:
        return await connection.run_sync(_replace, entity, {"code": code, **values}, inside)


async def delete_entity(
    engine: AsyncEngine, settings: Settings, entity: Entity, code: str, scope: frozenset[str] | None = None
) -> None:
    """Take a thing out of the registry.

    Raises
    ------
    ScopeTooNarrow
        If it is of a tree or group, and the scope is limited.
    NotRegistered
        If it is not there, or outside the scope.
    StillReferredTo
        If something refers to it; what is listed, and nothing was changed.
    WriteBusy, DatabaseUnavailable
        If the turn to write did not come in time, or the database cannot answer now.
    """
    inside = _territory(entity, scope, settings)
    async with write_lock(engine, settings) as connection:
        await connection.run_sync(_delete, entity, code, inside)


def _territory(entity: Entity, scope: frozenset[str] | None, settings: Settings) -> Territory | None:
    """Return what of an entity the caller may change; null: all of it."""
    if scope is None:
        return None
    if entity.table_name not in BELONGS_TO:
        require_everything(scope)
    return Territory(subtree_codes(scope), settings.today())


def _replace(connection: Connection, entity: Entity, row: Row, inside: Territory | None) -> Change:
    before = find_row(connection, entity, row["code"])
    if before is not None:
        _require_inside(connection, entity, row["code"], inside)
    problems = broken_rules(connection, entity, row, inside)
    if problems:
        raise ChangeRefused(_summary(problems), problems)
    row = _ordered(entity, row)
    if before == row:
        return Change(Outcome.UNCHANGED, row)
    _write(connection, entity, row, new=before is None)
    raise_revision(connection)
    return Change(Outcome.CREATED if before is None else Outcome.CHANGED, row)


def _require_inside(connection: Connection, entity: Entity, code: str, inside: Territory | None) -> None:
    if inside is not None and not connection.scalar(select(inside.code(entity.table_name, literal(code)))):
        raise not_registered(entity, code)


def _summary(problems: list[ErrorItem]) -> str:
    if len(problems) == 1:
        return f"{problems[0].pointer}: {problems[0].message}."
    return f"{len(problems)} rules are broken; `errors` lists them. Nothing was changed."


def _ordered(entity: Entity, row: Row) -> Row:
    """Return the row as a read would: plain text for enumerations, the set of a group by code."""
    plain = {name: str(value) if isinstance(value, StrEnum) else value for name, value in row.items()}
    if entity is INDUSTRY_GROUPS:
        plain["industries"] = sorted(row["industries"], key=str.encode)
    return plain


def _write(connection: Connection, entity: Entity, row: Row, *, new: bool) -> None:
    values = {name: value for name, value in row.items() if name in entity.table.c}
    if new:
        connection.execute(insert(entity.table).values(values))
    else:
        connection.execute(update(entity.table).where(entity.table.c.code == row["code"]).values(values))
    if entity is INDUSTRY_GROUPS:
        _write_set(connection, row["code"], row["industries"])


def _write_set(connection: Connection, group: str, industries: list[str]) -> None:
    table = METADATA.tables["industry_group_industry"]
    connection.execute(delete(table).where(table.c.group_code == group))
    if industries:
        connection.execute(insert(table), [{"group_code": group, "industry_code": code} for code in industries])


def _delete(connection: Connection, entity: Entity, code: str, inside: Territory | None) -> None:
    if find_row(connection, entity, code) is None:
        raise not_registered(entity, code)
    _require_inside(connection, entity, code, inside)
    referring = list(_referring(connection, entity, code, inside))
    if referring:
        message = f"The {entity.noun} {code!r} is still referred to; `errors` says by what."
        raise StillReferredTo(message, referring)
    if entity is INDUSTRY_GROUPS:
        _write_set(connection, code, [])
    connection.execute(delete(entity.table).where(entity.table.c.code == code))
    raise_revision(connection)


def _referring(connection: Connection, entity: Entity, code: str, inside: Territory | None) -> Iterator[ErrorItem]:
    """Yield what refers to a thing: how much, and those inside the scope by name."""
    for reference in references_to(entity):
        number = _number(connection, reference, code)
        if number and reference.shown is None:
            yield ErrorItem("path/code", f"{reference.rows} that refer to it: {number}")
        elif number:
            names = _names(connection, reference, str(reference.shown), code, inside)
            shown = f" ({name_codes(names)})" if names else ""
            message = f"{reference.rows} that refer to it by {reference.column}: {number}{shown}"
            yield ErrorItem("path/code", message)


def _number(connection: Connection, reference: Reference, code: str) -> int:
    table = reference.table
    counted = func.count() if reference.shown is not None else func.count(table.c.member_ref.distinct())
    return connection.scalar(select(counted).select_from(table).where(table.c[reference.column] == code)) or 0


def _names(connection: Connection, reference: Reference, shown: str, code: str, inside: Territory | None) -> list[str]:
    column = reference.table.c[shown]
    names = select(column).where(reference.table.c[reference.column] == code).distinct()
    if inside is not None:
        names = names.where(inside.row(reference.table_name, reference.table))
    return [str(name) for name in connection.scalars(names.order_by(column).limit(NAMED + 1))]
