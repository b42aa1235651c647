"""Trends: the same rows on every date that has a snapshot, and breaks in comparability between dates."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NoReturn

import numpy as np

from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES, Measure
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS, Metric
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest, refuse_reversed
from app.messages import Message, say, together
from app.statistics.aggregates import SubjectNotFound, aggregate_side, count_selection, selected
from app.statistics.as_of import refuse_exact_only
from app.statistics.breakdown import Cells, cells_of
from app.statistics.population import refuse, resolve
from app.statistics.question import ALL_FIGURES, Page, Question, Subject
from app.statistics.row_list import RowList
from app.statistics.subjects import branches_of, codes_near, enterprises_of
from app.store.manifest import Manifest
from app.store.shelf import DamagedSnapshot, Shelf, SnapshotNotFound
from app.store.snapshot import Snapshot, Tree

Visibility = Callable[[Snapshot, str], bool]
"""Whether the caller may see an enterprise or a branch, by code, in a snapshot."""

WHOLE = ""
"""Code of the only subject of a trend without `by`: the population."""

_FIGURES: dict[Subject, tuple[Measure | Metric, ...]] = {
    Subject.BRANCHES: (*BRANCH_MEASURES, *BRANCH_METRICS),
    Subject.ENTERPRISES: (*ENTERPRISE_MEASURES, *ENTERPRISE_METRICS),
}
"""Figures of single subjects; populations have `MEASURES` and `METRICS`."""


class SeriesBreak(StrEnum):
    """What differs between two snapshots, so that a change of figures may be no change of what they count.

    `settings`: the thresholds, or the member source asked for; `trees`: districts, industries or industry groups, their
    names included; `member_source`: where members are counted from; `format`: how snapshots are built.
    """

    SETTINGS = "settings"
    TREES = "trees"
    MEMBER_SOURCE = "member_source"
    FORMAT = "format"


class CompareTo(StrEnum):
    """Which date each date is compared with: the one before it in the list, or the first."""

    PREVIOUS = "previous"
    FIRST = "first"


class TrendQuestion(Question, frozen=True):
    """A question about a population, each row of a dimension, or some branches or enterprises, over time.

    Parameters
    ----------
    codes
        Codes of the branches or enterprises (see `subject`); empty: a population.
    since, until
        First and last date; null: no limit.
    compare_to
        Which date each is compared with; null: none.
    """

    codes: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    compare_to: CompareTo | None = None

    def named_by(self) -> str:
        """Return the parameter that names the enterprises or branches."""
        return f"query/{_noun(self)}"


@dataclass(frozen=True)
class Point:
    """One date of a trend.

    Parameters
    ----------
    manifest
        Of the snapshot.
    row_list
        How to count its rows.
    cells
        The cells that the rows are; null: the population, enterprises or branches.
    numbers
        Number of the row of each subject that the snapshot holds, by code.
    listed
        The codes of these with an enterprise at this date.
    breaks
        What changed since the date before.
    """

    manifest: Manifest
    row_list: RowList
    cells: Cells | None
    numbers: Mapping[str, int]
    listed: frozenset[str]
    breaks: tuple[SeriesBreak, ...] = field(default=())


def refuse_figures(question: TrendQuestion) -> None:
    """Refuse figures that the rows never have.

    Raises
    ------
    InvalidRequest
        There are some; all are listed.
    """
    known = tuple(figure.code for figure in _FIGURES.get(question.subject, (*MEASURES, *METRICS)))
    unknown = [] if question.fields == ALL_FIGURES else [code for code in question.fields if code not in known]
    noun = say(_noun(question))
    refuse([
        ErrorItem(
            ErrorCode.UNKNOWN_FIELD, "query/fields", say("{noun} has no figure {code}", noun=noun, code=code), known
        )
        for code in unknown
    ])  # fmt: skip


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


def trend(shelf: Shelf, question: TrendQuestion, visibility: Visibility | None = None) -> list[Point]:
    """Return one point per date, the oldest first, each from the newest undamaged snapshot of the date.

    Dates whose snapshot does not have a code of the population, or none of the branches or enterprises, have none.

    Parameters
    ----------
    shelf, question
        The snapshots and the question.
    visibility
        Whether the caller may see a branch or enterprise in a snapshot: one that is never seen gets the error of one
        that does not exist; null: everything is seen.

    Raises
    ------
    SubjectNotFound
        No date shows some branch or enterprise to the caller.
    InvalidRequest
        No date has some branch or enterprise, or all codes of the population, and nothing is hidden.
    SnapshotNotFound, ExactOnly
        See `in_range`.
    """
    found: list[Point] = []
    for manifest in in_range(shelf, question):
        point = _newest_of(shelf, manifest.as_of, question, visibility)
        if point is not None:
            found.append(point)
    missing = [code for code in question.codes if not any(code in point.numbers for point in found)]
    if missing or not found:
        _refuse_unknown(shelf, question, missing, limited=visibility is not None)
    return [_with_breaks(before, after) for before, after in zip([found[0], *found[:-1]], found, strict=True)]


def subjects_of(points: Sequence[Point], question: TrendQuestion) -> list[str]:
    """Return the codes of the subjects with an enterprise at one of the dates, in the order of rows."""
    if question.codes:
        return sorted(question.codes, key=str.encode)
    listed = frozenset[str]().union(*(point.listed for point in points))
    cells = points[-1].cells
    if cells is None:
        return [WHOLE]
    axis = cells.axes[0]
    if axis.is_by_code:
        return sorted(listed, key=str.encode)
    return [choice for choice in axis.choices if choice in listed]


def breaks_between(before: Manifest, after: Manifest) -> tuple[SeriesBreak, ...]:
    """Return what differs between two snapshots besides their figures."""
    trees = ("districts", "industries", "industry_groups")
    same = {
        SeriesBreak.SETTINGS: before.settings == after.settings,
        SeriesBreak.TREES: all(before.tables[tree].sha256 == after.tables[tree].sha256 for tree in trees),
        SeriesBreak.MEMBER_SOURCE: before.member_source == after.member_source,
        SeriesBreak.FORMAT: before.format_version == after.format_version,
    }
    return tuple(part for part in SeriesBreak if not same[part])


def compared_with(points: Sequence[Point], number: int, compare_to: CompareTo) -> tuple[Point, bool] | None:
    """Return the point that one is compared with, and whether a break lies between; null for the first."""
    if number == 0:
        return None
    if compare_to is CompareTo.PREVIOUS:
        return points[number - 1], bool(points[number].breaks)
    return points[0], any(point.breaks for point in points[1 : number + 1])


def _with_breaks(before: Point, after: Point) -> Point:
    breaks = breaks_between(before.manifest, after.manifest)
    return Point(after.manifest, after.row_list, after.cells, after.numbers, after.listed, breaks)


def _newest_of(shelf: Shelf, as_of: date, question: TrendQuestion, visibility: Visibility | None) -> Point | None:
    """Return the figures of the newest undamaged snapshot of a date; null if it has no subject of the question."""
    for manifest in shelf.of(as_of):
        try:
            snapshot = shelf.visit(manifest)
        except DamagedSnapshot:
            continue
        try:
            point = _point(snapshot, question, visibility)
        except InvalidRequest:
            return None
        return point if point.numbers or not question.codes else None
    return None


def _point(snapshot: Snapshot, question: TrendQuestion, visibility: Visibility | None) -> Point:
    if question.codes:
        codes = [code for code in question.codes if visibility is None or visibility(snapshot, code)]
        rows_of = branches_of if question.subject is Subject.BRANCHES else enterprises_of
        row_list, numbers = rows_of(snapshot, codes, question.fields)
        return Point(snapshot.manifest, row_list, None, numbers, frozenset(numbers))
    selection = selected(snapshot, question, Page())
    if not question.by:
        side = aggregate_side(count_selection(snapshot, selection).taken, question.fields)
        row_list = RowList(snapshot, question.subject, np.zeros(1, np.int64), (side,))
        return Point(snapshot.manifest, row_list, None, {WHOLE: 0}, frozenset({WHOLE}))
    cells = cells_of(snapshot, selection, question.by)
    axis = cells.axes[0]
    row_list = RowList(snapshot, question.subject, cells.numbers, (aggregate_side(cells.count, question.fields),))
    numbers = {axis.choices[number]: number for number in axis.nodes.tolist()}
    listed = frozenset(axis.choices[number] for number in cells.numbers.tolist())
    return Point(snapshot.manifest, row_list, cells, numbers, listed)


def _refuse_unknown(shelf: Shelf, question: TrendQuestion, missing: Sequence[str], *, limited: bool) -> NoReturn:
    """Raise the error of subjects that no snapshot of the range has, or of a range of damaged snapshots."""
    if missing and limited:
        details = [_nowhere(question, code) for code in missing]
        items = [ErrorItem(ErrorCode.NOT_FOUND, question.named_by(), detail) for detail in details]
        raise SubjectNotFound(together(details), items)
    for manifest in reversed(in_range(shelf, question)):
        with suppress(DamagedSnapshot):
            snapshot = shelf.visit(manifest)
            refuse([_unknown(snapshot, question, code) for code in missing])
            resolve(snapshot, question.population)
    message = say("All snapshots of these dates are damaged.")
    raise SnapshotNotFound(message)


def _unknown(snapshot: Snapshot, question: TrendQuestion, code: str) -> ErrorItem:
    near = closest(code, codes_near(snapshot, question.subject, code))
    return ErrorItem(ErrorCode.UNKNOWN_CODE, question.named_by(), _nowhere(question, code), suggestions=near)


def _nowhere(question: TrendQuestion, code: str) -> Message:
    return say("No snapshot of these dates has the {noun} {code!r}.", noun=say(_noun(question)), code=code)


NOUNS = {Subject.BRANCHES: "branch", Subject.ENTERPRISES: "enterprise"}


def _noun(question: TrendQuestion) -> str:
    return NOUNS.get(question.subject, "population")
