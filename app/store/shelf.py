"""The shelf: all snapshots in one folder."""

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from app.errors import ErrorCode, ErrorItem, NotFound, ServiceError, closest
from app.messages import Message, say
from app.store.format import checksum
from app.store.manifest import (
    MANIFEST,
    RELEASE,
    DamagedManifest,
    Manifest,
    OutdatedManifest,
    Release,
    read_manifest,
)
from app.store.snapshot import Snapshot, Tree

_MAPPED_AT_ONCE = 12
"""Most snapshots that stay memory-mapped; beyond, the least recently used is dropped."""

_SETTLED_NS = 1_000_000_000
"""A listing younger than this (ns) is read again: two changes may have the same modification time."""


_LOOKED_AT_SECONDS = 1.0
"""Whether the files of a mapped snapshot are still those that were verified is looked up this often, seconds."""


class SnapshotNotFound(NotFound):
    """There is no snapshot of this date or id; `suggestions` lists the available ones."""

    code = "snapshot-not-found"
    title = "Snapshot not found"


def unknown_snapshot(snapshot_id: str, known: Iterable[str]) -> SnapshotNotFound:
    """Return the error for the id of no snapshot, with the closest of those that there are."""
    message = say("There is no snapshot of this id.")
    suggestions = closest(snapshot_id, known, most=3, alike=0)
    return SnapshotNotFound(message, [ErrorItem(ErrorCode.NOT_FOUND, "path/id", message, suggestions=suggestions)])


class SnapshotWithdrawn(ServiceError):
    """The snapshot of this id was released and then taken out of service; `detail` says why."""

    code = "snapshot-withdrawn"
    status = 410
    title = "Snapshot withdrawn"


class DamagedSnapshot(Exception):
    """A snapshot whose files do not match its manifest; it is not served."""


def damaged_file(folder: Path, manifest: Manifest) -> str | None:
    """Return the first file of a snapshot's folder that does not match the manifest; null if all match."""
    for name, sha256 in manifest.files.items():
        try:
            whole = checksum(folder / name) == sha256
        except OSError:
            whole = False
        if not whole:
            return name
    return None


def _files(folder: Path, manifest: Manifest) -> object:
    """Return a value that stays equal while the files of a snapshot are unchanged (inode, size, time), unread."""
    try:
        stats = [(folder / name).stat() for name in manifest.files]
    except OSError:
        return object()  # equal to nothing
    return manifest.tables, [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]


DRAFTS = "drafts"
"""Folder of the snapshots that are built and not released."""

WITHDRAWN = "withdrawn"
"""Folder of those that were released and withdrawn."""

NO_SNAPSHOT = say("There is no snapshot yet.")
EVERY_SNAPSHOT_DAMAGED = say("Every snapshot is damaged; the log says which.")


def withdrawal_of(snapshot_id: str, release: Release) -> Message:
    """Return when and why a snapshot was withdrawn."""
    day, note = (release.withdrawn_at or "")[:10], release.withdrawal_note
    if note is None:
        return say("Snapshot {snapshot} was withdrawn on {day}.", snapshot=snapshot_id, day=day)
    return say("Snapshot {snapshot} was withdrawn on {day}: {note}", snapshot=snapshot_id, day=day, note=note)


class Shelf:
    """The snapshots in a folder.

    The folder is listed again only when its modification time has changed, so a lookup costs one `stat`.
    Checksums are verified when a snapshot is first opened, and again when its files have changed since; a damaged one
    is logged, listed in `damaged`, and not served until it is rebuilt.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._manifests: tuple[Manifest, ...] = ()
        self._open: dict[str, Snapshot] = {}
        self._trees: WeakValueDictionary[str, Tree] = WeakValueDictionary()
        self._verified_files: dict[str, object] = {}
        self._looked_at = 0.0
        self._damaged: dict[str, Message] = {}
        self._refused: dict[str, Manifest] = {}

    @property
    def damaged(self) -> dict[str, Message]:
        """What is wrong with each damaged snapshot, by id."""
        return dict(self._damaged)

    @cached_property
    def drafts(self) -> "Shelf":
        """The snapshots of the same tier that are built and not released."""
        return Shelf(self._root.parent / DRAFTS / self._root.name)

    @cached_property
    def withdrawn(self) -> "Shelf":
        """The snapshots of the same tier that were released and withdrawn."""
        return Shelf(self._root.parent / WITHDRAWN / self._root.name)

    def all(self) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots, the newest first."""
        with self._lock:
            self._refresh()
            self._look_again()
            return self._manifests

    def is_mapped(self, manifest: Manifest) -> bool:
        """Return whether this build of a snapshot is mapped, so that using it reads no files."""
        snapshot = self._open.get(manifest.id)
        return snapshot is not None and snapshot.manifest.built_at == manifest.built_at

    def newest_of(self, as_of: date) -> Manifest | None:
        """Return the newest snapshot of exactly this date; null if there is none."""
        return next((manifest for manifest in self.all() if manifest.as_of == as_of), None)

    def of(self, as_of: date) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots of exactly this date, the newest first."""
        return tuple(manifest for manifest in self.all() if manifest.as_of == as_of)

    def newest(self) -> Snapshot:
        """Return the newest undamaged snapshot."""
        return self._first(self.all(), NO_SNAPSHOT)

    def at(self, as_of: date) -> Snapshot:
        """Return the newest undamaged snapshot at or before a date."""
        earlier = [manifest for manifest in self.all() if manifest.as_of <= as_of]
        return self._first(earlier, say("There is no snapshot at or before {as_of}.", as_of=as_of))

    def get(self, snapshot_id: str) -> Snapshot:
        """Return the snapshot of an id.

        Raises
        ------
        SnapshotWithdrawn
            It was withdrawn.
        """
        named = [manifest for manifest in self.all() if manifest.id == snapshot_id]
        if not named:
            self.refuse_withdrawn(snapshot_id)
        return self._first(named, say("There is no snapshot {snapshot}.", snapshot=snapshot_id), by_id=True)

    def refuse_withdrawn(self, snapshot_id: str) -> None:
        """Raise `SnapshotWithdrawn` for the id of a snapshot that was withdrawn."""
        if withdrawal := self.withdrawal(snapshot_id):
            raise SnapshotWithdrawn(withdrawal)

    def withdrawal(self, snapshot_id: str) -> Message | None:
        """Return what is said of the withdrawal of a snapshot; null: it was not withdrawn."""
        for manifest in self.withdrawn.all():
            if manifest.id == snapshot_id and manifest.release is not None:
                return withdrawal_of(manifest.id, manifest.release)
        return None

    def visit(self, manifest: Manifest) -> Snapshot:
        """Return a snapshot for a single read; it stays mapped only where there is room, and displaces no other.

        Raises
        ------
        DamagedSnapshot
            Its files do not match the manifest, or were deleted.
        """
        snapshot = self._open.get(manifest.id)
        if snapshot is not None and snapshot.manifest == manifest:
            return snapshot
        self._verify(manifest)  # outside the lock, so that no other thread waits for it
        with self._lock:
            snapshot = self._verified(manifest)
            if manifest.id in self._open or len(self._open) < _MAPPED_AT_ONCE:
                self._open[manifest.id] = snapshot
            return snapshot

    def _first(self, candidates: Sequence[Manifest], detail: Message, *, by_id: bool = False) -> Snapshot:
        for manifest in candidates:
            try:
                return self._opened(manifest)
            except DamagedSnapshot:
                continue
        available = [manifest.id if by_id else manifest.as_of.isoformat() for manifest in self.all()]
        if self.damaged and not self.all():
            detail = EVERY_SNAPSHOT_DAMAGED
        place = "query/snapshot" if by_id else "query/as_of"
        item = ErrorItem(ErrorCode.NO_SNAPSHOT, place, detail, suggestions=tuple(dict.fromkeys(available)))
        raise SnapshotNotFound(detail, [item])

    def _opened(self, manifest: Manifest) -> Snapshot:
        with self._lock:
            snapshot = self._open.pop(manifest.id, None)
            if snapshot is None or snapshot.manifest != manifest:
                snapshot = self._verified(manifest)
            self._open[manifest.id] = snapshot
            while len(self._open) > _MAPPED_AT_ONCE:
                self._open.pop(next(iter(self._open)))
            return snapshot

    def _look_again(self) -> None:
        """Verify mapped snapshots again whose files are others than were verified; looked up once a second."""
        now = time.monotonic()
        if now - self._looked_at < _LOOKED_AT_SECONDS:
            return
        self._looked_at = now
        for manifest in [snapshot.manifest for snapshot in self._open.values()]:
            if _files(self._root / manifest.id, manifest) != self._verified_files.get(manifest.id):
                del self._open[manifest.id]
                with suppress(DamagedSnapshot):
                    self._open[manifest.id] = self._verified(manifest)

    def _verified(self, manifest: Manifest) -> Snapshot:
        folder = self._root / manifest.id
        if not folder.is_dir():
            raise DamagedSnapshot(manifest.id)  # pruned since the listing was read
        name = self._verify(manifest)
        if name is not None:
            self._refused[manifest.id] = manifest
            self._damage(manifest.id, say("{file} does not match its checksum", file=name))
            raise DamagedSnapshot(manifest.id)
        self._damaged.pop(manifest.id, None)  # rebuilt since
        return Snapshot(folder, manifest, self._trees)

    def _verify(self, manifest: Manifest) -> str | None:
        """Return the first file that does not match the manifest; files verified before are not read again."""
        folder = self._root / manifest.id
        files = _files(folder, manifest)
        if self._verified_files.get(manifest.id) == files:
            return None
        name = damaged_file(folder, manifest)
        if name is None:
            self._verified_files[manifest.id] = files
        return name

    def _damage(self, snapshot_id: str, reason: Message) -> None:
        if self._damaged.get(snapshot_id) != reason:
            self._damaged[snapshot_id] = reason
            structlog.get_logger().error("snapshot damaged", snapshot=snapshot_id, reason=str(reason))
        self._manifests = tuple(manifest for manifest in self._manifests if manifest.id != snapshot_id)

    def _refresh(self) -> None:
        try:
            seen = self._root.stat().st_mtime_ns
        except FileNotFoundError:
            self._manifests, self._seen = (), None
            return
        if seen == self._seen:
            return
        found = [manifest for folder in self._root.iterdir() if (manifest := self._manifest(folder)) is not None]
        self._damaged = {name: reason for name, reason in self._damaged.items() if (self._root / name).exists()}
        whole = [manifest for manifest in found if manifest != self._refused.get(manifest.id)]
        self._manifests = tuple(sorted(whole, key=lambda manifest: manifest.recency, reverse=True))
        self._seen = seen if time.time_ns() - seen > _SETTLED_NS else None

    def _manifest(self, folder: Path) -> Manifest | None:
        try:
            manifest = read_manifest(folder)
        except OutdatedManifest:
            self._damage(folder.name, say("another format version: build its date again"))
            return None
        except DamagedManifest as error:
            self._damage(folder.name, say("{file} is damaged", file=RELEASE if str(error) == RELEASE else MANIFEST))
            return None
        except OSError as error:
            if folder.is_dir():  # neither a stray file nor pruned since the listing was read
                self._damage(
                    folder.name, say("{file} cannot be read: {reason}", file=MANIFEST, reason=type(error).__name__)
                )
            return None
        if manifest.id != folder.name:
            self._damage(folder.name, say("another id"))
            return None
        return manifest


class _View(Shelf):
    """The snapshots of another shelf, mapped once for both."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @property
    def damaged(self) -> dict[str, Message]:
        """What is wrong with each snapshot that is not served, by id."""
        return self._shelf.damaged

    @cached_property
    def drafts(self) -> Shelf:
        """The snapshots that are built and not released."""
        return self._shelf.drafts

    @cached_property
    def withdrawn(self) -> Shelf:
        """The snapshots that were released and withdrawn."""
        return self._shelf.withdrawn

    def all(self) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots, the newest first."""
        return self._shelf.all()

    def is_mapped(self, manifest: Manifest) -> bool:
        """Say whether a snapshot is mapped as this build of it."""
        return self._shelf.is_mapped(manifest)

    def visit(self, manifest: Manifest) -> Snapshot:
        """Return a snapshot for one look; errors as those of the shelf."""
        return self._shelf.visit(manifest)

    def _opened(self, manifest: Manifest) -> Snapshot:
        return self._shelf._opened(manifest)


class ReviewShelf(_View):
    """The snapshots of a shelf as whoever may see drafts gets them: a draft by its id alone, never by a date."""

    def get(self, snapshot_id: str) -> Snapshot:
        """Return the snapshot of an id, else the draft; errors as those of the shelf."""
        drafts = {manifest.id for manifest in self.drafts.all()} - {manifest.id for manifest in self.all()}
        return (self.drafts if snapshot_id in drafts else self._shelf).get(snapshot_id)


class ScopedShelf(_View):
    """The snapshots of a shelf as keys with a scope get them."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._all: tuple[Manifest, ...] = ()
        self._scoped: tuple[Manifest, ...] = ()

    @cached_property
    def drafts(self) -> Shelf:
        """The snapshots that are built and not released, as keys with a scope get them."""
        return ScopedShelf(self._shelf.drafts)

    def all(self) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots, the newest first."""
        manifests = self._shelf.all()
        if manifests is not self._all:
            self._all, self._scoped = manifests, tuple(manifest.scoped for manifest in manifests)
        return self._scoped

    def visit(self, manifest: Manifest) -> Snapshot:
        """Return a snapshot for one look; errors as those of the shelf."""
        return super().visit(self._whole_of(manifest)).scoped

    def _opened(self, manifest: Manifest) -> Snapshot:
        return super()._opened(self._whole_of(manifest)).scoped

    def _whole_of(self, manifest: Manifest) -> Manifest:
        for whole in self._shelf.all():
            if whole.id == manifest.id:
                return whole
        raise DamagedSnapshot(manifest.id)  # pruned since the listing was read
