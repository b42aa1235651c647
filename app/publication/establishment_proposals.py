"""Establishment proposals as rows, each with the coverage once it and all before it are done, and their effect."""

from collections.abc import Iterator
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
from app.statistics.establishment_proposals import EFFECTS, Proposals, propose
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
    end = min(position + page.limit, len(found.rows))
    cursor = None
    if end < len(found.rows):
        cursor = cursors.encode(cursors.Cursor(snapshot.manifest.id, cursors.digest(question, page), end))
    meta = meta_of(snapshot, question.when, question.population.basis.value, len(found.rows))
    effect = {"before": _effects(found, found.before), "after": _effects(found, found.after)}
    rows = _rows(snapshot, found, position, end)
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
        for start in range(0, len(found.rows), CHUNK):
            yield [
                ["subject", row.kind, *part_cells(district, row.district, language), ";".join(row.enterprises),
                 row.full_members, row.members, row.headcount, row.eligible,
                 *part_cells(branch, row.branch, language), *rate_cells(row.coverage_after)]
                for row in _rows(snapshot, found, start, start + CHUNK)
            ]  # fmt: skip

    meta = meta_of(snapshot, question.when, question.population.basis.value, len(found.rows))
    name, keys, subject = "establishment-proposals", ("enterprises",), Subject.ENTERPRISES
    return FlatTable(name, columns, keys, meta, len(found.rows), chunks, language, subject)


def _rows(snapshot: Snapshot, found: Proposals, start: int, end: int) -> list[Row]:
    proposals = found.rows[start:end]
    firms = [row for one in proposals for row in one.enterprises]
    codes = iter(snapshot.enterprises.texts_of("code", np.array(firms, np.int64)))
    districts = _described(snapshot, Subject.DISTRICTS, [one.district for one in proposals])
    branches = _described(snapshot, Subject.BRANCHES, [one.branch for one in proposals])
    counts = zip(found.full_members[start:end].tolist(), found.members[start:end].tolist(),
                 found.headcount[start:end].tolist(), found.eligible[start:end].tolist(), strict=True)  # fmt: skip
    coverage = rate_lists(found.coverage_after(start, end))
    return [
        Row(one.kind.value, district, sorted((next(codes) for _ in one.enterprises), key=str.encode), full, members,
            None if headcount < 0 else headcount, eligible, branch, rate)
        for one, district, branch, (full, members, headcount, eligible), [rate] in zip(
            proposals, districts, branches, counts, coverage, strict=True
        )
    ]  # fmt: skip


def _described(snapshot: Snapshot, subject: Subject, rows: list[int]) -> list[Any]:
    """Return the fields of subjects given by row; null for -1."""
    wanted = sorted({row for row in rows if row >= 0})
    described = subject_part(snapshot, subject).describe(np.array(wanted, np.int64))
    found = dict(zip(wanted, described, strict=True))
    return [found.get(row) for row in rows]


def _effects(found: Proposals, counts: Counts) -> dict[str, Any]:
    rates = dict(zip((metric.code for metric in EFFECTS), rate_lists(found.effects(counts))[0], strict=True))
    return {**rates, "members_unorganised": int(counts.row("members_unorganised")[0])}
