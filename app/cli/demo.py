"""`demo`: imports invented data, builds snapshots, serves the statistics on localhost."""

import os
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.registry import RegistryMissing, prepare_registry, require_registry
from app.cli.running import build_beside, show_progress
from app.cli.serving import require_free_port, run_beside
from app.cli.words import tell, told
from app.config import Settings
from app.jobs.processes import environment
from app.messages import say

if TYPE_CHECKING:
    from app.demo.files import DatasetFile


HOST = "127.0.0.1"

BEGUN = "demo-begun"
"""File in the data folder, created before the first row is imported: the registry is the demonstration's own."""

READY = "demo-ready"
"""File in the data folder, written when everything is built; it names the demo data."""


def demo(
    members: Annotated[
        int | None, typer.Option(min=1, help="Generate a country of this many members instead of Siming district.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    *,
    serve: Annotated[bool, typer.Option(help="Serve the statistics on loopback, from the first snapshot on.")] = True,
) -> None:
    """Show the service with invented data, in its own registry.

    The folder is `orgcoverage-demo`, or ORGCOVERAGE_DATA_DIR if set; a registry with other data is refused.
    """
    settings = _settings()
    if serve:
        require_free_port(HOST, port)
    wanted = "siming" if members is None else f"members {members}"
    dates = () if _is_complete(settings, wanted) else _import_all(settings, members)
    if serve:
        os.environ.update(environment(settings))
        tell("Serving on {address}; statistics are available after the first build.", address=f"http://{HOST}:{port}")
        run_beside(lambda: _finish(settings, dates, wanted, _examples(port)), HOST, port)
    else:
        _finish(settings, dates, wanted, "")


def _settings() -> Settings:
    """Return the settings of the demonstration, which answers everything without a key, on this machine only."""
    if "ORGCOVERAGE_DATA_DIR" in os.environ:
        return Settings(anonymous="exact", release="automatic")
    return Settings(anonymous="exact", release="automatic", data_dir=Path("orgcoverage-demo"))


def _is_complete(settings: Settings, wanted: str) -> bool:
    """Say whether the folder contains all of the wanted data; refuse other demo data."""
    mark = settings.data_dir / READY
    if not mark.exists():
        return False
    present = mark.read_text(encoding="utf-8")
    if present != wanted:
        message = "{folder} contains other demo data ({present}); remove it, or set ORGCOVERAGE_DATA_DIR"
        raise typer.BadParameter(told(message, folder=str(settings.data_dir), present=present))
    return True


def _import_all(settings: Settings, members: int | None) -> Sequence[date]:
    """Generate the files and import them in order; return the dates to build, the newest first."""
    from app.imports.load import import_file  # noqa: PLC0415 - loaded when it runs
    from app.imports.options import ImportOptions  # noqa: PLC0415 - as above

    _refuse_other_data(settings)
    prepare_registry(settings, classifications=True)
    (settings.data_dir / BEGUN).touch()
    with tempfile.TemporaryDirectory(prefix="demo-files-", dir=settings.data_dir) as folder:
        files, dates = _siming(Path(folder)) if members is None else _generated(Path(folder), members)
        for file in files:
            with show_progress(say("Import of {dataset}", dataset=say(file.dataset))) as report:
                result = import_file(settings, file.dataset, file.path, ImportOptions(), report).result
            tell("{dataset}: {rows:,} rows", dataset=say(file.dataset), rows=result.inserted)
    return sorted(dates, reverse=True)


def _refuse_other_data(settings: Settings) -> None:
    """Refuse a registry with enterprises that is not a demonstration's, before it is changed."""
    if not (settings.data_dir / BEGUN).exists() and _has_enterprises(settings):
        raise typer.BadParameter(told("the registry contains other data; set ORGCOVERAGE_DATA_DIR to a new folder"))


def _has_enterprises(settings: Settings) -> bool:
    from sqlalchemy import inspect, select  # noqa: PLC0415 - loaded when it runs

    from app.database.engines import make_sync_engine  # noqa: PLC0415 - as above
    from app.database.outages import outages_named  # noqa: PLC0415 - as above
    from app.database.tables import METADATA  # noqa: PLC0415 - as above

    try:
        require_registry(settings)
    except RegistryMissing:
        return False
    enterprise = METADATA.tables["enterprise"]
    engine = make_sync_engine(settings.registry_url)
    try:
        with outages_named(), engine.connect() as connection:
            exists = inspect(connection).has_table(enterprise.name)
            return exists and connection.execute(select(enterprise.c.code).limit(1)).first() is not None
    finally:
        engine.dispose()


def _siming(folder: Path) -> tuple[Sequence["DatasetFile"], Sequence[date]]:
    from app.demo.siming import SIMING_DATES, write_siming  # noqa: PLC0415 - loaded when it runs

    return write_siming(folder), SIMING_DATES


def _generated(folder: Path, members: int) -> tuple[Sequence["DatasetFile"], Sequence[date]]:
    from app.demo.generated import GENERATED_DATE, write_generated  # noqa: PLC0415 - loaded when it runs

    with show_progress(say("Inventing data")) as report:
        files = write_generated(folder, members, report=lambda done, total: report("members", done, total))
    return files, (GENERATED_DATE,)


def _finish(settings: Settings, dates: Sequence[date], wanted: str, examples: str) -> None:
    """Build the snapshots, if any are missing, and print where everything is."""
    if dates:
        with build_beside(settings, dates) as build:
            build()
        (settings.data_dir / READY).write_text(wanted, encoding="utf-8")
    typer.echo(told("All demo data are in {folder}. ", folder=str(settings.data_dir)) + examples)


def _examples(port: int) -> str:
    address = f"http://{HOST}:{port}"
    return (
        told("All of it is invented. Try:")
        + f"""
  {address}/dashboard#district=350203
  {address}/v1/statistics/districts?parent=350203
  {address}/v1/statistics/industry-groups?district=350203
  {address}/v1/statistics/industries.csv?level=section
  {address}/docs
"""
    )
