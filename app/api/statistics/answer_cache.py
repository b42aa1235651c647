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

from app.access.principals import Principal, Right, Tier, anonymous, tier_of
from app.api.http.authorization import known_principal
from app.api.http.middleware import known_tags, not_modified
from app.api.statistics.reader import SnapshotReader
from app.api.statistics.tiers import lineage
from app.config import Settings
from app.errors import ServiceError
from app.statistics.as_of import mapped_at
from app.statistics.question import AsOf
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
class CacheableQuestion:
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
    when: AsOf
    tier: Tier
    snapshot: str
    built_at: str


@dataclass(frozen=True)
class _CachedAnswer:
    start: dict[str, Any]
    body: bytes
    tag: str
    route: object


class AnswerCache:
    """ASGI layer: keeps whole answers, all headers but the request's id included, the least recently used go first.

    By address, varying headers, tier and build. Behind the request accounting alone: every other layer has had its say
    when an answer is kept.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._unnamed = anonymous(settings.answered_without_key)
        self._limit = settings.answer_cache_bytes
        self._size = 0
        self._questions: dict[tuple[str, bytes], CacheableQuestion] = {}
        self._answers: OrderedDict[tuple[object, ...], _CachedAnswer] = OrderedDict()
        self._manifests: dict[tuple[Tier, AsOf], Manifest | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        cached = self._find(scope)
        if cached is None:
            await self.app(scope, receive, _Listener(self, scope, send))
            return
        scope["route"] = cached.route
        unchanged = known_tags(scope) & {cached.tag, "*"}
        await send(not_modified(cached.start) if unchanged else dict(cached.start))
        await send({"type": "http.response.body", "body": b"" if unchanged else cached.body})

    def add(self, scope: Scope, start: Message, body: bytes) -> None:
        """Keep an answer, if its handler said what it rests on."""
        question: CacheableQuestion | None = scope["state"].get("cacheable")
        tags = [value.decode() for name, value in start["headers"] if name == b"etag"]
        if question is None or not tags or _length(scope) > _LONGEST:
            return
        if len(self._questions) >= _ADDRESSES:
            self._questions.clear()
        self._questions[_address(scope)] = question
        key = _key(scope, question.districts, question.tier, question.snapshot, question.built_at)
        if key not in self._answers:
            self._answers[key] = _CachedAnswer(dict(start), body, tags[0], scope["route"])
            self._size += len(body) + _OVERHEAD
        while self._size > self._limit:
            self._size -= len(self._answers.popitem(last=False)[1].body) + _OVERHEAD

    def _find(self, scope: Scope) -> _CachedAnswer | None:
        question = self._questions.get(_address(scope))
        if question is None:
            return None
        readers: dict[Tier, SnapshotReader] = scope["app"].state.readers
        try:
            principal = known_principal(scope, self._unnamed)
            tier = None if principal is None else _tier(principal, question, readers)
            manifest = None if tier is None else self._manifest(readers, tier, question.when)
        except (ServiceError, OSError):
            return None  # told on the ordinary way
        if manifest is None or tier is None:
            return None
        key = _key(scope, question.districts, tier, manifest.id, manifest.built_at)
        cached = self._answers.get(key)
        if cached is not None:
            self._answers.move_to_end(key)
        return cached

    def _manifest(self, readers: dict[Tier, SnapshotReader], tier: Tier, when: AsOf) -> Manifest | None:
        """Return `mapped_at` of a tier, asked once in a turn of the event loop: its requests had all arrived before."""
        key = (tier, when)
        try:
            return self._manifests[key]
        except KeyError:
            if not self._manifests:
                asyncio.get_running_loop().call_soon(self._manifests.clear)
            found = self._manifests[key] = mapped_at(readers[tier].shelf, when)
            return found


class _Listener:
    """Sends on what is sent, and has a whole answer kept."""

    def __init__(self, answers: AnswerCache, scope: Scope, send: Send) -> None:
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
                self._answers.add(self._scope, self._start, message.get("body", b""))
            self._start = None
        await self._send(message)


def cache_answer(request: Request, question: CacheableQuestion) -> None:
    """Say what an answer rests on, so that it may be kept."""
    request.state.cacheable = question


def _tier(principal: Principal, question: CacheableQuestion, readers: dict[Tier, SnapshotReader]) -> Tier | None:
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
        return tier_of(principal, question.districts, lambda _code: ())
    exact = readers[Tier.EXACT].shelf
    manifest: Manifest | None = mapped_at(exact, question.when)
    if manifest is None:
        return None
    return tier_of(principal, question.districts, partial(lineage, exact.get(manifest.id).districts))


def _address(scope: Scope) -> tuple[str, bytes]:
    return scope["path"], scope["query_string"]


def _key(scope: Scope, districts: tuple[str, ...], tier: Tier, snapshot: str, built_at: str) -> tuple[object, ...]:
    """Return what an answer is kept by; with the districts that decide its tier, as its own snapshot names them."""
    return (_address(scope), _varying(scope), districts, tier, snapshot, built_at)


def _varying(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([header for header in scope["headers"] if header[0] in _VARYING])


def _length(scope: Scope) -> int:
    return len(scope["query_string"]) + sum(len(value) for _, value in _varying(scope))
