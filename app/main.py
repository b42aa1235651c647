"""The ASGI application, built from settings."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette_compress import CompressMiddleware, add_compress_type

from app.access.audit import AuditLog
from app.access.keys import Keyring
from app.access.principals import ELSEWHERE, Tier
from app.api import audit, catalogue, dashboard, health, keys, snapshots
from app.api.gauges import Gauges
from app.api.http import openapi
from app.api.http.auditing import Auditing
from app.api.http.authorization import Authentication, refuse_undeclared
from app.api.http.limits import BodyLimits, TimeLimit
from app.api.http.middleware import HeadAsGet, Revalidation, SecurityHeaders, Service, UnexpectedErrors
from app.api.http.openapi import DESCRIPTION, TITLE
from app.api.http.origins import KnownHosts, OwnOrigin, cross_origin
from app.api.http.problems import add_problem_handlers
from app.api.http.routing import mount
from app.api.jobs import imports, jobs
from app.api.registry import entities, exports
from app.api.statistics import tables
from app.api.statistics.answer_cache import AnswerCache
from app.api.statistics.reader import SnapshotReader
from app.config import PRIVATE_UMASK, VERSION, Settings
from app.database.engines import make_engine
from app.jobs.supervision import Supervisor
from app.jobs.uploads import clean_up_jobs
from app.observability import Metrics, RequestAccounting
from app.publication import geojson
from app.publication.row_cache import RowCache, Source
from app.snapshots.folders import clean_up_builds
from app.snapshots.moves import finish_moves
from app.store.boundaries import BoundariesFile
from app.store.shelf import ReviewShelf, ScopedShelf, Shelf, SnapshotNotFound

COMPRESSED_FROM = 1400
"""Least body that is compressed, bytes: smaller ones fit into one packet anyway."""

ZSTD_LEVEL = 1
"""Of a page of 110 KB: level 1 leaves 16.9 KB in 0.17 ms, level 3 16.7 KB in 0.22 ms, level 6 15.8 KB in 0.89 ms."""

_DAY = 24 * 3600
"""Seconds."""

_CLEAN_UP_SECONDS = 600
"""What killed workers left is removed this often, seconds, since another starts before their jobs count as lost."""

GZIP_LEVEL = 1
"""Of the same: level 1 leaves 23 KB in 0.6 ms, level 4 19 KB in 1.1 ms, on the event loop."""

ROUTERS: tuple[APIRouter, ...] = (
    *tables.ROUTERS,
    entities.router,
    exports.router,
    snapshots.router,
    jobs.router,
    imports.router,
    exports.templates,
    keys.router,
    audit.router,
    jobs.erasures,
    catalogue.router,
    health.router,
    openapi.router,
    dashboard.router,
)
"""All routers, the busiest first: routes are tried in this order."""


def create_app(settings: Settings) -> Service:
    """Return the application; it opens nothing before startup.

    Raises
    ------
    RightNotDeclared
        A route declares no right.
    """
    app = Service(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.gauges = Gauges(settings)
    mount(app, ROUTERS)
    refuse_undeclared(app)
    add_problem_handlers(app)
    add_middleware(app, settings, app.state.metrics)
    return app


def create_local_app(settings: Settings) -> Service:
    """Return the application for the user of this process alone: all of the exact snapshots, and nothing else.

    It opens no registry and takes no keys, reads of enterprises and branches are audited, requests are not logged, and
    no answer takes too long.
    """
    own = {"anonymous": "exact", "public_only": False, "cors_origins": (), "answer_seconds": _DAY}
    app = create_app(settings.model_copy(update=own))
    app.outermost.clear()
    app.router.lifespan_context = _snapshots_alone
    return app


def add_middleware(app: Service, settings: Settings, metrics: Metrics) -> None:
    """Add all middleware, the outermost first."""
    for media_type in ("text/csv", geojson.MEDIA_TYPE):
        add_compress_type(media_type)
    is_open = settings.answered_without_key == "exact"
    app.outermost += [
        Middleware(RequestAccounting, metrics=metrics),
        *([Middleware(KnownHosts, settings=settings)] if is_open else []),
        Middleware(AnswerCache, settings=settings, metrics=metrics),
    ]
    middleware: list[Middleware] = [Middleware(SecurityHeaders)]
    if settings.cors_origins:
        middleware.append(cross_origin(settings.cors_origins))
    middleware += [
        Middleware(HeadAsGet),
        Middleware(UnexpectedErrors),
        *([] if settings.public_only else [Middleware(Auditing, settings=settings)]),
        *([Middleware(OwnOrigin, settings=settings)] if is_open else []),
        Middleware(BodyLimits, settings=settings, routes=app.routes),
        Middleware(TimeLimit, seconds=settings.answer_seconds),
        Middleware(Authentication, settings=settings),
        Middleware(Revalidation),
        Middleware(
            CompressMiddleware,
            minimum_size=COMPRESSED_FROM,
            brotli=False,
            zstd_level=ZSTD_LEVEL,
            gzip_level=GZIP_LEVEL,
        ),
    ]
    app.user_middleware.extend(middleware)


def _open_readers(app: FastAPI) -> None:
    """Open the readers of each tier, newest snapshots mapped: everybody's, and those that show drafts too."""
    settings: Settings = app.state.settings
    row_cache = RowCache(settings.row_cache_bytes)
    roots = (Tier.PUBLIC,) if settings.public_only else (Tier.EXACT, Tier.PUBLIC)
    shelves = {tier: Shelf(settings.snapshots_dir / tier) for tier in roots}
    boundaries = BoundariesFile(settings.boundaries_path)
    for shelf in shelves.values():
        with suppress(SnapshotNotFound):
            shelf.newest()
    if not settings.public_only:
        shelves[Tier.SCOPED] = ScopedShelf(shelves[Tier.EXACT])
    app.state.readers = {tier: SnapshotReader(Source(shelf, row_cache, boundaries)) for tier, shelf in shelves.items()}
    app.state.reviewers = {
        tier: SnapshotReader(Source(ReviewShelf(shelf), row_cache, boundaries)) for tier, shelf in shelves.items()
    }


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the snapshots and, unless only the public tier is served, the registry."""
    settings: Settings = app.state.settings
    await asyncio.to_thread(_open_readers, app)
    async with _no_registry(app) if settings.public_only else _registry(app, settings):
        yield


def _warn_of_wide_folder(settings: Settings) -> None:
    folder = settings.data_dir
    if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & PRIVATE_UMASK:
        structlog.get_logger().warning("data folder is open to other users", folder=str(folder), wanted="0700")


@asynccontextmanager
async def _snapshots_alone(app: FastAPI) -> AsyncIterator[None]:
    await asyncio.to_thread(_open_readers, app)
    async with _no_registry(app):
        yield


@asynccontextmanager
async def _no_registry(app: FastAPI) -> AsyncIterator[None]:
    app.state.engine = None
    app.state.keyring = Keyring(None, Tier.PUBLIC)
    yield


@asynccontextmanager
async def _registry(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Clean up after killed jobs, open the registry's engine, cache its keys, and supervise jobs."""
    _warn_of_wide_folder(settings)
    for clean_up in (clean_up_builds, finish_moves, clean_up_jobs):
        await asyncio.to_thread(clean_up, settings)
    await asyncio.to_thread(AuditLog(settings).remove_expired)
    app.state.engine = make_engine(settings.registry_url)
    app.state.supervisor = Supervisor(settings, app.state.metrics)
    app.state.keyring = Keyring(app.state.engine, ELSEWHERE[settings.anonymous])
    stopped = asyncio.Event()
    reading = asyncio.create_task(app.state.keyring.refresh(stopped))
    cleaning = asyncio.create_task(_clean_up_jobs(settings))
    try:
        yield
    finally:
        cleaning.cancel()
        stopped.set()
        await reading
        await app.state.supervisor.close()
        await app.state.engine.dispose()


async def _clean_up_jobs(settings: Settings) -> None:
    while True:
        await asyncio.sleep(_CLEAN_UP_SECONDS)
        try:
            await asyncio.to_thread(clean_up_jobs, settings)
        except OSError:
            structlog.get_logger().exception("jobs not cleaned up")
