"""Running the reading half, on the event loop or in a thread: the only place that decides."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request

from app.access.principals import Tier
from app.publication.row_cache import Source
from app.statistics.as_of import mapped_at
from app.statistics.question import AsOf
from app.store.shelf import Shelf

Result = TypeVar("Result")


class SnapshotReader:
    """A shelf and its row cache.

    A thread costs 50 µs, a quarter of an average answer, so light work runs on the event loop once its snapshot is
    mapped; mapping reads and verifies all of its files.
    """

    def __init__(self, source: Source) -> None:
        self.shelf: Shelf = source.shelf
        self._source = source

    async def run(self, work: Callable[[Source], Result], when: AsOf, *, light: bool) -> Result:
        """Run some work of the reading half, and return its result.

        Parameters
        ----------
        work
            Gets the snapshot of `when` from the shelf, and computes.
        when
            As of when.
        light
            Whether it takes at most a millisecond once the snapshot is mapped.
        """
        if light and mapped_at(self.shelf, when) is not None:
            return work(self._source)
        return await asyncio.to_thread(work, self._source)


def reader_of(request: Request, tier: Tier) -> SnapshotReader:
    """Return the reader of a tier for the caller: with drafts for whoever may see them."""
    state = request.app.state
    reader: SnapshotReader = (state.reviewers if request.state.principal.reviews else state.readers)[tier]
    return reader
