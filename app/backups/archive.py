"""The backup file: a tar of plain files, and a manifest of their sizes and checksums.

- `registry/<table>.parquet`: every table, at the schema revision in the manifest;
- `snapshots/exact/<id>/`, `snapshots/public/<id>/`, and below `snapshots/drafts/`, `snapshots/withdrawn/` the same: the
  folders of all snapshots, unchanged;
- `keys/rounding-key`, `keys/tombstone-key`: if they exist;
- `boundaries.geojson`: boundaries of districts, if there are any;
- `audit/<month>.jsonl`: the audit log;
- `manifest.json`: the last file.
"""

import hashlib
import os
import re
import secrets
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from app.errors import InvalidRequest, Report, ServiceError
from app.messages import Message, say

FORMAT_VERSION = 1
"""Raised when backups of an older format can no longer be restored."""

MANIFEST = "manifest.json"
BOUNDARIES = "boundaries.geojson"

_NAMES = re.compile(
    r"registry/[a-z_]+\.parquet|snapshots/(?:drafts/|withdrawn/)?(?:exact|public)/[\w-]+/\w+\.(?:arrow|json)"
    r"|keys/(?:rounding-key|tombstone-key)|audit/\d{4}-\d{2}\.jsonl|boundaries\.geojson",
    re.ASCII,
)
"""Allowed names of files in a backup."""

_CHUNK_BYTES = 1 << 20


class BackupDamaged(InvalidRequest):
    """The file is not a backup, or incomplete or changed; nothing was restored."""

    code = "backup-damaged"
    title = "Backup damaged"


class BackupNotWritten(ServiceError):
    """The backup could not be written; nothing is left of it."""

    code = "backup-not-written"
    title = "Backup not written"


class FileInfo(msgspec.Struct, frozen=True):
    """Size of a file in bytes, and the SHA-256 of its content."""

    bytes: int
    sha256: str


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a backup.

    Parameters
    ----------
    kind
        `everything`, or `tombstones`: only the list of erased members.
    created_at
        Start of the backup, UTC.
    schema_revision
        Schema revision of the tables.
    rows
        Number of rows of each table.
    files
        All files except the manifest, by name.
    """

    format_version: int
    kind: Literal["everything", "tombstones"]
    created_at: datetime
    schema_revision: str
    rows: dict[str, int]
    files: dict[str, FileInfo]

    @property
    def snapshots(self) -> list[str]:
        """Its snapshots, as `exact/<id>`, `public/<id>`, `drafts/exact/<id>` …, sorted."""
        folders = {name.rpartition("/")[0] for name in self.files if name.startswith("snapshots/")}
        return sorted(folder.removeprefix("snapshots/") for folder in folders)


class ArchiveWriter:
    """Writes files into a new backup."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._files: dict[str, FileInfo] = {}
        self._now = datetime.now(UTC)

    def add(self, name: str, file: IO[bytes]) -> None:
        """Add an open file, up to its current size, since it may grow meanwhile."""
        assert _NAMES.fullmatch(name), name
        size = os.fstat(file.fileno()).st_size
        hashed = _HashedFile(file)
        self._put(name, size, hashed)
        self._files[name] = FileInfo(size, hashed.sha256.hexdigest())

    def finish(
        self, kind: Literal["everything", "tombstones"], schema_revision: str, rows: Mapping[str, int]
    ) -> BackupManifest:
        """Write the manifest after all files; return it."""
        manifest = BackupManifest(
            format_version=FORMAT_VERSION,
            kind=kind,
            created_at=self._now,
            schema_revision=schema_revision,
            rows=dict(rows),
            files=self._files,
        )
        written = _Written(**_fields(manifest), checksum=_checksum(manifest))
        content = msgspec.json.format(msgspec.json.encode(written, order="sorted"), indent=1) + b"\n"
        self._put(MANIFEST, len(content), BytesIO(content))
        return manifest

    def _put(self, name: str, size: int, file: Any) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(self._now.timestamp())
        self._tar.addfile(info, file)


@contextmanager
def written_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Open a new backup for writing; the file, readable only by its owner, appears when it is complete and synced.

    Raises
    ------
    BackupNotWritten
        A file of this name exists, or it cannot be written.
    """
    if path.exists():
        raise BackupNotWritten(say("{path} already exists; choose another name.", path=str(path)))
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield ArchiveWriter(tar)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise BackupNotWritten(
            say("{path} cannot be written: {reason}.", path=str(path), reason=error.strerror or str(error))
        ) from error
    finally:
        partial.unlink(missing_ok=True)


class Archive:
    """A backup that is read; its manifest is verified."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path = path
        self._tar = tar
        self.manifest = self._manifest()

    def open(self, name: str) -> IO[bytes]:
        """Open one of its files.

        Raises
        ------
        BackupDamaged
            It is missing.
        """
        try:
            file = self._tar.extractfile(name)
        except KeyError:
            file = None
        if file is None:
            raise self.damaged(say("{file} is missing", file=name))
        return file

    def names(self, prefix: str) -> list[str]:
        """Return the names of its files with a prefix, sorted."""
        return sorted(name for name in self.manifest.files if name.startswith(prefix))

    def verify(self, report: Report) -> None:
        """Read all files and compare them with the manifest.

        Raises
        ------
        BackupDamaged
            A file is missing or changed.
        """
        total = sum(info.bytes for info in self.manifest.files.values())
        done = 0
        for name, info in self.manifest.files.items():
            with self.open(name) as file:
                found = FileInfo(*_measured(file))
            if found != info:
                raise self.damaged(say("{file} was changed", file=name))
            done += info.bytes
            report("verifying", done, total)

    def damaged(self, what: Message) -> BackupDamaged:
        """Return the error for something wrong with it."""
        return BackupDamaged(say("{path}: {what}.", path=str(self._path), what=what))

    def _manifest(self) -> BackupManifest:
        with self.open(MANIFEST) as file:
            content = file.read()
        try:
            written = msgspec.json.decode(content, type=_Written)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.damaged(say("{file} cannot be read", file=MANIFEST)) from error
        manifest = BackupManifest(**_fields(written))
        if _checksum(manifest) != written.checksum:
            raise self.damaged(say("{file} was changed", file=MANIFEST))
        if manifest.format_version != FORMAT_VERSION:
            raise self.damaged(
                say(
                    "its format is {format}, this version reads {own}",
                    format=manifest.format_version,
                    own=FORMAT_VERSION,
                )
            )
        unexpected = [name for name in manifest.files if not _NAMES.fullmatch(name)]
        if unexpected:
            raise self.damaged(say("{file!r} is not a file of a backup", file=unexpected[0]))
        return manifest


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """Open a backup; its files are not yet verified.

    Raises
    ------
    BackupDamaged
        It is not a backup, or truncated or changed, then or when it is read.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            yield Archive(path, tar)
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamaged(say("{path} is not a backup, or is incomplete.", path=str(path))) from error


class _Written(BackupManifest, frozen=True, kw_only=True):
    """The manifest in its file: with the SHA-256 of its JSON, keys sorted, without the checksum."""

    checksum: str


class _HashedFile:
    """A file, and the SHA-256 of what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read some bytes."""
        chunk = self._file.read(size)
        self.sha256.update(chunk)
        return chunk


def _measured(file: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def _fields(manifest: BackupManifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in BackupManifest.__struct_fields__}


def _checksum(manifest: BackupManifest) -> str:
    return hashlib.sha256(msgspec.json.encode(manifest, order="sorted")).hexdigest()
