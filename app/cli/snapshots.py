"""`snapshot build | list | prune`."""

from datetime import datetime
from typing import Annotated

import typer

from app.cli.registry import require
from app.cli.running import audited, shown
from app.config import Settings
from app.snapshots.dates import refuse_future

commands = typer.Typer(help="Build, list and prune snapshots.", no_args_is_help=True)


@commands.command("build")
def build(
    as_of: Annotated[list[datetime], typer.Option(formats=["%Y-%m-%d"], help="Date of the snapshot; repeatable.")],
) -> None:
    """Build the snapshot of one or more dates from the registry as it is now."""
    from app.snapshots.build import build_snapshot  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    require(settings)
    days = [when.date() for when in as_of]
    for day in days:
        refuse_future(settings, day)
    for day in days:
        with shown(f"Snapshot of {day}") as report:
            manifest = build_snapshot(settings, day, report)
        audited(settings, "create_snapshot", as_of=day.isoformat(), snapshot=manifest.id)
        enterprises = manifest.tables["enterprises"].rows
        typer.echo(f"{manifest.id}  {enterprises:,} enterprises, members counted from the {manifest.member_source}")
        if not enterprises:
            typer.echo(f"No enterprise is registered on {day}: is anything imported?", err=True)


@commands.command("list")
def list_snapshots() -> None:
    """List the snapshots there are, the newest first."""
    from app.store.shelf import Shelf  # noqa: PLC0415 - loaded when it runs

    manifests = Shelf(Settings().snapshots_dir / "exact").all()
    if not manifests:
        typer.echo("There are no snapshots yet; `orgcoverage snapshot build --as-of DATE` makes one.")
    for manifest in manifests:
        rows = manifest.tables["enterprises"].rows
        typer.echo(f"{manifest.id}  {manifest.as_of}  built {manifest.built_at}  {rows:,} enterprises")


@commands.command("prune")
def prune(
    keep: Annotated[int, typer.Option(min=1, help="Builds to keep of each date, the newest.")] = 1,
) -> None:
    """Remove the older builds of each date; the newest of a date is always kept."""
    from app.snapshots.folders import prune_snapshots  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    removed = prune_snapshots(settings, keep)
    for snapshot_id in removed:
        audited(settings, "delete_snapshot", snapshot=snapshot_id)
        typer.echo(f"removed {snapshot_id}")
    typer.echo(f"{len(removed)} removed.")
