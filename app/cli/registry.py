"""`migrate`: the schema, and the shipped classifications into an empty registry."""

from typing import Annotated

import typer

from app.config import Settings
from app.errors import NotFound


class RegistryMissing(NotFound):
    """There is no registry yet where the settings say."""

    code = "registry-missing"
    title = "No registry"


def migrate(
    *,
    classifications: Annotated[
        bool, typer.Option(help="Load the shipped districts and industries where there are none.")
    ] = True,
) -> None:
    """Bring the registry's schema up to date; create it where there is none."""
    prepare(Settings(), classifications=classifications)


def require(settings: Settings) -> None:
    """Refuse to go on where the settings name a SQLite file that is not there: opening it would make an empty one.

    Raises
    ------
    RegistryMissing
        The file is not there.
    """
    from app.database.engines import is_sqlite, sqlite_path  # noqa: PLC0415 - loaded when it runs

    if is_sqlite(settings.registry_url) and not (path := sqlite_path(settings.registry_url)).exists():
        raise RegistryMissing(f"{path} is not there; `orgcoverage migrate` makes it, ORGCOVERAGE_DATA_DIR moves it.")


def prepare(settings: Settings, *, classifications: bool) -> None:
    """Bring the schema up to date, and load the classifications into an empty registry."""
    from app.database.migrations import upgrade  # noqa: PLC0415 - loaded when it runs
    from app.registry.classifications.loader import load_classifications  # noqa: PLC0415 - as above

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.registry_url)
    typer.echo("The registry's schema is up to date.")
    if classifications:
        loaded = load_classifications(settings.registry_url)
        if loaded.districts or loaded.industries:
            typer.echo(f"Loaded {loaded.districts:,} districts and {loaded.industries:,} industries.")
