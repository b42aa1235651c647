"""Liveness, readiness and metrics of the process."""

import asyncio
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy
from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access.principals import OutsideScope, Tier, tier_of
from app.api.gauges import database_gauge, draft_gauges
from app.api.http.authorization import OPEN
from app.api.http.language import language_of
from app.api.http.models import Closed
from app.api.http.routing import FILE_RESPONSE, make_router
from app.errors import ErrorCode, ErrorItem, TemporarilyUnavailable
from app.messages import Message, say
from app.snapshots.replication.state import StoreState, read_replica
from app.store.shelf import EVERY_SNAPSHOT_DAMAGED, NO_SNAPSHOT, Shelf, SnapshotNotFound

router = make_router("", "service", OPEN)

_DATABASE_SECONDS = 1.0
"""Seconds to wait for the database."""

_NO_STORE = {"Cache-Control": "no-store"}


class NotReady(TemporarilyUnavailable):
    """There is no snapshot yet; one must be built first."""

    code = "not-ready"
    title = "Not ready"


class DatabaseState(StrEnum):
    """Whether the registry's database answers; statistics do not need it.

    `absent`: only protected figures are served, without a database.
    """

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    ABSENT = "absent"


class Health(Closed):
    """The process is alive."""

    status: str = Field(description="`ok`.", examples=["ok"])


class DamagedSnapshot(Closed):
    """A snapshot that is not served, because its files do not match their checksums."""

    snapshot: str = Field(description="Id of the snapshot.")
    reason: str = Field(description="What is wrong with it.")


class Replica(Closed):
    """How the snapshots, filled from an object store, stand to it."""

    sequence: int | None = Field(description="Number of the list of the caller's tier in the store that it equals.")
    behind_seconds: float | None = Field(description="Since when it is not known to equal the store, seconds.")
    store: StoreState = Field(description="`refused`: what is there is damaged, or not signed by the key that is set.")


class Readiness(Closed):
    """The service can answer statistics."""

    status: str = Field(description="`ready`.", examples=["ready"])
    snapshot: str | None = Field(
        description="Id of the newest undamaged snapshot of the caller's tier; null: the caller may see none."
    )
    database: DatabaseState = Field(description="State of the registry's database; statistics do not need it.")
    is_damaged: bool = Field(description="Whether any snapshot, of any tier, is damaged and not served.")
    damaged: list[DamagedSnapshot] = Field(description="Snapshots of the caller's tier that are not served.")
    replica: Replica | None = Field(description="Null: they are not filled from a store.")


@router.get("/healthz", response_model=Health)
async def get_health() -> Response:
    """Get whether the process is alive: always, if it answers."""
    return _json({"status": "ok"})


@router.get("/readyz", response_model=Readiness)
async def get_readiness(request: Request) -> Response:
    """Get whether statistics can be answered, and the state of the database; 503 without a snapshot."""
    shelves = [reader.shelf for reader in request.app.state.readers.values()]
    visible = _visible(request)
    database = await _database_state(request.app.state.engine)
    newest = [await asyncio.to_thread(_newest, shelf) for shelf in shelves]
    damaged = {} if visible is None else visible.damaged
    is_damaged = any(shelf.damaged for shelf in shelves)
    if not any(newest):
        message = EVERY_SNAPSHOT_DAMAGED if is_damaged else NO_SNAPSHOT
        raise NotReady(
            message, [ErrorItem(ErrorCode.DAMAGED_SNAPSHOT, "", _reason(key, told)) for key, told in damaged.items()]
        )
    language = language_of(request.scope)
    listed = [{"snapshot": key, "reason": reason.said(language)} for key, reason in damaged.items()]
    shown = None if visible is None else newest[shelves.index(visible)]
    return _json(
        {
            "status": "ready",
            "snapshot": shown,
            "database": database,
            "is_damaged": is_damaged,
            "damaged": listed,
            "replica": await asyncio.to_thread(_replica, request, visible),
        }
    )


def _replica(request: Request, visible: Shelf | None) -> dict[str, Any] | None:
    """Return where the replica stands; the number of the exact list, which drafts change too, to who may see it."""
    replica = read_replica(request.app.state.settings)
    if replica is None:
        return None
    readers = request.app.state.readers
    is_public = Tier.PUBLIC in readers and visible is readers[Tier.PUBLIC].shelf
    tier = None if visible is None else Tier.PUBLIC if is_public else Tier.EXACT
    sequence = None if tier is None else replica.sequences.get(tier)
    return {"sequence": sequence, "behind_seconds": replica.behind_seconds, "store": replica.store}


def _reason(snapshot: str, told: Message) -> Message:
    return say("{snapshot}: {reason}", snapshot=snapshot, reason=told)


def _visible(request: Request) -> Shelf | None:
    """Return the shelf whose snapshots are visible to the caller; null: none."""
    try:
        tier = tier_of(request.state.principal, (), lambda _code: ())
    except OutsideScope:
        return None
    shelf: Shelf = request.app.state.readers[tier].shelf
    return shelf


def _newest(shelf: Shelf) -> str | None:
    try:
        return shelf.newest().manifest.id
    except SnapshotNotFound:
        return None


@router.get("/metrics", response_class=Response, responses=FILE_RESPONSE)
async def get_metrics(request: Request) -> Response:
    """Get the metrics of this process in the Prometheus text format; how much came in for who may see everything."""
    state = request.app.state
    shelves = {tier: reader.shelf for tier, reader in state.readers.items() if tier is not Tier.SCOPED}
    now = await asyncio.to_thread(state.gauges.of_folder, shelves)
    database = await _database_state(state.engine)
    if database is not DatabaseState.ABSENT:
        now.append(database_gauge(is_up=database is DatabaseState.AVAILABLE))
    visible = _visible(request)
    sees_everything = visible is not None and visible is shelves.get(Tier.EXACT)
    if sees_everything:
        now += await state.gauges.of_returns(state.engine)
    if sees_everything and request.state.principal.reviews:
        now += await asyncio.to_thread(lambda: [*draft_gauges(shelves[Tier.EXACT])])
    content = state.metrics.render(now, with_figures=sees_everything)
    return Response(content, headers=_NO_STORE, media_type=CONTENT_TYPE_LATEST)


async def _database_state(engine: AsyncEngine | None) -> DatabaseState:
    if engine is None:
        return DatabaseState.ABSENT
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), engine.connect() as connection:
            await connection.execute(sqlalchemy.text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError):
        return DatabaseState.UNAVAILABLE
    return DatabaseState.AVAILABLE


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), headers=_NO_STORE, media_type="application/json")
