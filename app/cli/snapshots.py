"""`snapshot build | list | prune`."""

from datetime import datetime
from typing import Annotated

import typer

from app.cli.registry import require_registry
from app.cli.running import show_progress, write_audit_record
from app.cli.words import tell
from app.config import Settings
from app.messages import say
from app.snapshots.dates import refuse_future

commands = typer.Typer(help="Build, list and prune snapshots.", no_args_is_help=True)


@commands.command("build")
def build(
    as_of: Annotated[list[datetime], typer.Option(formats=["%Y-%m-%d"], help="Date of the snapshot; repeatable.")],
) -> None:
    """Build the snapshot of one or more dates from the current registry."""
    from app.snapshots.build import build_snapshot  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    require_registry(settings)
    days = [when.date() for when in as_of]
    for day in days:
        refuse_future(settings, day)
    for day in days:
        with show_progress(say("Snapshot of {day}", day=day)) as report:
            manifest = build_snapshot(settings, day, report)
        write_audit_record(settings, "create_snapshot", as_of=day.isoformat(), snapshot=manifest.id)
        enterprises = manifest.tables["enterprises"].rows
        tell(
            "{snapshot}  {enterprises:,} enterprises, members counted from the {source}",
            snapshot=manifest.id,
            enterprises=enterprises,
            source=say(manifest.member_source),
        )
        if not enterprises:
            tell("No enterprise is registered on {day}; import enterprises first.", err=True, day=day)


@commands.command("list")
def list_snapshots() -> None:
    """List all snapshots, the newest first."""
    from app.store.shelf import Shelf  # noqa: PLC0415 - loaded when it runs

    manifests = Shelf(Settings().snapshots_dir / "exact").all()
    if not manifests:
        tell("There are no snapshots yet: run `orgcoverage snapshot build --as-of DATE`.")
    for manifest in manifests:
        rows = manifest.tables["enterprises"].rows
        tell(
            "{snapshot}  {day}  built {built}  {enterprises:,} enterprises",
            snapshot=manifest.id,
            day=manifest.as_of,
            built=str(manifest.built_at),
            enterprises=rows,
        )


@commands.command("prune")
def prune(
    keep: Annotated[int, typer.Option(min=1, help="Number of newest builds to keep of each date.")] = 1,
) -> None:
    """Remove older builds of each date; the newest one is always kept."""
    from app.snapshots.pruning import prune_snapshots  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    removed = prune_snapshots(settings, keep)
    for snapshot_id in removed:
        write_audit_record(settings, "delete_snapshot", snapshot=snapshot_id)
        tell("removed {snapshot}", snapshot=snapshot_id)
    tell("{number} removed.", number=len(removed))
