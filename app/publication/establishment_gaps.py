"""Establishment gaps as rows: the enterprise, since when, the means that reach it, candidates, its figures."""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import msgspec
import numpy as np

from app.publication.lists import Answer, page_answer, rows_table
from app.publication.row_cache import Source
from app.publication.rows import Part, Rows
from app.publication.subjects import Branch, subject_part
from app.publication.table import FlatTable, TableOptions
from app.statistics.establishment_gaps import candidates_of, earlier_snapshots, gap_since, means_of
from app.statistics.question import Page, Question, Subject
from app.statistics.subjects import list_enterprises
from app.store.arrays import Int64
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot


class Candidate(msgspec.Struct, gc=False, frozen=True):
    """A living branch that could cover the enterprise, and why."""

    branch: Branch
    why: str

    def __str__(self) -> str:
        """Return its text in a cell of a file."""
        return f"{self.branch.code} ({self.why})"


class Gap(msgspec.Struct, gc=False, frozen=True):
    """Fields of an enterprise in the gap, besides its figures."""

    gap_since: date
    means: tuple[str, ...]
    candidates: tuple[Candidate, ...]


def gaps_answer(source: Source, question: Question, page: Page) -> Answer:
    """Return one page of the enterprises in the gap.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer`.
    """
    answer = page_answer(source, question, page, partial(gap_rows, source.shelf))
    return replace(answer, built_at=_history(source.shelf, answer.snapshot, answer.built_at), single=False)


def gaps_table(source: Source, question: Question, page: Page, options: TableOptions) -> FlatTable:
    """Return all of them as a table."""
    table = rows_table(source, question, page, options, partial(gap_rows, source.shelf))
    snapshot = table.meta.snapshot
    return replace(table, rests_on=(snapshot, _history(source.shelf, snapshot, table.meta.updated_at)))


def gap_rows(shelf: Shelf, snapshot: Snapshot, question: Question, page: Page) -> Rows:
    """Return the enterprises in the gap; earlier snapshots of the shelf say since when."""
    row_list = list_enterprises(snapshot, question, page)

    def describe(numbers: Int64) -> list[Gap]:
        since = gap_since(shelf, snapshot, question.listing, numbers)
        means, candidates = means_of(snapshot, numbers), _candidates(snapshot, numbers)
        return [Gap(*fields) for fields in zip(since, means, candidates, strict=True)]

    parts = (subject_part(snapshot, Subject.ENTERPRISES), Part(Gap, describe))
    history = [(manifest.id, manifest.built_at) for manifest in earlier_snapshots(shelf, snapshot)]
    key = (question.population, question.listing, question.fields)
    return Rows("establishment-gaps", row_list, parts, ("code",), (*key, history), (*key, page.status))


def _candidates(snapshot: Snapshot, numbers: Int64) -> list[tuple[Candidate, ...]]:
    found = candidates_of(snapshot, numbers)
    rows = sorted({candidate.branch for row in found for candidate in row})
    described = subject_part(snapshot, Subject.BRANCHES).describe(np.array(rows, np.int64))
    branches: dict[int, Any] = dict(zip(rows, described, strict=True))
    return [tuple(Candidate(branches[candidate.branch], candidate.why.value) for candidate in row) for row in found]


def _history(shelf: Shelf, snapshot: str, built_at: str) -> str:
    """Return the builds of a snapshot and all earlier ones, on which `gap_since` depends."""
    earlier = earlier_snapshots(shelf, shelf.get(snapshot))
    return " ".join((built_at, *(f"{manifest.id} {manifest.built_at}" for manifest in earlier)))
