"""Answers that were asked before: sent again from memory, in front of all that made them.

A snapshot never changes, so an answer is good as long as it would come from the same build of the same snapshot of the
same tier, to a request whose headers ask for the same. Who asks, whether they may, and which tier they get, is decided
anew each time; where any of it takes more than what is in memory, the request goes the ordinary way.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.principals import Principal, Right, Tier, anonymous
from app.access.tier import tier_of
from app.api.authentication import known_principal
from app.api.revalidation import known_tags, not_modified
from app.api.statistics.desk import Desk
from app.api.statistics.tiers import lineage
from app.config import Settings
from app.errors import ServiceError
from app.statistics.moments import mapped_at
from app.statistics.question import Moment
from app.store.manifest import Manifest

_OVERHEAD = 4000
"""What an entry takes beside its body at most: key, headers (estimate), bytes."""

_LONGEST = 2000
"""Answers to longer requests (query and the headers that the answer varies with, bytes) are not kept."""

_ADDRESSES = 10_000
"""Addresses whose questions are remembered, at most."""

_VARYING = frozenset({b"accept-encoding", b"origin", b"cookie"})
"""Headers of a request that the layers behind go by: compression, and what pages of other origins may read.

`Authorization` is not among them: of who asks, the answer depends on the tier alone, which is part of the key.
"""


@dataclass(frozen=True)
class Asked:
    """What a handler says of a question that it answered from a snapshot alone.

    Parameters
    ----------
    districts
        What the tier was decided by.
    moment
        As of when it was asked.
    tier, snapshot, built_at
        Where the answer came from.
    """

    districts: tuple[str, ...]
    moment: Moment
    tier: Tier
    snapshot: str
    built_at: str


@dataclass(frozen=True)
class _Kept:
    start: dict[str, Any]
    body: bytes
    tag: str
    route: object


class KeptAnswers:
    """ASGI layer: keeps whole answers, all headers but the request's id included, the least recently used go first.

    By address, varying headers, tier and build. Behind the request accounting alone: every other layer has had its say
    when an answer is kept.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._unnamed = anonymous(settings.answered_without_key)
        self._limit = settings.answer_cache_bytes
        self._size = 0
        self._questions: dict[tuple[str, bytes], Asked] = {}
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._turn: dict[tuple[Tier, Moment], Manifest | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        kept = self._find(scope)
        if kept is None:
            await self.app(scope, receive, _Listener(self, scope, send))
            return
        scope["route"] = kept.route
        unchanged = known_tags(scope) & {kept.tag, "*"}
        await send(not_modified(kept.start) if unchanged else dict(kept.start))
        await send({"type": "http.response.body", "body": b"" if unchanged else kept.body})

    def keep(self, scope: Scope, start: Message, body: bytes) -> None:
        """Keep an answer, if its handler said what it rests on."""
        asked: Asked | None = scope["state"].get("asked")
        tags = [value.decode() for name, value in start["headers"] if name == b"etag"]
        if asked is None or not tags or _length(scope) > _LONGEST:
            return
        if len(self._questions) >= _ADDRESSES:
            self._questions.clear()
        self._questions[_address(scope)] = asked
        key = _key(scope, asked.districts, asked.tier, asked.snapshot, asked.built_at)
        if key not in self._kept:
            self._kept[key] = _Kept(dict(start), body, tags[0], scope["route"])
            self._size += len(body) + _OVERHEAD
        while self._size > self._limit:
            self._size -= len(self._kept.popitem(last=False)[1].body) + _OVERHEAD

    def _find(self, scope: Scope) -> _Kept | None:
        asked = self._questions.get(_address(scope))
        if asked is None:
            return None
        desks: dict[Tier, Desk] = scope["app"].state.desks
        try:
            principal = known_principal(scope, self._unnamed)
            tier = None if principal is None else _tier(principal, asked, desks)
            manifest = None if tier is None else self._manifest(desks, tier, asked.moment)
        except (ServiceError, OSError):
            return None  # told on the ordinary way
        if manifest is None or tier is None:
            return None
        key = _key(scope, asked.districts, tier, manifest.id, manifest.built_at)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _manifest(self, desks: dict[Tier, Desk], tier: Tier, moment: Moment) -> Manifest | None:
        """Return `mapped_at` of a tier, asked once in a turn of the event loop: its requests had all arrived before."""
        key = (tier, moment)
        try:
            return self._turn[key]
        except KeyError:
            if not self._turn:
                asyncio.get_running_loop().call_soon(self._turn.clear)
            found = self._turn[key] = mapped_at(desks[tier].shelf, moment)
            return found


class _Listener:
    """Sends on what is sent, and has a whole answer kept."""

    def __init__(self, answers: KeptAnswers, scope: Scope, send: Send) -> None:
        self._answers = answers
        self._scope = scope
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Send one message on."""
        if message["type"] == "http.response.start":
            self._start = (
                {**message, "headers": list(message["headers"])} if message["status"] == HTTPStatus.OK else None
            )
        elif self._start is not None:
            if not message.get("more_body", False):
                self._answers.keep(self._scope, self._start, message.get("body", b""))
            self._start = None
        await self._send(message)


def remember(request: Request, asked: Asked) -> None:
    """Say what an answer rests on, so that it may be kept."""
    request.state.asked = asked


def _tier(principal: Principal, asked: Asked, desks: dict[Tier, Desk]) -> Tier | None:
    """Decide the tier as for a question asked for the first time.

    Null where the right to read is missing, and where it takes more than what is in memory.

    Raises
    ------
    OutsideScope
        As `tier_of` says.
    """
    if Right.READ not in principal.rights:
        return None
    if not principal.scope:
        return tier_of(principal, asked.districts, lambda _code: ())
    exact = desks[Tier.EXACT].shelf
    manifest: Manifest | None = mapped_at(exact, asked.moment)
    if manifest is None:
        return None
    return tier_of(principal, asked.districts, partial(lineage, exact.get(manifest.id).districts))


def _address(scope: Scope) -> tuple[str, bytes]:
    return scope["path"], scope["query_string"]


def _key(scope: Scope, districts: tuple[str, ...], tier: Tier, snapshot: str, built_at: str) -> tuple[object, ...]:
    """Return what an answer is kept by; with the districts that decide its tier, as its own snapshot names them."""
    return (_address(scope), _varying(scope), districts, tier, snapshot, built_at)


def _varying(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([header for header in scope["headers"] if header[0] in _VARYING])


def _length(scope: Scope) -> int:
    return len(scope["query_string"]) + sum(len(value) for _, value in _varying(scope))
