"""Cross tables: rows that are a district and an industry, or a district and an industry group."""

from dataclasses import replace

from app.catalogue.analyses import Analysis
from app.publication.rows import Part, Rows
from app.publication.subjects import subject_part
from app.statistics.cross_table import CrossTableQuestion, list_cells
from app.statistics.question import Listing, Moment, Page, Population, Question, Subject
from app.store.snapshot import Snapshot
from app.store.subtrees import Int64

_COLUMNS = (Subject.INDUSTRIES, Subject.INDUSTRY_GROUPS)


def cross_table_question(
    moment: Moment, population: Population, within: str | None, district_level: str, industry_level: str | None
) -> CrossTableQuestion:
    """Return the question about districts of a level by industries of a level; where that is null, by groups."""
    return CrossTableQuestion(
        Subject.DISTRICTS, moment, population, Listing(within=within), Analysis.TABLE, district_level, industry_level
    )


def cell_rows(snapshot: Snapshot, question: Question, page: Page) -> Rows:
    """Return the cells as files have them: with what stands beside the district, alone."""
    assert isinstance(question, CrossTableQuestion)
    column = _column(question)
    listed = list_cells(snapshot, question, page)
    width = len(snapshot.industries.codes) if column is Subject.INDUSTRIES else len(snapshot.groups)
    parts = _part(snapshot, Subject.DISTRICTS, width), _part(snapshot, column, width)
    keys = tuple(f"{part.prefix}code" for part in parts)
    shape = (question.listing.within, question.district_level, question.industry_level)
    return Rows("table", listed, parts, keys, (question.population, column), (question.population, shape))


def cell_page_rows(snapshot: Snapshot, question: Question, page: Page) -> Rows:
    """Return the cells as pages have them: industry and industry group are always there, one of them null."""
    rows = cell_rows(snapshot, question, page)
    district, beside = rows.parts
    parts = (beside if beside.key == part.key else _absent(part) for part in _column_parts(snapshot))
    return replace(rows, parts=(district, *parts))


def _column(question: CrossTableQuestion) -> Subject:
    return Subject.INDUSTRY_GROUPS if question.industry_level is None else Subject.INDUSTRIES


def _column_parts(snapshot: Snapshot) -> list[Part]:
    return [subject_part(snapshot, subject) for subject in _COLUMNS]


def _part(snapshot: Snapshot, subject: Subject, width: int) -> Part:
    """Return what a cell says of its district or its column."""
    part = subject_part(snapshot, subject)

    def nodes(numbers: Int64) -> Int64:
        return numbers // width if subject is Subject.DISTRICTS else numbers % width

    return replace(part, describe=lambda numbers: part.describe(nodes(numbers)), prefix=f"{part.key}_")


def _absent(part: Part) -> Part:
    return replace(part, describe=lambda numbers: [None] * len(numbers))
