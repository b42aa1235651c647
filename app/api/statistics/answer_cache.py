"""The answer cache: answers in memory, sent again in front of everything that made them.

A snapshot never changes, so a cached answer is valid as long as the same builds of the same snapshots of the same tier
would answer, and the varying headers are equal. Authentication, authorization and the tier are decided anew for each
request; if that needs more than what is in memory, the request is handled without the cache.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.principals import Principal, Right, Tier, anonymous, tier_of
from app.api.http.authorization import known_principal
from app.api.http.middleware import is_known, known_tags, not_modified, without_body
from app.api.statistics.reader import SnapshotReader
from app.api.statistics.tiers import lineage
from app.config import Settings
from app.errors import ServiceError
from app.observability import Metrics
from app.statistics.as_of import mapped_at
from app.statistics.question import AsOf
from app.store.manifest import Manifest
from app.store.shelf import Shelf

_OVERHEAD = 4000
"""Most bytes that an entry takes besides its body: key and headers (estimate)."""

_LONGEST = 2000
"""Answers to longer requests (query and varying headers, bytes) are not cached."""

_ADDRESSES = 10_000
"""Most addresses whose questions are cached."""

Builds = tuple[tuple[str, str], ...]
"""Ids of snapshots, and when each was built."""

_Key = tuple[tuple[str, bytes], tuple[tuple[bytes, bytes], ...], tuple[str, ...], Tier, Builds]
"""Address, varying headers, districts that decide the tier, the tier, and what answered."""

_VARYING = frozenset({b"accept-encoding", b"origin", b"cookie"})
"""Request headers that the middleware inside depends on: compression, and what pages of other origins may read.

Without `Authorization`: of the caller, the answer depends on the tier only, which is part of the key.
"""


class CacheableQuestion(msgspec.Struct, frozen=True):
    """What decides whether an answer is still valid.

    Parameters
    ----------
    districts
        Codes that decide the tier.
    when
        The requested date or snapshot; null: the answer is from several snapshots, and valid while all are the same.
    tier, builds
        Where the answer came from.
    """

    districts: tuple[str, ...]
    when: AsOf | None
    tier: Tier
    builds: Builds


@dataclass(frozen=True)
class _CachedAnswer:
    start: dict[str, Any]
    body: bytes
    tag: str
    route: object


class AnswerCache:
    """Middleware: caches whole answers with all headers except the request's id; evicts the least recently used.

    Keyed by address, varying headers, tier and build. It is outside of all middleware that shapes answers, so a cached
    answer is complete.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics
        self._anonymous = anonymous(settings.answered_without_key)
        self._limit = settings.answer_cache_bytes
        self._size = 0
        self._questions: dict[tuple[str, bytes], CacheableQuestion] = {}
        # By all that it depends on; the districts that decide its tier depend on its snapshot.
        self._answers: OrderedDict[_Key, _CachedAnswer] = OrderedDict()
        self._builds: dict[tuple[Tier, AsOf | None], Builds] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        cached = self._find(scope)
        if cached is None:
            scope["state"]["cacheable"] = None
            await self.app(scope, receive, _Listener(self, scope, send))
            return
        self._metrics.cache_hits += 1
        scope["route"] = cached.route
        unchanged = is_known(cached.tag, known_tags(scope))
        await send(not_modified(cached.start) if unchanged else dict(cached.start))
        await send({"type": "http.response.body", "body": b"" if unchanged else cached.body})

    def add(self, scope: Scope, start: Message, body: bytes) -> None:
        """Cache an answer, if its handler called `cache_answer`."""
        question: CacheableQuestion | None = scope["state"]["cacheable"]
        tag = _tag(start)
        if question is None or tag is None or _length(scope) > _LONGEST:
            return
        self._metrics.cache_misses += 1
        if len(self._questions) >= _ADDRESSES:
            self._questions.clear()
        address = _address(scope)
        self._questions[address] = question
        key = (address, _varying(scope), question.districts, question.tier, question.builds)
        if key not in self._answers:
            self._answers[key] = _CachedAnswer(dict(start), body, tag, scope["route"])
            self._size += len(body) + _OVERHEAD
        while self._size > self._limit:
            self._size -= len(self._answers.popitem(last=False)[1].body) + _OVERHEAD

    def _find(self, scope: Scope) -> _CachedAnswer | None:
        address = _address(scope)
        question = self._questions.get(address)
        if question is None:
            return None
        try:
            principal = known_principal(scope, self._anonymous)
            tier = None if principal is None else _tier(principal, question, scope)
            builds = () if tier is None else self._builds_of(scope, tier, question.when)
        except (ServiceError, OSError):
            return None  # answered without the cache
        if not builds or tier is None:
            return None
        key = (address, _varying(scope), question.districts, tier, builds)
        cached = self._answers.get(key)
        if cached is not None:
            self._answers.move_to_end(key)
        return cached

    def _builds_of(self, scope: Scope, tier: Tier, when: AsOf | None) -> Builds:
        """Return what would answer, read once per turn of the event loop: its requests arrived before."""
        key = (tier, when)
        try:
            return self._builds[key]
        except KeyError:
            if not self._builds:
                asyncio.get_running_loop().call_soon(self._builds.clear)
            shelf = _shelf(scope, tier)
            found = self._builds[key] = builds_of(shelf.all() if when is None else _mapped_at(shelf, when))
            return found


class _Listener:
    """A `send` that also adds a complete answer to the cache, and then answers 304 if the caller has it already."""

    def __init__(self, answers: AnswerCache, scope: Scope, send: Send) -> None:
        self._answers = answers
        self._scope = scope
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Forward one message."""
        if message["type"] == "http.response.start":
            self._start = (
                {**message, "headers": list(message["headers"])} if message["status"] == HTTPStatus.OK else None
            )
            if self._start is not None and is_known(_tag(message), known_tags(self._scope)):
                message, self._send = not_modified(message), without_body(self._send)
        elif self._start is not None:
            if not message.get("more_body", False):
                self._answers.add(self._scope, self._start, message.get("body", b""))
            self._start = None
        await self._send(message)


def builds_of(manifests: Iterable[Manifest]) -> Builds:
    """Return the ids of snapshots, and when each was built."""
    return tuple((manifest.id, manifest.built_at) for manifest in manifests)


def _mapped_at(shelf: Shelf, when: AsOf) -> tuple[Manifest, ...]:
    manifest = mapped_at(shelf, when)
    return () if manifest is None else (manifest,)


def _tag(start: Message) -> str | None:
    return next((value.decode() for name, value in start["headers"] if name == b"etag"), None)


def cache_answer(request: Request, question: CacheableQuestion) -> None:
    """Let the answer to a request be cached, if a cache is listening."""
    if "cacheable" in request.scope["state"]:
        request.state.cacheable = question


def _shelf(scope: Scope, tier: Tier) -> Shelf:
    readers: dict[Tier, SnapshotReader] = scope["app"].state.readers
    return readers[tier].shelf


def _tier(principal: Principal, question: CacheableQuestion, scope: Scope) -> Tier | None:
    """Return the tier as for an uncached question; null if the right to read is missing or memory does not suffice.

    Raises
    ------
    OutsideScope
        See `tier_of`.
    """
    if Right.READ not in principal.rights:
        return None
    if not principal.scope:
        return tier_of(principal, question.districts, lambda _code: ())
    exact = _shelf(scope, Tier.EXACT)
    manifest = None if question.when is None else mapped_at(exact, question.when)
    if manifest is None:
        return None
    return tier_of(principal, question.districts, partial(lineage, exact.get(manifest.id).districts))


def _address(scope: Scope) -> tuple[str, bytes]:
    return scope["path"], scope["query_string"]


def _varying(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([header for header in scope["headers"] if header[0] in _VARYING])


def _length(scope: Scope) -> int:
    return len(scope["query_string"]) + sum(len(value) for _, value in _varying(scope))
