"""`snapshot build | shard | list | release | withdraw | prune`."""

from datetime import datetime
from typing import Annotated

import typer

from app.cli.errors import print_error
from app.cli.registry import require_registry
from app.cli.running import OnceTold, show_progress, write_audit_record
from app.cli.store import push_decided, tell_unpushed
from app.cli.words import tell, told
from app.config import Settings
from app.messages import say
from app.snapshots.dates import refuse_future

commands = typer.Typer(help="Build, list, release, withdraw and prune snapshots.", no_args_is_help=True)


@commands.command("build")
def build(
    as_of: Annotated[list[datetime], typer.Option(formats=["%Y-%m-%d"], help="Date of the snapshot; repeatable.")],
    *,
    urls: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="Extract to build from, instead of the registry; repeatable, then one snapshot of all. Districts, "
            "industries, groups and targets are those of the first.",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the extracts; else they are removed.")] = False,
    _once_told: OnceTold = False,
) -> None:
    """Build the snapshot of one or more dates from the current registry, or from extracts of several."""
    from app.snapshots.build import build_snapshot  # noqa: PLC0415 - loaded when it runs
    from app.snapshots.shared_extracts import find_extracts, remove_extract  # noqa: PLC0415 - as above

    settings = Settings()
    if not urls:
        if keep:
            raise typer.BadParameter(told("it needs --from"), param_hint="--keep")
        require_registry(settings)
    days = [when.date() for when in as_of]
    for day in days:
        refuse_future(settings, day)
    extracts = find_extracts(settings, urls or ())
    if len(extracts) > 1 and not extracts[0].manifest.refs:
        tell("No extract says how its refs are made: set ORGCOVERAGE_REF_FINGERPRINT where they are written.", err=True)
    for day in days:
        with show_progress(say("Snapshot of {day}", day=day)) as report:
            manifest = build_snapshot(settings, day, report, extracts)
        write_audit_record(settings, "create_snapshot", as_of=day.isoformat(), snapshot=manifest.id)
        enterprises = manifest.tables["enterprises"].rows
        tell(
            "{snapshot}  {enterprises:,} enterprises, members counted from the {source}",
            snapshot=manifest.id,
            enterprises=enterprises,
            source=say(manifest.member_source),
        )
        if settings.release == "manual":
            tell_draft(settings, manifest.id)
        if not enterprises:
            tell("No enterprise is registered on {day}; import enterprises first.", err=True, day=day)
    for extract in () if keep else extracts:
        if remove_extract(extract):
            tell("removed {snapshot}", snapshot=extract.url)
        else:
            tell("{url} stays: another extract has taken its place.", url=extract.url)
    tell_unpushed(settings)


@commands.command("shard")
def shard(
    *, once: Annotated[bool, typer.Option("--once", help="Until those that are there are made, not for ever.")] = False
) -> None:
    """Make pieces of the builds of other machines, at the address of ORGCOVERAGE_SHARD_FOLDER."""
    from app.snapshots.shard_jobs import take_part  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    if not settings.shard_folder:
        raise typer.BadParameter(told("no folder is set"), param_hint="ORGCOVERAGE_SHARD_FOLDER")
    take_part(settings, tell, print_error, once=once)


def tell_draft(settings: Settings, snapshot_id: str) -> None:
    """Say whether what was built is a draft, or was released before."""
    from app.store.shelf import Shelf  # noqa: PLC0415 - loaded when it runs

    drafts = Shelf(settings.snapshots_dir / "exact").drafts.all()
    if any(draft.id == snapshot_id for draft in drafts):
        tell("It is a draft: `orgcoverage snapshot release {snapshot}` shows it to everybody.", snapshot=snapshot_id)
    else:
        tell("It was released before: nothing was made.")


@commands.command("list")
def list_snapshots() -> None:
    """List all snapshots, the newest first: the released ones, then drafts, then withdrawn ones."""
    from app.store.shelf import Shelf  # noqa: PLC0415 - loaded when it runs

    shelf = Shelf(Settings().snapshots_dir / "exact")
    if not (shelf.all() or shelf.drafts.all() or shelf.withdrawn.all()):
        tell("There are no snapshots yet: run `orgcoverage snapshot build --as-of DATE`.")
    for state, manifests in (
        (None, shelf.all()),
        (say("draft"), shelf.drafts.all()),
        (say("withdrawn"), shelf.withdrawn.all()),
    ):
        for manifest in manifests:
            built = say(
                "{snapshot}  {day}  built {built}  {enterprises:,} enterprises",
                snapshot=manifest.id,
                day=manifest.as_of,
                built=str(manifest.built_at),
                enterprises=manifest.tables["enterprises"].rows,
            )
            typer.echo("  ".join(told(part) for part in (built, state) if part is not None))


SnapshotId = Annotated[str, typer.Argument(metavar="ID", help="Id of the exact snapshot, as `snapshot list` shows it.")]
Note = Annotated[str | None, typer.Option(help="Why; everybody who may see the snapshot is told.")]


@commands.command("release")
def release(snapshot_id: SnapshotId, note: Note = None) -> None:
    """Release a draft to everybody, or bring a withdrawn snapshot back; of its date it is the newest."""
    from app.snapshots.releases import Decision, release_snapshot  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    manifest = release_snapshot(settings, snapshot_id, Decision(note))
    write_audit_record(settings, "release_snapshot", id=snapshot_id, as_of=manifest.as_of.isoformat())
    tell("{snapshot} is released.", snapshot=snapshot_id)
    if manifest.release is not None and manifest.release.revises is not None:
        tell("It revises {snapshot}.", snapshot=manifest.release.revises)
    push_decided(settings)


@commands.command("withdraw")
def withdraw(snapshot_id: SnapshotId, note: Note = None) -> None:
    """Take a released snapshot out of service; the next newest of its date answers."""
    from app.snapshots.releases import Decision, withdraw_snapshot  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    manifest = withdraw_snapshot(settings, snapshot_id, Decision(note))
    write_audit_record(settings, "withdraw_snapshot", id=snapshot_id, as_of=manifest.as_of.isoformat())
    tell("{snapshot} is withdrawn.", snapshot=snapshot_id)
    push_decided(settings)


@commands.command("prune")
def prune(
    keep: Annotated[int, typer.Option(min=1, help="Number of newest builds to keep of each date.")] = 1,
) -> None:
    """Remove older builds of each date; the newest one is always kept, released and draft, and what was withdrawn."""
    from app.snapshots.pruning import prune_snapshots  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    removed = prune_snapshots(settings, keep)
    for snapshot_id in removed:
        write_audit_record(settings, "delete_snapshot", snapshot=snapshot_id)
        tell("removed {snapshot}", snapshot=snapshot_id)
    tell("{number} removed.", number=len(removed))
    push_decided(settings)
