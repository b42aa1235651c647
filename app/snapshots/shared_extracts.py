"""Extracts that are kept for a build elsewhere: Parquet files named by checksum, and a manifest, written last.

They hold pseudonyms. So each has a place of its own, a later extract to it takes its place, and a build removes it.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow.parquet as pq
from filelock import FileLock

from app.config import Settings
from app.errors import InvalidRequest, NotFound, Report, ServiceError
from app.messages import say
from app.snapshots.extract import EXTRACTED, Files, extract
from app.snapshots.folders import build_folder, clean_up, sync
from app.snapshots.merging import ExtractRefused, Source
from app.snapshots.storage import Storage, local_folder, mount_of, open_storage
from app.store.format import checksum
from app.store.manifest import ExtractInfo

MANIFEST = "manifest.json"

_FORMAT = 1

_REVISION = "registry_revision"

_NAME = re.compile(r"[0-9a-f]{64}\.parquet")
"""What files of extracts are called; nothing else is ever read or removed."""


class ExtractNotFound(NotFound):
    """There is no extract at an address, or not all of it."""

    code = "extract-not-found"
    title = "Extract not found"


class ExtractFile(msgspec.Struct, frozen=True):
    """A Parquet file: its number of rows and the SHA-256 of its bytes."""

    rows: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.sha256}.parquet"


class ExtractManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an extract is.

    Parameters
    ----------
    registry
        Name of the registry; empty: it has none.
    revision
        Revision of the registry; raised by every change.
    extracted_at
        RFC 3339 instant, UTC, before it was read.
    refs
        How its pseudonyms are made: the same text wherever a person has the same one. Empty: not said.
    tables
        Files of each table.
    """

    format: int = _FORMAT
    registry: str
    revision: int
    extracted_at: str
    refs: str
    tables: dict[str, tuple[ExtractFile, ...]]

    @property
    def names(self) -> set[str]:
        """The names of all files."""
        return {file.name for files in self.tables.values() for file in files}


class KeptExtract(NamedTuple):
    """Where an extract of this registry may be, and when it was read (RFC 3339, UTC); null: nobody can look."""

    url: str
    extracted_at: str | None


@dataclass(frozen=True)
class SharedExtract:
    """An extract at an address, and what its manifest says."""

    storage: Storage
    url: str
    manifest: ExtractManifest
    info: ExtractInfo


def write_extract(settings: Settings, url: str, report: Report) -> ExtractManifest:
    """Extract the registry to an address; return the manifest.

    What is there before stays until the new one is whole, and then goes. Whoever is killed leaves the old one, and
    files that the next extract removes.

    Raises
    ------
    DatabaseUnavailable
        The database is unavailable, damaged or not migrated.
    ExtractRefused
        A build removed what was there before, and with it files of this one.
    StoreUnavailable
        The store cannot be used.
    """
    report("waiting for its turn", 0, 1)
    with _kept_locked(settings), _private_folder(settings, url) as (folder, storage):
        where = local_folder(url)
        _note_kept(settings, _read_kept(settings) | {str(where or url): str(where and mount_of(where))})
        at = datetime.now(UTC)
        tables = (*EXTRACTED, _REVISION)
        files = extract(settings.registry_url, folder, lambda done: report("reading", done, len(tables)), tables)
        [[revision]] = [pq.read_table(path, columns=["revision"])["revision"].to_pylist() for path in files[_REVISION]]
        report("writing", 0, 1)
        return publish_extract(
            storage,
            {table: files[table] for table in EXTRACTED},
            registry=settings.registry_name,
            revision=revision,
            at=at,
            refs=settings.ref_fingerprint,
        )


def publish_extract(
    storage: Storage, files: Files, *, registry: str, revision: int, at: datetime, refs: str
) -> ExtractManifest:
    """Move the files of an extract to where it is kept, and then its manifest; remove what was there before.

    Raises
    ------
    ExtractRefused
        A build removed what was there before, and with it files of this one.
    """
    tables = {table: tuple(_take(storage, Path(path)) for path in paths) for table, paths in files.items()}
    manifest = ExtractManifest(
        registry=registry, revision=revision, extracted_at=_instant(at), refs=refs, tables=tables
    )
    storage.write(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    there = storage.names()
    for name in there - manifest.names:
        if _NAME.fullmatch(name):
            storage.remove(name)
    if not {MANIFEST, *manifest.names} <= there:
        raise ExtractRefused(say("A build removed the extract while it was written: extract it again."))
    return manifest


def extracts_left(settings: Settings) -> list[KeptExtract]:
    """Return the extracts of this registry that are or may be where they were written; clear up after killed ones.

    One that is being written is waited for: it may have been read before. An address is forgotten when there is no
    extract, but not where its disk is not mounted.
    """
    with _kept_locked(settings):
        known = _read_kept(settings)
        left = [kept for url, mount in sorted(known.items()) if (kept := _kept(settings, url, mount))]
        if len(left) < len(known):
            with suppress(OSError):  # a full disk; it is forgotten the next time
                _note_kept(settings, {kept.url: known[kept.url] for kept in left})
    return left


def find_extracts(settings: Settings, urls: Sequence[str]) -> list[SharedExtract]:
    """Return the extracts at some addresses, in this order.

    Raises
    ------
    ExtractNotFound
        There is none at one of them.
    ExtractRefused
        One is damaged, or their pseudonyms are made differently.
    InvalidRequest
        An address is named twice.
    """
    for number, url in enumerate(urls):
        if _place(url) in map(_place, urls[:number]):
            raise InvalidRequest(say("{url} is named twice; is another one missing?", url=url))
    found = [_find(settings, url) for url in urls]
    for first, other in pairwise(found):
        if other.manifest.refs != first.manifest.refs:
            message = say(
                "The refs of {url} and of {first} are made differently ({refs}; {first_refs}): whoever is in both "
                "would count twice. Make refs in all registries with one key, and set ORGCOVERAGE_REF_FINGERPRINT to "
                "the same text.",
                url=other.url,
                first=first.url,
                refs=other.manifest.refs or "–",
                first_refs=first.manifest.refs or "–",
            )
            raise ExtractRefused(message)
    return found


def read_extract(shared: SharedExtract, folder: Path, *, in_place: bool) -> Source:
    """Return an extract as a build reads it, each file checked.

    Parameters
    ----------
    folder
        A new folder, for copies of what is in a bucket.
    in_place
        Whether the engine itself reads from there; then nothing is copied or checked.
    """
    folder.mkdir()
    manifest, storage = shared.manifest, shared.storage
    files = {}
    for table, parts in manifest.tables.items():
        read = storage.address if in_place else lambda name: str(_checked(shared, name, folder))
        files[table] = tuple(read(part.name) for part in parts)
    return Source(files, manifest.extracted_at, shared.url)


def remove_extract(shared: SharedExtract) -> bool:
    """Remove an extract, the manifest first; one that took its place meanwhile stays. Return whether it is gone."""
    storage = shared.storage
    content = storage.read(MANIFEST)
    if content is None:  # another build has removed it
        return True
    if hashlib.sha256(content).hexdigest() != shared.info.sha256:
        return False
    storage.remove(MANIFEST)
    for name in shared.manifest.names:
        if storage.read(MANIFEST) is not None:  # another takes its place, maybe with the same files
            break
        storage.remove(name)
    storage.close()
    return True


@contextmanager
def _kept_locked(settings: Settings) -> Iterator[None]:
    """Let no other process write an extract of this registry, or note where one is, meanwhile."""
    path = settings.kept_extracts_path
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield


def _kept(settings: Settings, url: str, mount: str) -> KeptExtract | None:
    """Return what is known of the extract at an address, or of what a killed one left; null: there is nothing."""
    try:
        if folder := local_folder(url):
            if Path(mount).is_mount() and not folder.exists():
                return None
            clean_up(folder)
        names = open_storage(url, settings.extract_credentials_file).names()
        if not any(name == MANIFEST or _NAME.fullmatch(name) for name in names):
            return None
        return KeptExtract(url, _find(settings, url).manifest.extracted_at)
    except (ServiceError, OSError):
        return KeptExtract(url, None)


def _read_kept(settings: Settings) -> dict[str, str]:
    """Return where extracts were written and, of folders, where the disk of each was mounted."""
    try:
        return msgspec.json.decode(settings.kept_extracts_path.read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _note_kept(settings: Settings, urls: dict[str, str]) -> None:
    path = settings.kept_extracts_path
    written = path.with_name(f".{path.name}")
    written.write_bytes(msgspec.json.encode(urls, order="sorted"))
    sync(written)
    written.replace(path)


def _place(url: str) -> str:
    folder = local_folder(url)
    return url.rstrip("/") if folder is None else str(folder.resolve())


def _find(settings: Settings, url: str) -> SharedExtract:
    storage = open_storage(url, settings.extract_credentials_file)
    content = storage.read(MANIFEST)
    if content is None:
        raise ExtractNotFound(say("There is no extract at {url}.", url=url))
    try:
        manifest = msgspec.json.decode(content, type=ExtractManifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(url) from error
    if manifest.format != _FORMAT or set(manifest.tables) != set(EXTRACTED) or not all(manifest.tables.values()):
        raise _damaged(url)
    if not all(map(_NAME.fullmatch, manifest.names)):
        raise _damaged(url)
    info = ExtractInfo(manifest.registry, manifest.revision, manifest.extracted_at, hashlib.sha256(content).hexdigest())
    return SharedExtract(storage, url, manifest, info)


def _checked(shared: SharedExtract, name: str, folder: Path) -> Path:
    path = shared.storage.fetch(name, folder / name)
    try:
        whole = checksum(path) == name.removesuffix(".parquet")
    except FileNotFoundError:
        whole = False
    if not whole:
        raise _damaged(shared.url)
    return path


def _damaged(url: str) -> ExtractRefused:
    return ExtractRefused(say("The extract at {url} is damaged or of another version: extract it again.", url=url))


@contextmanager
def _private_folder(settings: Settings, url: str) -> Iterator[tuple[Path, Storage]]:
    """Give a folder of this process, in the target where that is a folder, and the target."""
    parent = local_folder(url) or settings.snapshots_dir
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(say("{url} is no folder, and cannot be made one.", url=str(parent))) from error
    storage = open_storage(url, settings.extract_credentials_file)
    with build_folder(parent) as folder:
        yield folder, storage


def _take(storage: Storage, path: Path) -> ExtractFile:
    file = ExtractFile(int(pq.read_metadata(path).num_rows), checksum(path))
    storage.take(file.name, path)
    return file


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
