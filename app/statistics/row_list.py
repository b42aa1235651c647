"""Lists of subjects: which rows, in which order, and how to count any of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from app.catalogue.metrics import METRIC, Metric
from app.errors import ErrorItem, InvalidRequest
from app.statistics.inference import Precision, precision_of
from app.statistics.question import Order, Page, Subject
from app.statistics.rates import Counts, rates_of
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

BLOCK = 1 << 14
"""Rows counted at once where there may be a million: all their figures take 6 MB."""


@dataclass(frozen=True)
class Side:
    """One set of figures of a row: all of them, or of a branch `own` and `subtree`.

    Parameters
    ----------
    name
        Prefix of its columns in files; empty where a row has one side.
    measures, metrics
        What it shows.
    count
        Counts rows, given by number.
    """

    name: str
    measures: tuple[str, ...]
    metrics: tuple[Metric, ...]
    count: Callable[[Int64], Counts]


@dataclass(frozen=True)
class Margins:
    """What stands below a list.

    Parameters
    ----------
    total
        Figures of the whole scope.
    unallocated
        `total` less all listed rows; null where rows overlap.
    """

    total: Counts
    unallocated: Counts | None = None


@dataclass(frozen=True)
class RowList:
    """All rows that answer a question, in order.

    Parameters
    ----------
    snapshot, subject
        What the rows are of and about.
    rows
        Numbers of the subjects: nodes of a tree, places in a table.
    sides
        Sets of figures of each row.
    add_up
        Adds up the margins, when they are wanted; null on branches, whose persons overlap.
    """

    snapshot: Snapshot
    subject: Subject
    rows: Int64
    sides: tuple[Side, ...]
    add_up: Callable[[], Margins] | None = None

    @cached_property
    def precision(self) -> Precision:
        """How much the snapshot's ratios of persons over headcount tell."""
        return precision_of(self.snapshot.manifest)

    @cached_property
    def margins(self) -> Margins | None:
        """What stands below the list; null on branches and single subjects."""
        return None if self.add_up is None else self.add_up()


def ordered(rows: Int64, code_ranks: Int64, side: Side, page: Page, precision: Precision) -> Int64:
    """Return rows sorted as a page asks: ties by code ascending, nulls last, either way.

    Parameters
    ----------
    rows
        Numbers of the subjects.
    code_ranks
        Of each of these rows, the place of its code among codes compared as UTF-8 bytes.
    side
        The figures to sort by.
    page
        Field and direction.
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
    """Return the places of rows in the order of their keys: ties by code ascending, nulls last, either way."""
    directed = keys if order is Order.ASCENDING else -keys
    return np.lexsort((code_ranks, np.where(null, 0, directed), null))


def less(total: Counts, rows: Counts) -> Counts:
    """Return `total` less the sum of rows; null where either is."""
    values = total.values - rows.values.sum(axis=1, keepdims=True)
    null = total.null | rows.null.any(axis=1, keepdims=True)
    return Counts(total.codes, np.where(null, 0, values), null, total.undefined, total.protected)


def _keys(rows: Int64, side: Side, sort: str, precision: Precision) -> tuple[npt.NDArray[np.number], Mask]:
    if sort in side.measures:
        counts = side.count(rows)
        line = counts.codes.index(sort)
        return counts.values[line].copy(), counts.null[line].copy()  # lets go of the others
    metric = METRIC.get(sort)
    if metric is None or metric not in side.metrics:
        raise _unknown_sort(sort, [*side.measures, *(known.code for known in side.metrics)])
    value = rates_of(side.count(rows), [metric], precision).value[0]
    return value, np.isnan(value)


def _unknown_sort(sort: str, choices: Sequence[str]) -> InvalidRequest:
    message = f"sort cannot be {sort!r}"
    return InvalidRequest(message, [ErrorItem("query/sort", message, ("code", *choices))])
