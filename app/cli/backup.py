"""`backup`, `restore`: everything that cannot be made again, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.registry import require
from app.cli.running import audited, shown
from app.config import Settings

_MEGABYTE = 1_000_000

_Existing = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")]


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The new file, a tar; it replaces none.")],
    *,
    tombstones_only: Annotated[
        bool,
        typer.Option("--tombstones-only", help="Only what keeps erased members out, to restore an older backup with."),
    ] = False,
) -> None:
    """Write registry, snapshots, keys and audit log into one file, while everything runs.

    Whoever can read it can read everything: the file is its owner's alone, and belongs where that stays so.
    """
    from app.backups.creation import create_backup  # noqa: PLC0415 - loaded when it runs

    if not file.absolute().parent.is_dir():
        message = f"there is no folder {file.absolute().parent}"
        raise typer.BadParameter(message)
    settings = Settings()
    require(settings)
    with shown("Backup") as report:
        manifest = create_backup(settings, file, report, tombstones_only=tombstones_only)
    audited(settings, "create_backup", kind=manifest.kind)
    typer.echo(
        f"{file}: {sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables, "
        f"{len(manifest.snapshots)} snapshots, {file.stat().st_size / _MEGABYTE:,.1f} MB"
    )


def restore(
    file: _Existing,
    tombstones: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A later backup, whose erasures hold too; of tombstones alone will do."
        ),
    ] = None,
) -> None:
    """Restore a backup into an empty data folder and an empty database; erased members stay out."""
    from app.backups.restoration import restore_backup  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    with shown("Restoration") as report:
        restored = restore_backup(settings, file, report, tombstones)
    manifest = restored.manifest
    audited(settings, "restore_backup")
    typer.echo(
        f"Restored as of {manifest.created_at:%Y-%m-%d %H:%M} UTC: {sum(manifest.rows.values()):,} rows of "
        f"{len(manifest.rows)} tables, {len(manifest.snapshots)} snapshots."
    )
    if restored.left_out:
        typer.echo(f"Left out, since they were erased: {restored.left_out:,} members.")
    typer.echo("Keys that were revoked after that are good again; `orgcoverage key list` shows them.")
