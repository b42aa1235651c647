"""The shelf: all snapshots of one root, as its folder listing says."""

import threading
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import structlog

from app.errors import ErrorItem, NotFound
from app.store.format import FORMAT_VERSION, checksum
from app.store.manifest import MANIFEST, DamagedManifest, Manifest, read_manifest
from app.store.snapshot import Snapshot

_MAPPED_AT_ONCE = 8
"""Snapshots kept mapped; the least recently used goes first."""

_SETTLED_NS = 1_000_000_000
"""A listing younger than this is read again: two changes may share one tick of the file system's clock."""


class SnapshotNotFound(NotFound):
    """No snapshot answers to the date or id; `allowed` lists what there is."""

    code = "snapshot-not-found"
    title = "Snapshot not found"


class DamagedSnapshot(Exception):
    """A snapshot whose files do not match its manifest; it is not served."""


def damaged_table(folder: Path, manifest: Manifest) -> str | None:
    """Return the first table of a snapshot's folder whose file is not what the manifest says; null where all are."""
    for name, info in manifest.tables.items():
        try:
            whole = checksum(folder / f"{name}.arrow") == info.sha256
        except OSError:
            whole = False
        if not whole:
            return name
    return None


def _files(folder: Path, manifest: Manifest) -> object:
    """Return what tells that the files of a snapshot are still the same, without reading them."""
    try:
        stats = [(folder / f"{name}.arrow").stat() for name in manifest.tables]
    except OSError:
        return object()  # equal to nothing
    return manifest, [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]


class Shelf:
    """The snapshots below a root.

    The root's modification time tells whether the listing has changed, so that a question costs one `stat`.
    Checksums are verified when a snapshot is first opened; a damaged one is named in the log and in `damaged`, and
    left out until it is built anew.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._manifests: tuple[Manifest, ...] = ()
        self._open: dict[str, Snapshot] = {}
        self._whole: dict[str, object] = {}
        self._damaged: dict[str, str] = {}
        self._refused: dict[str, Manifest] = {}

    @property
    def damaged(self) -> dict[str, str]:
        """What is wrong with each snapshot that is not served, by id."""
        return dict(self._damaged)

    def all(self) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots, the newest first."""
        with self._lock:
            self._refresh()
            return self._manifests

    def is_mapped(self, manifest: Manifest) -> bool:
        """Say whether a snapshot is mapped as this build of it, so that asking it costs no reading of files."""
        snapshot = self._open.get(manifest.id)
        return snapshot is not None and snapshot.manifest.built_at == manifest.built_at

    def newest_of(self, as_of: date) -> Manifest | None:
        """Return the newest snapshot of exactly this date; null where there is none."""
        return next((manifest for manifest in self.all() if manifest.as_of == as_of), None)

    def of(self, as_of: date) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots of exactly this date, the newest first."""
        return tuple(manifest for manifest in self.all() if manifest.as_of == as_of)

    def newest(self) -> Snapshot:
        """Return the newest snapshot that is whole."""
        return self._first(self.all(), "There is no snapshot yet.")

    def at(self, as_of: date) -> Snapshot:
        """Return the newest whole snapshot at or before a date."""
        earlier = [manifest for manifest in self.all() if manifest.as_of <= as_of]
        return self._first(earlier, f"There is no snapshot at or before {as_of}.")

    def get(self, snapshot_id: str) -> Snapshot:
        """Return the snapshot of an id."""
        named = [manifest for manifest in self.all() if manifest.id == snapshot_id]
        return self._first(named, f"There is no snapshot {snapshot_id}.", by_id=True)

    def visit(self, manifest: Manifest) -> Snapshot:
        """Return a snapshot for one look, without keeping it mapped in another's stead.

        Raises
        ------
        DamagedSnapshot
            Its files are not what the manifest says, or gone.
        """
        kept = self._open.get(manifest.id)
        if kept is not None and kept.manifest == manifest:
            return kept
        self._verify(manifest)  # without the lock, so that nobody waits for it
        with self._lock:
            return self._verified(manifest)

    def _first(self, candidates: Sequence[Manifest], detail: str, *, by_id: bool = False) -> Snapshot:
        for manifest in candidates:
            try:
                return self._opened(manifest)
            except DamagedSnapshot:
                continue
        there = [manifest.id if by_id else manifest.as_of.isoformat() for manifest in self.all()]
        pointer = "query/snapshot" if by_id else "query/as_of"
        raise SnapshotNotFound(detail, [ErrorItem(pointer, detail, tuple(dict.fromkeys(there)))])

    def _opened(self, manifest: Manifest) -> Snapshot:
        with self._lock:
            snapshot = self._open.pop(manifest.id, None)
            if snapshot is None or snapshot.manifest != manifest:
                snapshot = self._verified(manifest)
            self._open[manifest.id] = snapshot
            while len(self._open) > _MAPPED_AT_ONCE:
                self._open.pop(next(iter(self._open)))
            return snapshot

    def _verified(self, manifest: Manifest) -> Snapshot:
        folder = self._root / manifest.id
        if not folder.is_dir():
            raise DamagedSnapshot(manifest.id)  # pruned since the listing was read
        name = self._verify(manifest)
        if name is not None:
            self._refused[manifest.id] = manifest
            self._damage(manifest.id, f"{name}.arrow does not match its checksum")
            raise DamagedSnapshot(manifest.id)
        self._damaged.pop(manifest.id, None)  # built anew since
        return Snapshot(folder, manifest)

    def _verify(self, manifest: Manifest) -> str | None:
        """Return the first table whose file is not what the manifest says, looking only at files not seen whole yet."""
        folder = self._root / manifest.id
        files = _files(folder, manifest)
        if self._whole.get(manifest.id) == files:
            return None
        name = damaged_table(folder, manifest)
        if name is None:
            self._whole[manifest.id] = files
        return name

    def _damage(self, snapshot_id: str, what: str) -> None:
        if self._damaged.get(snapshot_id) != what:
            self._damaged[snapshot_id] = what
            structlog.get_logger().error("snapshot damaged", snapshot=snapshot_id, reason=what)
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
        self._damaged = {name: what for name, what in self._damaged.items() if (self._root / name).exists()}
        whole = [manifest for manifest in found if manifest != self._refused.get(manifest.id)]
        self._manifests = tuple(sorted(whole, key=lambda manifest: manifest.recency, reverse=True))
        self._seen = seen if time.time_ns() - seen > _SETTLED_NS else None

    def _manifest(self, folder: Path) -> Manifest | None:
        try:
            manifest = read_manifest(folder)
        except DamagedManifest:
            self._damage(folder.name, f"{MANIFEST} is not what was written")
            return None
        except OSError as error:
            if folder.is_dir():  # neither a stray file nor pruned since the listing was read
                self._damage(folder.name, f"{MANIFEST} cannot be read: {type(error).__name__}")
            return None
        if manifest.format_version != FORMAT_VERSION or manifest.id != folder.name:
            self._damage(folder.name, "another format version or id")
            return None
        return manifest


class ScopedShelf(Shelf):
    """The snapshots of a shelf as keys with a scope get them, mapped once for both."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._all: tuple[Manifest, ...] = ()
        self._scoped: tuple[Manifest, ...] = ()

    @property
    def damaged(self) -> dict[str, str]:
        """What is wrong with each snapshot that is not served, by id."""
        return self._shelf.damaged

    def all(self) -> tuple[Manifest, ...]:
        """Return the manifests of all snapshots, the newest first."""
        manifests = self._shelf.all()
        if manifests is not self._all:
            self._all, self._scoped = manifests, tuple(manifest.scoped for manifest in manifests)
        return self._scoped

    def is_mapped(self, manifest: Manifest) -> bool:
        """Say whether a snapshot is mapped as this build of it."""
        return self._shelf.is_mapped(manifest)

    def visit(self, manifest: Manifest) -> Snapshot:
        """Return a snapshot for one look; errors as those of the shelf."""
        return self._shelf.visit(self._whole_of(manifest)).scoped

    def _opened(self, manifest: Manifest) -> Snapshot:
        return self._shelf._opened(self._whole_of(manifest)).scoped

    def _whole_of(self, manifest: Manifest) -> Manifest:
        for whole in self._shelf.all():
            if whole.id == manifest.id:
                return whole
        raise DamagedSnapshot(manifest.id)  # pruned since the listing was read
