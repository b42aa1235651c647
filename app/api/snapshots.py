"""The snapshots that statistics come from: which there are, their release and their withdrawal."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from threading import Thread
from typing import Annotated, Any

import msgspec
from fastapi import Path, Request, Response
from pydantic import Field, StringConstraints

from app.access.principals import Principal, Tier, tier_of
from app.api.http.auditing import audit_details
from app.api.http.authorization import READ, RELEASE_EVERYWHERE
from app.api.http.models import Closed
from app.api.http.pages import JSON, validated
from app.api.http.routing import make_router
from app.api.registry.models import NO_NUL
from app.api.statistics.models import Correlation, Disclosure, MemberSource
from app.api.statistics.reader import reader_of
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.config import Settings
from app.jobs.uploads import full_disk_named
from app.snapshots import releases
from app.snapshots.replication.push import push_changes
from app.store.manifest import Manifest, Release
from app.store.shelf import Shelf, unknown_snapshot


class SnapshotSettings(Closed):
    """The settings that a snapshot was built with; part of its id."""

    member_source: str = Field(description="As set: `auto`, `register` or `returns`.")
    surveyed_headcount: int = Field(description="Least headcount of the basis `surveyed`, employees.")
    surveyed_headcount_social: int = Field(description="The same for social organisations, employees.")
    eligible_full_members: int = Field(description="Full members from which an organisation must be established.")
    return_window_months: int = Field(description="How long a return counts as current, months.")
    turnover_window_months: int = Field(description="Period over which joining and leaving are counted, months.")
    active_branch_meetings: int = Field(description="Meetings in 12 months from which a branch is active.")
    branch_least_full_members: int = Field(description="Advice: least full members of a branch.")
    general_branch_above: int = Field(description="Advice: a general branch has more members than this.")
    committee_above: int = Field(description="Advice: a committee has more members than this.")


class SnapshotRows(Closed):
    """Rows of each table; null: this snapshot has no such table."""

    districts: int | None = Field(description="Districts; null: no such table.")
    industries: int | None = Field(description="Industries; null: no such table.")
    industry_groups: int | None = Field(description="Industry groups; null: no such table.")
    enterprises: int | None = Field(description="Registered enterprises; null: no such table.")
    branches: int | None = Field(description="Living branches; null: no such table.")
    withheld: int | None = Field(description="County × section with withheld members; null: no such table.")
    dual_affiliation: int | None = Field(description="Home × joint branch; null: no such table.")
    coverage: int | None = Field(description="Living coverage rows; null: no such table.")
    findings: int | None = Field(description="Findings on data quality; null: no such table.")
    totals: int | None = Field(description="Sums per basis and node or group; null: no such table.")
    cells: int | None = Field(description="Sums per basis, large district and industry; null: no such table.")
    targets: int = Field(description="Targets.")
    places: int | None = Field(description="Rounded figures per place (public tier only); null: no such table.")


class SnapshotCapabilities(Closed):
    """What a snapshot can answer."""

    measures: list[str] = Field(description="Codes of measures.")
    metrics: list[str] = Field(description="Codes of metrics.")
    bases: list[Basis] = Field(description="Bases.")
    district_levels: list[DistrictLevel] = Field(description="Levels of districts.")
    industry_levels: list[IndustryLevel] = Field(description="Levels of industries.")
    filters: list[str] = Field(description="Parameters that filter enterprises by their attributes.")
    subjects: list[str] = Field(description="What rows can be about.")
    analyses: list[str] = Field(description="Available analyses.")


class SnapshotState(StrEnum):
    """Whether a snapshot answers questions.

    `draft`: it is built and not released, and seen by its id, by keys with `write` or `release` alone; `released`: it
    answers; `withdrawn`: it answered once, and no more.
    """

    DRAFT = "draft"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class Snapshot(Closed):
    """All data as of one date; it never changes."""

    id: str = Field(
        description="The date, and a digest of settings and content.", examples=["20170630-5f0c91d2a3b4c5d6"]
    )
    as_of: date = Field(description="The date that it is of.")
    built_at: datetime = Field(description="When it was built, UTC.")
    state: SnapshotState = Field(description="Whether it answers questions.")
    released_at: datetime | None = Field(
        description="When it was released, UTC; what is released at once: when it was built; null: a draft."
    )
    withdrawn_at: datetime | None = Field(description="When it was withdrawn, UTC; null: it is not.")
    revises: str | None = Field(
        description="Id of the snapshot of the same date that was the newest when this one was released (of drafts: "
        "that is the newest now); null: none."
    )
    note: str | None = Field(description="What is said of its release, or of its withdrawal; null: nothing.")
    member_source: MemberSource = Field(description="Where members are counted from.")
    settings: SnapshotSettings = Field(description="What it was built with.")
    intra_enterprise_correlation: Correlation = Field(description="Used by the intervals of ratios over headcount.")
    correlation_source: str = Field(description="How the correlation was obtained.")
    disclosure: Disclosure = Field(description="How persons are protected.")
    rows: SnapshotRows = Field(description="Rows of its tables.")
    capabilities: SnapshotCapabilities = Field(description="What it can answer.")


class SnapshotList(Closed):
    """All snapshots: the released ones, then drafts, then withdrawn ones, each the newest first."""

    data: list[Snapshot] = Field(description="The snapshots; of one state: latest date first, then latest release.")


class SnapshotAnswer(Closed):
    """One snapshot."""

    data: Snapshot = Field(description="The snapshot.")


class DecisionBody(Closed):
    """What goes with a release or a withdrawal."""

    note: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=NO_NUL)] | None
    ) = Field(
        default=None,
        description="Why; everybody who may see the snapshot is told. Null: nothing is said.",
        examples=["Returns of Lujiang Street corrected."],
    )


router = make_router("/v1/snapshots", "snapshots")

SnapshotId = Annotated[str, Path(alias="id", description="Id of the snapshot.")]

_WAIT_SECONDS = 30
"""How long a decision waits for whoever else is at the folders of snapshots, seconds."""


@router.get("", response_model=SnapshotList, dependencies=[READ])
async def list_snapshots(request: Request) -> Response:
    """List the snapshots of the caller's tier: released ones, drafts (for `write`, `release`), withdrawn ones."""
    tier = _tier(request)
    shelf = reader_of(request, tier).shelf
    released = {manifest.id: manifest for manifest in shelf.all()}
    drafts = [it for it in _drafts(request, shelf) if not _is_released(it, released.get(it.id))]
    listed = [
        *(_described(manifest, SnapshotState.RELEASED) for manifest in released.values()),
        *(_draft(shelf, manifest) for manifest in drafts),
        *(_described(it, SnapshotState.WITHDRAWN) for it in shelf.withdrawn.all() if it.id not in released),
    ]
    is_public = tier is Tier.PUBLIC and not _drafts(request, shelf)
    return validated(msgspec.json.encode({"data": listed}), public=is_public)


def _is_released(draft: Manifest, released: Manifest | None) -> bool:
    """Return whether nothing would change if a draft were released: another public one may belong to it."""
    return released is not None and draft.public_id == released.public_id


@router.get("/{id}", response_model=SnapshotAnswer, dependencies=[READ])
async def get_snapshot(request: Request, snapshot_id: SnapshotId) -> Response:
    """Get one snapshot: its settings, and what it can answer."""
    tier = _tier(request)
    shelf = reader_of(request, tier).shelf
    known = {manifest.id: manifest for manifest in shelf.all()}
    drafts = {manifest.id: manifest for manifest in _drafts(request, shelf)}
    if snapshot_id in known:
        described = _described(known[snapshot_id], SnapshotState.RELEASED)
    elif snapshot_id in drafts:
        described = _draft(shelf, drafts[snapshot_id])
    else:
        shelf.refuse_withdrawn(snapshot_id)
        raise unknown_snapshot(snapshot_id, known)
    is_public = tier is Tier.PUBLIC and snapshot_id in known
    return validated(msgspec.json.encode({"data": described}), public=is_public)


@router.post("/{id}/release", response_model=SnapshotAnswer, dependencies=[RELEASE_EVERYWHERE])
async def release_snapshot(request: Request, snapshot_id: SnapshotId, body: DecisionBody) -> Response:
    """Release a draft, in both tiers: it answers questions, and is the newest of its date.

    A withdrawn snapshot is brought back; a released one becomes the newest of its date, and where it is, nothing
    changes.
    """
    return await _decided(request, releases.release_snapshot, snapshot_id, body, SnapshotState.RELEASED)


@router.post("/{id}/withdraw", response_model=SnapshotAnswer, dependencies=[RELEASE_EVERYWHERE])
async def withdraw_snapshot(request: Request, snapshot_id: SnapshotId, body: DecisionBody) -> Response:
    """Withdraw a released snapshot, in both tiers: its id is answered by 410, and the next newest of its date answers.

    Where it is withdrawn, nothing changes.
    """
    return await _decided(request, releases.withdraw_snapshot, snapshot_id, body, SnapshotState.WITHDRAWN)


async def _decided(
    request: Request,
    decide: Callable[[Settings, str, releases.Decision, float], Manifest],
    snapshot_id: str,
    body: DecisionBody,
    state: SnapshotState,
) -> Response:
    principal: Principal = request.state.principal
    decision = releases.Decision(body.note, principal.key_id)
    with full_disk_named():
        manifest = await asyncio.to_thread(decide, request.app.state.settings, snapshot_id, decision, _WAIT_SECONDS)
    audit_details(request, as_of=manifest.as_of.isoformat())
    # Neither the answer nor the end of the service waits for it; what it leaves undone the next push does.
    Thread(target=push_changes, args=(request.app.state.settings,), daemon=True).start()
    return Response(msgspec.json.encode({"data": _described(manifest, state)}), media_type=JSON)


def _tier(request: Request) -> Tier:
    """Return the tier for the whole registry, which manifests are about."""
    return tier_of(request.state.principal, (), lambda _code: ())


def _drafts(request: Request, shelf: Shelf) -> tuple[Manifest, ...]:
    return shelf.drafts.all() if request.state.principal.reviews else ()


def _draft(shelf: Shelf, manifest: Manifest) -> dict[str, Any]:
    newest = shelf.newest_of(manifest.as_of)
    return _described(manifest, SnapshotState.DRAFT) | {"released_at": None, "revises": newest and newest.id}


def _described(manifest: Manifest, state: SnapshotState) -> dict[str, Any]:
    tables = manifest.tables
    release = manifest.release or Release(released_at=manifest.built_at)
    is_withdrawn = state is SnapshotState.WITHDRAWN
    return {
        "id": manifest.id,
        "as_of": manifest.as_of,
        "built_at": manifest.built_at,
        "state": state,
        "released_at": release.released_at,
        "withdrawn_at": release.withdrawn_at if is_withdrawn else None,
        "revises": release.revises,
        "note": release.withdrawal_note if is_withdrawn else release.note,
        "member_source": manifest.member_source,
        "settings": manifest.settings,
        "intra_enterprise_correlation": manifest.intra_enterprise_correlation,
        "correlation_source": manifest.correlation_source,
        "disclosure": manifest.disclosure,
        "rows": {name: tables[name].rows if name in tables else None for name in SnapshotRows.model_fields},
        "capabilities": manifest.capabilities,
    }
