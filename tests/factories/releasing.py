"""Snapshots of one firm in both tiers, as drafts, released, withdrawn; and what is to be seen of them on the disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.config import Settings
from app.snapshots.build import build_snapshot
from app.snapshots.releases import Decision, release_snapshot, withdraw_snapshot
from app.store.manifest import Manifest, read_manifest
from app.store.shelf import Shelf
from tests.factories.loading import fill
from tests.factories.snapshot_files import AS_OF
from tests.factories.tiny import tiny_registry
from tests.reference.registry import Registry

TIERS = ("exact", "public")
STATES = ("", "drafts", "withdrawn")


def one_firm(members: int = 5, name: str = "示例") -> Registry:
    """A registry of one firm; another name makes another exact snapshot, six members more another protected one."""
    return tiny_registry(
        enterprises=f"code, name, district_code, industry_code\nA, {name}, wucun, 64",
        returns=f"enterprise_code, reported_on, headcount, members\nA, 2017-03-31, 40, {members}",
    )


@dataclass(frozen=True)
class Desk:
    """A data folder whose builds make drafts, unless told otherwise."""

    settings: Settings

    def build(self, members: int = 5, name: str = "示例", as_of: date = AS_OF, **settings: Any) -> Manifest:
        """Build from a registry of one firm; return the exact manifest."""
        fill(self.settings.registry_url, one_firm(members, name))
        return build_snapshot(self.settings.model_copy(update=settings), as_of, lambda *_: None)

    def release(self, snapshot: str, note: str | None = None, key: str | None = None) -> Manifest:
        return release_snapshot(self.settings, snapshot, Decision(note, key))

    def withdraw(self, snapshot: str, note: str | None = None, key: str | None = None) -> Manifest:
        return withdraw_snapshot(self.settings, snapshot, Decision(note, key))

    def released(self, *members: int) -> list[Manifest]:
        """Build and release a snapshot of each number of members, in this order."""
        return [self.release(self.build(number).id) for number in members]

    def ids(self, tier: str, state: str = "") -> list[str]:
        """The snapshots of a tier in a state, the newest first, as a process that has just started sees them."""
        return [manifest.id for manifest in Shelf(self.root(tier, state)).all()]

    def root(self, tier: str, state: str = "") -> Path:
        return self.settings.snapshots_dir / state / tier

    @property
    def places(self) -> dict[str, list[str]]:
        """What stands where, where anything does: each folder of snapshots, and what is beside them."""
        found = {f"{state}/{tier}".strip("/"): self.ids(tier, state) for state in STATES for tier in TIERS}
        return {place: ids for place, ids in found.items() if ids}

    @property
    def left(self) -> set[str]:
        """What is in the folder of snapshots beside them and the locks."""
        known = {*TIERS, *STATES, ".build.lock", ".release.lock"}
        return {path.name for path in self.settings.snapshots_dir.iterdir()} - known

    def manifests(self) -> Iterator[tuple[str, Manifest]]:
        """Every snapshot with its place; each is whole."""
        for state in STATES:
            for tier in TIERS:
                shelf = Shelf(self.root(tier, state))
                for manifest in shelf.all():
                    shelf.visit(manifest)
                    yield f"{state}/{tier}".strip("/"), read_manifest(self.root(tier, state) / manifest.id)


def public_of(manifest: Manifest) -> str:
    assert manifest.public_id is not None
    return manifest.public_id
