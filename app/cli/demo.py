"""`demo`: invented data imported, snapshots built, statistics on localhost."""

import os
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.registry import RegistryMissing, prepare, require
from app.cli.running import build_apart, shown
from app.cli.serving import refuse_taken, run_while
from app.config import Settings
from app.jobs.processes import environment

if TYPE_CHECKING:
    from app.demo.files import DatasetFile


HOST = "127.0.0.1"

BEGUN = "demo-begun"
"""Is there from before the first row is imported."""

READY = "demo-ready"
"""Names what the data folder holds, once all of it is there."""


def demo(
    members: Annotated[
        int | None, typer.Option(min=1, help="Generate a country of this many members instead of Siming district.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    *,
    serve: Annotated[bool, typer.Option(help="Serve the statistics on loopback, from the first snapshot on.")] = True,
) -> None:
    """Show the service with invented data, in a registry of its own.

    It goes to the folder `orgcoverage-demo` unless ORGCOVERAGE_DATA_DIR says otherwise; a registry of other data is
    refused.
    """
    settings = _settings()
    if serve:
        refuse_taken(HOST, port)
    wanted = "siming" if members is None else f"members {members}"
    dates = () if _holds(settings, wanted) else _import_all(settings, members)
    if serve:
        os.environ.update(environment(settings))
        typer.echo(f"Serving on http://{HOST}:{port}; statistics are there from the first snapshot on.")
        run_while(lambda: _complete(settings, dates, wanted, _invitation(port)), HOST, port)
    else:
        _complete(settings, dates, wanted, "")


def _settings() -> Settings:
    """Return the settings of the demonstration, which shows everything to whoever is on this machine."""
    if "ORGCOVERAGE_DATA_DIR" in os.environ:
        return Settings(anonymous="exact")
    return Settings(anonymous="exact", data_dir=Path("orgcoverage-demo"))


def _holds(settings: Settings, wanted: str) -> bool:
    """Whether the folder holds all of the wanted data; refuse if it holds others."""
    mark = settings.data_dir / READY
    if not mark.exists():
        return False
    held = mark.read_text(encoding="utf-8")
    if held != wanted:
        message = f"{settings.data_dir} holds other demo data ({held}); remove it, or set ORGCOVERAGE_DATA_DIR"
        raise typer.BadParameter(message)
    return True


def _import_all(settings: Settings, members: int | None) -> Sequence[date]:
    """Write the files, import them in order, and return the dates to build, the newest first."""
    from app.imports.load import import_file  # noqa: PLC0415 - loaded when it runs
    from app.imports.options import ImportOptions  # noqa: PLC0415 - as above

    _refuse_other_data(settings)
    prepare(settings, classifications=True)
    (settings.data_dir / BEGUN).touch()
    with tempfile.TemporaryDirectory(prefix="demo-files-", dir=settings.data_dir) as folder:
        files, dates = _siming(Path(folder)) if members is None else _generated(Path(folder), members)
        for file in files:
            with shown(f"Import of {file.dataset}") as report:
                result = import_file(settings, file.dataset, file.path, ImportOptions(), report).result
            typer.echo(f"{file.dataset}: {result.inserted:,} rows")
    return sorted(dates, reverse=True)


def _refuse_other_data(settings: Settings) -> None:
    """Refuse a registry that holds enterprises and was not begun by a demonstration, before anything is done to it."""
    if not (settings.data_dir / BEGUN).exists() and _has_enterprises(settings):
        message = "the registry holds other data; set ORGCOVERAGE_DATA_DIR to a folder of the demonstration's own"
        raise typer.BadParameter(message)


def _has_enterprises(settings: Settings) -> bool:
    from sqlalchemy import inspect, select  # noqa: PLC0415 - loaded when it runs

    from app.database.engines import make_sync_engine  # noqa: PLC0415 - as above
    from app.database.outages import outages_named  # noqa: PLC0415 - as above
    from app.database.tables import METADATA  # noqa: PLC0415 - as above

    try:
        require(settings)
    except RegistryMissing:
        return False
    enterprise = METADATA.tables["enterprise"]
    engine = make_sync_engine(settings.registry_url)
    try:
        with outages_named(), engine.connect() as connection:
            there = inspect(connection).has_table(enterprise.name)
            return there and connection.execute(select(enterprise.c.code).limit(1)).first() is not None
    finally:
        engine.dispose()


def _siming(folder: Path) -> tuple[Sequence["DatasetFile"], Sequence[date]]:
    from app.demo.siming import SIMING_DATES, write_siming  # noqa: PLC0415 - loaded when it runs

    return write_siming(folder), SIMING_DATES


def _generated(folder: Path, members: int) -> tuple[Sequence["DatasetFile"], Sequence[date]]:
    from app.demo.generated import GENERATED_DATE, write_generated  # noqa: PLC0415 - loaded when it runs

    with shown("Inventing data") as report:
        files = write_generated(folder, members, report=lambda done, total: report("members", done, total))
    return files, (GENERATED_DATE,)


def _complete(settings: Settings, dates: Sequence[date], wanted: str, invitation: str) -> None:
    """Build what is still to be built, and say when everything is there."""
    if dates:
        build_apart(settings, dates)
        (settings.data_dir / READY).write_text(wanted, encoding="utf-8")
    typer.echo(f"All demo data are in {settings.data_dir}. {invitation}")


def _invitation(port: int) -> str:
    address = f"http://{HOST}:{port}"
    return f"""All of it is invented. Try:
  {address}/dashboard#district=350203
  {address}/v1/statistics/districts?parent=350203
  {address}/v1/statistics/industry-groups?district=350203
  {address}/v1/statistics/industries.csv?level=section
  {address}/docs
"""
