"""Breakdowns as rows: what each dimension stands for, and its figures."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from app.catalogue.dimensions import POPULATION, By
from app.publication.lists import Answer, page_answer, rows_table
from app.publication.row_cache import Source
from app.publication.rows import Part, Rows, struct_of
from app.publication.subjects import subject_part
from app.publication.table import FlatTable, TableOptions
from app.statistics.breakdown import Axis, Cells, list_breakdown
from app.statistics.question import Page, Question, Subject
from app.store.arrays import Int64
from app.store.snapshot import Snapshot

_OBJECTS = {"district": Subject.DISTRICTS, "industry": Subject.INDUSTRIES, "industry_group": Subject.INDUSTRY_GROUPS}
"""Dimensions whose values are objects; those of others are texts."""

_FIELDS = (*POPULATION, By.BASIS.value)
"""Fields of a row: the dimensions, null where a row is not by them."""


def breakdown_answer(source: Source, question: Question, page: Page) -> Answer:
    """Return one page of a breakdown.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer`.
    """
    return page_answer(source, question, page, _page_rows)


def breakdown_table(source: Source, question: Question, page: Page, options: TableOptions) -> FlatTable:
    """Return a whole breakdown as a table."""
    return rows_table(source, question, page, options, breakdown_rows)


def breakdown_rows(snapshot: Snapshot, question: Question, page: Page) -> Rows:
    """Return the rows of a breakdown, with the dimensions that were asked for."""
    row_list, cells = list_breakdown(snapshot, question, page)
    parts, keys = cell_parts(snapshot, cells)
    key = (question.population, question.by, question.fields)
    return Rows("breakdown", row_list, parts, keys, key, (*key, page.status))


def _page_rows(snapshot: Snapshot, question: Question, page: Page) -> Rows:
    rows = breakdown_rows(snapshot, question, page)
    return replace(rows, parts=with_absent(rows.parts))


def cell_parts(snapshot: Snapshot, cells: Cells) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the fields of a cell, one part per axis, and the columns that identify it in files."""
    parts = tuple(_part(snapshot, cells, number) for number in range(len(cells.axes)))
    keys = tuple(f"{part.key}_code" if part.key else part.struct.__struct_fields__[0] for part in parts)
    return parts, keys


def with_absent(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts of a page's rows: one for each dimension in their order, null where rows are not by it."""
    given = {part.key or part.struct.__struct_fields__[0]: part for part in parts}
    return tuple(given.get(name) or _absent(name) for name in _FIELDS)


def _absent(name: str) -> Part:
    return Part(msgspec.Struct, lambda numbers: [None] * len(numbers), name)


def _part(snapshot: Snapshot, cells: Cells, number: int) -> Part:
    axis = cells.axes[number]
    subject = _OBJECTS.get(axis.by.dimension)
    if subject is None:
        return _choice_part(axis, cells, number)
    part = subject_part(snapshot, subject)
    return replace(part, describe=lambda numbers: part.describe(cells.values(numbers, number)), prefix=f"{part.key}_")


def _choice_part(axis: Axis, cells: Cells, number: int) -> Part:
    struct = struct_of(axis.by.dimension, (axis.by.value,))

    def describe(numbers: Int64) -> list[Any]:
        return [struct(axis.choices[value]) for value in cells.values(numbers, number).tolist()]

    return Part(struct, describe)
