"""Lists of subjects: which rows, in which order, and a function that counts any of them."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from app.catalogue.measures import Measure
from app.catalogue.metrics import METRIC, Metric, Status
from app.errors import ErrorCode, ErrorItem, InvalidRequest, conflicting
from app.messages import say
from app.statistics.inference import Precision, precision_of
from app.statistics.question import ALL_FIGURES, Order, Page, Subject
from app.statistics.rates import STATUSES, Counts, rates_of
from app.store.arrays import Indices, Int64
from app.store.snapshot import Mask, Snapshot

Figure = TypeVar("Figure", Measure, Metric)

BLOCK = 1 << 14
"""Rows counted at once in lists of up to a million: all their figures take 6 MB."""


class Side(msgspec.Struct, frozen=True, dict=True):
    """One set of figures of a row: its only one or, for a branch, `own` or `subtree`.

    Parameters
    ----------
    name
        Prefix of its columns in files; empty if rows have one side.
    measures, metrics
        The figures that rows have.
    count
        Counts rows, given by number.
    fields
        Codes of the figures asked for: `measures_shown` and `metrics_shown`; empty: the headline figures.
    """

    name: str
    measures: tuple[Measure, ...]
    metrics: tuple[Metric, ...]
    count: Callable[[Int64], Counts]
    fields: tuple[str, ...] = ()

    @cached_property
    def measures_shown(self) -> tuple[str, ...]:
        """Codes of the measures asked for, in the order of the catalogue."""
        return tuple(measure.code for measure in _shown(self.measures, self.fields))

    @cached_property
    def metrics_shown(self) -> tuple[Metric, ...]:
        """The metrics asked for, in the order of the catalogue."""
        return _shown(self.metrics, self.fields)


@lru_cache(maxsize=256)
def _shown(figures: tuple[Figure, ...], fields: tuple[str, ...]) -> tuple[Figure, ...]:
    if not fields:
        return tuple(figure for figure in figures if getattr(figure, "headline", True))  # all metrics are
    return tuple(figure for figure in figures if fields == ALL_FIGURES or figure.code in fields)


class Margins(msgspec.Struct, frozen=True):
    """The total below a list, and what its rows leave of it.

    Parameters
    ----------
    total
        Figures of the whole selection; null if it has no single basis.
    unallocated
        `total` less all listed rows; null if rows overlap.
    """

    total: Counts | None
    unallocated: Counts | None = None


class RowList(msgspec.Struct, frozen=True, dict=True):
    """The rows that answer a question, in order.

    Parameters
    ----------
    snapshot, subject
        Snapshot of the rows, and what a row is about.
    rows
        Numbers of the subjects: nodes of a tree, rows of a table. All, of 32 bits where they are many, or as many as
        the page wanted.
    sides
        Sets of figures of each row.
    add_up
        Computes the margins, on demand; null for branches, whose persons overlap.
    length
        Number of all rows, where `rows` are not all.
    """

    snapshot: Snapshot
    subject: Subject
    rows: Indices
    sides: tuple[Side, ...]
    add_up: Callable[[], Margins] | None = None
    length: int | None = None

    @property
    def number(self) -> int:
        """Number of all rows."""
        return len(self.rows) if self.length is None else self.length

    def some(self, start: int, end: int) -> Int64:
        """Return the rows from one place to another."""
        return self.rows[start:end].astype(np.int64)

    @cached_property
    def precision(self) -> Precision:
        """Precision of the snapshot's ratios of persons over headcount."""
        return precision_of(self.snapshot.manifest)

    @cached_property
    def margins(self) -> Margins | None:
        """The margins of the list; null for branches and single subjects."""
        return None if self.add_up is None else self.add_up()


def ordered(rows: Indices, code_ranks: Indices, side: Side, page: Page, precision: Precision) -> Indices:
    """Return rows in the order of a page: ties by code ascending and nulls last, in both directions.

    Parameters
    ----------
    rows
        Numbers of the subjects.
    code_ranks
        For each of these rows, the rank of its code, compared as UTF-8 bytes.
    side
        The figures to sort by.
    page
        Sort field and direction, and the states of the sorted metric that are listed.
    precision
        Of the snapshot.

    Raises
    ------
    InvalidRequest
        Rows do not have what is sorted by, or states are asked for and it is not a metric.
    """
    metric = _sorted_metric(side, page)
    if page.sort == "code":
        ranks = code_ranks if page.order is Order.ASCENDING else -code_ranks
        return rows[np.argsort(ranks, kind="stable")]
    blocks = (rows[start : start + BLOCK].astype(np.int64) for start in range(0, max(len(rows), 1), BLOCK))
    found = (_keys(block, side, page, metric, precision) for block in blocks)
    keys, null, listed = map(np.concatenate, zip(*found, strict=True))
    order = order_of(keys, null, code_ranks, page.order)
    in_order: Indices = rows[order[listed[order]]]
    return in_order


def first_of(
    parts: Iterable[Int64],
    code_ranks: Callable[[Int64], Int64],
    side: Side,
    page: Page,
    precision: Precision,
    most: int,
) -> tuple[Int64, int]:
    """Return the first rows in the order of a page, and how many there are; nothing is as long as all of them.

    Parameters
    ----------
    parts
        The rows, some after the others.
    code_ranks
        Returns numbers that order some rows by their codes, for these rows alone.
    side, page, precision
        As of `ordered`.
    most
        How many are wanted.
    """
    metric, length, down = _sorted_metric(side, page), 0, page.order is Order.DESCENDING
    found: list[tuple[Int64, npt.NDArray[np.number], Mask]] = []  # the first rows so far, once there are any
    for rows in (part[start : start + BLOCK] for part in parts for start in range(0, len(part), BLOCK)):
        keys, null, listed = _keys(rows, side, page, metric, precision)
        length += int(np.count_nonzero(listed))
        if found and len(found[0][0]) == most and not found[0][2][-1]:
            last = found[0][1][-1]
            listed = listed & ~null & ~(keys < last if down else keys > last)
        if listed.any():
            found.append((rows[listed], keys[listed], null[listed]))
            first, keys, null = map(np.concatenate, zip(*found, strict=True))
            ranks = code_ranks(first)
            order = order_of(keys, null, -ranks if down and page.sort == "code" else ranks, page.order)[:most]
            found = [(first[order], keys[order], null[order])]
    return found[0][0] if found else np.empty(0, np.int64), length


def order_of(keys: npt.NDArray[np.number], null: Mask, code_ranks: Indices, order: Order) -> Int64:
    """Return the sorted order of rows by key: ties by code ascending and nulls last, in both directions."""
    directed = keys if order is Order.ASCENDING else -keys
    return np.lexsort((code_ranks, np.where(null, 0, directed), null))


def less(total: Counts, rows: Counts) -> Counts:
    """Return `total` less the sum of rows; null where either is null."""
    values = total.values - rows.values.sum(axis=1, keepdims=True)
    null = total.null | rows.null.any(axis=1, keepdims=True)
    return Counts(total.codes, np.where(null, 0, values), null, total.undefined, total.protected)


def _sorted_metric(side: Side, page: Page) -> Metric | None:
    """Return the metric that a page is sorted by; null: it is sorted by code or by a measure."""
    metric = METRIC.get(page.sort)
    if metric in side.metrics:
        return metric
    if page.sort != "code":
        measures = [measure.code for measure in side.measures]
        if page.sort not in measures:
            raise unknown_sort(page.sort, [*measures, *(metric.code for metric in side.metrics)])
    if page.status:
        message = say("status needs a metric to sort by, and {sort} is none", sort=page.sort)
        raise conflicting(message, "status", "sort")
    return None


def _keys(
    rows: Int64, side: Side, page: Page, metric: Metric | None, precision: Precision
) -> tuple[npt.NDArray[np.number], Mask, Mask]:
    """Return the key of each row, where it is null, and where its state is asked for."""
    if page.sort == "code":
        ranks = np.zeros(len(rows), np.int64)
        return ranks, ranks != 0, ranks == 0
    counts = side.count(rows)
    if metric is None:
        line = counts.codes.index(page.sort)
        everything = np.ones(len(rows), bool)
        return counts.values[line].copy(), counts.null[line].copy(), everything  # copies, so that the others are freed
    rates = rates_of(counts, [metric], precision)
    states = [STATUSES.index(Status(state)) for state in page.status]
    listed = np.isin(rates.status[0], states) if states else np.ones(len(rows), bool)
    return rates.value[0], np.isnan(rates.value[0]), listed


def unknown_sort(sort: str, choices: Sequence[str]) -> InvalidRequest:
    """Return the error of a `sort` that rows do not have."""
    message = say("sort cannot be {sort!r}", sort=sort)
    return InvalidRequest(message, [ErrorItem(ErrorCode.INVALID_CHOICE, "query/sort", message, ("code", *choices))])
