"""Metrics of many rows at once: ratios divided once, with their intervals and statuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from app.catalogue.measures import SHOWN
from app.catalogue.metrics import Interval, Metric, RatioRange, Status
from app.statistics.inference import Precision, effective_headcount, effective_share, rounding_error, widened, wilson
from app.store.arrays import Int64
from app.store.snapshot import Mask

Floats = npt.NDArray[np.float64]
Lines = npt.NDArray[np.intp]
Number = TypeVar("Number", np.int64, np.bool_)

LOW_BASE = 30
"""Effective denominator below which a ratio with an interval has the status low base."""

UNRELIABLE = 0.05
"""z times the standard error of rounding above which a ratio is unreliable: 5 percentage points."""

STATUSES = tuple(Status)
_NUMBER = {status: np.int8(number) for number, status in enumerate(STATUSES)}


class Counts(msgspec.Struct, frozen=True):
    """Measures of rows.

    Parameters
    ----------
    codes
        Code of each measure.
    values
        Shape (measures, rows); 0 where null, except for protected values that the interval of a ratio needs.
    null
        Shape (measures, rows).
    undefined
        For each measure, whether null means that it is not defined here; else null means unknown.
    protected
        For each measure, whether it is null to protect persons.
    """

    codes: tuple[str, ...]
    values: Int64
    null: Mask
    undefined: Mask
    protected: Mask

    def row(self, code: str) -> Int64:
        """Return one measure of all rows."""
        line: Int64 = self.values[self.codes.index(code)]
        return line

    def taken(self, rows: Int64 | Sequence[int]) -> "Counts":
        """Return the measures of some rows."""
        values, null = self.values.take(rows, axis=1), self.null.take(rows, axis=1)
        return Counts(self.codes, values, null, self.undefined, self.protected)

    def summed(self) -> "Counts":
        """Return the sum of all rows, one row; null where a measure is null in any."""
        null: Mask = np.any(self.null, axis=1, keepdims=True)
        values = np.where(null, 0, self.values.sum(axis=1, keepdims=True))
        return Counts(self.codes, values, null, self.undefined, self.protected)


def stacked(parts: Sequence[Counts]) -> Counts:
    """Return the concatenated rows of one or more counts of the same measures."""
    values = np.concatenate([part.values for part in parts], axis=1)
    null = np.concatenate([part.null for part in parts], axis=1)
    return Counts(parts[0].codes, values, null, parts[0].undefined, parts[0].protected)


class Rates(msgspec.Struct, frozen=True):
    """Metrics of rows, each array of shape (metrics, rows).

    Parameters
    ----------
    metrics
        The metric of each line.
    value, effective, low, high
        NaN where null; `effective` is the denominator that interval and status rest on.
    numerator, denominator
        0 where null, as `numerator_null` and `denominator_null` say.
    status
        Index into `STATUSES`.
    """

    metrics: tuple[Metric, ...]
    value: Floats
    numerator: Int64
    denominator: Int64
    numerator_null: Mask
    denominator_null: Mask
    effective: Floats
    low: Floats
    high: Floats
    status: npt.NDArray[np.int8]


_SUMS = ("numerator", "denominator", "less", "companions", "companions_less")
"""The sums of measures that a metric is made of: its parts, and what says that an empty denominator is unknown."""

_PARTS = 3


@dataclass(frozen=True)
class _Plan:
    """Which lines of counts are summed for each metric; the index after the last line is one of zeros.

    Parameters
    ----------
    first
        The first line of each of `_SUMS` of each metric.
    further
        Of sums of more lines: which, and the second line of each; then which have a third, and so on.
    unknown_of
        Lines, shape (2, metrics).
    with_interval
        Which metrics carry an interval, shape (metrics, 1).
    of_part
        Which have a numerator that is a part of the denominator, shape (metrics, 1).
    clustered, clustered_squared, whole_firms
        Metrics whose employees are alike within enterprises, the line of their squares, and which of them by whole
        enterprises, shape (such metrics, 1).
    shares, share_codes, share_whole, share_squared
        Shares with a correlation of their own (without those of branches, whose squares are not counted), their codes,
        and the lines of what they are parts of and of its squares.
    """

    first: Lines
    further: tuple[tuple[Lines, Lines], ...]
    unknown_of: Lines
    with_interval: Mask
    of_part: Mask
    clustered: Lines
    clustered_squared: Lines
    whole_firms: Mask
    shares: Lines
    share_codes: tuple[str, ...]
    share_whole: Lines
    share_squared: Lines

    def summed(self, padded: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Return each of `_SUMS` of each metric, shape (sums, metrics, rows); of masks, where any line holds."""
        sums = padded.take(self.first, axis=0)
        for which, lines in self.further:
            sums[which] += padded.take(lines, axis=0)
        return sums.reshape(len(_SUMS), len(self.of_part), padded.shape[1])


@lru_cache(maxsize=64)
def _plan(codes: tuple[str, ...], metrics: tuple[Metric, ...]) -> _Plan:
    clustered = [metric for metric in metrics if metric.interval in {Interval.CLUSTERED, Interval.WHOLE_FIRMS}]
    shares = [metric for metric in metrics if metric.interval is Interval.SHARES and metric.squared in codes]
    zeros = len(codes)
    parts = [[*map(codes.index, getattr(metric, name))] or [zeros] for name in _SUMS for metric in metrics]
    unknown = [[*map(codes.index, metric.unknown_of)] or [zeros, zeros] for metric in metrics]
    return _Plan(
        first=np.array([part[0] for part in parts], np.intp),
        further=tuple(
            (np.array(which, np.intp), np.array([parts[place][number] for place in which], np.intp))
            for number in range(1, max(map(len, parts)))
            if (which := [place for place, part in enumerate(parts) if len(part) > number])
        ),
        unknown_of=np.array(unknown, np.intp).T,
        with_interval=np.array([metric.interval is not Interval.NONE for metric in metrics])[:, None],
        of_part=np.array([metric.range is RatioRange.PART for metric in metrics])[:, None],
        clustered=np.array([*map(metrics.index, clustered)], np.intp),
        clustered_squared=np.array([codes.index(metric.squared) for metric in clustered], np.intp),
        whole_firms=np.array([metric.interval is Interval.WHOLE_FIRMS for metric in clustered], bool)[:, None],
        shares=np.array([*map(metrics.index, shares)], np.intp),
        share_codes=tuple(metric.code for metric in shares),
        share_whole=np.array([codes.index(metric.whole) for metric in shares], np.intp),
        share_squared=np.array([codes.index(metric.squared) for metric in shares], np.intp),
    )


def rates_of(counts: Counts, metrics: Sequence[Metric], precision: Precision) -> Rates:
    """Return the metrics of the rows of `counts`.

    Parameters
    ----------
    counts
        Has every measure that the metrics use.
    metrics
        The metrics to compute.
    precision
        Of the snapshot.
    """
    plan = _plan(counts.codes, tuple(metrics))
    padded = _padded(counts.values)
    absent = _absent(counts, plan)
    numerator, denominator, less, companions, companions_less = plan.summed(padded)
    denominator -= less
    numerator[absent.numerator] = denominator[absent.denominator] = 0
    effective = _effective(counts, plan, denominator, precision)
    unknown = _unknown(padded, plan)
    given = (denominator > 0) & ~absent.numerator & ~unknown
    value = np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=given)
    inconsistent = plan.of_part & (numerator > denominator)
    bounded = given & plan.with_interval & ~inconsistent
    low, high = _bounds(numerator, denominator, effective, bounded)
    status = np.full(numerator.shape, _NUMBER[Status.OK])
    status[plan.with_interval & (effective < LOW_BASE)] = _NUMBER[Status.LOW_BASE]
    if precision.rounding is not None:
        error = _rounding_error(counts, plan, value, denominator, precision.rounding)
        low, high = _widened(value, low, high, error)
        status[error > UNRELIABLE] = _NUMBER[Status.UNRELIABLE]
    status[inconsistent] = _NUMBER[Status.INCONSISTENT]
    status[unknown] = _NUMBER[Status.UNKNOWN]
    empty = denominator == 0
    status[empty] = _NUMBER[Status.NOT_APPLICABLE]
    status[empty & (companions > companions_less)] = _NUMBER[Status.UNKNOWN]
    status[absent.undefined] = _NUMBER[Status.NOT_APPLICABLE]
    status[absent.protected] = _NUMBER[Status.PROTECTED]
    return Rates(
        tuple(metrics), value, numerator, denominator, absent.numerator, absent.denominator,
        np.where(bounded, effective, np.nan), low, high, status,
    )  # fmt: skip


def _unknown(padded: Int64, plan: _Plan) -> Mask:
    """Return where some are counted and of none of them it is known."""
    unknown, counted = padded.take(plan.unknown_of, axis=0)
    return np.asarray((unknown == counted) & (counted > 0))


class _Absent(NamedTuple):
    """Where ratios have no value; each mask of shape (metrics, rows).

    Parameters
    ----------
    numerator, denominator
        Where they are null.
    undefined
        Where a part of the metric is not defined.
    protected
        Where a part of the metric is protected: then the whole metric is null.
    """

    numerator: Mask
    denominator: Mask
    undefined: Mask
    protected: Mask


def _absent(counts: Counts, plan: _Plan) -> _Absent:
    none = np.zeros((len(plan.of_part), counts.values.shape[1]), bool)
    if not counts.null.any():
        return _Absent(none, none, none, none)
    numerator, denominator, less, *_ = plan.summed(_padded(counts.null))
    denominator = denominator | less
    undefined = _any_part(plan, counts.null, counts.undefined)
    if not counts.protected.any():
        return _Absent(numerator, denominator, undefined, none)
    protected = _any_part(plan, counts.null, counts.protected)
    return _Absent(numerator | protected, denominator | protected, undefined, protected)


def _any_part(plan: _Plan, null: Mask, of: Mask) -> Mask:
    """Return where some part of a metric is null in a measure of which this is said."""
    found: Mask = np.logical_or.reduce(plan.summed(_padded(null & of[:, None]))[:_PARTS])
    return found


def _padded(lines: npt.NDArray[Number]) -> npt.NDArray[Number]:
    return np.concatenate((lines, np.zeros((1, lines.shape[1]), lines.dtype)))


def _effective(counts: Counts, plan: _Plan, denominator: Int64, precision: Precision) -> Floats:
    """Return the independent draws that each denominator is worth; not NaN where it is above 0."""
    effective = denominator.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if len(plan.clustered):
            headcount, rho = effective[plan.clustered], np.where(plan.whole_firms, 1.0, precision.correlation)
            worth = effective_headcount(headcount, counts.values[plan.clustered_squared].astype(np.float64), rho)
            effective[plan.clustered] = np.where(headcount > 0, worth, headcount)
        if len(plan.shares):
            known, rho = effective[plan.shares], np.array([[precision.shares[code]] for code in plan.share_codes])
            worth = effective_share(known, counts.values[plan.share_whole], counts.values[plan.share_squared], rho)
            effective[plan.shares] = np.where(known > 0, worth, known)
    return effective


def _bounds(numerator: Int64, denominator: Int64, effective: Floats, where: Mask) -> tuple[Floats, Floats]:
    low, high = wilson(numerator, np.where(where, denominator, 1), np.where(where, effective, 1.0))
    nowhere = ~where
    low[nowhere] = high[nowhere] = np.nan
    return low, high


def _rounding_error(counts: Counts, plan: _Plan, value: Floats, denominator: Int64, variance: float) -> Floats:
    """Return z times the standard error from rounding, for ratios of persons over headcount; 0 for others.

    NaN where such a ratio has no value.
    """
    error, lines = np.zeros(value.shape), plan.clustered[~plan.whole_firms[:, 0]]
    if len(lines):
        error[lines] = rounding_error(value[lines], counts.row(SHOWN), np.maximum(denominator[lines], 1), variance)
    return error


def _widened(value: Floats, low: Floats, high: Floats, error: Floats) -> tuple[Floats, Floats]:
    wider = widened(value, low, high, error)
    return np.where(error > 0, wider[0], low), np.where(error > 0, wider[1], high)
