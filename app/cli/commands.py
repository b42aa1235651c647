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
from app.cli.usage import run_in_chinese
from app.cli.words import tell, told
from app.config import PRIVATE_UMASK, Settings, misspelt_settings
from app.errors import ErrorItem, ServiceError
from app.jobs.uploads import full_disk_named
from app.messages import say, terminal_language
from app.validation import error_item


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
    for name, closest in misspelt_settings(os.environ).items():
        if closest:
            tell(
                "{name} is not a setting and has no effect; did you mean {closest}?",
                err=True,
                name=name,
                closest=closest,
            )
        else:
            tell("{name} is not a setting and has no effect", err=True, name=name)
    try:
        if terminal_language() == "zh":
            run_in_chinese(cli)
        with full_disk_named():
            cli()
    except ServiceError as error:
        _print_error(error)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            tell("Interrupted.", err=True)
        raise
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        _print_wrong_settings(error)
        sys.exit(2)
    except SettingsError as error:
        tell("Settings: {error}; write lists as JSON", err=True, error=str(error))
        sys.exit(2)


def _print_error(error: ServiceError) -> None:
    address = getattr(error, "address", None)
    head = told("{title}: {detail}", title=say(error.title), detail=error.detail)
    typer.echo(head + (f" ({address})" if address else ""), err=True)
    for item in error.errors:
        choices = _choices(item)
        if choices or item.message != error.detail:
            place = _as_option(item.place)
            message = say("{place}: {message}", place=place, message=item.message) if place else item.message
            typer.echo(f"  {told(message)}{choices}", err=True)


def _choices(item: ErrorItem) -> str:
    values = item.allowed or item.suggestions
    return f" ({', '.join(values)})" if values else ""


def _as_option(place: str) -> str:
    """Return a place in a request as a command-line option."""
    kind, _, name = place.partition("/")
    return f"--{name.replace('_', '-')}" if kind == "query" else place


def _print_wrong_settings(error: ValidationError) -> None:
    """Print each wrong setting by its environment variable, without its value, which may be a password."""
    prefix = Settings.model_config["env_prefix"]
    for entry in error.errors(include_input=False):
        name = "".join(str(part) for part in entry["loc"][:1]).upper()
        item = error_item(entry)
        said = told("{place}: {message}", place=f"{prefix}{name}", message=item.message)
        typer.echo(f"{said}{_choices(item)}", err=True)
