"""The code lists that the public sees: those of the newest protected snapshot."""

import asyncio
from functools import partial

import msgspec
from fastapi import Request, Response

from app.access.principals import Tier
from app.api.caching import validated
from app.api.registry.asked import SearchAsked
from app.api.registry.cursors import decode_cursor
from app.api.registry.paging import page_response
from app.api.registry.sight import code_list
from app.publication.code_lists import Search, find_code, search_codes
from app.registry.entities import Entity
from app.statistics.exact_only import refuse_exact_only
from app.statistics.question import Listing, Question
from app.store.shelf import Shelf


async def public_list_response(request: Request, entity: Entity, asked: SearchAsked) -> Response:
    """Return a page of a code list, with a link to the next.

    Raises
    ------
    ExactOnly
        There is no such list for the public, or not of this level.
    SnapshotNotFound
        There is no protected snapshot yet.
    """
    subject, after = code_list(entity), decode_cursor(request, asked, str)
    search = Search(after=after, **asked.model_dump(mode="json", exclude={"cursor"}, exclude_none=True))
    snapshot = await asyncio.to_thread(_shelf(request).newest)
    refuse_exact_only(snapshot.manifest, Question(subject, listing=Listing(level=search.level)))
    entries, more = await asyncio.to_thread(partial(search_codes, snapshot, subject, search))
    return page_response(request, asked, entries, entries[-1].code if more else None, public=True)


async def public_one_response(request: Request, entity: Entity, code: str) -> Response:
    """Return one entry of a code list.

    Raises
    ------
    ExactOnly
        There is no such list for the public.
    SnapshotNotFound, SubjectNotFound
        There is no protected snapshot yet, or no such code in it.
    """
    subject = code_list(entity)
    snapshot = await asyncio.to_thread(_shelf(request).newest)
    entry = await asyncio.to_thread(partial(find_code, snapshot, subject, code))
    return validated(msgspec.json.encode({"data": entry}), public=True)


def _shelf(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.desks[Tier.PUBLIC].shelf
    return shelf
