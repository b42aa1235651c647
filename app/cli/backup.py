"""`backup`, `restore`: everything that cannot be rebuilt, in one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.registry import require_registry
from app.cli.running import show_progress, write_audit_record
from app.cli.words import tell, told
from app.config import Settings
from app.messages import Message, say

if TYPE_CHECKING:
    from app.backups.archive import BackupManifest

_MEGABYTE = 1_000_000

_Existing = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")]


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The new file, a tar; must not exist.")],
    *,
    tombstones_only: Annotated[
        bool,
        typer.Option("--tombstones-only", help="Only the list of erased members, for restoring an older backup."),
    ] = False,
) -> None:
    """Write registry, snapshots, keys and audit log into one file, while the service runs.

    The file contains everything and is readable only by its owner; store it where that stays so.
    """
    from app.backups.creation import create_backup  # noqa: PLC0415 - loaded when it runs

    if not file.absolute().parent.is_dir():
        raise typer.BadParameter(told("the folder {folder} does not exist", folder=str(file.absolute().parent)))
    settings = Settings()
    require_registry(settings)
    with show_progress(say("Backup")) as report:
        manifest = create_backup(settings, file, report, tombstones_only=tombstones_only)
    write_audit_record(settings, "create_backup", kind=manifest.kind)
    tell(
        "{file}: {counts}, {size} MB",
        file=str(file),
        size=f"{file.stat().st_size / _MEGABYTE:,.1f}",
        counts=_counts(manifest),
    )


def restore(
    file: _Existing,
    tombstones: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A later backup, whose erasures are applied too; tombstones are enough."
        ),
    ] = None,
) -> None:
    """Restore a backup into an empty data folder and an empty database, without erased members."""
    from app.backups.restoration import restore_backup  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    with show_progress(say("Restoration")) as report:
        restored = restore_backup(settings, file, report, tombstones)
    manifest = restored.manifest
    write_audit_record(settings, "restore_backup")
    tell(
        "Restored the backup of {created} UTC: {counts}.",
        created=f"{manifest.created_at:%Y-%m-%d %H:%M}",
        counts=_counts(manifest),
    )
    if restored.left_out:
        tell("Left out {number:,} erased members.", number=restored.left_out)
    tell("Keys revoked after the backup are valid again: check `orgcoverage key list`.")


def _counts(manifest: "BackupManifest") -> Message:
    return say(
        "{rows:,} rows of {tables} tables, {snapshots} snapshots",
        rows=sum(manifest.rows.values()),
        tables=len(manifest.rows),
        snapshots=len(manifest.snapshots),
    )
