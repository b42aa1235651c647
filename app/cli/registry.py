"""`migrate`: the schema, and the shipped classifications into an empty registry."""

from typing import Annotated

import typer

from app.config import Settings


def migrate(
    *,
    classifications: Annotated[
        bool, typer.Option(help="Load the shipped districts and industries where there are none.")
    ] = True,
) -> None:
    """Bring the registry's schema up to date; create it where there is none."""
    prepare(Settings(), classifications=classifications)


def prepare(settings: Settings, *, classifications: bool) -> None:
    """Bring the schema up to date, and load the classifications into an empty registry."""
    from app.database.migrations import upgrade  # noqa: PLC0415 - loaded when it runs
    from app.registry.classifications.loader import load_classifications  # noqa: PLC0415 - as above

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.registry_url)
    typer.echo("The registry's schema is up to date.")
    if classifications:
        loaded = load_classifications(settings.registry_url)
        typer.echo(f"Loaded {loaded.districts:,} districts and {loaded.industries:,} industries.")
