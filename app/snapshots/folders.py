"""Folders of snapshots: written in a private folder, synced, published by one rename; cleanup after kills."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
from filelock import FileLock, Timeout

from app.config import Settings
from app.snapshots.pool import each
from app.store.format import checksum, join_tables, write_table
from app.store.manifest import MANIFEST, DamagedManifest, Manifest, Part, TableInfo, read_manifest, write_manifest
from app.store.shelf import Shelf, damaged_file

BUILDING = ".building-"
"""Prefix of the private folders of running builds; those of killed builds are removed at the next start."""

LOCK = ".lock"
"""Suffix of the lock file beside such a folder; the system releases the lock when the process dies."""


@contextmanager
def build_folder(parent: Path) -> Iterator[Path]:
    """Create a private folder beside the snapshots, locked by this process and removed at the end in any case.

    Those that killed processes left go first: they hold members' refs. The lock is taken before the folder is created,
    so that no cleanup removes a new folder as abandoned.
    """
    clean_up(parent)
    folder = parent / f"{BUILDING}{secrets.token_hex(8)}"
    lock = folder.with_suffix(LOCK)
    with FileLock(lock):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def write_tables(folder: Path, tables: Iterable[tuple[str, Mapping[str, pa.Array]]]) -> dict[str, TableInfo]:
    """Write and sync tables of a snapshot, one after the other; return rows and checksum of each."""
    folder.mkdir(exist_ok=True)
    return {name: _written(folder, name, columns) for name, columns in tables}


def write_in_processes(
    folder: Path, tables: Mapping[str, Callable[[], Mapping[str, pa.Array]]], processes: int
) -> dict[str, TableInfo]:
    """Write and sync tables in processes, which make their columns too; return rows and checksum of each."""
    return dict(zip(tables, each(_made, folder, list(tables.items()), processes), strict=True))


def _made(folder: Path, table: tuple[str, Callable[[], Mapping[str, pa.Array]]]) -> TableInfo:
    name, columns = table
    return _written(folder, name, columns())


def _written(folder: Path, name: str, columns: Mapping[str, pa.Array]) -> TableInfo:
    path = folder / f"{name}.arrow"
    rows = write_table(path, columns)
    sync(path)
    return TableInfo(rows, checksum(path))


def write_parts(folder: Path, name: str, parts: Sequence[tuple[Sequence[Path], str | None]]) -> TableInfo:
    """Write and sync a table of which there are pieces in files, which are used up; return what is said of it.

    Parameters
    ----------
    parts
        The pieces of each part, and the code of its first district.
    """
    written = []
    for number, (pieces, first_district) in enumerate(parts):
        path = folder / (f"{name}-{number:04}.arrow" if len(parts) > 1 else f"{name}.arrow")
        rows = join_tables(path, pieces)
        sync(path)
        written.append(Part(rows, checksum(path), first_district))
    return TableInfo.of_parts(written)


def publish(folder: Path, root: Path, manifest: Manifest) -> Manifest:
    """Make the snapshot in a folder the newest of its date; return its published manifest.

    Content that is already the newest of its date stays as it is; content that exists but is not the newest, or has
    another protected snapshot, gets a new `built_at`; new content is renamed into the root. A damaged folder of the
    same content is replaced.
    """
    root.mkdir(parents=True, exist_ok=True)
    published = root / manifest.id
    if published.exists() and not is_whole(published):
        published.rename(folder.parent / f"damaged-{folder.name}")
    newest = Shelf(root).newest_of(manifest.as_of)
    if newest is not None and newest.id == manifest.id and manifest.public_id in (None, newest.public_id):
        return newest
    dated = msgspec.structs.replace(manifest, built_at=instant_after(newest))
    if published.exists():
        return _renew(published, folder, dated)
    sync(write_manifest(folder, dated))
    sync(folder)
    folder.rename(published)
    sync(root)
    return dated


def clean_up_builds(settings: Settings) -> None:
    """Remove the folders of killed builds."""
    clean_up(settings.snapshots_dir)


def clean_up(parent: Path) -> None:
    """Remove the private folders that killed processes left; a running one holds its folder's lock."""
    for folder in parent.glob(f"{BUILDING}*"):
        lock = folder.with_suffix(LOCK)
        try:
            with FileLock(lock, timeout=0):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)
        except Timeout:
            continue


def is_whole(folder: Path) -> bool:
    """Say whether a folder has a snapshot whose files match its manifest."""
    try:
        return damaged_file(folder, read_manifest(folder)) is None
    except (OSError, DamagedManifest):
        return False


def instant_after(newest: Manifest | None) -> str:
    """Return the current instant, UTC, RFC 3339; 1 µs after the newest release if the clock was set back."""
    instant = datetime.now(UTC)
    if newest is not None:
        instant = max(instant, datetime.fromisoformat(newest.recency[1]) + timedelta(microseconds=1))
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _renew(published: Path, folder: Path, dated: Manifest) -> Manifest:
    """Give a published snapshot a new time and, where there is one, the id of the protected snapshot built with it."""
    old = read_manifest(published)
    renewed = msgspec.structs.replace(
        old, built_at=dated.built_at, public_id=dated.public_id or old.public_id, extracts=dated.extracts
    )
    path = write_manifest(folder, renewed)
    sync(path)
    path.rename(published / MANIFEST)
    sync(published)
    os.utime(published.parent)
    return renewed


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
