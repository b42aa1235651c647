"""Changes between two dates as exact accounts: the member ratio by industry, enterprises and members one by one.

The ratio is decomposed after Kitagawa (1955): the difference of two ratios as effects of rates and of mix.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import fsum

import numpy as np
import numpy.typing as npt

from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.statistics import sums
from app.statistics.as_of import snapshot_at, snapshot_for
from app.statistics.population import Selection, resolve, rows_of
from app.statistics.question import AsOf, Question, Subject
from app.store.arrays import Int64
from app.store.shelf import Shelf, SnapshotNotFound
from app.store.snapshot import Mask, Snapshot

Floats = npt.NDArray[np.float64]

_RATIO = ("members_matched", "headcount_matched")


@dataclass(frozen=True)
class ChangesQuestion(Question):
    """What changed in a population between two dates.

    Parameters
    ----------
    since
        The earlier snapshot; `when` is the later one.
    industry_level
        Level of the industries that are the strata of the ratio.
    """

    since: AsOf = field(default_factory=AsOf)
    industry_level: str = "section"

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return the level of the strata."""
        return (("industry_level", Subject.INDUSTRIES, self.industry_level),)


@dataclass(frozen=True)
class Stratum:
    """One industry's part in the change of the ratio.

    Parameters
    ----------
    industry
        Node of the tree, the same at both dates; null: everything outside the industries of the level.
    rate, mix
        Effects of its own ratio and of its share of the headcount; ratios.
    """

    industry: int | None
    rate: float
    mix: float


@dataclass(frozen=True)
class RatioAccount:
    """The change of the member ratio: `rate` + `mix` = `difference` to 1e-12, each the sum over the strata."""

    difference: float
    rate: float
    mix: float
    strata: tuple[Stratum, ...]


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
    """The accounts of enterprises, of organised ones and of members."""

    enterprises: Account
    organised: Account
    members: Account


@dataclass(frozen=True)
class Changes:
    """What changed from one snapshot to another.

    Parameters
    ----------
    before, after
        The snapshots.
    ratio
        Null if the ratio is not applicable at either date.
    accounts
        Null if a snapshot has no enterprises: figures are protected.
    """

    before: Snapshot
    after: Snapshot
    ratio: RatioAccount | None
    accounts: Accounts | None


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
    _refuse_incomparable(before, after)
    selections = resolve(before, question.population), resolve(after, question.population)
    ratio = _ratio_account(before, after, selections, question.industry_level)
    exact = "enterprises" in before.manifest.tables and "enterprises" in after.manifest.tables
    return Changes(before, after, ratio, _accounts(before, after, selections) if exact else None)


def _earlier(shelf: Shelf, since: AsOf) -> Snapshot:
    try:
        return snapshot_at(shelf, since)
    except SnapshotNotFound as error:
        raise SnapshotNotFound(error.detail, [replace(item, place="query/since") for item in error.errors]) from error


def _refuse_incomparable(before: Snapshot, after: Snapshot) -> None:
    old, new = before.manifest, after.manifest
    if old.as_of > new.as_of:
        message = say("since selects the snapshot of {old}, which is after {new}", old=old.as_of, new=new.as_of)
        raise InvalidRequest(message, [ErrorItem(ErrorCode.REVERSED_RANGE, "query/since", message)])
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
        raise InvalidRequest(message, [ErrorItem(ErrorCode.NOT_COMPARABLE, "query/since", message)])


def _ratio_account(
    before: Snapshot, after: Snapshot, selections: tuple[Selection, Selection], level: str
) -> RatioAccount | None:
    """Return the account over the industries of a level and, last, everything outside them."""
    nodes = np.flatnonzero(after.industries.of_level(level))
    a, b = (
        _strata(snapshot, selection, nodes) for snapshot, selection in zip((before, after), selections, strict=True)
    )
    heads = a[1].sum(), b[1].sum()
    if 0 in heads:
        return None
    ratios = a[0].sum() / heads[0], b[0].sum() / heads[1]
    rate, mix = effects(a, b, (ratios[0] + ratios[1]) / 2)
    present = np.flatnonzero((a[1] > 0) | (b[1] > 0))
    strata = tuple(
        Stratum(int(nodes[place]) if place < len(nodes) else None, float(rate[place]), float(mix[place]))
        for place in present.tolist()
    )
    return RatioAccount(float(ratios[1] - ratios[0]), fsum(rate), fsum(mix), strata)


def _strata(snapshot: Snapshot, selection: Selection, nodes: Int64) -> Int64:
    """Return matched members and headcount of each stratum, shape (2, strata)."""
    total = sums.whole(snapshot, selection, _RATIO)
    by_industry = sums.industries(snapshot, selection, nodes, _RATIO)
    return np.concatenate((by_industry, total - by_industry.sum(axis=1, keepdims=True)), axis=1)


def effects(a: Int64, b: Int64, mean: float) -> tuple[Floats, Floats]:
    """Return the effects of rate and mix of each stratum; one absent at a date takes the other date's ratio."""
    weights = a[1] / a[1].sum(), b[1] / b[1].sum()
    own = [np.divide(m, h, out=np.zeros(len(h)), where=h > 0) for m, h in (a, b)]
    old, new = np.where(a[1] > 0, own[0], own[1]), np.where(b[1] > 0, own[1], own[0])
    rate = (weights[0] + weights[1]) / 2 * (new - old)
    mix = (weights[1] - weights[0]) * ((old + new) / 2 - mean)
    return rate, mix


def _accounts(before: Snapshot, after: Snapshot, selections: tuple[Selection, Selection]) -> Accounts:
    a, b = _Members.of(before, selections[0]), _Members.of(after, selections[1])
    rows_after = after.enterprises.rows_of("code", before.enterprises.arrow("code"))
    matched = np.flatnonzero(rows_after >= 0)
    pairs = matched, rows_after[matched]
    alone = np.flatnonzero(rows_after < 0), _unmatched(len(after.enterprises), pairs[1])
    ones = np.ones(len(before.enterprises), np.int64), np.ones(len(after.enterprises), np.int64)
    columns = [ones, *((_known(before, name), _known(after, name)) for name in ("organised", "members"))]
    return Accounts(*(_account(a, b, pairs, alone, values) for values in columns))


@dataclass(frozen=True)
class _Members:
    """Which enterprises of a snapshot count.

    Parameters
    ----------
    basis
        Which are in the basis.
    counted
        Which of those are in the selection.
    """

    basis: Mask
    counted: Mask

    @classmethod
    def of(cls, snapshot: Snapshot, selection: Selection) -> "_Members":
        """Return those of a selection."""
        everything = slice(0, len(snapshot.enterprises))
        counted = np.zeros(everything.stop, bool)
        rows, mask = rows_of(snapshot, selection)
        counted[rows] = mask
        return cls(snapshot.in_basis(selection.basis, everything), counted)


def _account(
    a: _Members,
    b: _Members,
    pairs: tuple[Int64, Int64],
    alone: tuple[Int64, Int64],
    values: tuple[Int64, Int64],
) -> Account:
    """Return the account of one value of each enterprise.

    Parameters
    ----------
    a, b
        Which enterprises count at the two dates.
    pairs
        Rows of the enterprises registered at both dates.
    alone
        Rows of those registered at one date only.
    values
        Value of each row at the two dates, 0 if unknown.
    """
    old, new = values[0][pairs[0]], values[1][pairs[1]]
    was, now = a.counted[pairs[0]], b.counted[pairs[1]]
    both, only_old, only_new = was & now, was & ~now, now & ~was
    stays_old, stays_new = b.basis[pairs[1]], a.basis[pairs[0]]
    change = (new - old)[both]
    left = old[only_old & ~stays_old].sum() + values[0][alone[0]][a.counted[alone[0]]].sum()
    entered = new[only_new & ~stays_new].sum() + values[1][alone[1]][b.counted[alone[1]]].sum()
    return Account(
        before=int(values[0][a.counted].sum()),
        after=int(values[1][b.counted].sum()),
        within=int(change.sum()),
        entered=int(entered),
        left=int(left),
        moved_in=int(new[only_new & stays_new].sum()),
        moved_out=int(old[only_old & stays_old].sum()),
        gained=int(change[change > 0].sum()),
        lost=int(-change[change < 0].sum()),
    )


def _unmatched(length: int, rows: Int64) -> Int64:
    alone = np.ones(length, bool)
    alone[rows] = False
    return np.flatnonzero(alone)


def _known(snapshot: Snapshot, name: str) -> Int64:
    return snapshot.enterprises.values(name).astype(np.int64)
