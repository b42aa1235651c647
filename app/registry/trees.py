"""Trees given by parents: pre-order, subtrees as ranges, and cycles. Pure; no database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from app.errors import Conflict, ErrorCode, ErrorItem
from app.messages import Message, say

Indices: TypeAlias = npt.NDArray[np.int64]

ROOT = -1
"""Index of the parent of a root."""


class CycleInTree(Conflict):
    """Nodes are their own ancestors; `cycles` names them, each cycle from its first code upwards."""

    code = "cycle-in-tree"
    title = "Cycle in a tree"

    def __init__(self, cycles: Sequence[Sequence[str]]) -> None:
        items = [ErrorItem(ErrorCode.CYCLE, "", describe_cycle(cycle)) for cycle in cycles]
        super().__init__(items[0].message, items)
        self.cycles = tuple(tuple(cycle) for cycle in cycles)


@dataclass(frozen=True)
class Preorder:
    """A forest in pre-order: each node before its descendants; roots and children by code, as UTF-8 bytes.

    Parameters
    ----------
    positions
        For each node in pre-order, its index in the given sequences.
    parents
        For each node in pre-order, the pre-order index of its parent; -1 at a root.
    ends
        For each node in pre-order, the index after the last of its subtree: node `i` has the subtree `i … ends[i] - 1`.
    depths
        For each node in pre-order, the number of its ancestors.
    """

    positions: Indices
    parents: Indices
    ends: Indices
    depths: Indices


def preorder(codes: Sequence[str], parents: Sequence[str | None]) -> Preorder:
    """Return the pre-order of a forest.

    Parameters
    ----------
    codes
        Code of each node, without duplicates, in any order.
    parents
        Code of each node's parent; null, or a code that is not among `codes`, for a root.

    Raises
    ------
    CycleInTree
        If nodes are their own ancestors; all cycles are listed.
    """
    by_code, above = _linked(codes, parents)
    depths, endless = _depths(above)
    if endless.size:
        raise CycleInTree([[codes[by_code[node]] for node in cycle] for cycle in _cycles(above, endless)])
    levels = _by_depth(depths)
    sizes = _subtree_sizes(above, levels)
    starts = _starts(above, levels, sizes)
    order = np.argsort(starts)
    roots = above[order] == ROOT
    placed = np.where(roots, ROOT, starts[above[order]])
    return Preorder(by_code[order], placed, starts[order] + sizes[order], depths[order])


def find_cycles(parents: Mapping[str, str | None]) -> list[tuple[str, ...]]:
    """Return every cycle of a mapping to parents, each once, from its smallest code upwards; empty for a forest.

    A parent that is no key ends a path: its existence is not checked here.
    """
    codes = list(parents)
    by_code, above = _linked(codes, list(parents.values()))
    _, endless = _depths(above)
    return [tuple(codes[by_code[node]] for node in cycle) for cycle in _cycles(above, endless)]


def describe_cycle(cycle: Sequence[str]) -> Message:
    """Return the message for a cycle with the order of its codes; for a long one only its beginning."""
    shown = list(cycle[:_SHOWN]) + (["…"] if len(cycle) > _SHOWN else []) + [cycle[0]]
    return say(
        "{codes}: a cycle of {number}", codes=" below ".join(shown), codes_zh=" ← ".join(shown), number=len(cycle)
    )


_SHOWN = 10
"""Most codes of a cycle shown in a message."""


def _linked(codes: Sequence[str], parents: Sequence[str | None]) -> tuple[Indices, Indices]:
    """Return the nodes by code (as indices), and for each node in this order the position of its parent, or `ROOT`."""
    encoded = np.array([code.encode() for code in codes], dtype=np.bytes_)
    by_code = np.argsort(encoded, kind="stable")
    ranked = encoded[by_code]
    wanted = np.array([b"" if parent is None else parent.encode() for parent in parents], dtype=np.bytes_)[by_code]
    found = np.searchsorted(ranked, wanted)
    present = found < len(ranked)
    present[present] = ranked[found[present]] == wanted[present]
    return by_code, np.where(present, found, ROOT)


def _depths(above: Indices) -> tuple[Indices, Indices]:
    """Return the number of ancestors of each node, and the nodes with endlessly many.

    By doubling: after k rounds `jump` is the ancestor 2^k up. A node that still has one after log2(n) rounds is
    endless, and this ancestor is on a cycle; these are returned, each once.
    """
    depths = (above != ROOT).astype(np.int64)
    jump = above
    for _ in range(len(above).bit_length()):
        inner = jump != ROOT
        depths[inner] += depths[jump[inner]]
        jump = np.where(inner, jump[jump], ROOT)
    return depths, np.unique(jump[jump != ROOT])


def _cycles(above: Indices, endless: Indices) -> Iterator[list[int]]:
    """Yield each cycle from its smallest code upwards; `endless` contains all nodes of all cycles."""
    left = set(endless.tolist())
    while left:
        node = first = min(left)
        cycle: list[int] = []
        while not cycle or node != first:
            cycle.append(node)
            node = int(above[node])
        left.difference_update(cycle)
        yield cycle


def _by_depth(depths: Indices) -> list[Indices]:
    """Return the nodes of each depth, by code."""
    order = np.argsort(depths, kind="stable")
    return np.split(order, np.cumsum(np.bincount(depths))[:-1]) if order.size else []


def _subtree_sizes(above: Indices, levels: Sequence[Indices]) -> Indices:
    sizes = np.ones(len(above), np.int64)
    for nodes in reversed(levels[1:]):
        np.add.at(sizes, above[nodes], sizes[nodes])
    return sizes


def _starts(above: Indices, levels: Sequence[Indices], sizes: Indices) -> Indices:
    """Return the pre-order index of each node: after its parent and the subtrees of its elder siblings."""
    starts = np.zeros(len(above), np.int64)
    for nodes in levels:
        family = nodes[np.argsort(above[nodes], kind="stable")]
        parents = above[family]
        before = np.cumsum(sizes[family]) - sizes[family]
        eldest = np.flatnonzero(np.r_[True, parents[1:] != parents[:-1]])
        within = before - np.repeat(before[eldest], np.diff(np.r_[eldest, len(family)]))
        starts[family] = within + np.where(parents == ROOT, 0, starts[parents] + 1)
    return starts
