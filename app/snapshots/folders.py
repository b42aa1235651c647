"""The folders of snapshots: written aside, synced, shown by one rename, pruned; leftovers of killed builds swept."""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
from filelock import FileLock, Timeout

from app.access.principals import Tier
from app.config import Settings
from app.store.format import checksum, write_table
from app.store.manifest import MANIFEST, DamagedManifest, Manifest, TableInfo, read_manifest, write_manifest
from app.store.shelf import Shelf, damaged_table


def write_tables(folder: Path, tables: Mapping[str, Mapping[str, pa.Array]]) -> dict[str, TableInfo]:
    """Write all tables of a snapshot into a new folder, synced; return rows and checksum of each."""
    folder.mkdir()
    written = {}
    for name, columns in tables.items():
        path = folder / f"{name}.arrow"
        rows = write_table(path, columns)
        _sync(path)
        written[name] = TableInfo(rows, checksum(path))
    return written


def publish(folder: Path, root: Path, manifest: Manifest) -> Manifest:
    """Make the snapshot in a folder the newest of its date; return its manifest as it stands.

    Content that is the newest of its date already stays as it is; content that exists but is not the newest, or with
    another protected snapshot, gets a new `built_at`; anything else is renamed into the root. Files of the same content
    that are damaged make way.
    """
    root.mkdir(parents=True, exist_ok=True)
    shown = root / manifest.id
    if shown.exists() and not _is_whole(shown):
        shown.rename(folder.parent / f"damaged-{folder.name}")
    newest = Shelf(root).newest_of(manifest.as_of)
    if newest is not None and newest.id == manifest.id and manifest.public_id in (None, newest.public_id):
        return newest
    dated = msgspec.structs.replace(manifest, built_at=_after(newest))
    if shown.exists():
        return _renew(shown, folder, dated)
    _sync(write_manifest(folder, dated))
    _sync(folder)
    folder.rename(shown)
    _sync(root)
    return dated


def _is_whole(folder: Path) -> bool:
    try:
        return damaged_table(folder, read_manifest(folder)) is None
    except (OSError, DamagedManifest):
        return False


def _after(newest: Manifest | None) -> str:
    """Return the present instant, UTC, RFC 3339; just after the newest build, should the clock have been set back."""
    instant = datetime.now(UTC)
    if newest is not None:
        instant = max(instant, datetime.fromisoformat(newest.built_at) + timedelta(microseconds=1))
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _renew(shown: Path, folder: Path, dated: Manifest) -> Manifest:
    """Give a snapshot that is there its new time and, where there is one, the protected snapshot built with it."""
    old = read_manifest(shown)
    renewed = msgspec.structs.replace(old, built_at=dated.built_at, public_id=dated.public_id or old.public_id)
    build_folder = write_manifest(folder, renewed)
    _sync(build_folder)
    build_folder.rename(shown / MANIFEST)
    _sync(shown)
    os.utime(shown.parent)
    return renewed


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prune_snapshots(settings: Settings, keep: int) -> list[str]:
    """Remove all but the newest `keep` whole builds of each date, exact and protected ones; return the ids removed.

    A damaged build does not count as one that is kept. A protected one that an exact one names stays with it: exact
    ones go first, so that none ever names what is gone.
    """
    exact, public = settings.snapshots_dir / Tier.EXACT, settings.snapshots_dir / Tier.PUBLIC
    removed = _prune(exact, keep)
    return removed + _prune(public, keep, {manifest.public_id for manifest in Shelf(exact).all()})


def _prune(root: Path, keep: int, spared: Container[str | None] = ()) -> list[str]:
    """Remove the older builds of one root, but for those spared.

    A folder leaves the listing by one rename before its files go, so that no reader sees half of it.
    """
    builds: Counter[date] = Counter()
    removed = []
    for manifest in Shelf(root).all():
        if builds[manifest.as_of] < keep:
            builds[manifest.as_of] += damaged_table(root / manifest.id, manifest) is None
        elif manifest.id not in spared:
            gone = root.parent / f"{BUILDING}{secrets.token_hex(8)}"
            (root / manifest.id).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            removed.append(manifest.id)
    return removed


BUILDING = ".building-"
"""Prefix of the folders of builds under way; what is left of a killed one is swept at the next start."""

HELD = ".held"
"""Suffix of the lock file beside such a folder; the system releases it when the process dies."""


@contextmanager
def build_folder(parent: Path) -> Iterator[Path]:
    """Give a private folder beside the snapshots, held by this process, gone at the end whatever happens.

    The lock is there before the folder, so that no sweep takes a folder that is just being made for a dead one's.
    """
    folder = parent / f"{BUILDING}{secrets.token_hex(8)}"
    held = folder.with_suffix(HELD)
    with FileLock(held):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            held.unlink(missing_ok=True)


def clean_up_builds(settings: Settings) -> None:
    """Remove what killed builds left behind; a build under way holds its folder's lock."""
    for folder in settings.snapshots_dir.glob(f"{BUILDING}*"):
        held = folder.with_suffix(HELD)
        try:
            with FileLock(held, timeout=0):
                shutil.rmtree(held.with_suffix(""), ignore_errors=True)
                held.unlink(missing_ok=True)
        except Timeout:
            continue
