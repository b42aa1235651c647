"""One scope in the five bases, side by side."""

import msgspec

from app.catalogue.analyses import Analysis
from app.catalogue.vocabulary import Basis
from app.publication.answers import Answer
from app.publication.kept import KeptRows
from app.publication.meta import meta_of
from app.publication.rows import Part, Rows, encode, encoded_rows
from app.statistics.aggregates import list_bases
from app.statistics.moments import snapshot_for
from app.statistics.question import Moment, Page, Population, Question, Subject
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot
from app.store.subtrees import Int64


class BasisField(msgspec.Struct, gc=False, frozen=True):
    """Which basis a row is of."""

    basis: str


def bases_question(moment: Moment, population: Population) -> Question:
    """Return the question about a scope in each basis, whatever the basis of the population."""
    return Question(Subject.INDUSTRIES, moment, population, analysis=Analysis.BASES)


def bases_answer(shelf: Shelf, question: Question, kept: KeptRows) -> Answer:
    """Return a scope in each basis, all in one answer.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        As the question's parts say.
    """
    snapshot = snapshot_for(shelf, question)
    rows = bases_rows(snapshot, question, Page())
    data = b",".join(encoded_rows(rows, rows.listed.rows, kept))
    body = b'{"data":[%b],"meta":%b}' % (data, encode(meta_of(snapshot, question.moment, None, len(Basis))))
    return Answer(body, len(Basis), snapshot.manifest.id, snapshot.manifest.built_at)


def bases_rows(snapshot: Snapshot, question: Question, _page: Page) -> Rows:
    """Return a row per basis, in the order of the bases."""
    part = Part(BasisField, _describe)
    listed = list_bases(snapshot, question.population)
    return Rows("bases", listed, (part,), ("basis",), question.population, question.population)


def _describe(numbers: Int64) -> list[BasisField]:
    bases = tuple(Basis)
    return [BasisField(bases[number].value) for number in numbers.tolist()]
