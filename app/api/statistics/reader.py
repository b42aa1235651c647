"""Where the reading half is asked: the one place at which its work leaves the event loop, or does not."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from app.publication.row_cache import Source
from app.statistics.question import AsOf
from app.store.shelf import Shelf

Result = TypeVar("Result")

_REMEMBERED = 8
"""Moments whose snapshot is taken to be mapped still; as many as the shelf keeps mapped."""


class SnapshotReader:
    """A shelf, and what is kept of its answers.

    A thread costs 50 µs, a quarter of what an average answer takes; so light work is done on the event loop, once the
    snapshot that it asks is mapped (which reads all of it, to verify it).
    """

    def __init__(self, source: Source) -> None:
        self.shelf: Shelf = source.shelf
        self._source = source
        self._mapped: dict[object, None] = {}

    async def ask(self, work: Callable[[Source], Result], when: AsOf, *, light: bool) -> Result:
        """Do some work of the reading half, and return what it returns.

        Parameters
        ----------
        work
            Asks the shelf for a moment's snapshot, and computes.
        moment
            As of when.
        light
            Whether it takes a millisecond at most once the snapshot is mapped.
        """
        manifests = self.shelf.all()
        asked = (manifests[0].recency if manifests else None, when)
        if light and asked in self._mapped:
            return work(self._source)
        result = await asyncio.to_thread(work, self._source)
        self._remember(asked)
        return result

    def _remember(self, asked: object) -> None:
        self._mapped.pop(asked, None)
        self._mapped[asked] = None
        while len(self._mapped) > _REMEMBERED:
            self._mapped.pop(next(iter(self._mapped)))
