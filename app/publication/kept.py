"""Encoded rows kept in memory: a bounded cache, the least recently used goes first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

_OVERHEAD = 200
"""What an entry costs beside its bytes: key, links, object headers (estimate)."""


class KeptRows:
    """Encoded rows by key, at most so many bytes of them; snapshots never change, so nothing goes stale."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._rows: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: list[Hashable]) -> list[bytes | None]:
        """Return the row of each key; null where it is not kept."""
        with self._lock:
            found = [self._rows.get(key) for key in keys]
            for key, row in zip(keys, found, strict=True):
                if row is not None:
                    self._rows.move_to_end(key)
            return found

    def keep(self, rows: dict[Hashable, bytes]) -> None:
        """Keep rows, and let the least recently used go."""
        with self._lock:
            for key, row in rows.items():
                if key not in self._rows:
                    self._rows[key] = row
                    self._size += len(row) + _OVERHEAD
            while self._size > self._limit and self._rows:
                self._size -= len(self._rows.popitem(last=False)[1]) + _OVERHEAD
