"""Sums over subtrees of rows sorted in pre-order: differences of running totals."""

from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Indices = npt.NDArray[np.integer[Any]]


def running_total(values: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None) -> Int64:
    """Return the totals before each row and, last, of all rows: one longer than `values`."""
    totals = np.empty(len(values) + 1, np.int64)
    totals[0] = 0
    np.cumsum(values if mask is None else values * mask, dtype=np.int64, out=totals[1:])
    return totals


def edges(nodes: Indices, count: int) -> Int64:
    """Return the first row of each node among rows sorted by node and, last, the end of the last node: `count` + 1.

    Rows without a node have the number `count` and come last, or are left out.
    """
    held = min(count, int(np.iinfo(nodes.dtype).max))  # what the type holds: searching for more would copy the nodes
    first = np.full(count + 1, len(nodes), np.int64)
    first[: held + 1] = np.searchsorted(nodes, np.arange(held + 1, dtype=nodes.dtype))
    return first


def disjoint_spans(starts: Indices, ends: Indices) -> list[tuple[int, int]]:
    """Return the union of subtrees, given by index spans, as disjoint spans in ascending order."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(zip(starts.tolist(), ends.tolist(), strict=True)):
        if spans and start < spans[-1][1]:
            continue
        spans.append((start, end))
    return spans


def holders(ends: Indices, nodes: Int64) -> Int64:
    """Return, for each node of a tree, the root of the disjoint subtree that contains it, -1 if none; -1 is appended.

    Parameters
    ----------
    ends
        Index after each subtree of the tree.
    nodes
        Roots of the disjoint subtrees, ascending.
    """
    roots = np.full(len(ends) + 1, -1)
    if len(nodes):
        everything = np.arange(len(ends))
        nearest = nodes[np.maximum(np.searchsorted(nodes, everything, side="right") - 1, 0)]
        roots[:-1] = np.where((everything >= nearest) & (everything < ends[nearest]), nearest, -1)
    return roots
