"""Rules on keys, on references between rows, and on refs of erased members.

Builds statements; nothing is executed here.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    null,
    select,
)

from app.config import Settings
from app.database.tables import CODE
from app.imports.columns import Dataset, usable
from app.imports.difference import Difference, Incoming, kept
from app.imports.issues import Rule
from app.imports.options import ImportMode
from app.imports.rules.finding import Finding, Outcome, finding, found
from app.imports.spellings import chinese_titles
from app.imports.staging import Stage
from app.imports.targets import BROUGHT_BY, anchor, same_key
from app.messages import say
from app.registry.entities import ENTITIES, MEMBERS, Reference, references_to
from app.registry.erasure import Tombstones, read_tombstones
from app.registry.territory import BELONGS_TO


def repeated_keys(stage: Stage) -> Finding:
    """Find the rows of the file, invalid or not, whose key is repeated."""
    key = stage.dataset.key
    optional = [name for name in key if not stage.dataset.column(name).required]
    # An invalid optional cell is null like a blank one, but is a key of its own.
    keyed = usable(stage.table, stage.dataset, *optional)
    staged = select(stage.table).where(*keyed).subquery("keyed") if optional else stage.table
    values = [func.coalesce(staged.c[name], "") if name in optional else staged.c[name] for name in key]
    known = [staged.c[name].is_not(None) for name in key if name not in optional]
    repeated = (
        select(*(value.label(name) for name, value in zip(key, values, strict=True)))
        .where(*known)
        .group_by(*values)
        .having(func.count() > 1)
        .add_columns(func.min(staged.c.row_number).label("first"), func.max(staged.c.row_number).label("last"))
        .subquery("repeated")
    )
    same = and_(*(value == repeated.c[name] for name, value in zip(key, values, strict=True)))
    other = case((staged.c.row_number == repeated.c.first, repeated.c.last), else_=repeated.c.first)
    rows = found(staged, staged.c[key[0]], other).join_from(staged, repeated, same)
    names = {"key": ", ".join(key), "key_zh": "、".join(chinese_titles(stage.dataset)[name][0] for name in key)}
    return finding(Rule.DUPLICATE_KEY, key[0], say("row {other} has the same {key}", **names), rows)


def unknown_codes(difference: Difference) -> Iterator[Finding]:
    """Find codes and refs that are not found in the dataset that they refer to."""
    if difference.options.mode is ImportMode.DELETE:
        return
    for incoming in difference.incoming:
        for name in incoming.target.source:
            column = incoming.target.file_column(name)
            if column is None or column.refers_to is None or _is_told_as_outside(difference, column.refers_to):
                continue
            if column.name in difference.stage.present:
                code = incoming.rows.c[name]
                nowhere = _nowhere(difference, column.refers_to, code)
                rows = found(incoming.rows, code).where(code.is_not(None), *nowhere)
                message, to = say("is not in {dataset}", dataset=say(column.refers_to)), ENTITIES[column.refers_to]
                offered = None if to is MEMBERS else to
                yield Finding((Outcome(Rule.UNKNOWN_CODE, column.name, message, codes_of=offered),), rows)


def conflicting_names(difference: Difference) -> Iterator[Finding]:
    """Find the rows of industry groups with two different names."""
    stage = difference.stage
    if stage.dataset.name != "industry-groups" or difference.options.mode is ImportMode.DELETE:
        return
    for name in ("name_zh", "name_en"):
        good = stage.chosen().where(*difference.usable(stage.table, name)).subquery("good")
        text = func.coalesce(good.c[name], "")
        groups = select(good.c.group_code).group_by(good.c.group_code).having(func.min(text) != func.max(text))
        rows = found(good, good.c[name]).where(good.c.group_code.in_(groups))
        yield finding(Rule.CONFLICTING_NAMES, name, "another row of this group has another name", rows)


def still_referred_to(difference: Difference) -> Iterator[Finding]:
    """Find keys to be deleted although remaining rows refer to them."""
    for incoming in difference.incoming:
        if incoming.gone is not None:
            for reference in references_to(incoming.target.table.name):
                yield _referred(difference, incoming, incoming.gone, reference)


def _is_told_as_outside(difference: Difference, dataset: str) -> bool:
    return difference.territory is not None and anchor(dataset)[0].name in BELONGS_TO


def _nowhere(difference: Difference, dataset: str, code: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that a code is not found, one for each place, so that databases can join by them."""
    table, key = anchor(dataset)
    incoming = difference.of(table.name)
    if incoming is None:
        yield ~exists().where(table.c[key] == code)
        return
    coming = incoming.rows.alias("coming")
    yield ~exists().where(coming.c[key] == code)
    if not incoming.is_first:
        staying = table.alias("staying")
        yield ~exists().where(staying.c[key] == code, *not_gone(difference, staying, table.name))


def not_gone(difference: Difference, rows: FromClause, table: str) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that rows of a table that others refer to remain; nothing if all of them do."""
    incoming = difference.of(table)
    if incoming is not None and incoming.gone is not None:
        yield ~exists().where(same_key(incoming.gone.alias("leaving"), rows, incoming.target))


def _referred(difference: Difference, incoming: Incoming, gone: FromClause, reference: Reference) -> Finding:
    key = incoming.target.key[0]
    by_key = _referring(difference, gone, key, reference)
    column, referring = incoming.target.source[key], BROUGHT_BY[reference.table_name]
    if difference.options.mode is ImportMode.DELETE:
        names = _referring_names(difference, reference)
        template = (
            "{dataset} refer to it: {other} rows" if names is None else "{dataset} refer to it: {other} rows{names}"
        )
        outcome = Outcome(Rule.STILL_REFERRED_TO, column, say(template, dataset=say(referring)), referring=names)
        return Finding((outcome,), _rows_of_file(difference, incoming, by_key, key))
    if incoming.target.table.name == "member":
        message = say("{other} members that the file leaves out are referred to by {dataset}", dataset=say(referring))
        return finding(Rule.STILL_REFERRED_TO, None, message, _number_of(by_key))
    message = say("is left out by the file, but {dataset} refer to it: {other} rows", dataset=say(referring))
    return finding(Rule.STILL_REFERRED_TO, column, message, found(by_key, by_key.c[key], by_key.c.number))


def _number_of(rows: FromClause) -> Select[Any]:
    number = select(cast(null(), BigInteger).label("row_number"), func.count().label("number")).select_from(rows)
    total = number.subquery("total")
    return found(total, None, total.c.number).where(total.c.number > 0)


def _referring(difference: Difference, gone: FromClause, key: str, reference: Reference) -> FromClause:
    """Return the keys to be deleted that are referred to, with the number of remaining rows that refer to them."""
    staying = _staying(difference, reference).subquery("staying")
    return (
        select(gone.c.row_number, gone.c[key], func.count().label("number"))
        .join_from(gone, staying, staying.c[reference.column] == gone.c[key])
        .group_by(gone.c.row_number, gone.c[key])
        .subquery("by_key")
    )


def _referring_names(difference: Difference, reference: Reference) -> Select[Any] | None:
    """Return the statement of the names of remaining rows that refer to `:code`, as far as the caller may see them."""
    if reference.shown is None:
        return None
    rows = _staying(difference, reference).where(reference.table.c[reference.column] == bindparam("code", type_=CODE))
    if difference.territory is not None:
        rows = rows.where(difference.territory.row(reference.table_name, reference.table))
    shown = reference.table.c[reference.shown]
    return rows.with_only_columns(shown).distinct().order_by(shown)


def _staying(difference: Difference, reference: Reference) -> Select[Any]:
    own = difference.of(reference.table_name)
    return select(reference.table) if own is None else kept(own)


def _rows_of_file(difference: Difference, incoming: Incoming, by_key: FromClause, key: str) -> Select[Any]:
    """Return the rows of a file of keys: one for each key, or all rows that leave an industry group empty."""
    if not incoming.target.is_part:
        return found(by_key, by_key.c[key], by_key.c.number)
    chosen = difference.stage.chosen().subquery("chosen")
    rows = found(chosen, by_key.c[key], by_key.c.number)
    return rows.join_from(chosen, by_key, chosen.c[incoming.target.source[key]] == by_key.c[key])


_ROWS_AT_ONCE = 20_000

_NONE = Tombstones(None, frozenset())


def tombstones_for(connection: Connection, settings: Settings, dataset: Dataset) -> Tombstones:
    """Return the tombstones for checking rows of a dataset; none if it has no members.

    Raises
    ------
    TombstoneKeyMissing
        There are tombstones, but their key is missing.
    """
    return read_tombstones(connection, settings) if "member" in dataset.tables else _NONE


def erased_rows(connection: Connection, difference: Difference, tombstones: Tombstones) -> Iterator[int]:
    """Yield the numbers of the rows of a file of members whose ref was erased; such a ref is new to the registry.

    Employments and affiliations of an erased member are reported as references to an unknown member.
    """
    if not tombstones.digests:
        return
    rows = difference.own.rows
    new = (
        select(rows.c.row_number, rows.c.ref)
        .where(rows.c.is_new, rows.c.ref.is_not(None))
        .execution_options(stream_results=True)
    )
    for block in connection.execute(new).partitions(_ROWS_AT_ONCE):
        yield from (number for number, ref in block if tombstones.hold(ref))
