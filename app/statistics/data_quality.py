"""Data quality: how many findings each rule has in a population, and in which enterprises and branches."""

import numpy as np

from app.catalogue.data_quality import QUALITY_RULES, QualityRule, QualitySubject
from app.catalogue.metrics import METRIC
from app.catalogue.vocabulary import Basis
from app.statistics.aggregates import count_selection
from app.statistics.inference import precision_of
from app.statistics.population import Selection, in_spans, resolve, spans_of
from app.statistics.question import Question
from app.statistics.rates import Rates, rates_of
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

_RULES = tuple(QualityRule)


class DataQualityQuestion(Question, frozen=True):
    """The findings on data quality in a population.

    Parameters
    ----------
    rule
        Rule whose findings are listed; null: the number of findings of each rule.
    """

    rule: QualityRule | None = None


def counts_of(snapshot: Snapshot, question: DataQualityQuestion) -> tuple[int | None, ...]:
    """Return the number of findings of each rule, in the order of the catalogue.

    Null means not defined: members who are found have no district or industry.
    """
    selection = resolve(snapshot, question.population)
    table = snapshot.table("findings")
    inside = _inside(snapshot, selection)
    numbers = np.bincount(table.values("rule")[inside], minlength=len(_RULES))
    whole = not selection.conditions
    return tuple(
        int(numbers[_RULES.index(meaning.rule)])
        if meaning.subject is not QualitySubject.MEMBER
        else _members(snapshot, meaning.rule)
        if whole
        else None
        for meaning in QUALITY_RULES
    )


def findings_of(snapshot: Snapshot, question: DataQualityQuestion) -> Int64:
    """Return the findings of the question's rule, as rows of the table, sorted by the subjects' codes."""
    table = snapshot.table("findings")
    named = QualitySubject.MEMBER is not _subject(question.rule)
    rows = np.flatnonzero(_inside(snapshot, resolve(snapshot, question.population)) & _of_rule(snapshot, question.rule))
    return table.sorted_by("subject_code", rows) if named else rows[:0]


def reporting_rate(snapshot: Snapshot, question: Question) -> Rates:
    """Return the share of the population's registered enterprises with a return inside the return window."""
    selection = resolve(snapshot, question.population)
    registered = Selection(Basis.REGISTERED, selection.districts, selection.industries)
    return rates_of(count_selection(snapshot, registered), (METRIC["reporting_rate"],), precision_of(snapshot.manifest))


def _members(snapshot: Snapshot, rule: QualityRule) -> int:
    return int(snapshot.table("findings").values("value")[_of_rule(snapshot, rule)].sum())


def _of_rule(snapshot: Snapshot, rule: QualityRule | None) -> Mask:
    rules = snapshot.table("findings").values("rule")
    return np.zeros(len(rules), bool) if rule is None else np.asarray(rules == _RULES.index(rule))


def _subject(rule: QualityRule | None) -> QualitySubject | None:
    return next((meaning.subject for meaning in QUALITY_RULES if meaning.rule is rule), None)


def _inside(snapshot: Snapshot, selection: Selection) -> Mask:
    """Return which findings lie in a selection."""
    table = snapshot.table("findings")
    inside = np.ones(len(table), bool)
    for name, given, tree in (
        ("district", selection.districts, snapshot.districts), ("industry", selection.industries, snapshot.industries)
    ):  # fmt: skip
        if given:
            valid = table.valid(name)
            inside &= in_spans(table.values(name), spans_of(tree, given))
            inside &= True if valid is None else valid
    return inside
