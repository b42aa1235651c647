"""`statistics …`: tables on a terminal, files when piped; the parameters are those of the HTTP API."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer

from app.access.principals import Tier
from app.catalogue.analyses import Analysis
from app.config import Settings
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest
from app.messages import say, terminal_language, together
from app.statistics.question import Subject
from app.validation import error_item

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.api.statistics.tables import StatisticsTable
    from app.publication.table import TableOptions

_FIGURES_OF_TWO = ("enterprises", "members", "member_ratio")
_FIGURES = ("enterprises", "members", "members_participating", "affiliations", "enterprises_covered", "member_ratio",
            "organisation_coverage", "work_coverage", "affiliation_inflation")  # fmt: skip
"""Figures shown on a terminal by default: in tables of two dimensions, and in all others."""


class Table(StrEnum):
    """A table of statistics that can be shown: a list of subjects, or an analysis."""

    _ignore_ = ["Table", "name"]  # noqa: RUF012 - the enumeration takes the annotation for a member
    Table = vars()
    for name in (*Subject, *Analysis):
        Table[name.name] = name.value


class Output(StrEnum):
    """Format of the output."""

    TABLE = "table"
    CSV = "csv"
    RECORDS = "records"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSONSTAT = "jsonstat"


def statistics(
    context: typer.Context,
    table: Annotated[Table, typer.Argument(help="What to show.")],
    *,
    output: Annotated[
        Output | None,
        typer.Option("--format", help="Output format; default: a table on a terminal, else CSV."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--output", help="File to write; default: standard output.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows shown on a terminal; files have all.")] = 100,
    parameters: Annotated[bool, typer.Option("--parameters", help="List the parameters of this table.")] = False,
) -> None:
    """Show statistics, with the parameters of the HTTP API: `--parent 350203 --sort member_ratio --order desc`."""
    from app.api.statistics.tables import TABLES  # noqa: PLC0415 - loaded when it runs

    source = {str(name): found for name, found in TABLES.items()}[table]
    if parameters:
        _list_parameters(source.parameters)
    else:
        _write(source, _parse(source.parameters, context.args), output, file, limit)


def _write(source: "StatisticsTable", query: Any, output: Output | None, file: Path | None, limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - loaded when it runs

    from app.cli.terminal import print_table  # noqa: PLC0415 - as above
    from app.publication.files import FORMATS, FileFormat  # noqa: PLC0415 - as above
    from app.publication.row_cache import RowCache, Source  # noqa: PLC0415 - as above
    from app.store.shelf import Shelf  # noqa: PLC0415 - as above

    if output is None:
        output = Output.TABLE if file is None and sys.stdout.isatty() else Output.CSV
    exact = Source(Shelf(Settings().snapshots_dir / Tier.EXACT), RowCache(0))
    if output is Output.TABLE:
        shown = _terminal_options(query.options(FileFormat.CSV).table, source.parameters)
        print_table(source.table(exact, query.question, query.page, shown), Console(highlight=False), limit)
        return
    options = query.options(FileFormat(output.value))
    pieces = FORMATS[options.format].write(source.table(exact, query.question, query.page, options.table), options)
    with nullcontext(sys.stdout.buffer) if file is None else file.open("wb") as target:
        for piece in pieces:
            target.write(piece)


def _terminal_options(options: "TableOptions", parameters: type["BaseModel"]) -> "TableOptions":
    """Return the options for a terminal: one language, the totals, and the requested or default figures."""
    if "fields" not in parameters.model_fields:
        return replace(options, language=options.language or terminal_language())
    known = {str(choice) for choice in get_args(parameters.model_fields["fields"].annotation)[0]}
    figures = _FIGURES if "industry_level" not in parameters.model_fields else _FIGURES_OF_TWO
    fields = options.fields or tuple(figure for figure in figures if figure in known)
    return replace(options, fields=fields, totals=True, language=options.language or terminal_language())


def _parse(parameters: type["BaseModel"], arguments: Sequence[str]) -> Any:
    """Parse and validate parameters written as `--name value` or `--name=value`; a name alone means `true`.

    Raises
    ------
    InvalidRequest
        Some are unknown or not valid; all are listed.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - loaded when it runs

    fields = parameters.model_fields
    texts: dict[str, list[str]] = {}
    for name, value in _split(arguments):
        texts.setdefault(name, []).append(value)
    unknown = [_unknown(name, fields) for name in texts if name not in fields]
    if unknown:
        raise InvalidRequest(together([item.message for item in unknown]), unknown)
    values = {
        name: found if get_origin(fields[name].annotation) is tuple else found[-1] for name, found in texts.items()
    }
    try:
        return parameters.model_validate(values)
    except ValidationError as error:
        items = [error_item(item, f"--{_option(str(item['loc'][0]))}") for item in error.errors()]
        told = [say("{place}: {message}", place=item.place, message=item.message) for item in items]
        raise InvalidRequest(together(told), items) from None


def _unknown(name: str, fields: Iterable[str]) -> ErrorItem:
    option = f"--{_option(name)}"
    allowed = _options(fields)
    message = say("there is no {option}", option=option)
    return ErrorItem(ErrorCode.UNKNOWN_PARAMETER, option, message, allowed, closest(option, allowed))


def _split(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("--"):
            raise InvalidRequest(
                say("{argument!r} is not a parameter", argument=argument),
                [ErrorItem(ErrorCode.UNKNOWN_PARAMETER, argument, say("not a parameter"))],
            )
        name, equals, value = argument.removeprefix("--").partition("=")
        if not equals:
            value = left.pop(0) if left and not left[0].startswith("--") else "true"
        yield name.replace("-", "_"), value


def _options(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"--{_option(name)}" for name in names)


def _option(name: str) -> str:
    return name.replace("_", "-")


def _list_parameters(parameters: type["BaseModel"]) -> None:
    for name, field in parameters.model_fields.items():
        typer.echo(f"--{_option(name):<18} {field.description}")
