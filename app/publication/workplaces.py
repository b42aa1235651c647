"""Workplaces as rows: where the members of a branch work, how many, and how many of all there take part nowhere."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.publication import cursors
from app.publication.lists import Answer
from app.publication.row_cache import Source
from app.publication.rows import Part, encode, meta_of
from app.publication.subjects import subject_part
from app.publication.table import CHUNK, Cells, FlatTable, Kind, TableOptions, part_cells, part_columns, plain_column
from app.statistics.as_of import snapshot_for
from app.statistics.question import Page, Subject
from app.statistics.workplaces import Workplaces, WorkplacesQuestion, workplaces_in
from app.store.snapshot import Snapshot

_SUBJECTS = {"district": Subject.DISTRICTS, "industry": Subject.INDUSTRIES}
_BESIDE = ("elsewhere", "no_employer", "unallocated")


def workplaces_answer(source: Source, question: WorkplacesQuestion, page: Page) -> Answer:
    """Return one page of the places where the members of a branch work.

    Raises
    ------
    SnapshotNotFound, ExactOnly, SubjectNotFound, InvalidRequest
        See `snapshot_for` and `workplaces_in`.
    """
    pinned, position = cursors.pinned(question, page)
    snapshot = snapshot_for(source.shelf, pinned)
    found = workplaces_in(snapshot, pinned, page)
    end = min(position + page.limit, len(found.rows))
    cursor = None
    if end < len(found.rows):
        cursor = cursors.encode(cursors.Cursor(snapshot.manifest.id, cursors.digest(question, page), end))
    meta = meta_of(snapshot, question.when, None, len(found.rows))
    beside = {name: getattr(found, name) for name in _BESIDE}
    data = _rows(snapshot, question, found, position, end)
    body = encode({"data": data, **beside, "meta": meta, "next_cursor": cursor})
    return Answer(body, max(end - position, 0), snapshot.manifest.id, snapshot.manifest.built_at, cursor)


def workplaces_table(source: Source, question: WorkplacesQuestion, page: Page, options: TableOptions) -> FlatTable:
    """Return all of them as a table; with totals, the members who are in no row."""
    snapshot = snapshot_for(source.shelf, question)
    found, language = workplaces_in(snapshot, question, page), options.language
    part = _part(snapshot, question)
    columns = [plain_column("row", Kind.TEXT, language), *part_columns(part, language)]
    columns.append(plain_column("members", Kind.COUNT, language))
    if found.without_dual is not None:
        columns.append(plain_column("members_without_dual", Kind.COUNT, language))
    beside = [(name, getattr(found, name)) for name in _BESIDE if getattr(found, name) is not None]
    empty = [None] * len(part.struct.__struct_fields__)
    margins = [[name, *part_cells(part, None, language)[: len(empty)], members] for name, members in beside]

    def chunks() -> Iterator[Cells]:
        for start in range(0, len(found.rows), CHUNK):
            piece = slice(start, start + CHUNK)
            described = part.describe(found.rows[piece])
            counts = [found.members[piece].tolist()]
            counts += [] if found.without_dual is None else [found.without_dual[piece].tolist()]
            rows = zip(described, *counts, strict=True)
            yield [["subject", *part_cells(part, fields, language), *numbers] for fields, *numbers in rows]
        if options.totals and margins:
            width = len(columns)
            yield [[*row, *[None] * (width - len(row))] for row in margins]

    meta = meta_of(snapshot, question.when, None, len(found.rows))
    count = len(margins) if options.totals else 0
    return FlatTable("workplaces", tuple(columns), ("code",), meta, len(found.rows), chunks, language, margins=count)


def _part(snapshot: Snapshot, question: WorkplacesQuestion) -> Part:
    subject = Subject.ENTERPRISES if question.level is None else _SUBJECTS[question.level.dimension]
    return subject_part(snapshot, subject)


def _rows(
    snapshot: Snapshot, question: WorkplacesQuestion, found: Workplaces, start: int, end: int
) -> list[dict[str, Any]]:
    """Return some rows: the enterprise, district or industry, the two others null, and its members."""
    part, piece = _part(snapshot, question), slice(start, end)
    without: list[int | None] = [None] * len(found.members[piece])
    if found.without_dual is not None:
        without = found.without_dual[piece].tolist()
    absent: dict[str, msgspec.Struct | None] = dict.fromkeys(("enterprise", "district", "industry"))
    described = part.describe(found.rows[piece])
    return [
        {**absent, part.key: fields, "members": members, "members_without_dual": alone}
        for fields, members, alone in zip(described, found.members[piece].tolist(), without, strict=True)
    ]
