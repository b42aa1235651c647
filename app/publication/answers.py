"""Answers to questions: parse nothing, decide nothing, take the listed rows and write them out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.catalogue.analyses import Analysis
from app.publication import cursors
from app.publication.cursors import Asked
from app.publication.files import FORMATS, FileOptions
from app.publication.kept import KeptRows
from app.publication.meta import meta_of
from app.publication.rows import Rows, encode, encoded_rows, page_body
from app.publication.subjects import subject_rows
from app.publication.table import FlatTable, TableOptions, flat_table
from app.statistics.aggregates import list_groups, list_tree, one
from app.statistics.branches import list_branches, one_branch
from app.statistics.enterprises import list_enterprises, one_enterprise
from app.statistics.listed import Listed
from app.statistics.moments import snapshot_for
from app.statistics.question import Listing, Moment, Page, Population, Question, Subject
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot


@dataclass(frozen=True)
class Answer:
    """A whole JSON answer: its bytes and rows, the snapshot it rests on and its build, where the next page starts.

    Where it rests on several snapshots, `snapshot` and `built_at` name all of them, and it is not `single`: whether it
    still holds cannot be told from the newest.
    """

    body: bytes
    rows: int
    snapshot: str
    built_at: str
    next_cursor: str | None = None
    single: bool = True


@dataclass(frozen=True)
class FileAnswer:
    """A file: its bytes in pieces, what it is, and the snapshot it rests on."""

    chunks: Iterator[bytes]
    media_type: str
    filename: str
    snapshot: str
    built_at: str


_LISTS: dict[Subject, Callable[[Snapshot, Question, Page], Listed]] = {
    Subject.DISTRICTS: list_tree,
    Subject.INDUSTRIES: list_tree,
    Subject.INDUSTRY_GROUPS: list_groups,
    Subject.ENTERPRISES: list_enterprises,
    Subject.BRANCHES: list_branches,
}


def list_answer(shelf: Shelf, question: Question, page: Page, kept: KeptRows) -> Answer:
    """Return one page of the list that answers a question.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        As the question's parts say.
    """
    return page_answer(shelf, question, page, kept, list_rows_of)


def page_answer(
    shelf: Shelf, question: Asked, page: Page, kept: KeptRows, list_rows: Callable[[Snapshot, Asked, Page], Rows]
) -> Answer:
    """Return one page of what `list_rows` lists for a question, in the snapshot that the page before was of."""
    pinned, position = cursors.decode(question, page)
    snapshot = snapshot_for(shelf, pinned)
    rows = list_rows(snapshot, pinned, page)
    length = len(rows.listed.rows)
    end = min(position + page.limit, length)
    cursor = None
    if end < length:
        cursor = cursors.encode(cursors.Cursor(snapshot.manifest.id, cursors.digest(question, page), end))
    meta = meta_of(snapshot, question.moment, _basis(question), length)
    body = page_body(rows, position, end, meta, cursor, kept)
    return Answer(body, max(end - position, 0), snapshot.manifest.id, snapshot.manifest.built_at, cursor)


def one_answer(
    shelf: Shelf, subject: Subject, code: str, moment: Moment, population: Population, kept: KeptRows
) -> Answer:
    """Return the answer about one subject; an enterprise and a branch take no population.

    Raises
    ------
    SubjectNotFound, SnapshotNotFound, ExactOnly, InvalidRequest
        As the question's parts say.
    """
    snapshot = snapshot_for(shelf, Question(subject, moment, population))
    if subject is Subject.ENTERPRISES:
        listed = one_enterprise(snapshot, code)
    elif subject is Subject.BRANCHES:
        listed = one_branch(snapshot, code)
    else:
        listed = one(snapshot, subject, code, population)
    basis = None if subject in {Subject.ENTERPRISES, Subject.BRANCHES} else population.basis.value
    row = encoded_rows(subject_rows(listed, population, Listing()), listed.rows, kept)[0]
    body = b'{"data":%b,"meta":%b}' % (row, encode(meta_of(snapshot, moment, basis, 1)))
    return Answer(body, 1, snapshot.manifest.id, snapshot.manifest.built_at)


def file_answer(shelf: Shelf, question: Question, page: Page, options: FileOptions) -> FileAnswer:
    """Return the whole list as a file; cursor and limit of the page play no part."""
    return rows_file(shelf, question, page, options, list_rows_of)


def rows_file(
    shelf: Shelf,
    question: Asked,
    page: Page,
    options: FileOptions,
    list_rows: Callable[[Snapshot, Asked, Page], Rows],
) -> FileAnswer:
    """Return all that `list_rows` lists for a question as a file."""
    return written(rows_table(shelf, question, page, options.table, list_rows), options)


def rows_table(
    shelf: Shelf,
    question: Asked,
    page: Page,
    options: TableOptions,
    list_rows: Callable[[Snapshot, Asked, Page], Rows],
) -> FlatTable:
    """Return all that `list_rows` lists for a question as columns and rows."""
    snapshot = snapshot_for(shelf, question)
    rows = list_rows(snapshot, question, page)
    meta = meta_of(snapshot, question.moment, _basis(question), len(rows.listed.rows))
    return flat_table(rows, meta, options)


def written(table: FlatTable, options: FileOptions) -> FileAnswer:
    """Return a table as a file."""
    kind, meta = FORMATS[options.format], table.meta
    filename = f"{table.name}-{meta.as_of}.{kind.suffix}"
    return FileAnswer(kind.write(table, options), kind.media_type, filename, meta.snapshot, meta.updated_at)


def _basis(question: Question) -> str | None:
    if question.subject is Subject.BRANCHES or question.analysis is Analysis.BASES:
        return None
    return question.population.basis.value


def list_rows_of(snapshot: Snapshot, question: Question, page: Page) -> Rows:
    """Return the rows of a plain list of subjects."""
    listed = _LISTS[question.subject](snapshot, question, page)
    return subject_rows(listed, question.population, question.listing)
