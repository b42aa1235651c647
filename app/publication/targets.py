"""Targets as rows: the target, the figure of the date, its state, what is missing, the days left."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, get_type_hints

import msgspec
import numpy as np

from app.publication.lists import Answer, page_answer, rows_table
from app.publication.row_cache import Source
from app.publication.rows import Part, Rate, Rows, rate_lists
from app.publication.subjects import subject_part
from app.publication.table import PART_KINDS, RATE_PARTS, Column, FlatTable, TableOptions
from app.statistics.question import Page, Subject
from app.statistics.row_list import RowList
from app.statistics.targets import Target, TargetsQuestion, days_left, progress_of, read_targets, targets_of
from app.store.arrays import Int64
from app.store.snapshot import Snapshot

_CURRENT = "current"


class TargetFields(msgspec.Struct, gc=False, frozen=True):
    """What is to be reached, and by when; `target` is all that names it."""

    target: str
    metric: str
    basis: str
    due_on: date
    value: float


class TargetScope(msgspec.Struct, gc=False, frozen=True):
    """The sector that it is for, and the document that says so."""

    sector: str | None
    source: str | None


class ProgressFields(msgspec.Struct, gc=False, frozen=True):
    """How far it is reached."""

    current: Rate
    state: str
    missing: int | None
    days_left: int


_RATE_TYPES = get_type_hints(Rate)

_FLAT = msgspec.defstruct(
    "FlatProgressFields",
    [
        *((f"{_CURRENT}_{part}" if part else _CURRENT, _RATE_TYPES[part or "value"]) for part in RATE_PARTS),
        *((name, kind) for name, kind in get_type_hints(ProgressFields).items() if name != _CURRENT),
    ],
    gc=False,
)
"""The same in files: a column for each part of the figure."""


def targets_answer(source: Source, question: TargetsQuestion, page: Page) -> Answer:
    """Return one page of the targets inside a population.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer`.
    """
    return page_answer(source, question, page, target_rows)


def targets_table(source: Source, question: TargetsQuestion, page: Page, options: TableOptions) -> FlatTable:
    """Return all of them as a table."""
    table = rows_table(source, question, page, options, _flat_rows)
    return replace(table, columns=tuple(map(_as_part, table.columns)))


def _as_part(column: Column) -> Column:
    """Return a column of the figure as the part of it that it holds, and others as they are."""
    part = column.name.removeprefix(f"{_CURRENT}_")
    return replace(column, part=part, kind=PART_KINDS[part]) if part in RATE_PARTS else column


def target_rows(snapshot: Snapshot, question: TargetsQuestion, _page: Page) -> Rows:
    """Return the rows; one depends on nothing but the snapshot."""
    row_list = RowList(snapshot, question.subject, targets_of(snapshot, question), ())
    read = partial(read_targets, snapshot)
    parts = (
        Part(TargetFields, lambda numbers: [_fields(snapshot, target) for target in read(numbers)]),
        *(_place(snapshot, subject) for subject in (Subject.DISTRICTS, Subject.INDUSTRIES, Subject.INDUSTRY_GROUPS)),
        Part(TargetScope, lambda numbers: [TargetScope(target.sector, target.source) for target in read(numbers)]),
        Part(ProgressFields, lambda numbers: _progress(snapshot, read(numbers))),
    )
    return Rows("targets", row_list, parts, ("target",), (), ())


def _flat_rows(snapshot: Snapshot, question: TargetsQuestion, page: Page) -> Rows:
    rows = target_rows(snapshot, question, page)
    *parts, progress = rows.parts
    flat = Part(_FLAT, lambda numbers: [_FLAT(*_flat(fields)) for fields in progress.describe(numbers)])
    return msgspec.structs.replace(rows, parts=(*parts, flat))


def _flat(fields: ProgressFields) -> Iterator[Any]:
    yield from msgspec.structs.astuple(fields.current)
    yield from (fields.state, fields.missing, fields.days_left)


def _fields(snapshot: Snapshot, target: Target) -> TargetFields:
    districts, industries = snapshot.districts.codes, snapshot.industries.codes
    key = (
        target.metric,
        target.basis,
        target.due_on.isoformat(),
        "" if target.district is None else districts[target.district],
        "" if target.industry is None else industries[target.industry],
        target.industry_group or "",
        target.sector or "",
    )
    return TargetFields("/".join(key), target.metric, target.basis, target.due_on, float(target.value))


def _place(snapshot: Snapshot, subject: Subject) -> Part:
    """Return the district, industry or group that targets are for; null: all."""
    part = subject_part(snapshot, subject)
    groups = {code: number for number, code in enumerate(snapshot.groups)}

    def number(target: Target) -> int | None:
        if subject is Subject.INDUSTRY_GROUPS:
            return None if target.industry_group is None else groups[target.industry_group]
        return target.district if subject is Subject.DISTRICTS else target.industry

    def describe(numbers: Int64) -> Sequence[Any]:
        places = [number(target) for target in read_targets(snapshot, numbers)]
        found = iter(part.describe(np.array([place for place in places if place is not None], np.int64)))
        return [None if place is None else next(found) for place in places]

    return msgspec.structs.replace(part, describe=describe, prefix=f"{part.key}_")


def _progress(snapshot: Snapshot, targets: Sequence[Target]) -> list[ProgressFields]:
    found: dict[int, ProgressFields] = {}
    for progress in progress_of(snapshot, targets):
        parts = zip(progress.places, rate_lists(progress.rates), progress.states, progress.missing, strict=True)
        for place, [rate], state, missing in parts:
            found[place] = ProgressFields(rate, state, missing, days_left(snapshot, targets[place]))
    return [found[place] for place in range(len(targets))]
