"""`statistics …`: tables on the terminal, files when piped; the parameters are those of the HTTP API."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer

from app.config import Settings
from app.errors import ErrorItem, InvalidRequest

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.publication.table import FlatTable, TableOptions
    from app.statistics.question import Subject
    from app.store.shelf import Shelf


_FEW = ("enterprises", "members", "member_ratio")
_FIGURES = ("enterprises", "members", "members_participating", "affiliations", "enterprises_covered", "member_ratio",
            "organisation_coverage", "work_coverage", "affiliation_inflation")  # fmt: skip
"""What a terminal shows where nothing is asked for: beside much else, and beside names alone."""


class Shown(StrEnum):
    """A table that can be shown."""

    DISTRICTS = "districts"
    INDUSTRIES = "industries"
    INDUSTRY_GROUPS = "industry-groups"
    ENTERPRISES = "enterprises"
    BRANCHES = "branches"
    BASES = "bases"
    TABLE = "table"
    LOW_MEMBERSHIP = "low-membership"
    ESTABLISHMENT_GAPS = "establishment-gaps"


class Output(StrEnum):
    """How a table is written."""

    TABLE = "table"
    CSV = "csv"
    RECORDS = "records"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSONSTAT = "jsonstat"


@dataclass(frozen=True)
class Source:
    """Where a table comes from.

    Parameters
    ----------
    parameters
        Its query parameters over HTTP.
    table
        Makes it, from a shelf, validated parameters and what to show.
    """

    parameters: type["BaseModel"]
    table: Callable[["Shelf", Any, "TableOptions"], "FlatTable"]


def statistics(
    context: typer.Context,
    table: Annotated[Shown, typer.Argument(help="What to show.")],
    *,
    output: Annotated[
        Output | None,
        typer.Option("--format", help="How to write it; absent: a table on a terminal, CSV where it is piped."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--output", help="File to write to; absent: standard output.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown on a terminal, at most; files have all.")] = 100,
    parameters: Annotated[bool, typer.Option("--parameters", help="List the parameters of this table.")] = False,
) -> None:
    """Show statistics, with the parameters of the HTTP API: `--parent 350203 --sort member_ratio --order desc`."""
    source = _source(table)
    if parameters:
        _list_parameters(source.parameters)
    else:
        _write(source, _asked(source.parameters, context.args), output, file, limit)


def _write(source: Source, subjects: Any, output: Output | None, file: Path | None, limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - loaded when it runs

    from app.cli.terminal import print_table  # noqa: PLC0415 - as above
    from app.publication.files import FORMATS, FileFormat  # noqa: PLC0415 - as above
    from app.store.shelf import Shelf  # noqa: PLC0415 - as above

    if output is None:
        output = Output.TABLE if file is None and sys.stdout.isatty() else Output.CSV
    shelf = Shelf(Settings().snapshots_dir / "exact")
    if output is Output.TABLE:
        options = subjects.options(FileFormat.CSV).table
        print_table(
            source.table(shelf, subjects, _for_people(options, source.parameters)), Console(highlight=False), limit
        )
        return
    options = subjects.options(FileFormat(output.value))
    pieces = FORMATS[options.format].write(source.table(shelf, subjects, options.table), options)
    with nullcontext(sys.stdout.buffer) if file is None else file.open("wb") as target:
        for piece in pieces:
            target.write(piece)


def _for_people(options: "TableOptions", parameters: type["BaseModel"]) -> "TableOptions":
    """Return what a terminal shows: one name, the totals, and the figures asked for or else those mostly asked for."""
    known = {str(choice) for choice in get_args(parameters.model_fields["fields"].annotation)[0]}
    figures = _FIGURES if "industry_level" not in parameters.model_fields else _FEW
    fields = options.fields or tuple(figure for figure in figures if figure in known)
    return replace(options, fields=fields, totals=True, language=options.language or "en")


def _asked(parameters: type["BaseModel"], arguments: Sequence[str]) -> Any:
    """Return the parameters given as `--name value` or `--name=value`; a name alone means `true`.

    Raises
    ------
    InvalidRequest
        Some are unknown or wrong; all are listed.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - loaded when it runs

    fields = parameters.model_fields
    given: dict[str, list[str]] = {}
    for name, value in _pairs(arguments):
        given.setdefault(name, []).append(value)
    unknown = [ErrorItem(f"--{_option(name)}", f"there is no --{_option(name)}", _options(fields))
               for name in given if name not in fields]  # fmt: skip
    if unknown:
        raise InvalidRequest("; ".join(item.message for item in unknown), unknown)
    values = {
        name: found if get_origin(fields[name].annotation) is tuple else found[-1] for name, found in given.items()
    }
    try:
        return parameters.model_validate(values)
    except ValidationError as error:
        items = [ErrorItem(f"--{_option(str(item['loc'][0]))}", item["msg"]) for item in error.errors()]
        raise InvalidRequest("; ".join(f"{item.pointer}: {item.message}" for item in items), items) from None


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("--"):
            raise InvalidRequest(f"{argument!r} belongs to no parameter", [ErrorItem(argument, "not a parameter")])
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


def _source(table: Shown) -> Source:
    """Return where a table comes from; what it needs is loaded here, so that other commands start without it."""
    from app.api.statistics import cross_table, establishment_gaps, low_membership, subjects  # noqa: PLC0415
    from app.publication.establishment_gaps import gap_rows  # noqa: PLC0415
    from app.publication.lists import (  # noqa: PLC0415
        bases_question,
        bases_rows,
        cell_rows,
    )
    from app.publication.low_membership import low_membership_rows  # noqa: PLC0415
    from app.statistics.question import Subject  # noqa: PLC0415

    return {
        Shown.DISTRICTS: lambda: _subjects(Subject.DISTRICTS, subjects.DistrictFile),
        Shown.INDUSTRIES: lambda: _subjects(Subject.INDUSTRIES, subjects.IndustryFile),
        Shown.INDUSTRY_GROUPS: lambda: _subjects(Subject.INDUSTRY_GROUPS, subjects.IndustryGroupFile),
        Shown.ENTERPRISES: lambda: _subjects(Subject.ENTERPRISES, subjects.EnterprisesFile),
        Shown.BRANCHES: lambda: _subjects(Subject.BRANCHES, subjects.BranchesFile),
        Shown.BASES: lambda: _analysis(
            cross_table.BasesFile,
            lambda given: bases_question(given.when, given.population),
            lambda _shelf: bases_rows,
        ),
        Shown.TABLE: lambda: _analysis(cross_table.CrossTableFile, _question, lambda _shelf: cell_rows),
        Shown.LOW_MEMBERSHIP: lambda: _analysis(
            low_membership.LowMembershipFile, _question, lambda _shelf: low_membership_rows
        ),
        Shown.ESTABLISHMENT_GAPS: lambda: _analysis(
            establishment_gaps.GapFile, _question, lambda shelf: partial(gap_rows, shelf)
        ),
    }[table]()


def _question(given: Any) -> Any:
    return given.question


def _subjects(subject: "Subject", parameters: type["BaseModel"]) -> Source:
    from app.publication.lists import list_rows_of  # noqa: PLC0415 - loaded when it runs
    from app.statistics.question import Population, Question, Subject  # noqa: PLC0415 - as above

    def question(given: Any) -> Question:
        population = Population(district=given.district) if subject is Subject.BRANCHES else given.population
        return Question(subject, given.when, population, given.listing)

    return _analysis(parameters, question, lambda _shelf: list_rows_of)


def _analysis(
    parameters: type["BaseModel"], question: Callable[[Any], Any], rows: Callable[["Shelf"], Callable[..., Any]]
) -> Source:
    from app.publication.lists import rows_table  # noqa: PLC0415 - loaded when it runs

    def table(shelf: "Shelf", given: Any, options: "TableOptions") -> "FlatTable":
        return rows_table(shelf, question(given), given.page, options, rows(shelf))

    return Source(parameters, table)
