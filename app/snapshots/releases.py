"""Releasing and withdrawing snapshots, in both tiers by one decision.

The protected snapshot moves before the exact one: nothing protected stays when the exact one is withdrawn, and nothing
exact is released whose protected one cannot be. In between, a reader of either tier sees the old or the new.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.access.principals import Tier
from app.config import Settings
from app.errors import Conflict
from app.messages import say
from app.snapshots.folders import instant_after, is_whole
from app.snapshots.moves import Moves, moving, new_moves
from app.snapshots.replication.state import note_change
from app.store.manifest import MANIFEST, RELEASE, Manifest, Release, read_manifest, write_manifest, write_release
from app.store.shelf import DRAFTS, WITHDRAWN, Shelf, unknown_snapshot


class NotReleased(Conflict):
    """The snapshot is a draft, which cannot be withdrawn."""

    code = "not-released"
    title = "Not released"


class FilesDamaged(Conflict):
    """Files of the snapshot do not match their checksums; its date must be built again."""

    code = "snapshot-damaged"
    title = "Snapshot damaged"


class ContentWithdrawn(Conflict):
    """The registry gives a snapshot that was withdrawn, so nothing is made; releasing it brings it back."""

    code = "content-withdrawn"
    title = "Content withdrawn"


@dataclass(frozen=True)
class Decision:
    """What goes with a release or withdrawal: its note, and the id of the key; null: none."""

    note: str | None = None
    key_id: str | None = None


class Folders:
    """The folders of the snapshots of a tier, by state."""

    def __init__(self, settings: Settings, tier: Tier) -> None:
        self.released = settings.snapshots_dir / tier
        self.drafts = settings.snapshots_dir / DRAFTS / tier
        self.withdrawn = settings.snapshots_dir / WITHDRAWN / tier
        self.shelf = Shelf(self.released)


def release_snapshot(settings: Settings, snapshot_id: str, decision: Decision, seconds: float = -1) -> Manifest:
    """Release a draft, bring a withdrawn snapshot back, or make a released one the newest of its date.

    A released one that is the newest of its date stays as it is. `seconds`: as for `moving`.

    Raises
    ------
    SnapshotNotFound
        No exact snapshot has this id.
    FilesDamaged
        Its files, or those of its protected one, are damaged.
    StillMoving
        See `moving`.
    """
    with moving(settings, seconds):
        exact = Folders(settings, Tier.EXACT)
        manifest, place = _found(snapshot_id, exact.drafts, exact.released, exact.withdrawn)
        newest = exact.shelf.newest_of(manifest.as_of)
        if place.parent == exact.released and newest is not None and newest.id == snapshot_id:
            return newest
        if not is_whole(place):
            raise _damaged(snapshot_id)
        release = Release(
            released_at=instant_after(newest),
            released_by=decision.key_id,
            note=decision.note,
            revises=_other(newest, snapshot_id),
        )
        note_change(settings)
        with new_moves(settings) as moves:
            _release_public(moves, Folders(settings, Tier.PUBLIC), manifest, decision.note)
            _release_exact(moves, exact, manifest, place, release)
            _sweep_drafts(moves, settings, snapshot_id)
            moves.decide()
        return read_manifest(exact.released / snapshot_id)


def withdraw_snapshot(settings: Settings, snapshot_id: str, decision: Decision, seconds: float = -1) -> Manifest:
    """Take a released snapshot out of service, and its protected one, unless that is another released one's too.

    A withdrawn one stays as it is. `seconds`: as for `moving`.

    Raises
    ------
    SnapshotNotFound
        No exact snapshot has this id.
    NotReleased
        It is a draft.
    StillMoving
        See `moving`.
    """
    with moving(settings, seconds):
        exact = Folders(settings, Tier.EXACT)
        manifest, place = _found(snapshot_id, exact.released, exact.withdrawn, exact.drafts)
        if place.parent == exact.drafts:
            raise NotReleased(say("Snapshot {snapshot} is a draft: nobody else sees it.", snapshot=snapshot_id))
        if place.parent == exact.withdrawn:
            return manifest
        rest = [other for other in exact.shelf.all() if other.id != snapshot_id]
        note_change(settings)
        with new_moves(settings) as moves:
            _withdraw_public(moves, Folders(settings, Tier.PUBLIC), manifest, rest, decision.note)
            _withdraw(moves, exact, manifest, decision)
            moves.decide()
        return read_manifest(exact.withdrawn / snapshot_id)


def remove_draft(settings: Settings, snapshot_id: str) -> None:
    """Remove the draft of a snapshot, if there is one, and the protected drafts that no other names."""
    draft = Folders(settings, Tier.EXACT).drafts / snapshot_id
    if draft.exists():
        with new_moves(settings) as moves:
            moves.remove(draft)
            _sweep_drafts(moves, settings, snapshot_id)
            moves.decide()


def refuse_withdrawn(settings: Settings, snapshot_id: str) -> None:
    """Refuse a build of what was withdrawn.

    Raises
    ------
    ContentWithdrawn
        The exact snapshot of this id is withdrawn.
    """
    if withdrawal := Folders(settings, Tier.EXACT).shelf.withdrawal(snapshot_id):
        message = say(
            "{withdrawal} Nothing is built: correct the registry, or release the snapshot to bring it back.",
            withdrawal=withdrawal,
        )
        raise ContentWithdrawn(message)


def _found(snapshot_id: str, *roots: Path) -> tuple[Manifest, Path]:
    """Return the manifest and the folder of a snapshot, from the first root that has it."""
    known: list[str] = []
    for root in roots:
        for manifest in Shelf(root).all():
            if manifest.id == snapshot_id:
                return manifest, root / snapshot_id
            known.append(manifest.id)
    raise unknown_snapshot(snapshot_id, known)


def _damaged(snapshot_id: str) -> FilesDamaged:
    return FilesDamaged(say("Snapshot {snapshot} is damaged: build its date again.", snapshot=snapshot_id))


def _other(manifest: Manifest | None, snapshot_id: str) -> str | None:
    return None if manifest is None or manifest.id == snapshot_id else manifest.id


def _release_public(moves: Moves, public: Folders, exact: Manifest, note: str | None) -> None:
    """Make the protected snapshot of an exact one the newest of its date; where it is, nothing changes for anybody."""
    if exact.public_id is None:
        return
    target, withdrawn = public.released / exact.public_id, public.withdrawn / exact.public_id
    newest = public.shelf.newest_of(exact.as_of)
    release = Release(released_at=instant_after(newest), note=note, revises=_other(newest, exact.public_id))
    if is_whole(target):
        if newest is None or newest.id != exact.public_id:
            moves.move(write_release(moves.stage(), release), target / RELEASE)
    else:
        source = next((place for place in (public.drafts / exact.public_id, withdrawn) if is_whole(place)), None)
        if source is None:
            raise _damaged(exact.id)
        copy = moves.stage()
        shutil.copytree(source, copy, copy_function=link, ignore=shutil.ignore_patterns(RELEASE))
        write_release(copy / RELEASE, release)
        moves.remove(target)
        moves.move(copy, target)
    moves.remove(withdrawn)


def _release_exact(moves: Moves, exact: Folders, manifest: Manifest, place: Path, release: Release) -> None:
    """Move an exact snapshot into service; where its content is released, only what goes with it moves there."""
    target, released = exact.released / manifest.id, write_release(moves.stage(), release)
    if place == target:
        moves.move(released, target / RELEASE)
        return
    if is_whole(target):
        folder = moves.stage()
        folder.mkdir()
        renewed = msgspec.structs.replace(read_manifest(target), public_id=manifest.public_id)
        moves.move(write_manifest(folder, renewed), target / MANIFEST)
        moves.move(released, target / RELEASE)
        moves.remove(place)
    else:
        moves.remove(target)
        moves.move(released, place / RELEASE)
        moves.move(place, target)
    if place.parent == exact.drafts:
        moves.remove(exact.withdrawn / manifest.id)


def _sweep_drafts(moves: Moves, settings: Settings, released: str) -> None:
    """Remove the protected drafts that no other exact draft names."""
    exact, public = Folders(settings, Tier.EXACT), Folders(settings, Tier.PUBLIC)
    named = {draft.public_id for draft in exact.shelf.drafts.all() if draft.id != released}
    for folder in sorted(public.drafts.iterdir()) if public.drafts.is_dir() else ():
        if folder.name not in named:
            moves.remove(folder)


def _withdraw_public(
    moves: Moves, public: Folders, exact: Manifest, rest: Sequence[Manifest], note: str | None
) -> None:
    """Withdraw the protected snapshot of an exact one, and let that of the newest remaining one be the newest."""
    is_shared = any(other.public_id == exact.public_id for other in rest)
    there = public.shelf.of(exact.as_of)
    remaining = [other for other in there if is_shared or other.id != exact.public_id]
    for gone in there:
        if gone not in remaining:
            _withdraw(moves, public, gone, Decision(note))
    follower = next((other for other in rest if other.as_of == exact.as_of and other.public_id), None)
    if follower is not None and follower.public_id in [other.id for other in remaining[1:]]:
        release = Release(
            released_at=instant_after(remaining[0]),
            note=None if follower.release is None else follower.release.note,
            revises=remaining[0].id,
        )
        moves.move(write_release(moves.stage(), release), public.released / follower.public_id / RELEASE)


def _withdraw(moves: Moves, folders: Folders, manifest: Manifest, decision: Decision) -> None:
    withdrawn = msgspec.structs.replace(
        manifest.release or Release(released_at=manifest.built_at),
        withdrawn_at=instant_after(None),
        withdrawn_by=decision.key_id,
        withdrawal_note=decision.note,
    )
    place = folders.released / manifest.id
    moves.remove(folders.withdrawn / manifest.id)
    moves.move(write_release(moves.stage(), withdrawn), place / RELEASE)
    moves.move(place, folders.withdrawn / manifest.id)


def link(source: str, target: str) -> None:
    """Link a file, which nobody changes; copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
