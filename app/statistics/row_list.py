"""Lists of subjects: which rows, in which order, and a function that counts any of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from app.catalogue.metrics import METRIC, Metric
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.statistics.inference import Precision, precision_of
from app.statistics.question import Order, Page, Subject
from app.statistics.rates import Counts, rates_of
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

BLOCK = 1 << 14
"""Rows counted at once in lists of up to a million: all their figures take 6 MB."""


@dataclass(frozen=True)
class Side:
    """One set of figures of a row: its only one or, for a branch, `own` or `subtree`.

    Parameters
    ----------
    name
        Prefix of its columns in files; empty if rows have one side.
    measures, metrics
        The figures shown.
    count
        Counts rows, given by number.
    """

    name: str
    measures: tuple[str, ...]
    metrics: tuple[Metric, ...]
    count: Callable[[Int64], Counts]


@dataclass(frozen=True)
class Margins:
    """The total below a list, and what its rows leave of it.

    Parameters
    ----------
    total
        Figures of the whole selection.
    unallocated
        `total` less all listed rows; null if rows overlap.
    """

    total: Counts
    unallocated: Counts | None = None


@dataclass(frozen=True)
class RowList:
    """All rows that answer a question, in order.

    Parameters
    ----------
    snapshot, subject
        Snapshot of the rows, and what a row is about.
    rows
        Numbers of the subjects: nodes of a tree, rows of a table.
    sides
        Sets of figures of each row.
    add_up
        Computes the margins, on demand; null for branches, whose persons overlap.
    """

    snapshot: Snapshot
    subject: Subject
    rows: Int64
    sides: tuple[Side, ...]
    add_up: Callable[[], Margins] | None = None

    @cached_property
    def precision(self) -> Precision:
        """Precision of the snapshot's ratios of persons over headcount."""
        return precision_of(self.snapshot.manifest)

    @cached_property
    def margins(self) -> Margins | None:
        """The margins of the list; null for branches and single subjects."""
        return None if self.add_up is None else self.add_up()


def ordered(rows: Int64, code_ranks: Int64, side: Side, page: Page, precision: Precision) -> Int64:
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
        Sort field and direction.
    precision
        Of the snapshot.
    """
    if page.sort == "code":
        ranks = code_ranks if page.order is Order.ASCENDING else -code_ranks
        return rows[np.argsort(ranks, kind="stable")]
    blocks = [rows[start : start + BLOCK] for start in range(0, max(len(rows), 1), BLOCK)]
    found = [_keys(block, side, page.sort, precision) for block in blocks]
    keys, null = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows[order_of(keys, null, code_ranks, page.order)]


def order_of(keys: npt.NDArray[np.number], null: Mask, code_ranks: Int64, order: Order) -> Int64:
    """Return the sorted order of rows by key: ties by code ascending and nulls last, in both directions."""
    directed = keys if order is Order.ASCENDING else -keys
    return np.lexsort((code_ranks, np.where(null, 0, directed), null))


def less(total: Counts, rows: Counts) -> Counts:
    """Return `total` less the sum of rows; null where either is null."""
    values = total.values - rows.values.sum(axis=1, keepdims=True)
    null = total.null | rows.null.any(axis=1, keepdims=True)
    return Counts(total.codes, np.where(null, 0, values), null, total.undefined, total.protected)


def _keys(rows: Int64, side: Side, sort: str, precision: Precision) -> tuple[npt.NDArray[np.number], Mask]:
    if sort in side.measures:
        counts = side.count(rows)
        line = counts.codes.index(sort)
        return counts.values[line].copy(), counts.null[line].copy()  # copies, so that the other lines are freed
    metric = METRIC.get(sort)
    if metric is None or metric not in side.metrics:
        raise _unknown_sort(sort, [*side.measures, *(known.code for known in side.metrics)])
    value = rates_of(side.count(rows), [metric], precision).value[0]
    return value, np.isnan(value)


def _unknown_sort(sort: str, choices: Sequence[str]) -> InvalidRequest:
    message = say("sort cannot be {sort!r}", sort=sort)
    return InvalidRequest(message, [ErrorItem(ErrorCode.INVALID_CHOICE, "query/sort", message, ("code", *choices))])
