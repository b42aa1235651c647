"""The application: what answers HTTP, built from settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import APIRouter, FastAPI

from app.access.audit import AuditLog
from app.access.keyring import Keyring
from app.access.principals import ELSEWHERE, Tier
from app.api import (
    audit,
    catalogue,
    dashboard,
    documentation,
    erasures,
    health,
    imports,
    jobs,
    keys,
    snapshots,
    templates,
)
from app.api.admission import refuse_undeclared
from app.api.document import DESCRIPTION, TITLE, VERSION
from app.api.layers import Service, add_layers
from app.api.problems import add_problem_handlers
from app.api.registry import branches, classifications, enterprises, exports
from app.api.routes import mount
from app.api.statistics import (
    bases,
    changes,
    cross_table,
    data_quality,
    dual_affiliation,
    establishment_gaps,
    files,
    lists,
    low_membership,
    subjects,
    trends,
)
from app.api.statistics.desk import Desk
from app.config import Settings
from app.database.engines import make_engine
from app.jobs.supervision import Supervisor
from app.jobs.uploads import sweep_jobs
from app.observability import Metrics
from app.publication.kept import KeptRows
from app.snapshots.aside import sweep
from app.store.shelf import Shelf, SnapshotNotFound

ROUTERS: tuple[APIRouter, ...] = (
    lists.router,
    bases.router,
    changes.router,
    cross_table.router,
    dual_affiliation.router,
    establishment_gaps.router,
    data_quality.router,
    low_membership.router,
    trends.router,
    subjects.router,
    files.router,
    classifications.router,
    enterprises.router,
    branches.router,
    exports.router,
    snapshots.router,
    jobs.router,
    imports.router,
    templates.router,
    keys.router,
    audit.router,
    erasures.router,
    catalogue.router,
    health.router,
    documentation.router,
    dashboard.router,
)
"""All routers, the busiest first: routes are tried in this order."""


def create_app(settings: Settings) -> Service:
    """Return the application; it opens nothing before it starts.

    Raises
    ------
    RightNotDeclared
        A route does not say which right it needs.
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
    mount(app, ROUTERS)
    refuse_undeclared(app)
    add_problem_handlers(app)
    add_layers(app, settings, app.state.metrics)
    return app


def _desk(settings: Settings, tier: Tier, kept: KeptRows) -> Desk:
    """Return the desk of a tier, its newest snapshot mapped."""
    shelf = Shelf(settings.snapshots_dir / tier)
    with suppress(SnapshotNotFound):
        shelf.newest()
    return Desk(shelf, kept)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the shelves, newest snapshots mapped, and what the writing half needs, unless there is none."""
    settings: Settings = app.state.settings
    kept = KeptRows(settings.row_cache_bytes)
    tiers = (Tier.PUBLIC,) if settings.public_only else tuple(Tier)
    app.state.desks = {tier: await asyncio.to_thread(_desk, settings, tier, kept) for tier in tiers}
    async with _no_registry(app) if settings.public_only else _registry(app, settings):
        yield


@asynccontextmanager
async def _no_registry(app: FastAPI) -> AsyncIterator[None]:
    app.state.engine = None
    app.state.keyring = Keyring(None, Tier.PUBLIC)
    yield


@asynccontextmanager
async def _registry(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Open the registry's engine, have its keys read, take jobs; sweep what killed ones left."""
    for swept in (partial(sweep, settings), partial(sweep_jobs, settings), AuditLog(settings).sweep):
        await asyncio.to_thread(swept)
    app.state.engine = make_engine(settings.registry_url)
    app.state.supervisor = Supervisor(settings)
    app.state.keyring = Keyring(app.state.engine, ELSEWHERE[settings.anonymous])
    stopped = asyncio.Event()
    reading = asyncio.create_task(app.state.keyring.keep_read(stopped))
    try:
        yield
    finally:
        stopped.set()
        await reading
        await app.state.supervisor.close()
        await app.state.engine.dispose()
