"""The snapshots that statistics come from."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import Path, Request, Response
from pydantic import Field

from app.access.principals import Tier, tier_of
from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.pages import validated
from app.api.http.routing import make_router
from app.api.statistics.models import Correlation, Disclosure, MemberSource
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.errors import ErrorCode, ErrorItem, closest
from app.messages import say
from app.store.manifest import Manifest
from app.store.shelf import Shelf, SnapshotNotFound


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


class Snapshot(Closed):
    """All data as of one date; it never changes."""

    id: str = Field(
        description="The date, and a digest of settings and content.", examples=["20170630-5f0c91d2a3b4c5d6"]
    )
    as_of: date = Field(description="The date that it is of.")
    built_at: datetime = Field(description="When it was built, UTC.")
    member_source: MemberSource = Field(description="Where members are counted from.")
    settings: SnapshotSettings = Field(description="What it was built with.")
    intra_enterprise_correlation: Correlation = Field(description="Used by the intervals of ratios over headcount.")
    correlation_source: str = Field(description="How the correlation was obtained.")
    disclosure: Disclosure = Field(description="How persons are protected.")
    rows: SnapshotRows = Field(description="Rows of its tables.")
    capabilities: SnapshotCapabilities = Field(description="What it can answer.")


class SnapshotList(Closed):
    """All snapshots, the newest first."""

    data: list[Snapshot] = Field(description="The snapshots: latest date first, then latest build.")


class SnapshotAnswer(Closed):
    """One snapshot."""

    data: Snapshot = Field(description="The snapshot.")


router = make_router("/v1/snapshots", "snapshots")


@router.get("", response_model=SnapshotList, dependencies=[READ])
async def list_snapshots(request: Request) -> Response:
    """List the snapshots of the caller's tier, the newest first."""
    tier = _tier(request)
    described = [_described(manifest) for manifest in _shelf(request, tier).all()]
    return validated(msgspec.json.encode({"data": described}), public=tier is Tier.PUBLIC)


@router.get("/{id}", response_model=SnapshotAnswer, dependencies=[READ])
async def get_snapshot(
    request: Request, snapshot_id: Annotated[str, Path(alias="id", description="Id of the snapshot.")]
) -> Response:
    """Get one snapshot: its settings, and what it can answer."""
    tier = _tier(request)
    manifests = {manifest.id: manifest for manifest in _shelf(request, tier).all()}
    if snapshot_id not in manifests:
        message = say("There is no snapshot of this id.")
        raise SnapshotNotFound(
            message,
            [
                ErrorItem(
                    ErrorCode.NOT_FOUND,
                    "path/id",
                    message,
                    suggestions=closest(snapshot_id, manifests, most=3, alike=0),
                )
            ],
        )
    described = _described(manifests[snapshot_id])
    return validated(msgspec.json.encode({"data": described}), public=tier is Tier.PUBLIC)


def _tier(request: Request) -> Tier:
    """Return the tier for the whole registry, which manifests are about."""
    return tier_of(request.state.principal, (), lambda _code: ())


def _shelf(request: Request, tier: Tier) -> Shelf:
    shelf: Shelf = request.app.state.readers[tier].shelf
    return shelf


def _described(manifest: Manifest) -> dict[str, Any]:
    tables = manifest.tables
    return {
        "id": manifest.id,
        "as_of": manifest.as_of,
        "built_at": manifest.built_at,
        "member_source": manifest.member_source,
        "settings": manifest.settings,
        "intra_enterprise_correlation": manifest.intra_enterprise_correlation,
        "correlation_source": manifest.correlation_source,
        "disclosure": manifest.disclosure,
        "rows": {name: tables[name].rows if name in tables else None for name in SnapshotRows.model_fields},
        "capabilities": manifest.capabilities,
    }
