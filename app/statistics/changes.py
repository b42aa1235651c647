"""Changes between two dates as exact accounts: the member ratio by industry, enterprises and members one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from app.store.arrays import Int64
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
    whole = _counts(dates, [np.zeros(len(one.snapshot.rows), np.int64) for one in dates], 1)
    total = Accounts(_ratio_of_all(dates, question.strata), whole[0])
    if not question.by:
        return Changes(before, after, total)
    axes = Axis(before, question.by[0]), Axis(after, question.by[0])
    cells = [cells_of(one.snapshot, one.selection, question.by) for one in dates]
    codes = _in_order(axes[1], {axis.choices[number] for axis, found in zip(axes, cells, strict=True)
                                for number in found.numbers.tolist()})  # fmt: skip
    ratios = _ratios(dates, question, codes)
    values = [_values(one, axis, codes) for one, axis in zip(dates, axes, strict=True)]
    counts = _counts(dates, values, len(codes) + 1)
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


def _values(one: _Date, axis: Axis, codes: Sequence[str]) -> Int64:
    """Return the row that each enterprise is in, by number; that of those without a value is the last."""
    rows = np.arange(len(one.snapshot.rows))
    number = {code: place for place, code in enumerate(codes)}
    row_of = np.array([number.get(choice, -1) for choice in axis.choices], np.int64)
    places, values = axis.expanded(rows)
    found = np.full(len(rows), len(codes))
    found[places] = row_of[values]
    return found


def _counts(dates: _Dates, values: Sequence[Int64], size: int) -> list[Mapping[str, Account] | None]:
    """Return the accounts of the counts of each row, given the row of each enterprise at the two dates."""
    if not all(one.is_exact for one in dates):
        return [None] * size
    before, after = (one.snapshot for one in dates)
    a, b = (_Members.of(one, rows) for one, rows in zip(dates, values, strict=True))
    rows_after = after.enterprises.rows_of("code", before.enterprises.arrow("code"))
    matched = np.flatnonzero(rows_after >= 0)
    pairs = matched, rows_after[matched]
    alone = np.flatnonzero(rows_after < 0), _unmatched(len(after.enterprises), pairs[1])
    ones = np.ones(len(before.enterprises), np.int64), np.ones(len(after.enterprises), np.int64)
    columns = [ones, *((_known(before, name), _known(after, name)) for name in COUNTED[1:])]
    accounts = [_account(a, b, pairs, alone, column, size) for column in columns]
    return [dict(zip(COUNTED, row, strict=True)) for row in zip(*accounts, strict=True)]


@dataclass(frozen=True)
class _Members:
    """Which enterprises of a snapshot count, and where.

    Parameters
    ----------
    basis
        Which are in the basis.
    row
        The row that each is in; -1: it is not in the selection.
    """

    basis: Mask
    row: Int64

    @classmethod
    def of(cls, one: _Date, rows: Int64) -> "_Members":
        """Return those of a selection, given the row that each enterprise would be in."""
        everything = slice(0, len(one.snapshot.enterprises))
        row = np.full(everything.stop, -1)
        for selected, mask in rows_of(one.snapshot, one.selection):
            row[selected] = np.where(mask, rows[selected], -1)
        return cls(one.snapshot.in_basis(one.selection.basis, everything), row)


def _account(
    a: _Members,
    b: _Members,
    pairs: tuple[Int64, Int64],
    alone: tuple[Int64, Int64],
    values: tuple[Int64, Int64],
    size: int,
) -> list[Account]:
    """Return the account of one value of each enterprise, for each row.

    Parameters
    ----------
    a, b
        Which enterprises count at the two dates, and in which row.
    pairs
        Rows of the enterprises registered at both dates.
    alone
        Rows of those registered at one date only.
    values
        Value of each enterprise at the two dates, 0 if unknown.
    size
        Number of rows.
    """
    old, new = values[0][pairs[0]], values[1][pairs[1]]
    was, now = a.row[pairs[0]], b.row[pairs[1]]
    same, stays_old, stays_new = was == now, b.basis[pairs[1]], a.basis[pairs[0]]
    change = new - old

    def added(rows: Int64, amounts: Int64, where: Mask | None = None) -> Int64:
        counts = (rows >= 0) if where is None else (rows >= 0) & where
        summed = np.zeros(size, np.int64)
        np.add.at(summed, rows[counts], amounts[counts])
        return summed

    columns = {
        "before": added(a.row, values[0]),
        "after": added(b.row, values[1]),
        "within": added(now, change, same),
        "entered": added(now, new, ~same & ~stays_new) + added(b.row[alone[1]], values[1][alone[1]]),
        "left": added(was, old, ~same & ~stays_old) + added(a.row[alone[0]], values[0][alone[0]]),
        "moved_in": added(now, new, ~same & stays_new),
        "moved_out": added(was, old, ~same & stays_old),
        "gained": added(now, change, same & (change > 0)),
        "lost": added(now, -change, same & (change < 0)),
    }
    return [
        Account(**dict(zip(columns, row, strict=True)))
        for row in zip(*(c.tolist() for c in columns.values()), strict=True)
    ]


def _unmatched(length: int, rows: Int64) -> Int64:
    alone = np.ones(length, bool)
    alone[rows] = False
    return np.flatnonzero(alone)


def _known(snapshot: Snapshot, name: str) -> Int64:
    return snapshot.enterprises.values(name).astype(np.int64)
