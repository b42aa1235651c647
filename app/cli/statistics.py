"""`statistics …`: tables on a terminal, files when piped, by the Python client, from the data folder or a server."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.catalogue.analyses import Analysis
from app.cli.words import tell, told
from app.config import Settings
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say, terminal_language
from app.statistics.question import Subject

if TYPE_CHECKING:
    from orgcoverage import Client, Problem

KEY = "ORGCOVERAGE_KEY"
"""Variable that holds the key for `--server`."""

_FIGURES = ("enterprises", "members", "member_ratio", "organisation_coverage", "work_coverage")
_FIGURES_OF = {
    "enterprises": ("headcount", "members", "member_ratio"),
    "enterprise": ("headcount", "members", "member_ratio"),
    "branches": ("members_participating", "affiliations", "enterprises_covered", "affiliation_inflation"),
    "branch": ("members_participating", "affiliations", "enterprises_covered", "affiliation_inflation"),
    "establishment-gaps": ("full_members", "headcount"),
}
"""Figures shown on a terminal by default, by table, and by the subject of a trend."""

_MOST_OF_TWO = 3
"""How many of them tables of two dimensions, and trends, show."""

_ENDINGS = {".json": "records"}
"""Formats by the endings that are not their names."""


class Table(StrEnum):
    """A table of statistics: a list of subjects, or an analysis."""

    vars().update({table.name: table.value for table in (*Subject, *Analysis)})
    WORKPLACES = "workplaces"


class Output(StrEnum):
    """Format of the output."""

    TABLE = "table"
    CSV = "csv"
    RECORDS = "records"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSONSTAT = "jsonstat"
    GEOJSON = "geojson"


_FILES = tuple(output.value for output in Output if output is not Output.TABLE)


def statistics(
    context: typer.Context,
    table: Annotated[Table, typer.Argument(help="What to show.")],
    *,
    output: Annotated[
        Output | None,
        typer.Option("--format", help="Output format; default: that of the file's ending; a table on a terminal; CSV."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--output", help="File to write; default: standard output.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows shown on a terminal; files have all.")] = 100,
    server: Annotated[
        str | None, typer.Option(help=f"Address of a service to ask, with the key in {KEY}; default: the data folder.")
    ] = None,
    parameters: Annotated[bool, typer.Option("--parameters", help="List the parameters of this table.")] = False,
) -> None:
    """Show statistics, with the parameters of the HTTP API: `--parent 350203 --sort member_ratio --order desc`."""
    if parameters:
        _list_parameters(table)
        return
    asked = _parsed(context.args)
    if _method(table) == "workplaces" and "branch" not in asked:
        message = say("workplaces are those of a branch, named by --branch")
        raise InvalidRequest(message, [ErrorItem(ErrorCode.MISSING, "query/branch", message)])
    written = output or _format(file)
    with _told(server), _connected(server) as client:
        if written is Output.TABLE:
            _print(client, table, asked, limit)
        else:
            client.export_file(_method(table), sys.stdout.buffer if file is None else file, written.value, **asked)


def _format(file: Path | None) -> Output:
    """Return the format of the output where none is asked for."""
    if file is None:
        return Output.TABLE if sys.stdout.isatty() else Output.CSV
    ending = file.suffix.lower()
    name = _ENDINGS.get(ending, ending.removeprefix(".") or "csv")
    if name not in _FILES:
        message = say("{ending} is the ending of no format", ending=ending)
        raise InvalidRequest(message, [ErrorItem(ErrorCode.INVALID_CHOICE, "--output", message, _FILES)])
    return Output(name)


def _method(table: Table) -> str:
    """Return the name of the client's method for a table."""
    return table.replace("-", "_")


def _print(client: "Client", table: Table, asked: Mapping[str, Any], limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - loaded when it runs

    from app.cli.terminal import print_table  # noqa: PLC0415 - as above

    language = asked.get("lang", [terminal_language()])[-1]
    question = {name: values for name, values in asked.items() if name not in {"lang", "bom"}}
    known = signature(getattr(client, _method(table))).parameters
    if "fields" in known:
        question.setdefault("fields", _figures(table, question))
    if "totals" in known:
        question.setdefault("totals", True)
    frame = client.table(_method(table), question)
    print_table(frame, client.catalogue, Console(highlight=False), limit, "zh" if language == "zh" else "en")


def _figures(table: Table, asked: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Return the figures that a terminal shows where none are asked for."""
    if _method(table) == "trends":
        subject = next((name for name in ("branch", "enterprise") if name in asked), "")
        return _FIGURES_OF.get(subject, _FIGURES)[:_MOST_OF_TWO]
    figures = _FIGURES_OF.get(table, _FIGURES)
    return figures[:_MOST_OF_TWO] if len(asked.get("by", ())) > 1 else figures


@contextmanager
def _connected(server: str | None) -> Iterator["Client"]:
    """Give a client of a server; without one, of the application in this process."""
    import orgcoverage  # noqa: PLC0415 - loaded when it runs; not installed with the service

    language = terminal_language()
    if server is not None:
        with orgcoverage.connect(server, os.environ.get(KEY) or None, language=language) as client:
            yield client
        return
    from app.cli.in_process import ADDRESS, InProcess  # noqa: PLC0415 - as above
    from app.main import create_local_app  # noqa: PLC0415 - as above

    transport = InProcess(create_local_app(Settings()))
    with orgcoverage.connect(ADDRESS, language=language, patience=0, transport=transport) as client:
        yield client


@contextmanager
def _told(server: str | None) -> Iterator[None]:
    """Say in plain words what goes wrong, and exit with 1."""
    if not all(map(find_spec, ("httpx", "pandas"))):
        tell("statistics needs the Python client's libraries: pip install 'orgcoverage[client]'", err=True)
        raise typer.Exit(1)
    import httpx  # noqa: PLC0415 - loaded when it runs; not installed with the service

    from orgcoverage import Problem  # noqa: PLC0415 - as above

    try:
        yield
    except Problem as problem:
        typer.echo("\n".join(_lines(problem)), err=True)
        raise typer.Exit(1) from None
    except (httpx.TransportError, httpx.InvalidURL) as error:
        tell("No answer from {server}: {error}", err=True, server=server or "", error=str(error))
        raise typer.Exit(1) from None


def _lines(problem: "Problem") -> Iterator[str]:
    """Yield what a problem says; parameters are named as options."""
    title = problem.title if problem.detail else f"{problem.status} {problem.title}"
    yield told("{title}: {detail}", title=title, detail=problem.detail) if problem.detail else title
    for error in problem.errors:
        choices = ", ".join(error.get("allowed") or error.get("suggestions") or ())
        if choices or error["message"] != problem.detail:
            option = f"--{error['parameter'].replace('_', '-')}" if error.get("parameter") else problem.title
            line = told("{place}: {message}", place=option, message=error["message"])
            yield f"  {line}" + (f" ({choices})" if choices else "")


def _parsed(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return parameters written as `--name value` or `--name=value`; a name alone means `true`.

    Raises
    ------
    InvalidRequest
        Something is no parameter.
    """
    asked: dict[str, list[str]] = {}
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("--"):
            message = say("{argument!r} is not a parameter", argument=argument)
            raise InvalidRequest(message, [ErrorItem(ErrorCode.UNKNOWN_PARAMETER, argument, message)])
        name, equals, value = argument.removeprefix("--").partition("=")
        if not equals:
            value = left.pop(0) if left and not left[0].startswith("--") else "true"
        asked.setdefault(name.replace("-", "_"), []).append(value)
    return asked


def _list_parameters(table: Table) -> None:
    from app.api.statistics.tables import TABLES  # noqa: PLC0415 - loaded when it runs
    from app.api.statistics.workplaces import WorkplacesFile  # noqa: PLC0415 - as above

    models = {str(name): found.parameters for name, found in TABLES.items()} | {"workplaces": WorkplacesFile}
    described = {name: field.description or "" for name, field in models[table].model_fields.items()}
    if _method(table) == "workplaces":
        described = {"branch": "Code of the branch."} | described
    for name, description in described.items():
        typer.echo(f"--{name.replace('_', '-'):<18} {description}")
