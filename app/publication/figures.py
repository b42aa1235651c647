"""Counts and rates as structs, derived from the catalogue, for the one encoder."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from app.catalogue.metrics import Metric
from app.statistics.listed import Side
from app.statistics.rates import STATUSES, Counts, Rates, rates_of
from app.store.subtrees import Int64

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


@lru_cache(maxsize=32)
def struct_of(name: str, fields: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a struct type with these fields, in order."""
    return msgspec.defstruct(name, fields, gc=False)


def figures_of(side: Side, rows: Int64, correlation: float) -> list[Figures]:
    """Return the figures of rows, as one side counts them."""
    return figures(side.count(rows), side.measures, side.metrics, correlation)


def figures(counts: Counts, measures: tuple[str, ...], metrics: Sequence[Metric], correlation: float) -> list[Figures]:
    """Return counted rows as structs."""
    rated = rate_lists(rates_of(counts, metrics, correlation))
    rates_type = struct_of("Rates", tuple(metric.code for metric in metrics))
    return [Figures(count, rates_type(*rates)) for count, rates in zip(counts_of(counts, measures), rated, strict=True)]


def counts_of(counts: Counts, measures: tuple[str, ...]) -> list[Any]:
    """Return the shown counts of each row as structs; null where not given."""
    counts_type = struct_of("Counts", measures)
    return [counts_type(*values) for values in count_lists(counts, measures)]


def count_lists(counts: Counts, measures: tuple[str, ...]) -> list[list[int | None]]:
    """Return the shown counts of each row as lists; None where not given."""
    lines = _lines(counts.codes, measures)
    return _with_none(counts.values[lines], counts.null[lines])


@lru_cache(maxsize=64)
def _lines(codes: tuple[str, ...], measures: tuple[str, ...]) -> list[int]:
    return [codes.index(code) for code in measures]


def rate_lists(rates: Rates) -> list[list[Rate]]:
    """Return the rates of each row as lists, in the order of the metrics."""
    columns = zip(
        rates.value.T.tolist(),
        _with_none(rates.numerator, rates.numerator_null),
        _with_none(rates.denominator, rates.denominator_null),
        rates.low.T.tolist(),
        rates.high.T.tolist(),
        rates.status.T.tolist(),
        strict=True,
    )
    return [
        [Rate(v, n, d, lo, hi, _STATUS_NAMES[s]) for v, n, d, lo, hi, s in zip(*row, strict=True)] for row in columns
    ]


def _with_none(values: Int64, null: Any) -> list[list[Any]]:
    lists: list[list[Any]] = values.T.tolist()
    if null.any():
        for row, line in zip(*null.T.nonzero(), strict=True):
            lists[row][line] = None
    return lists
