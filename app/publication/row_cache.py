"""Where answers come from: the snapshots of a tier, and a bounded cache of encoded rows."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.store.shelf import Shelf

_OVERHEAD = 100
"""What an entry costs beside its bytes: number, place in its table, object header (estimate)."""


@dataclass
class _Group:
    """The kept rows of one question, by number, and what they take, bytes."""

    rows: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class RowCache:
    """A cache of encoded rows by question and number, of at most so many bytes; snapshots never change, nor do rows.

    The rows of the question that was least recently asked go first, all at once: an order among single rows would cost
    more than looking them up.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._groups: OrderedDict[bytes, _Group] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: bytes, numbers: Sequence[int]) -> list[bytes | None]:
        """Return some rows of a question; null where one is not kept."""
        with self._lock:
            group = self._groups.get(question)
            if group is None:
                return [None] * len(numbers)
            self._groups.move_to_end(question)
            return [*map(group.rows.get, numbers)]

    def keep(self, question: bytes, rows: Mapping[int, bytes]) -> None:
        """Keep rows of a question, and let others go."""
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
    """The snapshots of a tier, and the rows of them that are encoded already."""

    shelf: Shelf
    row_cache: RowCache
