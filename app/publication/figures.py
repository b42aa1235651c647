"""Counts and rates as structs, derived from the catalogue, for the one encoder."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import numpy as np

from app.catalogue.metrics import Metric
from app.statistics.intervals import Precision
from app.statistics.rates import STATUSES, Counts, Rates, rates_of
from app.store.snapshot import Mask
from app.store.subtrees import Int64

Cell = TypeVar("Cell")

_STATUS_NAMES = [status.value for status in STATUSES]


class Rate(msgspec.Struct, gc=False):
    """One ratio; NaN is written as null."""

    value: float
    numerator: int | None
    denominator: int | None
    low: float
    high: float
    status: str


class Figures(msgspec.Struct, gc=False):
    """Counts and rates of one side of a row."""

    counts: Any
    rates: Any


@lru_cache(maxsize=64)
def struct_of(name: str, fields: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a struct type with these fields, in order."""
    return msgspec.defstruct(name, fields, gc=False)


def figures(
    counts: Counts, measures: tuple[str, ...], metrics: Sequence[Metric], precision: Precision
) -> tuple[list[Any], list[Any]]:
    """Return the counts and the rates of counted rows, a struct per row of either."""
    rates_type = struct_of("Rates", tuple(metric.code for metric in metrics))
    rated = rate_lists(rates_of(counts, metrics, precision))
    return counts_of(counts, measures), [rates_type(*rates) for rates in rated]


def counts_of(counts: Counts, measures: tuple[str, ...]) -> list[Any]:
    """Return the shown counts of each row as structs; null where not given."""
    counts_type = struct_of("Counts", measures)
    return [counts_type(*values) for values in count_lists(counts, measures)]


def count_lists(counts: Counts, measures: tuple[str, ...]) -> list[list[int | None]]:
    """Return the shown counts of each row as lists; None where not given."""
    if not measures:
        return [[] for _ in range(counts.values.shape[1])]
    lines = _lines(counts.codes, measures)
    return _rows(_with_none(counts.values[lines], counts.null[lines]), len(lines))


@lru_cache(maxsize=64)
def _lines(codes: tuple[str, ...], measures: tuple[str, ...]) -> list[int]:
    return [codes.index(code) for code in measures]


def rate_lists(rates: Rates) -> list[list[Rate]]:
    """Return the rates of each row as lists, in the order of the metrics."""
    made = map(
        Rate,
        rates.value.T.ravel().tolist(),
        _with_none(rates.numerator, rates.numerator_null),
        _with_none(rates.denominator, rates.denominator_null),
        rates.low.T.ravel().tolist(),
        rates.high.T.ravel().tolist(),
        map(_STATUS_NAMES.__getitem__, rates.status.T.ravel().tolist()),
    )
    return _rows(list(made), len(rates.metrics))


def _with_none(values: Int64, null: Mask) -> list[Any]:
    """Return the values of one row after the other, None where null."""
    flat: list[Any] = values.T.ravel().tolist()
    for place in np.flatnonzero(null.T).tolist():
        flat[place] = None
    return flat


def _rows(flat: list[Cell], width: int) -> list[list[Cell]]:
    return [flat[start : start + width] for start in range(0, len(flat), width)]
