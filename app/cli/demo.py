"""`demo`: invented data imported, snapshots built, statistics on localhost."""

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.cli.building import build_apart, environment
from app.cli.progress import shown
from app.cli.registry import prepare
from app.cli.serving import run
from app.config import Settings

READY = "demo-ready"
"""Names what the data folder holds, once all of it is there."""


def demo(
    members: Annotated[
        int | None, typer.Option(min=1, help="Generate a country of this many members instead of Siming district.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    *,
    serve: Annotated[bool, typer.Option(help="Serve the statistics on loopback when they are there.")] = True,
) -> None:
    """Show the service with invented data: no registry of yours is touched.

    The data go to their own folder, `orgcoverage-demo` unless ORGCOVERAGE_DATA_DIR says otherwise.
    """
    settings = _settings()
    _fill(settings, members)
    if serve:
        os.environ.update(environment(settings))
        _invite(port)
        run("127.0.0.1", port, 1)


def _settings() -> Settings:
    if "ORGCOVERAGE_DATA_DIR" in os.environ:
        return Settings()
    return Settings(data_dir=Path("orgcoverage-demo"))


def _fill(settings: Settings, members: int | None) -> None:
    """Import the data and build the snapshots, unless the folder holds just these."""
    wanted = "siming" if members is None else f"members {members}"
    mark = settings.data_dir / READY
    held = mark.read_text(encoding="utf-8") if mark.exists() else None
    if held == wanted:
        typer.echo(f"Using the demo data in {settings.data_dir}.")
        return
    if held is not None:
        message = f"{settings.data_dir} holds other demo data ({held}); remove it, or set ORGCOVERAGE_DATA_DIR"
        raise typer.BadParameter(message)
    prepare(settings, classifications=True)
    build_apart(settings, _import_all(settings, members))
    mark.write_text(wanted, encoding="utf-8")


def _import_all(settings: Settings, members: int | None) -> tuple[date, ...]:
    """Write the files, import them in order, and return the dates to build."""
    from app.demo.generator import GENERATED_DATE, write_generated  # noqa: PLC0415 - loaded when it runs
    from app.demo.siming import SIMING_DATES, write_siming  # noqa: PLC0415 - as above
    from app.imports.load import import_file  # noqa: PLC0415 - as above
    from app.imports.options import ImportOptions  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="demo-files-", dir=settings.data_dir) as folder:
        if members is None:
            files = write_siming(Path(folder))
        else:
            with shown("Inventing data") as report:
                files = write_generated(
                    Path(folder), members, report=lambda done, total: report("members", done, total)
                )
        for file in files:
            with shown(f"Import of {file.dataset}") as report:
                result = import_file(settings, file.dataset, file.path, ImportOptions(), report).result
            typer.echo(f"{file.dataset}: {result.inserted:,} inserted, {result.warnings:,} warnings")
    return SIMING_DATES if members is None else (GENERATED_DATE,)


def _invite(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    typer.echo(f"""
All of it is invented. Try:
  {address}/v1/statistics/districts?parent=350203
  {address}/v1/statistics/industry-groups?district=350203
  {address}/v1/statistics/industries.csv?level=section
  {address}/docs
""")
