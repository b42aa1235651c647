"""Pushing: what has changed in the folder of snapshots since the last time is carried over into the store's lists.

Blobs go first, then the manifests that name them, and the list that names these last: whoever is killed in between
leaves nothing that can be seen, and the next push sends what is missing. Two folders that push to one store lose
nothing: each applies its own changes to the list as it finds it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog
from filelock import FileLock

from app.access.principals import Tier
from app.config import Settings
from app.errors import Report, ServiceError
from app.snapshots.moves import moving
from app.snapshots.replication.index import (
    PLACES,
    Described,
    Entry,
    Index,
    Places,
    StoreRefused,
    blob_name,
    index_name,
    manifest_name,
    read_index,
    replace_index,
)
from app.snapshots.replication.objects import Objects, addresses, stores
from app.snapshots.replication.state import Pushed, note_all_pushed, read_pushed, refuse_replica, write_pushed
from app.store.format import checksum
from app.store.manifest import MANIFEST, DamagedManifest, OutdatedManifest, read_manifest
from app.store.shelf import DamagedSnapshot

PUSH_LOCK = ".push.lock"
"""Lock file of whoever pushes from this folder, or prunes its store."""

PART = 256 * 1024**2
"""Largest blob, bytes: writing one under a condition is one request, which holds it in memory."""


@dataclass(frozen=True)
class Sent:
    """What a push did for a tier: the sequence of its list, and the bytes of the blobs that were sent."""

    sequence: int
    size: int


def push_changes(settings: Settings, report: Report | None = None) -> None:
    """Push if there is a store; if that fails, it is logged and noted, and the next push sends what is missing."""
    if not addresses(settings):
        return
    try:
        push(settings, report)
    except (ServiceError, OSError) as error:
        code = error.code if isinstance(error, ServiceError) else type(error).__name__
        reason = str(error) if isinstance(error, ServiceError) else error.strerror
        structlog.get_logger().error("push failed", code=code, reason=reason)


def push(settings: Settings, report: Report | None = None, *, everything: bool = False) -> dict[Tier, Sent]:
    """Push what is new here, released, drafts and withdrawn, until nothing changes meanwhile; return what was done.

    Parameters
    ----------
    everything
        Make the lists anew from this folder alone, and look for every blob: after a store was damaged.

    Raises
    ------
    StoreUnavailable, StoreRefused
        The store cannot be used, or what is in it is not to be added to.
    FolderOfReplica
        What is here comes from a store.
    """
    refuse_replica(settings)
    opened = stores(settings, Tier.PUBLIC, Tier.EXACT)
    settings.snapshots_dir.mkdir(parents=True, exist_ok=True)
    done: dict[Tier, Sent] = {}
    with FileLock(settings.snapshots_dir / PUSH_LOCK):
        with moving(settings):
            here = _places(settings)
        while True:
            for number, (tier, objects) in enumerate(opened.items()):
                if report is not None:
                    report("pushing", number, len(opened))
                pushing = _Push(settings, tier, objects, {place: {**here[tier][place]} for place in PLACES[tier]})
                sent = pushing.all_anew() if everything else pushing.changes()
                done[tier] = Sent(sent.sequence, sent.size + (done[tier].size if tier in done else 0))
            with moving(settings):
                there, here = here, _places(settings)
                if here == there:
                    note_all_pushed(settings)
                    return done


class _Push:
    """A push of one tier."""

    def __init__(self, settings: Settings, tier: Tier, objects: Objects, here: Places) -> None:
        self._settings = settings
        self._tier = tier
        self._objects = objects
        self._here = here
        self._size = 0

    def changes(self) -> Sent:
        """Apply what has changed here to the list, as often as somebody else changes it meanwhile."""
        key, before = self._settings.store_signing_key_file, self._pushed
        while True:
            known, found = read_index(self._objects, self._tier, key)
            base = Pushed(before.sequence) if known is None else before
            ours = _both(base.places, base.offered)
            listed = Index(self._tier, base.sequence, {}) if known is None else known
            self._send(listed.manifests)
            places = _merged(listed.places, base.places, ours, self._here)
            if places == listed.places and known is not None:
                return self._noted(listed.sequence)
            sequence = max(listed.sequence, base.sequence) + 1
            offered = Pushed(base.sequence, base.places, _both(base.offered, self._here))
            write_pushed(self._settings, read_pushed(self._settings) | {self._tier: offered})
            if replace_index(self._objects, Index(self._tier, sequence, places), key, found.tag):
                return self._noted(sequence)

    def all_anew(self) -> Sent:
        """Send whatever is not there, and list what is here alone."""
        key = self._settings.store_signing_key_file
        self._send(set())
        while True:
            tag = self._objects.get(index_name(self._tier)).tag
            try:
                known, _ = read_index(self._objects, self._tier, key)
            except StoreRefused:
                known = None
            sequence = max(self._pushed.sequence, 0 if known is None else known.sequence) + 1
            if replace_index(self._objects, Index(self._tier, sequence, _merged({}, {}, {}, self._here)), key, tag):
                return self._noted(sequence)

    @property
    def _pushed(self) -> Pushed:
        return read_pushed(self._settings).get(self._tier, Pushed())

    def _noted(self, sequence: int) -> Sent:
        write_pushed(self._settings, read_pushed(self._settings) | {self._tier: Pushed(sequence, self._here)})
        return Sent(sequence, self._size)

    def _send(self, there: set[str]) -> None:
        """Send the snapshots that are here and whose manifests are not there; leave out what is damaged or gone."""
        for place, entries in self._here.items():
            for snapshot, entry in list(entries.items()):
                if entry.manifest not in there:
                    try:
                        self._send_snapshot(self._settings.snapshots_dir / place / snapshot)
                    except (FileNotFoundError, DamagedManifest, DamagedSnapshot):
                        structlog.get_logger().error("snapshot not pushed", snapshot=snapshot)
                        del entries[snapshot]

    def _send_snapshot(self, folder: Path) -> None:
        content, manifest = (folder / MANIFEST).read_bytes(), read_manifest(folder)
        files = manifest.files
        sent = {name: tuple(self._send_file(folder / name, sha256)) for name, sha256 in files.items()}
        parts = {name: blobs for name, blobs in sent.items() if blobs != (files[name],)}
        described = msgspec.json.encode(Described(content.decode(), parts))
        self._objects.create(manifest_name(self._tier, hashlib.sha256(content).hexdigest()), described)

    def _send_file(self, path: Path, expected: str) -> Iterator[str]:
        """Send what is not there of a file, in parts; yield the SHA-256 of each."""
        if path.stat().st_size <= PART and self._objects.exists(blob_name(expected)):
            yield expected
            return
        if checksum(path) != expected:
            raise DamagedSnapshot(path.name)
        with path.open("rb") as file:
            while part := file.read(PART):
                sha256 = hashlib.sha256(part).hexdigest()
                if not self._objects.exists(blob_name(sha256)) and self._objects.create(blob_name(sha256), part):
                    self._size += len(part)
                yield sha256


def _places(settings: Settings) -> dict[Tier, Places]:
    """Return what is in the folder, by tier; what cannot be read stands as it was pushed."""
    pushed = read_pushed(settings)
    return {
        tier: {place: _entries(settings.snapshots_dir / place, known.get(place, {})) for place in places}
        for tier, places in PLACES.items()
        for known in [pushed.get(tier, Pushed()).places]
    }


def _entries(root: Path, pushed: Mapping[str, Entry]) -> dict[str, Entry]:
    entries = {}
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        try:
            content, manifest = (folder / MANIFEST).read_bytes(), read_manifest(folder)
        except OutdatedManifest:
            continue
        except (OSError, DamagedManifest):
            if known := pushed.get(folder.name):
                entries[folder.name] = known
            continue
        entries[folder.name] = Entry(hashlib.sha256(content).hexdigest(), manifest.release)
    return entries


def _both(one: Places, other: Places) -> Places:
    return {place: {**one.get(place, {}), **other.get(place, {})} for place in {*one, *other}}


def _merged(listed: Places, base: Places, ours: Places, here: Places) -> Places:
    """Return a list with what has been changed here since the base was pushed, without empty places.

    `ours`: what may be in the list from here; what of it is no longer here goes.
    """
    merged = {}
    for place in {*listed, *here}:
        before, now = base.get(place, {}), here.get(place, {})
        changed = {snapshot: entry for snapshot, entry in now.items() if before.get(snapshot) != entry}
        kept = {key: it for key, it in listed.get(place, {}).items() if key in now or key not in ours.get(place, {})}
        if kept | changed:
            merged[place] = kept | changed
    return merged
