"""Establishment proposals as rows, each with the coverage once it and all before it are done, and their effect."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from app.publication import cursors
from app.publication.lists import Answer
from app.publication.row_cache import Source
from app.publication.rows import Rate, encode, meta_of, rate_lists
from app.publication.subjects import Branch, TreeNode, subject_part
from app.publication.table import (
    CHUNK,
    Cells,
    FlatTable,
    Kind,
    TableOptions,
    count_columns,
    named_rate_columns,
    part_cells,
    part_columns,
    plain_column,
    rate_cells,
)
from app.statistics.as_of import snapshot_for
from app.statistics.establishment_proposals import EFFECTS, KINDS, Proposals, propose
from app.statistics.question import Page, Question, Subject
from app.statistics.rates import Counts
from app.store.snapshot import Snapshot


class Row(msgspec.Struct, gc=False, frozen=True):
    """One proposal."""

    kind: str
    district: TreeNode | None
    enterprises: list[str]
    full_members: int
    members: int
    headcount: int | None
    eligible: int
    branch: Branch | None
    coverage_after: Rate


def proposals_answer(source: Source, question: Question, page: Page) -> Answer:
    """Return one page of the proposals for a population, and their effect.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `snapshot_for` and `propose`.
    """
    pinned, position = cursors.pinned(question, page)
    snapshot = snapshot_for(source.shelf, pinned)
    found = propose(snapshot, question.population)
    end = min(position + page.limit, len(found))
    cursor = None
    if end < len(found):
        cursor = cursors.encode(cursors.Cursor(snapshot.manifest.id, cursors.digest(question, page), end))
    meta = meta_of(snapshot, question.when, question.population.basis.value, len(found))
    effect = {"before": _effects(found, found.before), "after": _effects(found, found.after)}
    rows = _rows(found, position, end)
    body = encode({"data": rows, **effect, "undecided": found.undecided, "meta": meta, "next_cursor": cursor})
    return Answer(body, len(rows), snapshot.manifest.id, snapshot.manifest.built_at, cursor)


def proposals_table(source: Source, question: Question, _page: Page, options: TableOptions) -> FlatTable:
    """Return all of them as a table."""
    snapshot, language = snapshot_for(source.shelf, question), options.language
    found = propose(snapshot, question.population)
    district = subject_part(snapshot, Subject.DISTRICTS, "district_")
    branch = subject_part(snapshot, Subject.BRANCHES, "branch_")
    columns = (
        *(plain_column(name, Kind.TEXT, language) for name in ("row", "kind")),
        *part_columns(district, language),
        plain_column("enterprises", Kind.TEXT, language),
        *count_columns(("full_members", "members", "headcount"), language),
        plain_column("eligible", Kind.COUNT, language),
        *part_columns(branch, language),
        *named_rate_columns("coverage_after", EFFECTS[0], "after", language),
    )

    def chunks() -> Iterator[Cells]:
        for start in range(0, len(found), CHUNK):
            yield [
                ["subject", row.kind, *part_cells(district, row.district, language), ";".join(row.enterprises),
                 row.full_members, row.members, row.headcount, row.eligible,
                 *part_cells(branch, row.branch, language), *rate_cells(row.coverage_after)]
                for row in _rows(found, start, start + CHUNK)
            ]  # fmt: skip

    meta = meta_of(snapshot, question.when, question.population.basis.value, len(found))
    name, keys, subject = "establishment-proposals", ("enterprises",), Subject.ENTERPRISES
    return FlatTable(name, columns, keys, meta, len(found), chunks, language, subject)


def _rows(found: Proposals, start: int, end: int) -> list[Row]:
    rows, snapshot = slice(start, end), found.snapshot
    lengths, first = found.plan.lengths[rows].tolist(), int(found.plan.lengths[:start].sum())
    firms = found.plan.enterprises[first : first + sum(lengths)]
    codes = iter(snapshot.enterprises.texts_of("code", firms))
    columns = (
        (KINDS[kind].value for kind in found.plan.kinds[rows].tolist()),
        _described(snapshot, Subject.DISTRICTS, found.plan.districts[rows].tolist()),
        (sorted(islice(codes, length), key=str.encode) for length in lengths),
        found.full_members[rows].tolist(),
        found.members[rows].tolist(),
        (None if headcount < 0 else headcount for headcount in found.headcount[rows].tolist()),
        found.eligible[rows].tolist(),
        _described(snapshot, Subject.BRANCHES, found.plan.branches[rows].tolist()),
        (rate for [rate] in rate_lists(found.coverage_after(rows))),
    )
    return [Row(*row) for row in zip(*columns, strict=True)]


def _described(snapshot: Snapshot, subject: Subject, rows: list[int]) -> list[Any]:
    """Return the fields of subjects given by row; null for -1."""
    wanted = sorted({row for row in rows if row >= 0})
    described = subject_part(snapshot, subject).describe(np.array(wanted, np.int64))
    found = dict(zip(wanted, described, strict=True))
    return [found.get(row) for row in rows]


def _effects(found: Proposals, counts: Counts) -> dict[str, Any]:
    rates = dict(zip((metric.code for metric in EFFECTS), rate_lists(found.effects(counts))[0], strict=True))
    return {**rates, "members_unorganised": int(counts.row("members_unorganised")[0])}
