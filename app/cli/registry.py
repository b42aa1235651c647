"""`migrate`, `import`, `export`, `template`, `erase`: the registry's schema and its files, in and out."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.catalogue.codes import fold_width
from app.cli.running import build_beside, show_progress, write_audit_record
from app.cli.words import tell, told
from app.config import Settings
from app.errors import NotFound
from app.imports.datasets import DATASETS
from app.imports.issues import IssueCount, RowIssue
from app.imports.options import ImportMode, ImportOptions, ImportResult, OnError
from app.jobs.processes import take_memory_from_system
from app.messages import Message, say
from app.snapshots.dates import refuse_future

if TYPE_CHECKING:
    from app.imports.load import Imported

_SHOWN_ISSUES = 50
"""Most row issues printed; the rest are counted."""

_STANDARD_INPUT = "-"


class RegistryMissing(NotFound):
    """The settings name a registry that does not exist yet."""

    code = "registry-missing"
    title = "No registry"


def require_registry(settings: Settings) -> None:
    """Refuse a SQLite registry whose file does not exist, since opening it would create an empty one.

    Raises
    ------
    RegistryMissing
        The file does not exist.
    """
    from app.database.engines import is_sqlite, sqlite_path  # noqa: PLC0415 - loaded when it runs

    if is_sqlite(settings.registry_url) and not (path := sqlite_path(settings.registry_url)).exists():
        message = say(
            "{path} does not exist: run `orgcoverage migrate`, or set ORGCOVERAGE_DATA_DIR to its folder.",
            path=str(path),
        )
        raise RegistryMissing(message)


def prepare_registry(settings: Settings, *, classifications: bool) -> None:
    """Migrate the registry to the newest schema, and load the classifications into an empty one."""
    from app.database.migrations import upgrade  # noqa: PLC0415 - loaded when it runs
    from app.registry.classifications import load_classifications  # noqa: PLC0415 - as above

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.registry_url)
    tell("The registry's schema is up to date.")
    if classifications:
        loaded = load_classifications(settings.registry_url)
        if loaded.districts or loaded.industries:
            tell(
                "Loaded {districts:,} districts and {industries:,} industries.",
                districts=loaded.districts,
                industries=loaded.industries,
            )


def _dataset(name: str) -> str:
    """Validate the name of a dataset."""
    return _one_of(name, tuple(DATASETS))


def _exportable(name: str) -> str:
    """Validate the name of a dataset that can be exported."""
    from app.registry.export import EXPORTS  # noqa: PLC0415 - loaded when it runs

    return _one_of(name, EXPORTS)


def _one_of(name: str, names: Sequence[str]) -> str:
    if name not in names:
        raise typer.BadParameter(told("{name!r} is not one of {names}", name=name, names=", ".join(names)))
    return name


Dataset = Annotated[str, typer.Argument(callback=_dataset, help=f"One of {', '.join(DATASETS)}.")]


def migrate(
    *,
    classifications: Annotated[
        bool, typer.Option(help="Load the shipped districts and industries where there are none.")
    ] = True,
) -> None:
    """Migrate the registry to the newest schema; create it if it does not exist."""
    prepare_registry(Settings(), classifications=classifications)


def import_dataset(
    dataset: Dataset,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or Parquet.")],
    mode: Annotated[ImportMode, typer.Option(help="How the rows change the registry.")] = ImportMode.UPSERT,
    on_error: Annotated[OnError, typer.Option(help="Reject the file, or skip wrong rows.")] = OnError.REJECT,
    *,
    ignore_unknown: Annotated[bool, typer.Option("--ignore-unknown", help="Ignore unknown columns.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate only, write nothing.")] = False,
    sheet: Annotated[
        str | None, typer.Option(help="The worksheet that is meant, where several have a known header.")
    ] = None,
    remarks: Annotated[
        Path | None,
        typer.Option(help="Workbook to write where there are problems: the file with a remark beside each."),
    ] = None,
    build: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Then build the snapshot of this date.")
    ] = None,
) -> None:
    """Import a file into the registry, in one transaction."""
    settings = Settings()
    require_registry(settings)
    if build is not None:
        refuse_future(settings, build.date())
    options = ImportOptions(mode=mode, on_error=on_error, dry_run=dry_run, ignore_unknown=ignore_unknown, sheet=sheet)
    with nullcontext() if build is None or dry_run else build_beside(settings, [build.date()]) as build_now:
        _import(settings, dataset, file, options, remarks)
        if build_now is not None:
            build_now()


def _import(settings: Settings, dataset: str, file: Path, options: ImportOptions, remarks: Path | None) -> None:
    """Import a file, and say what was done; the file with remarks is written where one is wanted."""
    take_memory_from_system()
    from app.imports.load import ImportRejected, import_file  # noqa: PLC0415 - loaded when it runs

    try:
        with show_progress(say("Import of {dataset}", dataset=say(dataset))) as report:
            imported = import_file(settings, dataset, file, options, report)
    except ImportRejected as rejected:
        _print_problems(rejected.imported)
        _write_remarks(remarks, settings, dataset, file, options, rejected.imported)
        raise
    _write_remarks(remarks, settings, dataset, file, options, imported)
    result = imported.result
    if not options.dry_run:
        rows = result.inserted + result.changed + result.deleted
        write_audit_record(settings, "create_import", rows, dataset=dataset, mode=options.mode)
    _print_problems(imported)
    if options.dry_run:
        tell("Validated, nothing was written. The import would be:")
    _tell_result(dataset, result)


def _tell_result(dataset: str, result: ImportResult) -> None:
    """Say what an import did, and which snapshots are older now than the registry."""
    counts = ("inserted", "changed", "unchanged", "deleted", "errors", "warnings")
    tell(
        "{dataset}: {inserted:,} inserted, {changed:,} changed, {unchanged:,} unchanged, {deleted:,} deleted, "
        "{errors:,} errors, {warnings:,} warnings",
        dataset=say(dataset),
        **{name: getattr(result, name) for name in counts},
    )
    if result.stale_snapshots:
        tell(
            "Snapshots older than the registry, to be built again: {snapshots}",
            snapshots=", ".join(result.stale_snapshots),
        )


def export_dataset(
    dataset: Annotated[str, typer.Argument(callback=_exportable, help="Any dataset except those with members' refs.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="CSV file to write.")],
) -> None:
    """Export a dataset of the registry as CSV for imports; datasets with members' refs are never exported."""
    settings = Settings()
    require_registry(settings)
    asyncio.run(_export(settings, dataset, file))
    tell("{dataset} written to {file}", dataset=say(dataset), file=str(file))


def write_template(
    dataset: Dataset,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="XLSX file to write.")],
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of the headers.")] = "zh",
) -> None:
    """Write an empty XLSX template with headers, notes and drop-down lists."""
    from app.imports.datasets import find_dataset  # noqa: PLC0415 - loaded when it runs
    from app.imports.templates import template  # noqa: PLC0415 - as above

    file.write_bytes(template(find_dataset(dataset), lang))
    tell("Template for {dataset} written to {file}", dataset=say(dataset), file=str(file))


def erase(
    refs: Annotated[
        list[str],
        typer.Argument(
            metavar="REF…",
            help="Members' pseudonyms; - reads them from standard input, one per line.",
            show_default=False,
        ),
    ],
) -> None:
    """Erase members permanently: their rows, the bytes in the database's files; later imports refuse them.

    Arguments stay in the shell's history and the process list: use `orgcoverage erase -` to avoid that.
    """
    from app.jobs.steps import erase as erase_everywhere  # noqa: PLC0415 - loaded when it runs
    from app.registry.erasure import refuse_unusable  # noqa: PLC0415 - as above

    settings = Settings()
    require_registry(settings)
    members = _read_refs(refs)
    for ref in members:
        refuse_unusable(ref, "REF")
    with show_progress(say("Erasure")) as report:
        extracts = erase_everywhere(settings, members, report)
    write_audit_record(settings, "create_erasure")
    tell("Erased: nothing is left in the registry, and imports refuse these refs.")
    for kept in extracts:
        message = "The extract of {at} at {url} may still hold them: remove it."
        tell(message, err=True, at=kept.extracted_at or "–", url=kept.url)


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


def _write_remarks(
    workbook: Path | None, settings: Settings, dataset: str, file: Path, options: ImportOptions, imported: "Imported"
) -> None:
    """Write the file with remarks, if that is asked for and there are any."""
    from app.imports.datasets import find_dataset  # noqa: PLC0415 - loaded when it runs
    from app.imports.refusals import FileRefused  # noqa: PLC0415 - as above
    from app.imports.remarks import write_remarks  # noqa: PLC0415 - as above

    if workbook is None or not imported.issues:
        return
    counts = imported.result.counts
    try:
        with TemporaryDirectory(dir=settings.data_dir) as scratch:
            write_remarks(
                file, workbook, find_dataset(dataset), options, imported.issues, counts, scratch=Path(scratch)
            )
    except FileRefused:  # what cannot be read to its end cannot be given back
        return
    tell("The file with remarks was written to {file}", file=str(workbook))


def _print_problems(imported: "Imported") -> None:
    """Print the notes on a file; then its problems, counted by rule and column before they are listed."""
    result = imported.result
    for note in result.notes:
        tell(note, err=True)
    for count in result.counts:
        tell(_counted(count), err=True, number=count.number, rule=say(count.rule), severity=say(count.severity))
    for issue in imported.issues[:_SHOWN_ISSUES]:
        tell(_problem(issue), err=True)
    if (counted := result.errors + result.warnings) > _SHOWN_ISSUES:
        tell("… and {number:,} more.", err=True, number=counted - _SHOWN_ISSUES)


def _counted(count: IssueCount) -> Message:
    if not count.column:
        return say("{number:,} × {rule} ({severity})")
    return say("{number:,} × {rule} ({severity}) in column {column}", column=_named(count))


def _problem(issue: RowIssue) -> Message:
    row = told("row {row}: ", row=issue.row) if issue.row else ""
    cell = "" if issue.value is None else f" {issue.value!r}"
    column = told("{column}{cell}: ", column=_named(issue), cell=cell) if issue.column else ""
    near = told("; the closest: {codes}", codes=", ".join(issue.suggestions)) if issue.suggestions else ""
    severity = say(issue.severity)
    return say(
        "{severity}: {row}{column}{message}{near}",
        severity=severity,
        row=row,
        column=column,
        message=issue.told,
        near=near,
    )


def _named(problem: RowIssue | IssueCount) -> str:
    """Return a column as the file names it, with its code beside."""
    is_code = problem.header in {None, problem.column}
    return str(problem.column) if is_code else f"{problem.header} ({problem.column})"


def _read_refs(refs: list[str]) -> list[str]:
    lines = sys.stdin.read().splitlines() if refs == [_STANDARD_INPUT] else refs
    stripped = [fold_width(line).strip() for line in lines if line.strip()]
    if not stripped:
        raise typer.BadParameter(told("no ref was given"))
    return stripped
