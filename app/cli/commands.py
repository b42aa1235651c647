"""All commands and their exit codes: 0 done, 1 failed and nothing changed, 2 wrong usage, 130 ended by Ctrl-C."""

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.cli import backup, boundaries, demo, extracts, keys, registry, serving, snapshots, statistics, store
from app.cli.errors import print_error, print_misspelt_settings, print_wrong_settings
from app.cli.words import tell
from app.config import PRIVATE_UMASK, Settings
from app.errors import ServiceError
from app.jobs.uploads import full_disk_named
from app.messages import terminal_language


def export_openapi(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="JSON file to write.")] = Path("docs/openapi.json"),
) -> None:
    """Write the OpenAPI document."""
    import json  # noqa: PLC0415 - loaded when it runs

    from app.api.http.openapi import document_of  # noqa: PLC0415 - as above
    from app.config import Settings  # noqa: PLC0415 - as above
    from app.main import create_app  # noqa: PLC0415 - as above

    document = document_of(create_app(Settings()))
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    tell("OpenAPI document written to {file}", file=str(file))


cli = typer.Typer(
    name="orgcoverage",
    help="Organisational-coverage statistics: registry files in, statistics out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        typer.echo(f"orgcoverage {metadata.version('orgcoverage')}")
        raise typer.Exit


@cli.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Define the options of all commands."""


cli.command("demo")(demo.demo)
cli.command("serve")(serving.serve)
cli.command("replicate")(store.replicate)
cli.command("migrate")(registry.migrate)
cli.command("import")(registry.import_dataset)
cli.command("export")(registry.export_dataset)
cli.command("extract")(extracts.extract)
cli.command("template")(registry.write_template)
cli.command("boundaries")(boundaries.import_boundaries)
cli.command("erase")(registry.erase)
cli.command("backup")(backup.backup)
cli.command("restore")(backup.restore)
cli.command("statistics", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    statistics.statistics
)
cli.command("export-openapi")(export_openapi)
cli.add_typer(snapshots.commands, name="snapshot")
cli.add_typer(store.commands, name="store")
cli.add_typer(keys.commands, name="key")


_INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ends."""


def main() -> None:
    """Run a command; an error of the service is printed and exits with 1, a wrong setting with 2."""
    os.umask(PRIVATE_UMASK)  # inherited by workers and jobs
    print_misspelt_settings()
    try:
        if terminal_language() == "zh":
            from app.cli.usage import run_in_chinese  # noqa: PLC0415 - loads what renders help

            run_in_chinese(cli)
        with full_disk_named():
            cli()
    except ServiceError as error:
        print_error(error)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            tell("Interrupted.", err=True)
        raise
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        print_wrong_settings(error)
        sys.exit(2)
    except SettingsError as error:
        tell("Settings: {error}; write lists as JSON", err=True, error=str(error))
        sys.exit(2)
