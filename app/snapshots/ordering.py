"""Ordering facts: trees in pre-order, enterprises sorted by district and industry, codes as indices."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from app.registry.trees import preorder
from app.snapshots.facts import StoredRows
from app.store.format import Mask

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OrderedTree:
    """A tree in pre-order.

    Parameters
    ----------
    codes
        Code of each node.
    rows
        `code`, `parent_code`, `level`, `name_zh`, `name_en` of each node, in that order.
    parents
        Index of each node's parent; -1 at a root.
    ends
        Index after the last node of each node's subtree.
    ranks
        Depth of each node's level in the enumeration of levels, 0 the highest.
    """

    codes: pa.Array
    rows: pa.Table
    parents: Indices
    ends: Indices
    ranks: Indices

    def index_of(self, codes: pa.ChunkedArray | pa.Array) -> Indices:
        """Return the index of each code; the number of nodes for null or unknown."""
        found = pc.index_in(codes, value_set=self.codes)
        return numbers(found, missing=len(self.codes))

    def nearest(self, rank: int) -> Indices:
        """Return the nearest node at or above each node of this level or a higher one; -1 where there is none."""
        nodes = np.arange(len(self.codes))
        while True:
            lower = (nodes >= 0) & (self.ranks[nodes] > rank)
            if not lower.any():
                return nodes
            nodes = np.where(lower, self.parents[nodes], nodes)


@dataclass(frozen=True)
class OrderedRows:
    """Rows in an order, into which each column is put when it is asked for."""

    rows: StoredRows
    order: pa.Array

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, name: str) -> pa.Array:
        """Return a column in order."""
        return self.rows[name].take(self.order)


def order_tree(rows: pa.Table, levels: type[Any]) -> OrderedTree:
    """Return a tree of the registry in pre-order; children sorted by code, as UTF-8 bytes."""
    order = preorder(rows["code"].to_pylist(), rows["parent_code"].to_pylist())
    ordered = rows.take(pa.array(order.positions))
    ranks = numbers(pc.index_in(ordered["level"], value_set=pa.array([str(level) for level in levels])), missing=-1)
    return OrderedTree(ordered["code"].combine_chunks(), ordered, order.parents, order.ends, ranks)


def down_to(tree: OrderedTree, rank: int) -> tuple[OrderedTree, Indices]:
    """Return a tree cut off below a level, and the new index of each node.

    A removed node has the index of the nearest kept node above it; -1 where there is none.
    """
    stays = tree.ranks <= rank
    before = np.append(0, np.cumsum(stays))  # number of kept nodes before each node
    kept = np.flatnonzero(stays)
    parents = np.where(tree.parents[kept] >= 0, before[tree.parents[kept]], -1)
    rows = tree.rows.take(pa.array(kept))
    upper = OrderedTree(rows["code"].combine_chunks(), rows, parents, before[tree.ends[kept]], tree.ranks[kept])
    nearest = tree.nearest(rank)
    return upper, np.where(nearest >= 0, before[nearest], -1)


def at(of_node: Indices, nodes: npt.NDArray[np.integer[Any]]) -> Indices:
    """Return a property of nodes by index; -1 for no node (index -1, or the number of nodes)."""
    found: Indices = np.append(of_node, -1)[nodes]
    return found


def numbers(column: pa.ChunkedArray | pa.Array, *, missing: int = 0) -> Indices:
    """Return a column as 64-bit integers, `missing` where it is null."""
    return np.asarray(column.fill_null(missing).cast(pa.int64()))


def known(column: pa.ChunkedArray | pa.Array) -> Mask:
    """Return the mask of a column's values that are not null."""
    return np.asarray(column.is_valid())


def order_enterprises(
    rows: StoredRows, districts: OrderedTree, industries: OrderedTree
) -> tuple[OrderedRows, Indices, Indices]:
    """Return the enterprises sorted by the nodes of their district and industry and by code; and these nodes.

    Those without a district come last, those without an industry last within their district; codes compare as UTF-8
    bytes.
    """
    district, industry = districts.index_of(rows["district_code"]), industries.index_of(rows["industry_code"])
    ordered = order_rows(rows, district=pa.array(district), industry=pa.array(industry), code=rows["code"])
    place = np.asarray(ordered.order)
    return ordered, district[place], industry[place]


def order_rows(rows: StoredRows, **keys: pa.Array) -> OrderedRows:
    """Return rows sorted by some columns."""
    return OrderedRows(rows, pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys]))
