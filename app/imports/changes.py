"""Single changes of the registry by code: each imports one row (for an industry group, all its rows).

Each is one transaction under the write lock; repeating it changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, literal, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.write_lock import raise_revision, write_lock
from app.errors import Conflict, ErrorCode, ErrorItem, InvalidRequest, ServiceError, sentence
from app.imports.columns import Dataset
from app.imports.datasets import DATASETS, refuse_narrow
from app.imports.difference import forget
from app.imports.headers import Field
from app.imports.issues import IssueLog, RowIssue, Rule
from app.imports.options import ImportMode, ImportOptions
from app.imports.rows.checks import Chunk, check_batch, refuse_identity_numbers
from app.imports.rows.raw import RawBatch
from app.imports.rules.ask import ask_rules_of_change
from app.imports.staging import drop_stage, stage_change
from app.imports.writing import tally, write
from app.messages import say
from app.registry.entities import CODE_RULE, INDUSTRY_GROUPS, Entity, is_code, not_registered
from app.registry.reads import Row, find_row
from app.registry.territory import Territory, subtree_codes


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
    """What a change did, and the current row."""

    outcome: Outcome
    row: Row


Precondition = Callable[[Row | None], None]
"""Called with the current row (null: not found, or outside the caller's scope); raises the error that refuses it."""


def any_state(_row: Row | None) -> None:
    """Accept any state."""


async def replace_entity(
    engine: AsyncEngine,
    settings: Settings,
    entity: Entity,
    code: str,
    values: Mapping[str, Any],
    scope: frozenset[str] | None = None,
    precondition: Precondition = any_state,
) -> Change:
    """Create an entity or replace its values.

    Parameters
    ----------
    engine, settings
        Of the process.
    entity, code
        What is changed.
    values
        Every column but the code, null where unknown; for an industry group also `industries`.
    scope
        Codes of the districts in whose subtrees the caller may write; null: everywhere.
    precondition
        Called first, under the write lock.

    Raises
    ------
    ScopeTooNarrow
        If it is a district, an industry or an industry group, and the scope is limited.
    NotRegistered
        If it exists outside the scope.
    ChangeRefused
        If it breaks rules; all are listed, and nothing is changed.
    WriteBusy, DatabaseUnavailable
        If the write lock was not acquired in time, or the database is unavailable.
    """
    options = ImportOptions(scope=scope)
    change = _SingleChange(entity, code, options, settings.today(), precondition)
    async with write_lock(engine, settings) as connection:
        return await connection.run_sync(change.replace, values)


async def delete_entity(
    engine: AsyncEngine,
    settings: Settings,
    entity: Entity,
    code: str,
    scope: frozenset[str] | None = None,
    precondition: Precondition = any_state,
) -> None:
    """Delete an entity from the registry.

    Raises
    ------
    ScopeTooNarrow
        If it is a district, an industry or an industry group, and the scope is limited.
    NotRegistered
        If it does not exist, or lies outside the scope.
    StillReferredTo
        If something refers to it; the references are listed, and nothing is changed.
    WriteBusy, DatabaseUnavailable
        If the write lock was not acquired in time, or the database is unavailable.
    """
    options = ImportOptions(ImportMode.DELETE, scope=scope)
    change = _SingleChange(entity, code, options, settings.today(), precondition)
    async with write_lock(engine, settings) as connection:
        await connection.run_sync(change.delete)


class _SingleChange:
    """The import of one entity, on a connection that holds the write lock."""

    def __init__(
        self, entity: Entity, code: str, options: ImportOptions, today: date, precondition: Precondition
    ) -> None:
        self._entity, self._code = entity, code
        self._dataset = DATASETS[entity.name]
        self._options, self._today = options, today
        self._inside = None if options.scope is None else Territory(subtree_codes(options.scope), today)
        self._precondition = precondition
        refuse_narrow(self._dataset, options.scope)

    def replace(self, connection: Connection, values: Mapping[str, Any]) -> Change:
        """Import the entity with these values."""
        if not is_code(self._code):  # an import trims cells, and reads an empty one as null
            raise _refused([ErrorItem(ErrorCode.INVALID_TEXT, "path/code", say("must be {rule}", rule=say(CODE_RULE)))])
        before = find_row(connection, self._entity, self._code)
        self._precondition(before if self._is_seen(connection) else None)
        if not self._import(connection, _rows(self._entity, self._code, values)):
            return Change(Outcome.UNCHANGED, before or {})
        after = find_row(connection, self._entity, self._code) or {}
        return Change(Outcome.CREATED if before is None else Outcome.CHANGED, after)

    def delete(self, connection: Connection) -> None:
        """Delete the entity."""
        before = find_row(connection, self._entity, self._code)
        self._precondition(before if self._is_seen(connection) else None)
        if before is None:
            raise not_registered(self._entity, self._code)
        keys = _rows(self._entity, self._code, before)
        self._import(connection, [{name: row[name] for name in self._dataset.key} for row in keys])

    def _is_seen(self, connection: Connection) -> bool:
        """Say whether the entity exists inside the scope."""
        if self._inside is None or self._precondition is any_state:
            return True
        inside = self._inside.code(self._entity.table_name, literal(self._code))
        return bool(connection.scalar(select(inside)))

    def _import(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Import rows; return whether anything changes."""
        log = IssueLog()
        stage = stage_change(connection, self._dataset, self._checked(rows, log))
        difference = ask_rules_of_change(connection, stage, self._options, log, self._inside, self._today)
        if log.errors:
            raise self._refusal(log.listed)
        done = tally(connection, difference)
        if done.touches:
            write(connection, difference, done)
            raise_revision(connection)
        forget(connection, stage)
        drop_stage(connection, stage)
        return done.touches

    def _checked(self, rows: Sequence[Mapping[str, Any]], log: IssueLog) -> Chunk:
        fields = [Field(name, self._dataset.column(name)) for name in rows[0]]
        texts = tuple(pa.array([_text(row[field.title]) for row in rows], pa.string()) for field in fields)
        batch = RawBatch(np.arange(len(rows)), texts)
        refuse_identity_numbers(batch, fields, log, self._today)
        keys_only = self._options.mode is ImportMode.DELETE
        return check_batch(batch, self._dataset, fields, log, self._today, keys_only=keys_only)

    def _refusal(self, issues: Sequence[RowIssue]) -> ServiceError:
        rules = {(issue.rule, issue.column) for issue in issues}
        if (Rule.OUTSIDE_SCOPE, self._dataset.key[0]) in rules:
            return not_registered(self._entity, self._code)
        problems = list(dict.fromkeys(_problem(self._dataset, issue) for issue in issues))
        if self._options.mode is ImportMode.DELETE:
            message = say(
                "The {noun} {code!r} is still referred to; `errors` says by what.",
                noun=say(self._entity.noun),
                code=self._code,
            )
            return StillReferredTo(message, problems)
        return _refused(problems)


def _rows(entity: Entity, code: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an entity's values as rows of its dataset."""
    if entity is not INDUSTRY_GROUPS:
        return [{"code": code, **{name: value for name, value in values.items() if name != "code"}}]
    names = {"group_code": code, **{name: values[name] for name in entity.names}}
    # A group without industries, which no file can contain, becomes a row with a code that does not exist.
    return [names | {"industry_code": industry} for industry in values["industries"] or [""]]


def _text(value: object) -> str | None:
    """Return a value as the text of a file's cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _problem(dataset: Dataset, issue: RowIssue) -> ErrorItem:
    """Return a row's problem as one of the request's path or body."""
    told = issue.told
    if issue.rule is Rule.DUPLICATE_KEY:
        place, told = f"body/industries/{issue.row}", say("is listed more than once")
    elif issue.column == "industry_code" and len(dataset.key) > 1:
        place = f"body/industries/{issue.row}"
    else:
        place = "path/code" if issue.column == dataset.key[0] else f"body/{issue.column}"
    return ErrorItem(issue.rule.value, place, told, suggestions=issue.suggestions)


def _refused(problems: list[ErrorItem]) -> ChangeRefused:
    if len(problems) == 1:
        return ChangeRefused(sentence(problems[0]), problems)
    message = say("{number} rules are broken; `errors` lists them. Nothing was changed.", number=len(problems))
    return ChangeRefused(message, problems)
