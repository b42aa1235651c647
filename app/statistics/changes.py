"""Changes between two dates as exact accounts: the member ratio by industry, enterprises and members one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from app.catalogue.dimensions import By
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.statistics import sums
from app.statistics.as_of import snapshot_at, snapshot_for
from app.statistics.breakdown import Axis, cells_of
from app.statistics.decomposition import RatioAccount, ratio_account
from app.statistics.population import Selection, resolve, rows_of
from app.statistics.question import AsOf, Question, Subject
from app.store.arrays import Indices, Int64
from app.store.shelf import Shelf, SnapshotNotFound
from app.store.snapshot import Mask, Snapshot

_RATIO = ("members_matched", "headcount_matched")


class ChangesQuestion(Question, frozen=True):
    """What changed in a population between two dates: as a whole, or in each district, sector or ownership (`by`).

    Parameters
    ----------
    since
        The earlier snapshot; `when` is the later one.
    strata
        Level of the industries among which the change of the ratio is shared.
    """

    since: AsOf = AsOf()
    strata: By = By.SECTION

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return the levels of the strata and of the rows."""
        return (*super().levels(), ("by", Subject.INDUSTRIES, self.strata.value))


@dataclass(frozen=True)
class Account:
    """The change of a count: after − before = within + entered − left + moved_in − moved_out.

    Parameters
    ----------
    before, after
        The count at the two dates.
    within
        Net change in enterprises that are in the population at both dates.
    entered, left
        In enterprises in the population at one date only, and outside the basis at the other.
    moved_in, moved_out
        In enterprises in the population at one date only, and elsewhere in the basis at the other.
    gained, lost
        The increases and the decreases in `within`.
    """

    before: int
    after: int
    within: int
    entered: int
    left: int
    moved_in: int
    moved_out: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Accounts:
    """The accounts of one population.

    Parameters
    ----------
    ratio
        Of the member ratio; null if it is not applicable at either date, and for what has no value.
    counts
        Of enterprises, of organised ones and of members, by name; null if figures are protected.
    """

    ratio: RatioAccount | None
    counts: Mapping[str, Account] | None


@dataclass(frozen=True)
class Changes:
    """What changed from one snapshot to another.

    Parameters
    ----------
    before, after
        The snapshots.
    total
        The accounts of the whole population.
    axes
        The dimension of the rows at the two dates; null: there are no rows.
    rows
        The accounts of each value with an enterprise at either date, by its code or choice, in the order of breakdowns.
    unallocated
        The accounts of the enterprises that have no value; null: there are no rows.
    """

    before: Snapshot
    after: Snapshot
    total: Accounts
    axes: tuple[Axis, Axis] | None = None
    rows: Mapping[str, Accounts] = field(default_factory=dict)
    unallocated: Accounts | None = None


COUNTED = ("enterprises", "organised", "members")
"""The counts that have accounts."""


def changes_between(shelf: Shelf, question: ChangesQuestion) -> Changes:
    """Return what changed in a population from one date to another.

    Raises
    ------
    SnapshotNotFound, ExactOnly
        See `snapshot_for`.
    InvalidRequest
        A code is unknown at a date, the dates are in the wrong order, or the snapshots cannot be compared.
    """
    after = snapshot_for(shelf, question)
    before = _earlier(shelf, question.since)
    _refuse_incomparable(before, after, question.since)
    dates = tuple(_Date(snapshot, resolve(snapshot, question.population)) for snapshot in (before, after))
    total = Accounts(_ratio_of_all(dates, question.strata), _counts(dates, (None, None), ())[0])
    if not question.by:
        return Changes(before, after, total)
    axes = Axis(before, question.by[0]), Axis(after, question.by[0])
    cells = [cells_of(one.snapshot, one.selection, question.by) for one in dates]
    codes = _in_order(axes[1], {axis.choices[number] for axis, found in zip(axes, cells, strict=True)
                                for number in found.numbers.tolist()})  # fmt: skip
    ratios = _ratios(dates, question, codes)
    counts = _counts(dates, axes, codes)
    rows = {
        code: Accounts(*accounts) for code, accounts in zip(codes, zip(ratios, counts[:-1], strict=True), strict=True)
    }
    return Changes(before, after, total, axes, rows, Accounts(None, counts[-1]))


def _in_order(axis: Axis, codes: set[str]) -> list[str]:
    return sorted(codes, key=str.encode) if axis.is_by_code else [one for one in axis.choices if one in codes]


_PLACES = {"query/as_of": "query/since", "query/snapshot": "query/since_snapshot"}
"""Which parameters name the earlier snapshot, by those that name the later one."""


def _earlier(shelf: Shelf, since: AsOf) -> Snapshot:
    """Return the earlier snapshot; errors name its own parameters."""
    try:
        return snapshot_at(shelf, since)
    except (SnapshotNotFound, InvalidRequest) as error:
        items = [replace(item, place=_PLACES.get(item.place, item.place)) for item in error.errors]
        raise type(error)(error.detail, items) from error


def _refuse_incomparable(before: Snapshot, after: Snapshot, since: AsOf) -> None:
    place = _PLACES["query/as_of" if since.snapshot is None else "query/snapshot"]
    old, new = before.manifest, after.manifest
    if old.as_of > new.as_of:
        message = say("the earlier snapshot is of {old}, which is after {new}", old=old.as_of, new=new.as_of)
        raise InvalidRequest(message, [ErrorItem(ErrorCode.REVERSED_RANGE, place, message)])
    differing = [
        part
        for part, same in (
            (say("settings"), old.settings == new.settings),
            (say("member source"), old.member_source == new.member_source),
            (say("protection"), old.disclosure == new.disclosure),
            (say("industry trees"), old.tables["industries"].sha256 == new.tables["industries"].sha256),
        )
        if not same
    ]
    if differing:
        message = say(
            "the snapshots of {old} and {new} cannot be compared; these differ: {parts}",
            old=old.as_of,
            new=new.as_of,
            parts=differing,
        )
        raise InvalidRequest(message, [ErrorItem(ErrorCode.NOT_COMPARABLE, place, message)])


@dataclass(frozen=True)
class _Date:
    """A snapshot and whom to count in it."""

    snapshot: Snapshot
    selection: Selection

    @property
    def is_exact(self) -> bool:
        """Whether it has enterprises: figures are not protected."""
        return "enterprises" in self.snapshot.manifest.tables


_Dates = tuple[_Date, ...]


def _ratio_of_all(dates: _Dates, level: By) -> RatioAccount | None:
    """Return the account of the whole population."""
    nodes = np.flatnonzero(dates[0].snapshot.industries.of_level(level.value))
    sides = []
    for one in dates:
        total = sums.whole(one.snapshot, one.selection, _RATIO)
        by_industry = sums.industries(one.snapshot, one.selection, nodes, _RATIO)
        sides.append(np.concatenate((by_industry, total - by_industry.sum(axis=1, keepdims=True)), axis=1))
    return ratio_account(sides[0], sides[1], nodes)


def _ratios(dates: _Dates, question: ChangesQuestion, codes: Sequence[str]) -> list[RatioAccount | None]:
    """Return the account of each row."""
    nodes = np.flatnonzero(dates[0].snapshot.industries.of_level(question.strata.value))
    tables = [_strata(one, question, codes, nodes) for one in dates]
    return [ratio_account(tables[0][row], tables[1][row], nodes) for row in range(len(codes))]


def _strata(one: _Date, question: ChangesQuestion, codes: Sequence[str], nodes: Int64) -> list[Int64]:
    """Return for each row matched members and headcount by stratum, the unallocated last; shape (2, strata)."""
    by, axis = question.by[0], Axis(one.snapshot, question.by[0])
    place = {choice: number for number, choice in enumerate(axis.choices)}
    rows = cells_of(one.snapshot, one.selection, (by,))
    cells = cells_of(one.snapshot, one.selection, (by, question.strata))
    values, industries = cells.values(cells.numbers, 0), cells.values(cells.numbers, 1)
    summed, column = cells.summed(cells.numbers, _RATIO), np.searchsorted(nodes, industries)
    found = []
    for code in codes:
        strata = np.zeros((2, len(nodes) + 1), np.int64)
        if code in place:
            start, end = np.searchsorted(values, [place[code], place[code] + 1])
            strata[:, column[start:end]] = summed[:, start:end]
            total = rows.summed(np.array([place[code]]), _RATIO)[:, 0]
            strata[:, -1] = total - strata.sum(axis=1)
        found.append(strata)
    return found


def _counts(dates: _Dates, axes: Sequence[Axis | None], codes: Sequence[str]) -> list[Mapping[str, Account] | None]:
    """Return the accounts of the counts of each code and, last, of the enterprises that have none of them."""
    size = len(codes) + 1
    if not all(one.is_exact for one in dates):
        return [None] * size
    a, b = (_Members.of(one, axis, codes) for one, axis in zip(dates, axes, strict=True))
    sums = np.zeros((len(COUNTED), len(fields(Account)), size), np.int64)
    for rows in _pairs(a.snapshot, b.snapshot):
        before, after = a.at(rows[0]), b.at(rows[1])
        for place in range(len(COUNTED)):
            sums[place] += _account(before, after, place, size)
    return [
        {name: Account(*counted[:, row].tolist()) for name, counted in zip(COUNTED, sums, strict=True)}
        for row in range(size)
    ]


def _pairs(before: Snapshot, after: Snapshot) -> Iterator[tuple[Int64, Int64]]:
    """Yield the rows of enterprises at the two dates, -1 where one is not registered; a million of them at most."""
    rows_after = after.enterprises.rows_of("code", before.enterprises.arrow("code"))
    alone = np.ones(len(after.enterprises), bool)
    for run in before.enterprises.runs(slice(0, len(rows_after))):
        rows = rows_after[run].astype(np.int64)
        alone[rows[rows >= 0]] = False
        yield np.arange(run.start, run.stop), rows
    for run in after.enterprises.runs(slice(0, len(alone))):
        rows = run.start + np.flatnonzero(alone[run])
        yield np.full(len(rows), -1), rows


@dataclass(frozen=True)
class _Some:
    """Some enterprises at a date.

    Parameters
    ----------
    row
        The row that each is in; -1: it is not in the selection.
    basis
        Which are in the basis.
    values
        What each adds to the counts, 0 if unknown.
    """

    row: Int64
    basis: Mask
    values: Sequence[Int64]


@dataclass(frozen=True)
class _Members:
    """Which enterprises of a snapshot count, and where.

    Parameters
    ----------
    snapshot
        The snapshot.
    basis, row
        Of each enterprise, as of `_Some`; in as few bytes as hold them.
    """

    snapshot: Snapshot
    basis: Mask
    row: Indices

    @classmethod
    def of(cls, one: _Date, axis: Axis | None, codes: Sequence[str]) -> "_Members":
        """Return those of a selection, by their value on an axis: the place of its code, or behind them; null: none."""
        snapshot, count = one.snapshot, len(one.snapshot.enterprises)
        row = np.full(count, -1, np.min_scalar_type(-len(codes) - 1))
        number = {code: place for place, code in enumerate(codes)}
        row_of = np.array([number.get(choice, -1) for choice in (axis.choices if axis else ())], np.int64)
        for run, mask in rows_of(snapshot, one.selection):
            selected = run.start + np.flatnonzero(mask)
            row[selected] = len(codes)
            if axis is not None:
                places, values = axis.expanded(selected)
                row[selected[places]] = row_of[values]
        runs = snapshot.enterprises.runs(slice(0, count))
        return cls(snapshot, np.concatenate([snapshot.in_basis(one.selection.basis, run) for run in runs]), row)

    def at(self, rows: Int64) -> _Some:
        """Return some enterprises by row; -1: not registered, so in no row, not in the basis, and adding nothing."""
        known = np.flatnonzero(rows >= 0)
        places = rows[known]

        def filled(values: int | Indices) -> Int64:
            found = np.zeros(len(rows), np.int64)
            found[known] = values
            return found

        counted = (self.snapshot.enterprises.values(name, places) for name in COUNTED[1:])
        basis = filled(self.basis[places].view(np.int8)) > 0
        return _Some(filled(self.row[places] + np.int64(1)) - 1, basis, [filled(1), *map(filled, counted)])


def _account(before: _Some, after: _Some, place: int, size: int) -> Int64:
    """Return what the same enterprises at two dates add to the account of a count; shape (fields, rows)."""
    was, now, old, new = before.row, after.row, before.values[place], after.values[place]
    same, stays_old, stays_new = was == now, after.basis, before.basis
    change = new - old

    def added(rows: Int64, amounts: Int64, where: Mask | None = None) -> Int64:
        counts = (rows >= 0) if where is None else (rows >= 0) & where
        summed = np.zeros(size, np.int64)
        np.add.at(summed, rows[counts], amounts[counts])
        return summed

    columns = {
        "before": added(was, old),
        "after": added(now, new),
        "within": added(now, change, same),
        "entered": added(now, new, ~same & ~stays_new),
        "left": added(was, old, ~same & ~stays_old),
        "moved_in": added(now, new, ~same & stays_new),
        "moved_out": added(was, old, ~same & stays_old),
        "gained": added(now, change, same & (change > 0)),
        "lost": added(now, -change, same & (change < 0)),
    }
    return np.stack([columns[one.name] for one in fields(Account)])
