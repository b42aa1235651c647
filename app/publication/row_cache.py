"""A bounded cache of encoded rows, and the source of answers: the snapshots of a tier with that cache."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.store.boundaries import BoundariesFile
from app.store.shelf import Shelf

_OVERHEAD = 100
"""Bytes that an entry takes besides its row: number, slot in the table, object header (estimate)."""


@dataclass
class _Group:
    """The cached rows of one question, by number, and their size, bytes."""

    rows: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class RowCache:
    """A cache of encoded rows by question and number, limited in bytes; rows of a snapshot never change.

    The least recently used question is evicted with all its rows: keeping single rows in order of use would cost more
    than their lookup.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._groups: OrderedDict[bytes, _Group] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: bytes, numbers: Sequence[int]) -> list[bytes | None]:
        """Return some rows of a question; null for those not cached."""
        with self._lock:
            group = self._groups.get(question)
            if group is None:
                return [None] * len(numbers)
            self._groups.move_to_end(question)
            return [*map(group.rows.get, numbers)]

    def add(self, question: bytes, rows: Mapping[int, bytes]) -> None:
        """Add rows of a question, and evict others beyond the limit."""
        with self._lock:
            group = self._groups.setdefault(question, _Group())
            self._groups.move_to_end(question)
            new = {number: row for number, row in rows.items() if number not in group.rows}
            size = sum(map(len, new.values())) + _OVERHEAD * len(new)
            group.rows.update(new)
            group.size += size
            self._size += size
            while self._size > self._limit:
                self._size -= self._groups.popitem(last=False)[1].size


@dataclass(frozen=True)
class Source:
    """The snapshots of a tier, the cache of their encoded rows, and the boundaries of districts (null: none)."""

    shelf: Shelf
    row_cache: RowCache
    boundaries: BoundariesFile | None = None
