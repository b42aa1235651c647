"""All commands, and what becomes of their errors: 0 done, 1 problems and nothing taken, 2 wrong usage."""

import sys

import typer

from app.cli import demo, document, files, registry, serving, snapshots
from app.errors import ServiceError

cli = typer.Typer(
    name="orgcoverage",
    help="Organisational-coverage statistics: registry files in, statistics out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
cli.command("demo")(demo.demo)
cli.command("serve")(serving.serve)
cli.command("migrate")(registry.migrate)
cli.command("import")(files.import_dataset)
cli.command("export")(files.export_dataset)
cli.command("template")(files.write_template)
cli.command("export-openapi")(document.export_openapi)
cli.add_typer(snapshots.commands, name="snapshot")


def main() -> None:
    """Run a command; an error of the service is told in plain words and ends with 1."""
    try:
        cli()
    except ServiceError as error:
        typer.echo(f"{error.title}: {error.detail}", err=True)
        for item in error.errors:
            typer.echo(f"  {item.pointer}: {item.message}", err=True)
        sys.exit(1)
