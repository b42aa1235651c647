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
    kinds = [tuple(QualitySubject)[kind] for kind in table.values("subject_kind", numbers).tolist()]
    codes = table.texts_of("subject_code", numbers)
    values, valid = table.values("value", numbers).tolist(), table.valid("value", numbers)
    known = [True] * len(numbers) if valid is None else valid.tolist()
    districts, industries = (_nodes(snapshot, name, numbers) for name in ("district", "industry"))
    names = _names(snapshot, kinds[0] if kinds else QualitySubject.ENTERPRISE, numbers)
    return [
        FindingSubject(kind.value, code, name, district, industry, value if is_known else None)
        for kind, code, name, district, industry, value, is_known in zip(
            kinds, codes, names, districts, industries, values, known, strict=True
        )
    ]


def _names(snapshot: Snapshot, kind: QualitySubject, numbers: Int64) -> list[str]:
    """Return the names of the subjects of some findings; enterprises are sought in the districts of these alone."""
    findings, enterprises = snapshot.table("findings"), snapshot.enterprises
    codes = findings.taken("subject_code", numbers)
    if kind is QualitySubject.BRANCH:
        return snapshot.branches.texts_of("name", snapshot.branches.rows_of_few("code", codes))
    nodes, valid = findings.values("district", numbers), findings.valid("district", numbers)
    of_none, ends = len(snapshot.districts.codes), np.append(snapshot.first_of_district, len(enterprises))
    found = np.unique(nodes if valid is None else np.where(valid, nodes, of_none)).tolist()
    rows = np.concatenate([np.empty(0, np.int64), *(np.arange(ends[node], ends[node + 1]) for node in found)])
    return enterprises.texts_of("name", enterprises.rows_among("code", codes, rows))


def _nodes(snapshot: Snapshot, name: str, numbers: Int64) -> list[str | None]:
    table, tree = snapshot.table("findings"), snapshot.districts if name == "district" else snapshot.industries
    nodes, valid = table.values(name, numbers).tolist(), table.valid(name, numbers)
    known = [True] * len(numbers) if valid is None else valid.tolist()
    return [tree.codes[node] if is_known else None for node, is_known in zip(nodes, known, strict=True)]
