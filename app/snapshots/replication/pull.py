"""Replicating: the folder of snapshots is made what the store's lists say, and then nothing else.

A snapshot comes as a build does: put together aside, every table verified, and shown by one rename. Tables that are
here are linked. What cannot be had whole is left out, and asked for again; while the store is away, all stays as it is.
"""

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog
from filelock import FileLock, Timeout

from app.access.principals import Tier
from app.config import Settings
from app.errors import Conflict, ServiceError
from app.messages import say
from app.snapshots.folders import clean_up_builds
from app.snapshots.moves import Moves, moving, new_moves
from app.snapshots.releases import link
from app.snapshots.replication.index import (
    PLACES,
    Entry,
    Index,
    StoreRefused,
    blob_name,
    blobs_of,
    read_described,
    read_index,
)
from app.snapshots.replication.objects import Objects, StoreUnavailable, Tag, stores
from app.snapshots.replication.state import Replica, StoreState, is_replica, read_replica, write_replica
from app.store.format import checksum
from app.store.manifest import EXACT, MANIFEST, RELEASE, DamagedManifest, Manifest, read_manifest, write_release
from app.store.shelf import damaged_file

POLL_SECONDS = 0.5
"""How often the store is asked whether its lists have changed, seconds."""

_AWAY_SECONDS, _REFUSED_SECONDS = 5.0, 60.0
"""How often at least, when it cannot be reached, or has something damaged, which would be fetched again, seconds."""

_PLACES = tuple(place for places in PLACES.values() for place in places)

_ID = re.compile(r"\d{8}-[0-9a-f]{16}")
_TABLE = re.compile(r"[a-z_]+")


class FolderOfOther(Conflict):
    """A replica is given a folder of its own; this one has snapshots of another kind, or another process."""

    code = "folder-of-other"
    title = "Not a folder for a replica"


def replicate(settings: Settings, *, public_only: bool, once: bool, poll: float = POLL_SECONDS) -> dict[Tier, int]:
    """Make the folder of snapshots what the store says, for ever or once; return the sequences it then has.

    Raises
    ------
    FolderOfOther
        There are snapshots in the folder that no store gave, or another process fills it.
    StoreUnavailable, StoreRefused
        `once`: the store cannot be used, or something in it is damaged; otherwise that is logged and tried again.
    """
    settings.snapshots_dir.mkdir(parents=True, exist_ok=True)
    with _alone(settings):
        puller = Puller(settings, public_only=public_only)
        failures, told, pause = 0, "", poll
        while True:
            try:
                puller.pull()
            except (ServiceError, OSError) as error:
                if once:
                    raise
                failures += 1
                slowest = _REFUSED_SECONDS if isinstance(error, StoreRefused) else _AWAY_SECONDS
                pause = max(poll, min(poll * 2 ** min(failures, 10), slowest))
                if str(error) != told:
                    told = str(error)
                    structlog.get_logger().error("replica not updated", reason=told)
            else:
                failures, told, pause = 0, "", poll
            if once:
                return puller.sequences
            time.sleep(pause)


class Puller:
    """Fills the folder of snapshots; for one process at a time."""

    def __init__(self, settings: Settings, *, public_only: bool) -> None:
        self._settings = settings
        self._tiers = (Tier.PUBLIC,) if public_only else (Tier.PUBLIC, Tier.EXACT)
        self._objects = stores(settings, *self._tiers)
        for tier in self._tiers:
            if tier not in self._objects:
                raise StoreUnavailable(say("No setting names the store of the tier {tier}.", tier=tier))
        unread = Replica(StoreState.UNAVAILABLE, {}, None)  # a power cut may leave an empty file
        self._replica = read_replica(settings) or (unread if is_replica(settings) else self._new())
        self._tags: dict[Tier, Tag | None] = {}
        self._lists: dict[Tier, Index] = {}
        self._is_equal = False
        self._verified: set[tuple[str, str]] = set()
        clean_up_builds(settings)

    @property
    def sequences(self) -> dict[Tier, int]:
        """Sequence of each tier's list that the folder equals."""
        return self._replica.sequences

    def pull(self) -> None:
        """Make the folder what the lists say; whatever goes wrong, it stays whole.

        Raises
        ------
        StoreUnavailable, StoreRefused
            The store cannot be used, or something in it is damaged; all else was taken.
        """
        try:
            self._read_lists()
            if not self._is_equal:
                self._make_equal()
        except (StoreUnavailable, StoreRefused) as error:
            state = StoreState.REFUSED if isinstance(error, StoreRefused) else StoreState.UNAVAILABLE
            self._note(state, self._replica.sequences, self._replica.at)
            raise
        self._note(StoreState.AVAILABLE, {tier: self._lists[tier].sequence for tier in self._tiers}, time.time())

    def _new(self) -> Replica:
        """Make the folder a replica's, unless it is another's."""
        for place in _PLACES:
            root = self._settings.snapshots_dir / place
            if root.is_dir() and any(root.iterdir()):
                raise FolderOfOther(say("There are snapshots in {folder} that no store gave.", folder=str(root)))
        replica = Replica(StoreState.UNAVAILABLE, {}, None)
        write_replica(self._settings, replica)
        return replica

    def _note(self, store: StoreState, sequences: dict[Tier, int], at: float | None) -> None:
        self._replica = Replica(store, sequences, at)
        write_replica(self._settings, self._replica)

    def _read_lists(self) -> None:
        """Read the lists, the exact one first: what it names of the public one is there by then."""
        for tier in reversed(self._tiers):
            key = self._settings.store_verify_key_file
            index, found = read_index(self._objects[tier], tier, key, self._tags.get(tier))
            if found.tag is None:
                raise StoreUnavailable(say("Nothing was pushed of the tier {tier} yet.", tier=tier))
            if index is None:
                continue
            if index.sequence < self._replica.sequences.get(tier, 0):
                raise StoreRefused(say("The list of {tier} in the store is older than this replica.", tier=tier))
            self._tags[tier], self._lists[tier], self._is_equal = found.tag, index, False

    def _make_equal(self) -> None:
        wanted = {place: entries for index in self._lists.values() for place, entries in index.places.items()}
        here = self._here()
        with new_moves(self._settings) as moves:
            taking = _Taking(self._settings.snapshots_dir, self._objects, moves, here)
            for tier in self._tiers:
                for place in PLACES[tier]:
                    for snapshot, entry in wanted.get(place, {}).items():
                        taking.take(tier, place, snapshot, entry)
            for place in _PLACES:
                for snapshot in here[place].keys() - wanted.get(place, {}).keys():
                    moves.remove(self._settings.snapshots_dir / place / snapshot)
            with moving(self._settings):
                moves.decide()
        if taking.refused:
            raise taking.refused[0]
        self._is_equal = True
        sequences = {tier: index.sequence for tier, index in self._lists.items()}
        structlog.get_logger().info("replica updated", sequences=sequences, fetched=taking.size)

    def _here(self) -> dict[str, dict[str, Manifest | None]]:
        """Return what is in the folder; null where it is not whole, which is looked for once."""
        return {
            place: {folder.name: self._whole(place, folder) for folder in root.iterdir()} if root.is_dir() else {}
            for place in _PLACES
            for root in [self._settings.snapshots_dir / place]
        }

    def _whole(self, place: str, folder: Path) -> Manifest | None:
        try:
            manifest = read_manifest(folder)
        except (OSError, DamagedManifest):
            return None
        if (place, folder.name) not in self._verified and damaged_file(folder, manifest) is not None:
            return None
        self._verified.add((place, folder.name))
        return manifest


class _Taking:
    """Takes snapshots from the store into a list of moves.

    Parameters
    ----------
    here
        What is in the folder, whole.
    """

    def __init__(
        self,
        snapshots_dir: Path,
        objects: Mapping[Tier, Objects],
        moves: Moves,
        here: Mapping[str, Mapping[str, Manifest | None]],
    ) -> None:
        self.refused: list[StoreRefused] = []
        self.size = 0
        self._snapshots_dir = snapshots_dir
        self._objects = objects
        self._moves = moves
        self._here = here
        self._missing: set[str | None] = set()
        self._files = {
            sha256: snapshots_dir / place / snapshot / name
            for place, snapshots in here.items()
            for snapshot, manifest in snapshots.items()
            if manifest is not None
            for name, sha256 in manifest.files.items()
        }

    def take(self, tier: Tier, place: str, snapshot: str, entry: Entry) -> None:
        """Take a snapshot as it is listed; one that cannot be had whole is left out, and told."""
        target, known = self._snapshots_dir / place / snapshot, self._here[place].get(snapshot)
        if known is not None and _is(target, known, entry):
            return
        try:
            staged = self._staged(tier, place, snapshot, entry)
            manifest = read_manifest(staged)
            if manifest.public_id in self._missing:
                return
            if known is not None and known.tables == manifest.tables and (entry.release or known.release is None):
                for name in (MANIFEST, RELEASE) if entry.release else (MANIFEST,):
                    self._moves.move(staged / name, target / name)
                return
            for name, sha256 in manifest.files.items():
                self._take_file(tier, staged / name, sha256, snapshot)
        except StoreRefused as refused:
            self.refused.append(refused)
            self._missing.add(snapshot)
            return
        self._moves.remove(target)
        self._moves.move(staged, target)

    def _staged(self, tier: Tier, place: str, snapshot: str, entry: Entry) -> Path:
        """Write manifest and release of a snapshot into a private folder; nothing is taken that names other files."""
        folder = self._moves.stage()
        folder.mkdir()
        self._described = read_described(self._objects[tier], tier, entry.manifest)
        (folder / MANIFEST).write_text(self._described.manifest, encoding="utf-8")
        if entry.release is not None:
            write_release(folder / RELEASE, entry.release)
        try:
            manifest = read_manifest(folder)
        except DamagedManifest as damaged:
            raise _unfit(snapshot) from damaged
        is_public = place.endswith(Tier.PUBLIC)
        is_named = manifest.id == snapshot and _ID.fullmatch(snapshot) and all(map(_TABLE.fullmatch, manifest.tables))
        if not is_named or is_public is (manifest.disclosure == EXACT):
            raise _unfit(snapshot)
        return folder

    def _take_file(self, tier: Tier, path: Path, expected: str, snapshot: str) -> None:
        """Link a file that is here, else fetch it; verified either way."""
        if expected in self._files:
            link(str(self._files[expected]), str(path))
            if checksum(path) == expected:
                return
            path.unlink()
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for chunk in self._chunks(tier, path.name):
                digest.update(chunk)
                self.size += file.write(chunk)
        if digest.hexdigest() != expected:
            raise StoreRefused(
                say(
                    "Table {table} of {snapshot} is damaged or missing in the store.",
                    table=path.stem,
                    snapshot=snapshot,
                )
            )
        self._files[expected] = path

    def _chunks(self, tier: Tier, name: str) -> Iterator[bytes]:
        for file, sha256 in blobs_of(self._described):
            if file == name:
                yield from self._objects[tier].stream(blob_name(sha256))


def _is(folder: Path, known: Manifest, entry: Entry) -> bool:
    content = (folder / MANIFEST).read_bytes()
    return known.release == entry.release and hashlib.sha256(content).hexdigest() == entry.manifest


def _unfit(snapshot: str) -> StoreRefused:
    return StoreRefused(say("Snapshot {snapshot} in the store is not what its place says.", snapshot=snapshot))


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep other replicating processes from the folder."""
    lock = FileLock(settings.snapshots_dir / ".replicate.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as taken:
        raise FolderOfOther(say("Another process fills this folder from a store.")) from taken
    try:
        yield
    finally:
        lock.release()
