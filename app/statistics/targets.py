"""Targets: how far what an office has set out to reach is reached on the date."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil

import numpy as np
from msgspec.structs import replace

from app.catalogue.metrics import METRIC, Status, TargetMetric
from app.catalogue.vocabulary import Basis, Sector
from app.statistics.aggregates import count_selection, counter
from app.statistics.inference import precision_of
from app.statistics.population import Selection, in_spans, resolve, spans_of
from app.statistics.question import Question, Subject
from app.statistics.rates import STATUSES, Counts, Rates, rates_of, stacked
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot, Tree

_EPOCH = date(1970, 1, 1)
_SECTORS = tuple(Sector)
_UNTOLD = frozenset(map(STATUSES.index, (Status.UNRELIABLE, Status.PROTECTED)))


class TargetState(StrEnum):
    """Whether a target is met by the figure itself.

    `cannot_tell`: there is no value, or it is unreliable or protected.
    """

    MET = "met"
    SHORT = "short"
    CANNOT_TELL = "cannot_tell"


class TargetsQuestion(Question, frozen=True):
    """The targets inside the districts, industries, groups and sectors of a population; its basis does not matter.

    Parameters
    ----------
    due_from, due_to
        First and last due date; null: the date of the snapshot, none.
    state
        Values of `TargetState` that are listed; empty: all.
    """

    due_from: date | None = None
    due_to: date | None = None
    state: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A target: nodes and values are null where it is not restricted to one."""

    metric: TargetMetric
    basis: Basis
    due_on: date
    value: str
    district: int | None
    industry: int | None
    industry_group: str | None
    sector: Sector | None
    source: str | None


@dataclass(frozen=True)
class Progress:
    """How far some targets of one metric are reached.

    Parameters
    ----------
    places
        Their places among the targets asked for.
    rates
        The figure of each: one line.
    missing
        Of each, how many more in the numerator would meet it at today's denominator; null: cannot tell.
    """

    places: list[int]
    rates: Rates
    missing: list[int | None]

    @property
    def states(self) -> list[TargetState]:
        """The state of each."""
        return [_state(missing) for missing in self.missing]


def targets_of(snapshot: Snapshot, question: TargetsQuestion) -> Int64:
    """Return the targets that a question lists, as rows of the table, which is in order.

    Raises
    ------
    InvalidRequest
        A code is not in the snapshot.
    """
    due = snapshot.table("targets").values("due_on")
    listed = _inside(snapshot, question) & (due >= _day(question.due_from or snapshot.manifest.as_of))
    if question.due_to is not None:
        listed &= due <= _day(question.due_to)
    rows = np.flatnonzero(listed)
    if not question.state:
        return rows
    kept = np.zeros(len(rows), bool)
    for progress in progress_of(snapshot, read_targets(snapshot, rows)):
        kept[progress.places] = [state in question.state for state in progress.states]
    return rows[kept]


def read_targets(snapshot: Snapshot, rows: Int64) -> list[Target]:
    """Return some rows of the table of targets."""
    table = snapshot.table("targets")
    numbers = (_numbers(snapshot, name, rows) for name in ("due_on", "district", "industry"))
    texts = (table.texts_of(name, rows) for name in ("metric", "basis", "value", "industry_group", "sector", "source"))
    return [
        Target(TargetMetric(metric), Basis(basis), _EPOCH + timedelta(days=due or 0), value, district, industry, group,
               None if sector is None else Sector(sector), source)
        for due, district, industry, metric, basis, value, group, sector, source in zip(*numbers, *texts, strict=True)
    ]  # fmt: skip


def progress_of(snapshot: Snapshot, targets: Sequence[Target]) -> Iterator[Progress]:
    """Yield how far targets are reached: those that differ in district, value and date alone together."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, target in enumerate(targets):
        of = (target.metric, target.basis, target.industry, target.industry_group, target.sector)
        alike.setdefault(of, []).append(place)
    for places in alike.values():
        found = [targets[place] for place in places]
        rates = rates_of(_counts(snapshot, found), (METRIC[found[0].metric],), precision_of(snapshot.manifest))
        told = ~np.isnan(rates.value[0]) & ~np.isin(rates.status[0], list(_UNTOLD))
        parts = zip(found, rates.numerator[0].tolist(), rates.denominator[0].tolist(), told.tolist(), strict=True)
        missing = [_missing(target, *counts) if is_told else None for target, *counts, is_told in parts]
        yield Progress(places, rates, missing)


def days_left(snapshot: Snapshot, target: Target) -> int:
    """Return the days from the date of a snapshot until a target is due; negative: it was due before."""
    return (target.due_on - snapshot.manifest.as_of).days


def _counts(snapshot: Snapshot, targets: Sequence[Target]) -> Counts:
    """Return what the figures of targets that differ in district alone rest on."""
    one = targets[0]
    selection = Selection(
        one.basis,
        industries=() if one.industry is None else (one.industry,),
        groups=() if one.industry_group is None else (one.industry_group,),
        attributes=() if one.sector is None else (("sector", (_SECTORS.index(one.sector),)),),
        figures=frozenset({"enterprises", *METRIC[one.metric].needs}),
    )
    nodes = np.unique(np.array([target.district for target in targets if target.district is not None], np.int64))
    parts = []
    if len(nodes):
        # Without conditions the sums are precomputed; else only the rows of these districts are read.
        within = replace(selection, districts=tuple(nodes.tolist())) if selection.conditions else selection
        parts.append(counter(snapshot, within, Subject.DISTRICTS, nodes)(nodes))
    if any(target.district is None for target in targets):
        parts.append(count_selection(snapshot, selection))
    lines = {node: line for line, node in enumerate(nodes.tolist())}
    return stacked(parts).taken([lines.get(target.district, len(lines)) for target in targets])


def _missing(target: Target, numerator: int, denominator: int) -> int:
    """Return how many more in the numerator would meet a target, exactly."""
    return max(0, ceil(Fraction(target.value) * denominator) - numerator)


def _state(missing: int | None) -> TargetState:
    if missing is None:
        return TargetState.CANNOT_TELL
    return TargetState.SHORT if missing else TargetState.MET


def _inside(snapshot: Snapshot, question: TargetsQuestion) -> Mask:
    """Return which targets are inside a population: for each condition, at or below one of those given."""
    selection, table = resolve(snapshot, question.population), snapshot.table("targets")
    inside = np.ones(len(table), bool)
    for name, given, tree in (
        ("district", selection.districts, snapshot.districts), ("industry", selection.industries, snapshot.industries)
    ):  # fmt: skip
        inside &= _at_or_below(snapshot, name, given, tree)
    for name, values in (("industry_group", selection.groups), ("sector", question.population.sector)):
        if values:
            inside &= np.array([text in values for text in table.texts(name)], bool)
    return inside


def _at_or_below(snapshot: Snapshot, name: str, given: tuple[int, ...], tree: Tree) -> Mask:
    table = snapshot.table("targets")
    if not given:
        return np.ones(len(table), bool)
    valid, below = table.valid(name), in_spans(table.values(name), spans_of(tree, given))
    return below if valid is None else below & valid


def _numbers(snapshot: Snapshot, name: str, rows: Int64) -> list[int | None]:
    """Return some rows of a column of numbers, dates or choices; None where null."""
    table = snapshot.table("targets")
    values, valid = table.values(name)[rows].tolist(), table.valid(name)
    known = [True] * len(values) if valid is None else valid[rows].tolist()
    return [value if is_known else None for value, is_known in zip(values, known, strict=True)]


def _day(day: date) -> int:
    return (day - _EPOCH).days
