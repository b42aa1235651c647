"""The snapshots that statistics come from."""

from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from fastapi import Path, Request, Response

from app.access.principals import Tier
from app.access.tier import tier_of
from app.api.admission import READ
from app.api.caching import validated
from app.api.routes import make_router
from app.api.schemas.snapshots import SnapshotAnswer, SnapshotList, SnapshotRows
from app.errors import ErrorItem
from app.store.manifest import Manifest
from app.store.shelf import Shelf, SnapshotNotFound

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
    """Get one snapshot: what it was built with, and what it can answer."""
    tier = _tier(request)
    manifests = {manifest.id: manifest for manifest in _shelf(request, tier).all()}
    if snapshot_id not in manifests:
        message = "There is no snapshot of this id."
        raise SnapshotNotFound(message, [ErrorItem("path/id", message, _closest(snapshot_id, manifests))])
    described = _described(manifests[snapshot_id])
    return validated(msgspec.json.encode({"data": described}), public=tier is Tier.PUBLIC)


def _tier(request: Request) -> Tier:
    """Decide the tier: what a snapshot says of itself is about everything."""
    return tier_of(request.state.principal, (), lambda _code: ())


def _shelf(request: Request, tier: Tier) -> Shelf:
    shelf: Shelf = request.app.state.desks[tier].shelf
    return shelf


def _closest(snapshot_id: str, manifests: dict[str, Manifest]) -> tuple[str, ...]:
    return tuple(get_close_matches(snapshot_id, manifests, cutoff=0))


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
