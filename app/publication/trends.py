"""Trends as JSON and as one flat table: a row per subject and date, and the change since another date."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from app.catalogue.dimensions import By
from app.publication import cursors
from app.publication.breakdown import cell_parts
from app.publication.lists import Answer
from app.publication.row_cache import RowCache, Source
from app.publication.rows import Meta, Part, Rows, encode, encoded_rows, manifest_meta
from app.publication.subjects import subject_part
from app.publication.table import (
    RATE_PARTS,
    Cells,
    Column,
    FlatTable,
    Kind,
    Language,
    TableOptions,
    change_columns,
    figure_columns,
    part_cells,
    part_columns,
    plain_column,
)
from app.statistics.question import AsOf, Page
from app.statistics.row_list import Side
from app.statistics.trends import Point, TrendQuestion, Visibility, compared_with, subjects_of, trend
from app.store.shelf import Shelf


class PointFields(msgspec.Struct, frozen=True):
    """The date of a row, and what changed since the date before."""

    as_of: date
    snapshot: str
    breaks: tuple[str, ...]


Figures = dict[str, Any]
"""A row as it is decoded from JSON: counts and rates, of branches by side."""


def trend_answer(source: Source, question: TrendQuestion, page: Page, visibility: Visibility | None = None) -> Answer:
    """Return one page of a trend: some subjects, with all of their dates.

    Parameters
    ----------
    visibility
        Whether the caller may see a subject in a snapshot; dates where not are left out; null: always.

    Raises
    ------
    SubjectNotFound, InvalidRequest, SnapshotNotFound, ExactOnly
        See `trend`.
    """
    panel = _Panel(source.shelf, question, trend(source.shelf, question, visibility))
    position = cursors.position_in(panel.rests_on[0], question, page)
    end = min(position + page.limit, len(panel.subjects))
    rows = panel.encoded(panel.subjects[position:end], source.row_cache)
    cursor = None
    if end < len(panel.subjects):
        cursor = cursors.encode(cursors.Cursor(panel.rests_on[0], cursors.digest(question, page), end))
    body = b'{"data":[%b],"meta":%b,"next_cursor":%b}' % (b",".join(rows), encode(panel.meta), encode(cursor))
    return Answer(body, len(rows), *panel.rests_on, next_cursor=cursor, single=False)


def trend_table(
    source: Source, question: TrendQuestion, _page: Page, options: TableOptions, visibility: Visibility | None = None
) -> FlatTable:
    """Return a whole trend as a table; parameters and errors as in `trend_answer`."""
    panel = _Panel(source.shelf, question, trend(source.shelf, question, visibility))
    language = options.language

    def chunks() -> Iterator[Cells]:
        for subject in panel.subjects:
            yield panel.cells([subject], source.row_cache, language)

    return FlatTable(
        "trends", (plain_column("row", Kind.TEXT, language), *panel.columns(language)), panel.keys, panel.meta,
        panel.length, chunks, language, rests_on=panel.rests_on,
    )  # fmt: skip


@dataclass(frozen=True)
class _Panel:
    """The rows of a trend: each subject at each date whose snapshot holds it.

    Parameters
    ----------
    shelf
        The snapshots.
    question
        What was asked.
    points
        The dates, the oldest first.
    """

    shelf: Shelf
    question: TrendQuestion
    points: Sequence[Point]

    @cached_property
    def subjects(self) -> list[str]:
        """Codes of the subjects, in the order of rows."""
        return subjects_of(self.points, self.question)

    @cached_property
    def tables(self) -> list[Rows]:
        """The rows of each date."""
        return [self._rows(point) for point in self.points]

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides of each row."""
        return self.points[-1].row_list.sides

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that identify a row."""
        return (*self.tables[-1].keys, "as_of")

    @property
    def length(self) -> int:
        """Number of rows."""
        return sum(subject in point.numbers for subject in self.subjects for point in self.points)

    @property
    def meta(self) -> Meta:
        """The `meta` of the last date; each row names its own snapshot."""
        is_of_basis = not self.question.codes and By.BASIS not in self.question.by
        basis = self.question.population.basis.value if is_of_basis else None
        return manifest_meta(self.points[-1].manifest, AsOf(self.question.until), basis, len(self.subjects))

    @cached_property
    def rests_on(self) -> tuple[str, str]:
        """Ids of all snapshots, and when they were built."""
        manifests = [point.manifest for point in self.points]
        return " ".join(made.id for made in manifests), " ".join(made.built_at for made in manifests)

    def encoded(self, subjects: Sequence[str], row_cache: RowCache) -> list[bytes]:
        """Return the rows of some subjects as JSON: those of a subject together, by date."""
        found = self._found(subjects, row_cache)
        return [
            b"%b,%b" % (encode(_fields(self.points[number]))[:-1], self._with_change(of_subject, number)[1:])
            for of_subject in found
            for number in of_subject
        ]

    def cells(self, subjects: Sequence[str], row_cache: RowCache, language: Language | None) -> Cells:
        """Return the cells of the rows of some subjects."""
        rows: Cells = []
        for subject, of_subject in zip(subjects, self._found(subjects, row_cache), strict=True):
            for number, body in of_subject.items():
                described = self._described(number, subject, language)
                fields = part_cells(_PART, _fields(self.points[number]), language)
                figures = _figure_cells(self.sides, msgspec.json.decode(body))
                changes = _change_cells(self.sides, self._change(of_subject, number)) if self.compares else []
                rows.append(["subject", *described, *fields, *figures, *changes])
        return rows

    def columns(self, language: Language | None) -> list[Column]:
        """Return the columns after the first."""
        parts = (*self.tables[-1].parts, _PART)
        columns = [column for part in parts for column in part_columns(part, language)]
        columns += [column for side in self.sides for column in figure_columns(side, language)]
        if self.compares:
            columns += [column for side in self.sides for column in change_columns(side, language)]
        return columns

    @property
    def compares(self) -> bool:
        """Whether dates are compared with others."""
        return self.question.compare_to is not None

    def _rows(self, point: Point) -> Rows:
        snapshot, question = point.row_list.snapshot, self.question
        parts: tuple[Part, ...] = ()
        keys: tuple[str, ...] = ()
        if point.cells is not None:
            parts, keys = cell_parts(snapshot, point.cells)
        elif question.codes:
            parts, keys = (subject_part(snapshot, question.subject),), ("code",)
        key = (question.subject if question.codes else question.population, question.by, question.fields)
        return Rows("trends", point.row_list, parts, keys, key, ())

    def _found(self, subjects: Sequence[str], row_cache: RowCache) -> list[dict[int, bytes]]:
        """Return for each subject its rows, without date and change, by the number of the date."""
        found: list[dict[int, bytes]] = [{} for _ in subjects]
        for number, (point, rows) in enumerate(zip(self.points, self.tables, strict=True)):
            held = [place for place, subject in enumerate(subjects) if subject in point.numbers]
            numbers = np.array([point.numbers[subjects[place]] for place in held], np.int64)
            order = np.argsort(numbers, kind="stable")
            bodies = encoded_rows(rows, numbers[order], row_cache)
            for place, body in zip(order.tolist(), bodies, strict=True):
                found[held[place]][number] = body
        return found

    def _described(self, number: int, subject: str, language: Language | None) -> list[Any]:
        point, rows = self.points[number], self.tables[number]
        row = np.array([point.numbers[subject]], np.int64)
        return [cell for part in rows.parts for cell in part_cells(part, part.describe(row)[0], language)]

    def _with_change(self, of_subject: dict[int, bytes], number: int) -> bytes:
        body = of_subject[number]
        if not self.compares:
            return body
        return b'%b,"change":%b}' % (body[:-1], encode(self._change(of_subject, number)))

    def _change(self, of_subject: dict[int, bytes], number: int) -> Figures | None:
        """Return the change of a row since the date that it is compared with; null for the first date."""
        assert self.question.compare_to is not None
        compared = compared_with(self.points, number, self.question.compare_to)
        if compared is None:
            return None
        point, is_broken = compared
        earlier = None if is_broken else of_subject.get(self.points.index(point))
        before = None if earlier is None else msgspec.json.decode(earlier)
        after = msgspec.json.decode(of_subject[number])
        if not self.sides[0].name:
            return _difference(before, after)
        return {side.name: _difference(before and before[side.name], after[side.name]) for side in self.sides}


_PART = Part(PointFields, lambda _numbers: ())


def _fields(point: Point) -> PointFields:
    return PointFields(point.manifest.as_of, point.manifest.id, tuple(changed.value for changed in point.breaks))


def _difference(before: Figures | None, after: Figures) -> Figures:
    """Return the difference of each figure; null where one of the two is null."""
    counts = {
        code: _less(value, None if before is None else before["counts"][code])
        for code, value in after["counts"].items()
    }
    rates = {
        code: _less(rate["value"], None if before is None else before["rates"][code]["value"])
        for code, rate in after["rates"].items()
    }
    return {"counts": counts, "rates": rates}


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _figure_cells(sides: Sequence[Side], row: Figures) -> list[Any]:
    cells: list[Any] = []
    for side in sides:
        figures = row[side.name] if side.name else row
        cells += figures["counts"].values()
        cells += [rate[part or "value"] for rate in figures["rates"].values() for part in RATE_PARTS]
    return cells


def _change_cells(sides: Sequence[Side], change: Figures | None) -> list[Any]:
    cells: list[Any] = []
    for side in sides:
        if change is None:
            cells += [None] * (len(side.measures_shown) + len(side.metrics_shown))
        else:
            figures = change[side.name] if side.name else change
            cells += [*figures["counts"].values(), *figures["rates"].values()]
    return cells
