"""Data quality as rows: the number of findings of each rule, or the findings of one rule."""

from functools import partial

import msgspec
import numpy as np

from app.catalogue.data_quality import BETWEEN_EXTRACTS, QUALITY_RULES, QualitySubject
from app.publication.lists import Answer, page_answer, rows_table
from app.publication.row_cache import Source
from app.publication.rows import Part, Rows, rate_lists
from app.publication.table import FlatTable, TableOptions
from app.statistics.data_quality import DataQualityQuestion, counts_of, findings_of, reporting_rate
from app.statistics.question import Page
from app.statistics.row_list import RowList
from app.store.arrays import Int64
from app.store.snapshot import Snapshot
from app.store.table import Table


class Finding(msgspec.Struct, gc=False, frozen=True):
    """The number of findings of a rule."""

    rule: str
    label_zh: str
    label_en: str
    about: str
    number: int | None


class FindingSubject(msgspec.Struct, gc=False, frozen=True):
    """An enterprise or a branch with a finding, and the value found."""

    kind: str
    code: str
    name: str
    district_code: str | None
    industry_code: str | None
    value: int | None


def data_quality_answer(source: Source, question: DataQualityQuestion, page: Page) -> Answer:
    """Return the number of findings of each rule or, for one rule, a page of its findings.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer`.
    """
    return page_answer(source, question, page, _rows)


def data_quality_table(source: Source, question: DataQualityQuestion, page: Page, options: TableOptions) -> FlatTable:
    """Return all of it as a table."""
    return rows_table(source, question, page, options, _rows)


def _rows(snapshot: Snapshot, question: DataQualityQuestion, _page: Page) -> Rows:
    rules = Part(Finding, partial(_found, snapshot, question))
    subjects = Part(FindingSubject, partial(_subjects, snapshot, question), "subject", "subject_")
    rows = _rules(snapshot) if question.rule is None else findings_of(snapshot, question)
    row_list = RowList(snapshot, question.subject, rows, ())
    key = (question.population, question.rule)
    rate = rate_lists(reporting_rate(snapshot, question))[0][0]
    keys = ("rule",) if question.rule is None else ("rule", "subject_code")
    return Rows("data-quality", row_list, (rules, subjects), keys, key, key, {"reporting_rate": rate})


def _rules(snapshot: Snapshot) -> Int64:
    """Return the places of the rules that can find something: those between extracts only where there were several."""
    several = len(snapshot.manifest.extracts) > 1
    return np.flatnonzero([several or meaning.rule not in BETWEEN_EXTRACTS for meaning in QUALITY_RULES])


def _found(snapshot: Snapshot, question: DataQualityQuestion, numbers: Int64) -> list[Finding]:
    found = [
        Finding(meaning.rule.value, meaning.label.zh, meaning.label.en, meaning.subject.value, count)
        for meaning, count in zip(QUALITY_RULES, counts_of(snapshot, question), strict=True)
    ]
    if question.rule is None:
        return [found[number] for number in numbers.tolist()]
    return [next(one for one in found if one.rule == question.rule)] * len(numbers)


def _subjects(snapshot: Snapshot, question: DataQualityQuestion, numbers: Int64) -> list[FindingSubject] | list[None]:
    if question.rule is None:
        return [None] * len(numbers)
    table = snapshot.table("findings")
    kinds = [tuple(QualitySubject)[kind] for kind in table.values("subject_kind")[numbers].tolist()]
    codes = table.texts_of("subject_code", numbers)
    values, valid = table.values("value", numbers).tolist(), table.valid("value", numbers)
    known = [True] * len(numbers) if valid is None else valid.tolist()
    districts, industries = (_nodes(snapshot, name, numbers) for name in ("district", "industry"))
    named = _named(snapshot, kinds[0] if kinds else QualitySubject.ENTERPRISE)
    names = named.texts_of("name", named.rows_of_few("code", table.taken("subject_code", numbers)))
    return [
        FindingSubject(kind.value, code, name, district, industry, value if is_known else None)
        for kind, code, name, district, industry, value, is_known in zip(
            kinds, codes, names, districts, industries, values, known, strict=True
        )
    ]


def _named(snapshot: Snapshot, kind: QualitySubject) -> Table:
    return snapshot.branches if kind is QualitySubject.BRANCH else snapshot.enterprises


def _nodes(snapshot: Snapshot, name: str, numbers: Int64) -> list[str | None]:
    table, tree = snapshot.table("findings"), snapshot.districts if name == "district" else snapshot.industries
    nodes, valid = table.values(name, numbers).tolist(), table.valid(name, numbers)
    known = [True] * len(numbers) if valid is None else valid.tolist()
    return [tree.codes[node] if is_known else None for node, is_known in zip(nodes, known, strict=True)]
