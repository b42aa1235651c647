"""`migrate`, `import`, `export`, `template`, `erase`: the registry's schema and its files, in and out."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.catalogue.codes import fold_width
from app.cli.running import audited, shown
from app.config import Settings
from app.errors import NotFound
from app.imports.datasets import DATASETS
from app.imports.issues import IssueCount, RowIssue
from app.imports.options import ImportMode, ImportOptions, OnError
from app.snapshots.dates import refuse_future

if TYPE_CHECKING:
    from app.imports.load import Imported


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
    from app.registry.classifications import load_classifications  # noqa: PLC0415 - as above

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.registry_url)
    typer.echo("The registry's schema is up to date.")
    if classifications:
        loaded = load_classifications(settings.registry_url)
        if loaded.districts or loaded.industries:
            typer.echo(f"Loaded {loaded.districts:,} districts and {loaded.industries:,} industries.")


_SHOWN_ISSUES = 50
"""Problems of rows that are printed; the rest are counted."""


def _known(name: str) -> str:
    """Refuse a name that is no dataset as wrong usage."""
    return _one_of(name, tuple(DATASETS))


def _exported(name: str) -> str:
    """Refuse a name that is no dataset with an export as wrong usage."""
    from app.registry.export import EXPORTS  # noqa: PLC0415 - loaded when it runs

    return _one_of(name, EXPORTS)


def _one_of(name: str, names: Sequence[str]) -> str:
    if name not in names:
        message = f"{name!r} is not one of {', '.join(names)}"
        raise typer.BadParameter(message)
    return name


Dataset = Annotated[str, typer.Argument(callback=_known, help=f"One of {', '.join(DATASETS)}.")]


def import_dataset(
    dataset: Dataset,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or Parquet.")],
    mode: Annotated[ImportMode, typer.Option(help="What the file is to the registry.")] = ImportMode.UPSERT,
    on_error: Annotated[OnError, typer.Option(help="Take nothing, or the good rows.")] = OnError.REJECT,
    *,
    ignore_unknown: Annotated[bool, typer.Option("--ignore-unknown", help="Leave unknown columns out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    sheet: Annotated[
        str | None, typer.Option(help="The worksheet that is meant, where several have a known header.")
    ] = None,
    build: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Then build the snapshot of this date.")
    ] = None,
) -> None:
    """Bring a file into the registry: all of it in one transaction, or nothing."""
    from app.cli.running import build_apart  # noqa: PLC0415 - loaded when it runs
    from app.imports.load import ImportRejected, import_file  # noqa: PLC0415 - as above

    settings = Settings()
    require(settings)
    if build is not None:
        refuse_future(settings, build.date())
    options = ImportOptions(mode, on_error, dry_run, ignore_unknown, sheet=sheet)
    try:
        with shown(f"Import of {dataset}") as report:
            imported = import_file(settings, dataset, file, options, report)
    except ImportRejected as rejected:
        _print_problems(rejected.imported)
        raise
    result = imported.result
    if not dry_run:
        rows = result.inserted + result.changed + result.deleted
        audited(settings, "create_import", rows, dataset=dataset, mode=mode)
    _print_problems(imported)
    if dry_run:
        typer.echo("Checked, nothing was written. It would be:")
    typer.echo(
        f"{dataset}: {result.inserted:,} inserted, {result.changed:,} changed, {result.unchanged:,} unchanged, "
        f"{result.deleted:,} deleted, {result.errors:,} errors, {result.warnings:,} warnings"
    )
    if result.stale_snapshots:
        typer.echo(f"Older than the registry now: {', '.join(result.stale_snapshots)}")
    if build is not None and not dry_run:
        build_apart(settings, [build.date()])


def export_dataset(
    dataset: Annotated[str, typer.Argument(callback=_exported, help="Any dataset but those that name members.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the CSV goes.")],
) -> None:
    """Write a dataset of the registry as the CSV that imports take; members and what names them stay inside."""
    settings = Settings()
    require(settings)
    asyncio.run(_export(settings, dataset, file))
    typer.echo(f"{dataset} written to {file}")


def write_template(
    dataset: Dataset,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the XLSX goes.")],
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of the headers.")] = "zh",
) -> None:
    """Write an empty sheet with headers, notes and drop-down lists."""
    from app.imports.datasets import find_dataset  # noqa: PLC0415 - loaded when it runs
    from app.imports.templates import template  # noqa: PLC0415 - as above

    file.write_bytes(template(find_dataset(dataset), lang))
    typer.echo(f"Template for {dataset} written to {file}")


async def _export(settings: Settings, dataset: str, file: Path) -> None:
    from app.database.engines import make_engine  # noqa: PLC0415 - loaded when it runs
    from app.registry.export import export_rows  # noqa: PLC0415 - as above

    engine = make_engine(settings.registry_url)
    try:
        pieces = export_rows(engine, dataset)
        with file.open("wb") as out:
            async for piece in pieces:
                out.write(piece)
    finally:
        await engine.dispose()


def _print_problems(imported: "Imported") -> None:
    """Print what was left out of a file; then its problems, counted by rule and column before they are listed."""
    result, issues = imported.result, imported.issues
    for note in result.notes:
        typer.echo(str(note), err=True)
    for count in result.counts:
        typer.echo(f"{count.number:,} × {count.rule} ({count.severity}){_in_column(count)}", err=True)
    for issue in issues[:_SHOWN_ISSUES]:
        row = f"row {issue.row}: " if issue.row else ""
        cell = "" if issue.value is None else f" {issue.value!r}"
        column = f"{_named(issue)}{cell}: " if issue.column else ""
        typer.echo(f"{issue.severity}: {row}{column}{issue.message}", err=True)
    if (counted := result.errors + result.warnings) > _SHOWN_ISSUES:
        typer.echo(f"… and {counted - _SHOWN_ISSUES:,} more.", err=True)


def _in_column(count: IssueCount) -> str:
    return f" in column {_named(count)}" if count.column else ""


def _named(told: RowIssue | IssueCount) -> str:
    """Return a column as the file names it, with its code beside."""
    is_code = told.header in {None, told.column}
    return str(told.column) if is_code else f"{told.header} ({told.column})"


_STANDARD_INPUT = "-"


def erase(
    refs: Annotated[
        list[str],
        typer.Argument(
            metavar="REF…",
            help="Pseudonyms of members; - reads them from standard input, one a line.",
            show_default=False,
        ),
    ],
) -> None:
    """Erase members for good: rows, bytes in the database's files, and the way back by an import.

    What a shell is given stays in its history and in the list of processes: `orgcoverage erase -` avoids that.
    """
    from app.jobs.steps import erase as erase_everywhere  # noqa: PLC0415 - loaded when it runs
    from app.registry.erasure import refuse_unusable  # noqa: PLC0415 - as above

    settings = Settings()
    require(settings)
    wanted = _given(refs)
    for ref in wanted:
        refuse_unusable(ref, "REF")
    with shown("Erasure") as report:
        erase_everywhere(settings, wanted, report)
    audited(settings, "create_erasure")
    typer.echo("Erased: nothing of it is left in the registry, and imports will not bring it back.")


def _given(refs: list[str]) -> list[str]:
    lines = sys.stdin.read().splitlines() if refs == [_STANDARD_INPUT] else refs
    given = [fold_width(line).strip() for line in lines if line.strip()]
    if not given:
        message = "there is no ref"
        raise typer.BadParameter(message)
    return given
