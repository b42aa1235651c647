"""Restoring a backup into an empty data folder and database: verified, without erased members, all or nothing."""

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import URL, Connection, MetaData, Table, func, insert, inspect, make_url, select

from app.backups.archive import BOUNDARIES, Archive, BackupManifest, opened_archive
from app.backups.tables import load_table
from app.config import Settings
from app.database.engines import is_sqlite, make_sync_engine, sqlite_path
from app.database.migrations import downgrade, known_revisions, upgrade
from app.database.outages import outages_named
from app.database.tables import METADATA
from app.database.write_lock import write_lock_sync
from app.errors import Conflict, Report
from app.messages import Message, say
from app.registry.erasure import Tombstones, proved, write_key
from app.snapshots.folders import sync

RESTORING = ".restoring"
"""Temporary folder of a restoration, in the data folder and beside a SQLite file; removed at its end."""

_IGNORED = frozenset({".env", "lost+found"})
"""Files that an empty data folder may contain."""

_NEVER_EMPTY = frozenset({"alembic_version", "registry_revision"})
"""Tables that have a row even in an empty registry."""

_TOMBSTONES_FILE = "registry/tombstone.parquet"
_KEY_FILE = "keys/tombstone-key"


class NotEmpty(Conflict):
    """The data folder or database to restore into is not empty; nothing was changed."""

    code = "not-empty"
    title = "Not empty"


@dataclass(frozen=True)
class Erased:
    """Tombstones of one or two backups, and the day of each erasure by its digest."""

    tombstones: Tombstones
    days: Mapping[str, date]


@dataclass(frozen=True)
class Restored:
    """The manifest of the restored backup, and the number of members left out because they were erased."""

    manifest: BackupManifest
    left_out: int


def restore_backup(settings: Settings, path: Path, report: Report, newer: Path | None = None) -> Restored:
    """Restore a backup into an empty data folder and an empty database.

    Parameters
    ----------
    newer
        A later backup of the same registry, of tombstones or of everything: members erased until then are left out too.

    Raises
    ------
    BackupDamaged
        One of the files is not a backup, or incomplete or changed.
    NotEmpty
        The data folder or the database is not empty.
    TombstoneKeyMissing
        There are tombstones without their key.
    DatabaseUnavailable
        The database is unavailable or full; the restoration is undone.
    """
    with ExitStack() as opened:
        archive = opened.enter_context(opened_archive(path))
        later = None if newer is None else opened.enter_context(opened_archive(newer))
        _require_everything(archive)
        _require_empty(settings, archive)
        archive.verify(report)
        if later is not None:
            later.verify(report)
        return _Restoration(settings, archive, combined_tombstones(archive, later), report).run()


def combined_tombstones(archive: Archive, later: Archive | None) -> Erased:
    """Return the combined tombstones of a backup and a later one.

    Raises
    ------
    BackupDamaged
        They were made with different keys.
    TombstoneKeyMissing
        A backup has tombstones but not their key.
    """
    own = _erased_in(archive)
    other = own if later is None else _erased_in(later)
    if later is not None and own.days and other.days and own.tombstones.key != other.tombstones.key:
        raise later.damaged(say("its tombstones belong to another registry"))
    days = {**other.days, **own.days}
    key = own.tombstones.key if own.days else other.tombstones.key
    return Erased(Tombstones(key, frozenset(days)), days)


def _require_everything(archive: Archive) -> None:
    manifest = archive.manifest
    if manifest.kind != "everything":
        raise archive.damaged(say("it contains only tombstones: pass it as --tombstones, with a backup of everything"))
    if manifest.schema_revision not in known_revisions():
        raise archive.damaged(
            say("it has the newer schema {schema}: update the service first", schema=manifest.schema_revision)
        )


_SHOWN = 3
"""Names that are shown of what is in the way."""


def _require_empty(settings: Settings, archive: Archive) -> None:
    folder = settings.data_dir
    there = sorted({path.name for path in folder.iterdir()} - _IGNORED) if folder.is_dir() else []
    if there:
        names = ", ".join(there[:_SHOWN]) + (" …" if len(there) > _SHOWN else "")
        raise _not_empty(say("{folder} contains {names}", folder=str(folder), names=names))
    if is_sqlite(settings.registry_url):
        database = sqlite_path(settings.registry_url)
        if database.exists() or (database.parent / RESTORING).exists():
            raise _not_empty(say("{file} exists", file=str(database)))
    elif (name := _filled_table(settings.registry_url)) is not None:
        raise _not_empty(say("The database has rows in {table}", table=name))
    key = settings.rounding_key_path
    if key.exists() and "keys/rounding-key" in archive.manifest.files:
        with archive.open("keys/rounding-key") as file:
            if file.read() != key.read_bytes():
                raise _not_empty(say("{file} is not the backup's rounding key", file=str(key)))


def _not_empty(what: Message) -> NotEmpty:
    return NotEmpty(say("{what}: restore into an empty data folder and an empty database.", what=what))


def _filled_table(url: str) -> str | None:
    """Return the first of the registry's tables with rows; null where the database is empty, migrated or not."""
    engine = make_sync_engine(url)
    try:
        with outages_named(), engine.connect() as connection:
            present = set(inspect(connection).get_table_names()) & METADATA.tables.keys() - _NEVER_EMPTY
            for name in sorted(present):
                if connection.scalar(select(func.count()).select_from(Table(name, MetaData()))):
                    return name
    finally:
        engine.dispose()
    return None


def _erased_in(archive: Archive) -> Erased:
    key = _key(archive)
    days = _erasure_days(archive)
    if not days:
        return Erased(Tombstones(key, frozenset()), days)
    return Erased(proved(key, frozenset(days), f"{_KEY_FILE} of the backup"), days)


def _key(archive: Archive) -> bytes | None:
    if _KEY_FILE not in archive.manifest.files:
        return None
    with archive.open(_KEY_FILE) as file:
        try:
            return bytes.fromhex(file.read().decode("ascii"))
        except ValueError:
            return None


def _erasure_days(archive: Archive) -> dict[str, date]:
    if _TOMBSTONES_FILE not in archive.manifest.files:  # an older schema had no tombstones
        return {}
    with archive.open(_TOMBSTONES_FILE) as file:
        rows = pq.read_table(file).to_pylist()
    return {row["digest"]: row["erased_on"] for row in rows}


class _Restoration:
    """One restoration; it is undone unless all of it succeeds."""

    def __init__(self, settings: Settings, archive: Archive, erased: Erased, report: Report) -> None:
        self._settings = settings
        self._archive = archive
        self._erased = erased
        self._report = report
        self._undo = ExitStack()

    def run(self) -> Restored:
        with ExitStack() as always, self._undo:
            files = self._temporary_folder(always, self._settings.data_dir)
            self._unpack(files)
            database = self._database(always)
            loaded = self._load(database)
            self._move_in(files)
            self._put_in_place(database)  # last: without it, the registry does not exist
            self._undo.pop_all()
        left_out = self._archive.manifest.rows.get("member", 0) - loaded.get("member", 0)
        return Restored(self._archive.manifest, left_out)

    def _temporary_folder(self, always: ExitStack, beside: Path) -> Path:
        """Create the temporary folder; it is removed at the end in any case."""
        folder = beside / RESTORING
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            always.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _unpack(self, files: Path) -> None:
        names = [name for prefix in ("snapshots/", "audit/", BOUNDARIES) for name in self._archive.names(prefix)]
        for number, name in enumerate(names):
            self._report("files", number, len(names))
            target = files / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._archive.open(name) as source, target.open("xb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
        for path in (*(files / "audit").glob("*"), *files.glob(BOUNDARIES)):
            path.chmod(0o600)

    def _database(self, always: ExitStack) -> str:
        """Return the URL of an empty database to fill: PostgreSQL's own, or a SQLite file that is moved later."""
        url = self._settings.registry_url
        if is_sqlite(url):
            place = sqlite_path(url)
            temporary: URL = make_url(url).set(database=str(self._temporary_folder(always, place.parent) / place.name))
            return temporary.render_as_string(hide_password=False)
        downgrade(url, "base")
        self._undo.callback(downgrade, url, "base")
        return url

    def _put_in_place(self, database: str) -> None:
        if is_sqlite(database):
            file, place = sqlite_path(database), sqlite_path(self._settings.registry_url)
            sync(file)
            self._undo.callback(place.unlink, missing_ok=True)
            file.rename(place)
            sync(place.parent)

    def _load(self, url: str) -> dict[str, int]:
        """Fill a database and migrate it to the newest schema; return the number of rows of each table."""
        manifest, loaded = self._archive.manifest, {}
        upgrade(url, manifest.schema_revision)
        engine = make_sync_engine(url)
        try:
            with write_lock_sync(engine) as connection:
                for number, name in enumerate(manifest.rows):
                    self._report(f"table {name}", number, len(manifest.rows))
                    with self._archive.open(f"registry/{name}.parquet") as file:
                        loaded[name] = load_table(connection, name, file, self._erased.tombstones)
            upgrade(url)
            with write_lock_sync(engine) as connection:
                self._add_later_tombstones(connection)
        finally:
            engine.dispose()
        return loaded

    def _add_later_tombstones(self, connection: Connection) -> None:
        table, days = METADATA.tables["tombstone"], self._erased.days
        later = days.keys() - set(connection.scalars(select(table.c.digest)))
        if later:
            connection.execute(
                insert(table), [{"digest": digest, "erased_on": days[digest]} for digest in sorted(later)]
            )

    def _move_in(self, files: Path) -> None:
        for name in ("snapshots", "audit"):
            if (files / name).exists():
                target = self._settings.data_dir / name
                self._undo.callback(shutil.rmtree, target, ignore_errors=True)
                (files / name).rename(target)
        if (files / BOUNDARIES).exists():
            self._undo.callback(self._settings.boundaries_path.unlink, missing_ok=True)
            (files / BOUNDARIES).rename(self._settings.boundaries_path)
        if (self._settings.audit_dir).exists():
            self._settings.audit_dir.chmod(0o700)
        if self._erased.tombstones.key is not None:
            self._undo.callback(self._settings.tombstone_key_path.unlink, missing_ok=True)
            write_key(self._settings.tombstone_key_path, self._erased.tombstones.key)
        self._put_rounding_key()
        sync(self._settings.data_dir)

    def _put_rounding_key(self) -> None:
        target = self._settings.rounding_key_path
        if "keys/rounding-key" not in self._archive.manifest.files or target.exists():
            return
        self._undo.callback(target.unlink, missing_ok=True)
        with self._archive.open("keys/rounding-key") as source, os.fdopen(_created(target), "wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())


def _created(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
