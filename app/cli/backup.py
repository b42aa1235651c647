"""`backup`, `restore`: everything that cannot be rebuilt, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.registry import require_registry
from app.cli.running import show_progress, write_audit_record
from app.config import Settings

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
        message = f"the folder {file.absolute().parent} does not exist"
        raise typer.BadParameter(message)
    settings = Settings()
    require_registry(settings)
    with show_progress("Backup") as report:
        manifest = create_backup(settings, file, report, tombstones_only=tombstones_only)
    write_audit_record(settings, "create_backup", kind=manifest.kind)
    typer.echo(
        f"{file}: {sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables, "
        f"{len(manifest.snapshots)} snapshots, {file.stat().st_size / _MEGABYTE:,.1f} MB"
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
    with show_progress("Restoration") as report:
        restored = restore_backup(settings, file, report, tombstones)
    manifest = restored.manifest
    write_audit_record(settings, "restore_backup")
    typer.echo(
        f"Restored the backup of {manifest.created_at:%Y-%m-%d %H:%M} UTC: {sum(manifest.rows.values()):,} rows of "
        f"{len(manifest.rows)} tables, {len(manifest.snapshots)} snapshots."
    )
    if restored.left_out:
        typer.echo(f"Left out {restored.left_out:,} erased members.")
    typer.echo("Keys revoked after the backup are valid again: check `orgcoverage key list`.")
