"""Metrics of many rows at once: ratios divided once, their intervals and their status."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.catalogue.metrics import Interval, Metric, Status
from app.statistics.intervals import effective_headcount, wilson
from app.store.snapshot import Mask
from app.store.subtrees import Int64

Floats = npt.NDArray[np.float64]

LOW_BASE = 30
"""Effective denominator below which a ratio with an interval is of low base."""

STATUSES = tuple(Status)
_NUMBER = {status: np.int8(number) for number, status in enumerate(STATUSES)}


@dataclass(frozen=True)
class Counts:
    """Measures of rows.

    Parameters
    ----------
    codes
        Code of each measure.
    values
        Shape (measures, rows); 0 where null.
    null
        Shape (measures, rows): where a measure is not given.
    undefined
        Of each measure, whether null says that it is not defined here; else null says unknown.
    """

    codes: tuple[str, ...]
    values: Int64
    null: Mask
    undefined: npt.NDArray[np.bool_]

    def row(self, code: str) -> Int64:
        """Return one measure of all rows."""
        line: Int64 = self.values[self.codes.index(code)]
        return line

    def taken(self, rows: Any) -> "Counts":
        """Return the measures of some of the rows."""
        return Counts(self.codes, self.values[:, rows], self.null[:, rows], self.undefined)


@dataclass(frozen=True)
class Rates:
    """Metrics of rows, each array of shape (metrics, rows).

    Parameters
    ----------
    metrics
        The metric of each line.
    value, low, high
        NaN where null.
    numerator, denominator
        0 where null; `numerator_null`, `denominator_null` say where.
    status
        Index into `STATUSES`.
    """

    metrics: tuple[Metric, ...]
    value: Floats
    numerator: Int64
    denominator: Int64
    numerator_null: Mask
    denominator_null: Mask
    low: Floats
    high: Floats
    status: npt.NDArray[np.int8]


def rates_of(counts: Counts, metrics: Sequence[Metric], correlation: float) -> Rates:
    """Return the metrics of the rows of `counts`.

    Parameters
    ----------
    counts
        Holds every measure that the metrics name.
    metrics
        Which ones.
    correlation
        The snapshot's intra-enterprise correlation.
    """
    numerator, numerator_null = _summed(counts, [metric.numerator for metric in metrics])
    plus, plus_null = _summed(counts, [metric.denominator for metric in metrics])
    less, less_null = _summed(counts, [metric.less for metric in metrics])
    unknown, _ = _summed(counts, [metric.companions for metric in metrics])
    undefined = _any_of(counts, counts.null & counts.undefined[:, None], [metric.parts for metric in metrics])
    times = np.array([metric.times for metric in metrics], np.int64)[:, None]
    denominator = times * (plus - less)
    denominator_null = plus_null | less_null
    denominator = np.where(denominator_null, 0, denominator)
    with_interval = np.array([metric.interval is not Interval.NONE for metric in metrics])[:, None]
    effective = _effective(counts, metrics, denominator, correlation)
    given = (denominator > 0) & ~numerator_null & ~denominator_null
    value = np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=given)
    inconsistent = with_interval & (numerator > denominator)
    low, high = _bounds(numerator, denominator, effective, given & with_interval & ~inconsistent)
    low_base = with_interval & (effective < LOW_BASE)
    status = np.select(
        [undefined, (denominator == 0) & (unknown > 0), denominator == 0, inconsistent, low_base],
        [_NUMBER[name] for name in (Status.NOT_APPLICABLE, Status.UNKNOWN, Status.NOT_APPLICABLE, Status.INCONSISTENT,
                                    Status.LOW_BASE)],
        _NUMBER[Status.OK],
    )  # fmt: skip
    return Rates(
        tuple(metrics), value, np.where(numerator_null, 0, numerator), denominator, numerator_null, denominator_null,
        low, high, status.astype(np.int8),
    )  # fmt: skip


def _lines(counts: Counts, parts: Sequence[tuple[str, ...]]) -> npt.NDArray[np.intp]:
    """Return the lines of each metric's measures, filled up with the line after the last."""
    width = max((len(codes) for codes in parts), default=0) or 1
    filler = len(counts.codes)
    return np.array([[*map(counts.codes.index, codes), *[filler] * (width - len(codes))] for codes in parts], np.intp)


def _summed(counts: Counts, parts: Sequence[tuple[str, ...]]) -> tuple[Int64, Mask]:
    lines = _lines(counts, parts)
    padded = np.vstack((counts.values, np.zeros((1, counts.values.shape[1]), np.int64)))
    return padded[lines].sum(axis=1), _any_of(counts, counts.null, parts)


def _any_of(counts: Counts, mask: Mask, parts: Sequence[tuple[str, ...]]) -> Mask:
    padded = np.vstack((mask, np.zeros((1, mask.shape[1]), bool)))
    found: Mask = np.any(padded[_lines(counts, parts)], axis=1)
    return found


def _effective(counts: Counts, metrics: Sequence[Metric], denominator: Int64, correlation: float) -> Floats:
    """Return of how many independent draws each denominator tells as much; NaN-free where it is above 0."""
    effective = denominator.astype(np.float64)
    for line, metric in enumerate(metrics):
        if metric.interval in {Interval.CLUSTERED, Interval.WHOLE_FIRMS}:
            clustered = metric.interval is Interval.CLUSTERED
            squared = counts.row("headcount_matched_squared" if clustered else "headcount_squared").astype(np.float64)
            headcount = effective[line]
            rho = correlation if clustered else 1.0
            some = headcount > 0
            effective[line, some] = effective_headcount(headcount[some], squared[some], rho)
    return effective


def _bounds(numerator: Int64, denominator: Int64, effective: Floats, where: Mask) -> tuple[Floats, Floats]:
    low, high = np.full(numerator.shape, np.nan), np.full(numerator.shape, np.nan)
    low[where], high[where] = wilson(numerator[where], denominator[where], effective[where])
    return low, high
