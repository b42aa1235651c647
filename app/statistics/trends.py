"""Trends: the same rates on every date that has a snapshot, and breaks in comparability between dates."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Generic, NoReturn, TypeVar

import numpy as np

from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS, Metric
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest, refuse_reversed
from app.messages import Message, say, together
from app.statistics.aggregates import CODES, SubjectNotFound, count_selection
from app.statistics.as_of import refuse_exact_only
from app.statistics.population import resolve
from app.statistics.question import Question, Subject
from app.statistics.rates import Rates, rates_of
from app.statistics.row_list import RowList, Side
from app.statistics.subjects import codes_near, one_branch, one_enterprise
from app.store.manifest import Manifest
from app.store.shelf import DamagedSnapshot, Shelf, SnapshotNotFound
from app.store.snapshot import Snapshot, Tree

Found = TypeVar("Found")

_METRICS = {Subject.BRANCHES: BRANCH_METRICS, Subject.ENTERPRISES: ENTERPRISE_METRICS}
"""Metrics of single subjects; populations have `METRICS`."""


class SeriesBreak(StrEnum):
    """What differs between two snapshots, so that a change of figures may be no change of what they count.

    `settings`: the thresholds, or the member source asked for; `member_source`: where members are counted from;
    `districts`, `industries`, `industry_groups`: these trees and sets, their names included.
    """

    SETTINGS = "settings"
    MEMBER_SOURCE = "member_source"
    DISTRICTS = "districts"
    INDUSTRIES = "industries"
    INDUSTRY_GROUPS = "industry_groups"


@dataclass(frozen=True)
class TrendQuestion(Question):
    """A question about a population, or one branch or enterprise (see `subject`), over time.

    Parameters
    ----------
    code
        Code of the branch or enterprise; null: a population.
    metrics
        Codes of the metrics; empty: all that the subject has.
    since, until
        First and last date; null: no limit.
    """

    code: str | None = None
    metrics: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return nothing: a trend has no levels."""
        return ()

    def named_by(self) -> str:
        """Return the parameter that names the enterprise or branch."""
        return f"query/{_noun(self)}"


@dataclass(frozen=True)
class Point(Generic[Found]):
    """One date of a trend.

    Parameters
    ----------
    manifest
        Of the snapshot.
    breaks
        What changed since the previous point.
    found
        Its figures.
    """

    manifest: Manifest
    breaks: tuple[SeriesBreak, ...]
    found: Found


def metrics_of(question: TrendQuestion) -> tuple[Metric, ...]:
    """Return the metrics of a question, in the order of the catalogue.

    Raises
    ------
    InvalidRequest
        The subject does not have a metric; all such are listed.
    """
    known = _METRICS.get(question.subject, METRICS)
    codes = tuple(metric.code for metric in known)
    unknown = [code for code in dict.fromkeys(question.metrics) if code not in codes]
    if unknown:
        problems = [
            ErrorItem(
                ErrorCode.UNKNOWN_FIELD,
                "query/metric",
                say("{noun} has no metric {code}", noun=say(_noun(question)), code=code),
                codes,
            )
            for code in unknown
        ]
        raise InvalidRequest(together([problem.message for problem in problems]), problems)
    return tuple(metric for metric in known if not question.metrics or metric.code in question.metrics)


def in_range(shelf: Shelf, question: TrendQuestion) -> list[Manifest]:
    """Return the newest snapshot of each date in a question's range, the oldest first.

    Raises
    ------
    SnapshotNotFound
        There is none; the available dates are listed.
    ExactOnly
        The snapshots cannot answer the question.
    InvalidRequest
        The dates are in the wrong order.
    """
    refuse_reversed(question.since, question.until)
    since, until = question.since or date.min, question.until or date.max
    newest = {manifest.as_of: manifest for manifest in reversed(shelf.all())}
    dates = sorted(as_of for as_of in newest if since <= as_of <= until)
    if not dates:
        detail = say("There is no snapshot in this range of dates.")
        available = tuple(as_of.isoformat() for as_of in sorted(newest, reverse=True))
        limits = [("from", question.since), ("to", question.until)]
        places = [f"query/{name}" for name, limit in limits if limit is not None]
        raise SnapshotNotFound(
            detail,
            [ErrorItem(ErrorCode.NO_SNAPSHOT, place, detail, suggestions=available) for place in places or ["query"]],
        )
    refuse_exact_only(newest[dates[-1]], question)
    return [newest[as_of] for as_of in dates]


def district_trees(shelf: Shelf, question: TrendQuestion) -> list[Tree]:
    """Return the distinct district trees of all snapshots in a question's range; of the newest, if there is none.

    Raises
    ------
    InvalidRequest
        See `in_range`.
    """
    try:
        manifests = [one for manifest in in_range(shelf, question) for one in shelf.of(manifest.as_of)]
    except SnapshotNotFound:
        manifests = list(shelf.all()[:1])
    trees: dict[str, Tree] = {}
    for manifest in manifests:
        with suppress(DamagedSnapshot):
            if manifest.tables["districts"].sha256 not in trees:
                trees[manifest.tables["districts"].sha256] = shelf.visit(manifest).districts
    return list(trees.values())


def trend(
    shelf: Shelf, question: TrendQuestion, look: Callable[[Manifest], Found | None], *, limited: bool
) -> list[Point[Found]]:
    """Return one point per date, the oldest first, each from the newest undamaged snapshot of the date.

    Parameters
    ----------
    shelf, question
        The snapshots and the question.
    look
        Returns the figures of a snapshot; null: it does not have the subject, so the date has no point.
    limited
        Whether `look` hides subjects from the caller: one that does not exist then gets the error of a hidden one.

    Raises
    ------
    SubjectNotFound
        No date has the enterprise or branch, or none shows it to the caller.
    InvalidRequest
        No date has the enterprise, the branch, or all codes of the population, and nothing is hidden.
    SnapshotNotFound, ExactOnly
        See `in_range`.
    """
    dates = [manifest.as_of for manifest in in_range(shelf, question)]
    found = [one for as_of in dates if (one := _newest_of(shelf, as_of, look)) is not None]
    if not found:
        _refuse_unknown(shelf, question, limited=limited)
    befores = [found[0], *found[:-1]]
    return [
        Point(manifest, breaks_between(before, manifest), figures)
        for (before, _), (manifest, figures) in zip(befores, found, strict=True)
    ]


def breaks_between(before: Manifest, after: Manifest) -> tuple[SeriesBreak, ...]:
    """Return what differs between two snapshots besides their figures."""
    trees = (SeriesBreak.DISTRICTS, SeriesBreak.INDUSTRIES, SeriesBreak.INDUSTRY_GROUPS)
    same = {
        SeriesBreak.SETTINGS: before.settings == after.settings,
        SeriesBreak.MEMBER_SOURCE: before.member_source == after.member_source,
        **{tree: before.tables[tree].sha256 == after.tables[tree].sha256 for tree in trees},
    }
    return tuple(part for part in SeriesBreak if not same[part])


def rates_at(snapshot: Snapshot, question: TrendQuestion) -> Rates | None:
    """Return the rates of a question in one snapshot, one row; null if the snapshot does not have a code."""
    try:
        row_list = _row_list(snapshot, question)
    except (InvalidRequest, SubjectNotFound):
        return None
    return rates_of(row_list.sides[-1].count(row_list.rows), metrics_of(question), row_list.precision)


def _row_list(snapshot: Snapshot, question: TrendQuestion) -> RowList:
    """Return the population, enterprise or branch as a list of one row; for a branch, the last side is `subtree`."""
    if question.code is None:
        counts = count_selection(snapshot, resolve(snapshot, question.population))
        return RowList(snapshot, question.subject, np.zeros(1, np.int64), (Side("", CODES, METRICS, counts.taken),))
    if question.subject is Subject.BRANCHES:
        return one_branch(snapshot, question.code)
    return one_enterprise(snapshot, question.code)


def _newest_of(shelf: Shelf, as_of: date, look: Callable[[Manifest], Found | None]) -> tuple[Manifest, Found] | None:
    """Return the figures of the newest undamaged snapshot of a date; null if it does not have the subject."""
    for manifest in shelf.of(as_of):
        try:
            figures = look(manifest)
        except DamagedSnapshot:
            continue
        return None if figures is None else (manifest, figures)
    return None


def _refuse_unknown(shelf: Shelf, question: TrendQuestion, *, limited: bool) -> NoReturn:
    """Raise the error of a subject that no snapshot of the range has, or of a range of damaged snapshots."""
    if question.code is not None and limited:
        detail = _nowhere(question)
        raise SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, question.named_by(), detail)])
    for manifest in reversed(in_range(shelf, question)):
        with suppress(DamagedSnapshot):
            snapshot = shelf.visit(manifest)
            if question.code is not None:
                near = closest(question.code, codes_near(snapshot, question.subject, question.code))
                raise InvalidRequest(
                    _nowhere(question),
                    [ErrorItem(ErrorCode.UNKNOWN_CODE, question.named_by(), _nowhere(question), suggestions=near)],
                )
            resolve(snapshot, question.population)
    message = say("All snapshots of these dates are damaged.")
    raise SnapshotNotFound(message)


def _nowhere(question: TrendQuestion) -> Message:
    assert question.code is not None
    return say("No snapshot of these dates has the {noun} {code!r}.", noun=say(_noun(question)), code=question.code)


NOUNS = {Subject.BRANCHES: "branch", Subject.ENTERPRISES: "enterprise"}


def _noun(question: TrendQuestion) -> str:
    return NOUNS.get(question.subject, "population")
