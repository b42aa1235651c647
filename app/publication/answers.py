"""Answers to questions: parse nothing, decide nothing, take the listed rows and write them out."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np

from app.catalogue.metrics import METRICS
from app.catalogue.vocabulary import Basis
from app.publication import cursors
from app.publication.figures import counts_of, figures, figures_of
from app.publication.files import FORMATS, FileOptions
from app.publication.kept import KeptRows
from app.publication.subjects import KEY, describe
from app.statistics.aggregates import CODES, count_bases, list_groups, list_tree, one
from app.statistics.branches import list_branches, one_branch
from app.statistics.enterprises import list_enterprises, one_enterprise
from app.statistics.intervals import precision_of
from app.statistics.listed import Listed
from app.statistics.moments import snapshot_for
from app.statistics.question import Listing, Moment, Page, Population, Question, Subject
from app.store.manifest import Correlation, Disclosure
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot
from app.store.subtrees import Int64


class Meta(msgspec.Struct, frozen=True):
    """What an answer rests on."""

    snapshot: str
    as_of: date
    requested_as_of: date | None
    basis: str | None
    member_source: str
    intra_enterprise_correlation: Correlation
    disclosure: Disclosure
    rows: int
    updated_at: str


@dataclass(frozen=True)
class Answer:
    """A whole JSON answer: its bytes and rows, the snapshot it rests on and its build, where the next page starts."""

    body: bytes
    rows: int
    snapshot: str
    built_at: str
    next_cursor: str | None = None


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
    pinned, position = cursors.decode(question, page)
    snapshot = snapshot_for(shelf, pinned)
    listed = _LISTS[question.subject](snapshot, pinned, page)
    end = min(position + page.limit, len(listed.rows))
    cursor = None
    if end < len(listed.rows):
        cursor = cursors.encode(cursors.Cursor(snapshot.manifest.id, cursors.digest(question, page), end))
    basis = None if question.subject is Subject.BRANCHES else question.population.basis.value
    rows = b",".join(_encoded(listed, listed.rows[position:end], question.population, kept))
    margins = _margins(listed, question, kept)
    meta = _encode(_meta(snapshot, question.moment, basis, len(listed.rows)))
    body = b'{"data":[%b],%b"meta":%b,"next_cursor":%b}' % (rows, margins, meta, _encode(cursor))
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
    row = _encoded(listed, listed.rows, population, kept)[0]
    body = b'{"data":%b,"meta":%b}' % (row, _encode(_meta(snapshot, moment, basis, 1)))
    return Answer(body, 1, snapshot.manifest.id, snapshot.manifest.built_at)


def bases_answer(shelf: Shelf, moment: Moment, population: Population) -> Answer:
    """Return one scope in the five bases, side by side.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        As the question's parts say.
    """
    snapshot = snapshot_for(shelf, Question(Subject.INDUSTRIES, moment, population), tuple(Basis))
    precision = precision_of(snapshot.manifest)
    rows = [
        {"basis": basis.value, **msgspec.structs.asdict(figures(counts, CODES, METRICS, precision)[0])}
        for basis, counts in zip(Basis, count_bases(snapshot, population), strict=True)
    ]
    body = _encode({"data": rows, "meta": _meta(snapshot, moment, None, len(rows))})
    return Answer(body, len(rows), snapshot.manifest.id, snapshot.manifest.built_at)


def file_answer(shelf: Shelf, question: Question, page: Page, options: FileOptions) -> FileAnswer:
    """Return the whole list as a file; cursor and limit of the page play no part."""
    snapshot = snapshot_for(shelf, question)
    listed = _LISTS[question.subject](snapshot, question, page)
    kind = FORMATS[options.format]
    filename = f"{question.subject.value}-{snapshot.manifest.as_of}.{kind.suffix}"
    manifest = snapshot.manifest
    return FileAnswer(kind.write(listed, options), kind.media_type, filename, manifest.id, manifest.built_at)


_ENCODER = msgspec.json.Encoder()


def _encode(value: object) -> bytes:
    return _ENCODER.encode(value)


def _meta(snapshot: Snapshot, moment: Moment, basis: str | None, rows: int) -> Meta:
    manifest = snapshot.manifest
    return Meta(
        manifest.id, manifest.as_of, moment.as_of, basis, manifest.member_source, manifest.intra_enterprise_correlation,
        manifest.disclosure, rows, manifest.built_at,
    )  # fmt: skip


def _margins(listed: Listed, question: Question, kept: KeptRows) -> bytes:
    """Return the members `total` and `unallocated` of any page of a list, kept or made; nothing for branches."""
    key = _asked(listed, question.population, question.listing)
    found = kept.get([key])[0]
    if found is None:
        found = _fresh_margins(listed)
        kept.keep({key: found})
    return found


def _fresh_margins(listed: Listed) -> bytes:
    margins, side = listed.margins, listed.sides[0]
    if margins is None:
        return b""
    total = figures(margins.total, side.measures, side.metrics, listed.precision)[0]
    rest = None if margins.unallocated is None else {"counts": counts_of(margins.unallocated, side.measures)[0]}
    return b'"total":%b,"unallocated":%b,' % (_encode(total), _encode(rest))


def _asked(listed: Listed, *parts: Population | Listing) -> bytes:
    """Return what figures depend on, besides the row, as bytes: these remember their hash."""
    return _encode((listed.snapshot.manifest.id, listed.subject, parts))


def _encoded(listed: Listed, rows: Int64, population: Population, kept: KeptRows) -> list[bytes]:
    """Return rows encoded, taking those that are kept and keeping the others."""
    asked = _asked(listed, population)
    keys: list[Hashable] = [(asked, row) for row in rows.tolist()]
    found = kept.get(keys)
    missing = [number for number, row in enumerate(found) if row is None]
    fresh = _fresh(listed, rows[np.array(missing, np.int64)]) if missing else []
    kept.keep({keys[number]: row for number, row in zip(missing, fresh, strict=True)})
    for number, row in zip(missing, fresh, strict=True):
        found[number] = row
    return [row for row in found if row is not None]


def _fresh(listed: Listed, rows: Int64) -> list[bytes]:
    fields = describe(listed.snapshot, listed.subject, rows)
    sides = [figures_of(side, rows, listed.precision) for side in listed.sides]
    key = KEY[listed.subject]
    if len(sides) == 1:
        return [
            _encode({key: field, "counts": figure.counts, "rates": figure.rates})
            for field, figure in zip(fields, sides[0], strict=True)
        ]
    names = [side.name for side in listed.sides]
    return [
        _encode({key: field, **dict(zip(names, figure, strict=True))})
        for field, *figure in zip(fields, *sides, strict=True)
    ]
