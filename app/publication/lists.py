"""Lists of statistics as pages, single answers and files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from msgspec import structs

from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.publication import cursors
from app.publication.cursors import AnyQuestion
from app.publication.files import FORMATS, GEOJSON, FileOptions
from app.publication.row_cache import Source
from app.publication.rows import Rows, encode, encoded_rows, meta_of, page_body
from app.publication.subjects import subject_rows
from app.publication.table import FlatTable, TableOptions, flat_table
from app.statistics.aggregates import list_groups, list_tree, one
from app.statistics.as_of import snapshot_for
from app.statistics.question import Page, Question, Subject
from app.statistics.row_list import RowList
from app.statistics.subjects import list_branches, list_enterprises, one_branch, one_enterprise
from app.store.boundaries import Boundaries, BoundariesFile
from app.store.snapshot import Snapshot


@dataclass(frozen=True)
class Answer:
    """A JSON answer: its bytes, its number of rows, its snapshot and when that was built, the cursor of the next page.

    The bytes are whole, or come in pieces that are made while they are sent.
    An answer from several snapshots names all of them in `snapshot` and `built_at`, and is not `single`: a look at the
    newest snapshot does not show whether it is still valid.
    """

    body: bytes | Iterator[bytes]
    rows: int
    snapshot: str
    built_at: str
    next_cursor: str | None = None
    single: bool = True


@dataclass(frozen=True)
class FileAnswer:
    """A file: its bytes, its media type and name, and its snapshot, `single` as of an `Answer`.

    The bytes are whole, or come in pieces that are made while they are sent.
    """

    body: bytes | Iterator[bytes]
    media_type: str
    filename: str
    snapshot: str
    built_at: str
    single: bool


_SMALL = 4 << 20
"""Bytes up to which an answer is made before it is sent, so that it can be cached; larger ones are made while sent."""

_LISTS: dict[Subject, Callable[[Snapshot, Question, Page], RowList]] = {
    Subject.DISTRICTS: list_tree,
    Subject.INDUSTRIES: list_tree,
    Subject.INDUSTRY_GROUPS: list_groups,
    Subject.ENTERPRISES: list_enterprises,
    Subject.BRANCHES: list_branches,
}


def list_answer(source: Source, question: Question, page: Page) -> Answer:
    """Return one page of the list that answers a question.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer`.
    """
    return page_answer(source, question, page, list_rows_of)


def page_answer(
    source: Source, question: AnyQuestion, page: Page, list_rows: Callable[[Snapshot, AnyQuestion, Page], Rows]
) -> Answer:
    """Return one page of the rows that `list_rows` returns for a question, from the snapshot of the previous page.

    Raises
    ------
    SnapshotNotFound, ExactOnly
        See `snapshot_for`.
    InvalidRequest
        The cursor does not belong to the question, or a code or field is unknown.
    """
    pinned, position = cursors.pinned(question, page)
    snapshot = snapshot_for(source.shelf, pinned)
    rows = list_rows(snapshot, pinned, structs.replace(page, until=position + page.limit))
    length = rows.row_list.number
    end = min(position + page.limit, length)
    cursor = None
    if end < length:
        cursor = cursors.encode(cursors.Cursor(snapshot.manifest.id, cursors.digest(question, page), end))
    meta = meta_of(snapshot, question.when, _basis(question), length)
    body = page_body(rows, position, end, meta, cursor, source.row_cache)
    return Answer(body, max(end - position, 0), snapshot.manifest.id, snapshot.manifest.built_at, cursor)


def one_answer(source: Source, question: Question, code: str) -> Answer:
    """Return the answer about one subject; the population is ignored for enterprises and branches.

    Raises
    ------
    SubjectNotFound
        The snapshot has no such subject.
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `snapshot_for` and `resolve`.
    """
    snapshot = snapshot_for(source.shelf, question)
    subject = question.subject
    if subject is Subject.ENTERPRISES:
        row_list = one_enterprise(snapshot, code, question.fields)
    elif subject is Subject.BRANCHES:
        row_list = one_branch(snapshot, code, question.fields)
    else:
        row_list = one(snapshot, question, code)
    basis = None if subject in {Subject.ENTERPRISES, Subject.BRANCHES} else question.population.basis.value
    row = encoded_rows(subject_rows(row_list, question, Page()), row_list.some(0, 1), source.row_cache)[0]
    body = b'{"data":%b,"meta":%b}' % (row, encode(meta_of(snapshot, question.when, basis, 1)))
    return Answer(body, 1, snapshot.manifest.id, snapshot.manifest.built_at)


def list_table(source: Source, question: Question, page: Page, options: TableOptions) -> FlatTable:
    """Return the whole list as a table; the page's cursor and limit are ignored."""
    return rows_table(source, question, page, options, list_rows_of)


def rows_table(
    source: Source,
    question: AnyQuestion,
    page: Page,
    options: TableOptions,
    list_rows: Callable[[Snapshot, AnyQuestion, Page], Rows],
) -> FlatTable:
    """Return all rows that `list_rows` returns for a question as a table."""
    snapshot = snapshot_for(source.shelf, question)
    rows = list_rows(snapshot, question, page)
    meta = meta_of(snapshot, question.when, _basis(question), len(rows.row_list.rows))
    return flat_table(rows, meta, options)


def file_answer(table: FlatTable, options: FileOptions, boundaries: BoundariesFile | None = None) -> FileAnswer:
    """Return a table as a file; a map rests on the boundaries too."""
    kind, meta = FORMATS[options.format], table.meta
    filename = f"{table.name}-{meta.as_of}.{kind.suffix}"
    snapshot, built_at = table.rests_on or (meta.snapshot, meta.updated_at)
    if options.format == GEOJSON:
        options = replace(options, boundaries=Boundaries() if boundaries is None else boundaries.read())
        kept = f"{snapshot} {options.boundaries.digest}"  # in pieces: what is cached would outlive the boundaries
        return FileAnswer(kind.write(table, options), kind.media_type, filename, kept, built_at, single=False)
    body = whole(kind.write(table, options))
    return FileAnswer(body, kind.media_type, filename, snapshot, built_at, single=table.rests_on is None)


def whole(chunks: Iterator[bytes]) -> bytes | Iterator[bytes]:
    """Return the bytes of a small answer, or the pieces of a large one."""
    made, size = [], 0
    for chunk in chunks:
        made.append(chunk)
        size += len(chunk)
        if size > _SMALL:
            return chain(made, chunks)
    return b"".join(made)


def _basis(question: Question) -> str | None:
    is_of_several = question.analysis is Analysis.TARGETS or By.BASIS in question.by
    if question.subject is Subject.BRANCHES or is_of_several:
        return None
    return question.population.basis.value


def list_rows_of(snapshot: Snapshot, question: Question, page: Page) -> Rows:
    """Return the rows of a plain list of subjects."""
    row_list = _LISTS[question.subject](snapshot, question, page)
    return subject_rows(row_list, question, page)
