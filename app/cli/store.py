"""`store push | prune` and `replicate`: what is published here, elsewhere too."""

from typing import Annotated

import typer

from app.cli.running import show_progress
from app.cli.words import tell, told
from app.config import Settings
from app.messages import say

commands = typer.Typer(help="Push what is published here to the object store, and prune it.", no_args_is_help=True)


@commands.command("push")
def push(
    *,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Make the store's lists anew from this folder alone, and look for every object."),
    ] = False,
) -> None:
    """Push to the object store whatever is published here and not there."""
    from app.snapshots.replication.push import push as push_all  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    require_store(settings)
    with show_progress(say("Store")) as report:
        done = push_all(settings, report, everything=everything)
    for tier, sent in done.items():
        tell("{tier}: sequence {sequence}, {size:,} bytes sent", tier=tier, sequence=sent.sequence, size=sent.size)


@commands.command("prune")
def prune() -> None:
    """Remove from the object store what nothing names, a day after it came."""
    from app.snapshots.replication.prune import prune_store  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    require_store(settings)
    tell("{number} removed.", number=len(prune_store(settings)))


def replicate(
    *,
    public_only: Annotated[
        bool, typer.Option("--public-only", help="Protected figures alone, for `serve --public-only`.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Once, not for ever.")] = False,
    every: Annotated[
        float, typer.Option(min=0.1, help="How often the store is asked whether anything is new, seconds.")
    ] = 0.5,
) -> None:
    """Fill the folder of snapshots from the object store; `serve` answers from it."""
    from app.observability import configure_logging  # noqa: PLC0415 - loaded when it runs
    from app.snapshots.replication.pull import replicate as fill  # noqa: PLC0415 - as above

    settings = Settings()
    require_store(settings)
    if not once:
        configure_logging()
    for tier, sequence in fill(settings, public_only=public_only, once=once, poll=every).items():
        tell("{tier}: sequence {sequence}", tier=tier, sequence=sequence)


def require_store(settings: Settings) -> None:
    """Refuse to go on where no setting names a store."""
    from app.snapshots.replication.objects import addresses  # noqa: PLC0415 - loaded when it runs

    if not addresses(settings):
        raise typer.BadParameter(told("no store is set"), param_hint="ORGCOVERAGE_STORE_URL")


def push_decided(settings: Settings) -> None:
    """Push what was just decided here, if there is a store, and say so if it could not be."""
    from app.snapshots.replication.push import push_changes  # noqa: PLC0415 - loaded when it runs

    push_changes(settings)
    tell_unpushed(settings)


def tell_unpushed(settings: Settings) -> None:
    """Say so if something that is published here may not be in the store."""
    from app.snapshots.replication.state import is_unpushed  # noqa: PLC0415 - loaded when it runs

    if is_unpushed(settings):
        tell("It is not in the store yet: `orgcoverage store push` sends it, as does the next build.", err=True)
