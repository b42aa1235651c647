"""The file of a backup: a tar of plain files, and a manifest of their sizes and checksums.

- `registry/<table>.parquet`: every table, at the schema revision that the manifest names;
- `snapshots/exact/<id>/`, `snapshots/public/<id>/`: the folders of all snapshots, byte by byte;
- `keys/rounding-key`, `keys/tombstone-key`: where there are any;
- `audit/<month>.jsonl`: the audit log;
- `manifest.json`: the last one.
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

FORMAT_VERSION = 1
"""Grows when backups of an older version cannot be restored as they are."""

MANIFEST = "manifest.json"

_PLACES = re.compile(
    r"registry/[a-z_]+\.parquet|snapshots/(?:exact|public)/[\w-]+/\w+\.(?:arrow|json)"
    r"|keys/(?:rounding-key|tombstone-key)|audit/\d{4}-\d{2}\.jsonl",
    re.ASCII,
)
"""Where the files of a backup may be; any other name is none of ours."""

_CHUNK_BYTES = 1 << 20


class BackupDamaged(InvalidRequest):
    """The file is no backup, or not what was written; nothing was restored."""

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
    """What a backup holds.

    Parameters
    ----------
    kind
        `everything`, or `tombstones`: only what keeps erased members out.
    created_at
        When, UTC.
    schema_revision
        Revision of the tables.
    rows
        Rows of each table.
    files
        Every file but the manifest, by its name.
    """

    format_version: int
    kind: Literal["everything", "tombstones"]
    created_at: datetime
    schema_revision: str
    rows: dict[str, int]
    files: dict[str, FileInfo]

    @property
    def snapshots(self) -> list[str]:
        """The snapshots in it, as `exact/<id>` and `public/<id>`, sorted."""
        folders = {name.rpartition("/")[0] for name in self.files if name.startswith("snapshots/")}
        return sorted(folder.removeprefix("snapshots/") for folder in folders)


class _Written(BackupManifest, frozen=True, kw_only=True):
    """A manifest as it stands in its file: with the SHA-256 of its content, keys sorted, less the checksum."""

    checksum: str


class ArchiveWriter:
    """Puts files into a backup under way."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._files: dict[str, FileInfo] = {}
        self._now = datetime.now(UTC)

    def add(self, name: str, file: IO[bytes]) -> None:
        """Put an open file into the backup: as much as there is of it now, though it may grow meanwhile."""
        assert _PLACES.fullmatch(name), name
        size = os.fstat(file.fileno()).st_size
        digesting = _Digesting(file)
        self._put(name, size, digesting)
        self._files[name] = FileInfo(size, digesting.sha256.hexdigest())

    def finish(
        self, kind: Literal["everything", "tombstones"], schema_revision: str, rows: Mapping[str, int]
    ) -> BackupManifest:
        """Write the manifest, after all files; return it."""
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


class _Digesting:
    """A file that is read once, and the digest of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read some bytes."""
        piece = self._file.read(size)
        self.sha256.update(piece)
        return piece


@contextmanager
def written_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Give a writer of a new backup; the file, readable by its owner alone, is there when all of it is on the disk.

    Raises
    ------
    BackupNotWritten
        There is a file of this name, or it cannot be written.
    """
    if path.exists():
        raise BackupNotWritten(f"{path} is there already; a backup replaces nothing.")
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
        raise BackupNotWritten(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


class Archive:
    """A backup that is read, its manifest whole."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path = path
        self._tar = tar
        self.manifest = self._manifest()

    def open(self, name: str) -> IO[bytes]:
        """Open one of its files.

        Raises
        ------
        BackupDamaged
            It is not there.
        """
        try:
            file = self._tar.extractfile(name)
        except KeyError:
            file = None
        if file is None:
            raise self.damaged(f"{name} is missing")
        return file

    def names(self, prefix: str) -> list[str]:
        """Return the names of its files that begin with a prefix, in order."""
        return sorted(name for name in self.manifest.files if name.startswith(prefix))

    def verify(self, report: Report) -> None:
        """Read all files and compare them with the manifest.

        Raises
        ------
        BackupDamaged
            One is missing or not what was written.
        """
        total = sum(info.bytes for info in self.manifest.files.values())
        done = 0
        for name, info in self.manifest.files.items():
            with self.open(name) as file:
                found = FileInfo(*_measured(file))
            if found != info:
                raise self.damaged(f"{name} is not what was written")
            done += info.bytes
            report("verifying", done, total)

    def damaged(self, what: str) -> BackupDamaged:
        """Return the error that something is wrong with it."""
        return BackupDamaged(f"{self._path}: {what}.")

    def _manifest(self) -> BackupManifest:
        with self.open(MANIFEST) as file:
            content = file.read()
        try:
            written = msgspec.json.decode(content, type=_Written)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.damaged(f"{MANIFEST} cannot be read") from error
        manifest = BackupManifest(**_fields(written))
        if _checksum(manifest) != written.checksum:
            raise self.damaged(f"{MANIFEST} is not what was written")
        if manifest.format_version != FORMAT_VERSION:
            raise self.damaged(f"it has format {manifest.format_version}, this version reads {FORMAT_VERSION}")
        strange = [name for name in manifest.files if not _PLACES.fullmatch(name)]
        if strange:
            raise self.damaged(f"{strange[0]!r} is no file of a backup")
        return manifest


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """Open a backup; its files are not verified yet.

    Raises
    ------
    BackupDamaged
        It is no backup, or is cut or changed, then or where it is read.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            yield Archive(path, tar)
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamaged(f"{path} is no backup, or is cut.") from error


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
