"""Making a snapshot appear: written aside, synced, and shown by one rename."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa

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
    aside = write_manifest(folder, renewed)
    _sync(aside)
    aside.rename(shown / MANIFEST)
    _sync(shown)
    os.utime(shown.parent)
    return renewed


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
