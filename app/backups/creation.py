"""Creating a backup while the service runs: the registry in one read transaction, then the files of the data folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Table

from app.access.principals import Tier
from app.backups.archive import BOUNDARIES, ArchiveWriter, BackupManifest, written_archive
from app.backups.tables import write_table
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.migrations import is_current, newest_revision
from app.database.outages import outages_named
from app.database.tables import METADATA
from app.errors import Conflict, Report
from app.messages import say
from app.snapshots.moves import moving
from app.store.shelf import DRAFTS, WITHDRAWN

TOMBSTONES = "tombstone"
"""The only table of a backup of tombstones."""


class RegistryOutdated(Conflict):
    """The registry's schema is not that of this version of the service."""

    code = "registry-outdated"
    title = "Registry outdated"


def create_backup(settings: Settings, path: Path, report: Report, *, tombstones_only: bool = False) -> BackupManifest:
    """Write a backup into a new file; return its manifest.

    The tables are of one state. Snapshots are whole and may be newer than the tables; releases wait meanwhile. The keys
    come last: a key created meanwhile is included if anything in the backup needs it.

    Parameters
    ----------
    tombstones_only
        Include only the list of erased members, for restoring an older backup.

    Raises
    ------
    BackupNotWritten
        The file exists, or cannot be written.
    RegistryOutdated
        `migrate` must be run first.
    DatabaseUnavailable
        The database is unavailable or not migrated.
    """
    if not is_current(settings.registry_url):
        message = say("The registry's schema is not this version's: run `orgcoverage migrate` first.")
        raise RegistryOutdated(message)
    with written_archive(path) as writer:
        tables = [METADATA.tables[TOMBSTONES]] if tombstones_only else METADATA.sorted_tables
        rows = _add_tables(settings, writer, tables, path.parent, report)
        if not tombstones_only:
            _add_snapshots(settings, writer, report)
            _add_audit_log(settings, writer)
            _add(writer, BOUNDARIES, settings.boundaries_path)
            _add(writer, "keys/rounding-key", settings.rounding_key_path)
        _add(writer, "keys/tombstone-key", settings.tombstone_key_path)
        return writer.finish("tombstones" if tombstones_only else "everything", newest_revision(), rows)


def _add_tables(
    settings: Settings, writer: ArchiveWriter, tables: list[Table], folder: Path, report: Report
) -> dict[str, int]:
    rows = {}
    with _one_state(settings) as connection:
        for number, table in enumerate(tables):
            report(f"table {table.name}", number, len(tables))
            with tempfile.TemporaryFile(dir=folder) as file:  # it has no name: nothing is left after a kill
                rows[table.name] = write_table(connection, table, file)
                file.seek(0)
                writer.add(f"registry/{table.name}.parquet", file)
    return rows


@contextmanager
def _one_state(settings: Settings) -> Iterator[Connection]:
    """Open a connection whose statements all see one state of the registry."""
    engine = make_sync_engine(settings.registry_url)
    try:
        with outages_named(), engine.connect() as connection:
            if connection.dialect.name != "sqlite":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
    finally:
        engine.dispose()


def _add_snapshots(settings: Settings, writer: ArchiveWriter, report: Report) -> None:
    """Add the snapshots of all states; none is published, released, withdrawn or pruned meanwhile."""
    top = settings.snapshots_dir
    with moving(settings):
        roots = [top / state / tier for state in ("", DRAFTS, WITHDRAWN) for tier in (Tier.EXACT, Tier.PUBLIC)]
        folders = [folder for root in roots if root.is_dir() for folder in sorted(root.iterdir()) if folder.is_dir()]
        for number, folder in enumerate(folders):
            report("snapshots", number, len(folders))
            for path in sorted(folder.iterdir()):
                _add(writer, f"snapshots/{path.relative_to(top)}", path)


def _add_audit_log(settings: Settings, writer: ArchiveWriter) -> None:
    for path in sorted(settings.audit_dir.glob("????-??.jsonl")):
        _add(writer, f"audit/{path.name}", path)


def _add(writer: ArchiveWriter, name: str, path: Path) -> None:
    """Add a file if it exists."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        writer.add(name, file)
