"""Cross tables (districts by industries or groups), and a population in each of the five bases."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.authorization import READ
from app.api.http.models import closed_model
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.models import (
    FIGURES,
    BasisStatisticsList,
    District,
    Industry,
    IndustryGroup,
    Meta,
    Total,
    Unallocated,
)
from app.api.statistics.parameters import (
    BasisParameter,
    PageParameters,
    ScopePopulation,
    StatisticsFile,
    StatisticsOrder,
)
from app.api.statistics.subjects import Format
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.publication.lists import (
    bases_answer,
    bases_question,
    bases_table,
    cross_table,
    cross_table_answer,
    cross_table_question,
)
from app.statistics.cross_table import CrossTableQuestion
from app.statistics.question import Question

Fields = dict[str, tuple[Any, str]]

_CELL: Fields = {
    "district": (District, "Where it is."),
    "industry": (Industry | None, "Its industry; null with `by=industry_group`."),
    "industry_group": (IndustryGroup | None, "Its industry group; null without `by=industry_group`."),
}

CrossTableStatistics = closed_model(
    "CrossTableStatistics", "Statistics of a district and an industry, or an industry group.", _CELL | FIGURES
)

CrossTableStatisticsPage = closed_model(
    "CrossTableStatisticsPage",
    "One page of a cross table.",
    {
        "data": (list[CrossTableStatistics], "The cells of this page."),  # type: ignore[valid-type]  # made from the catalogue
        "total": (Total, "Figures of the whole scope, within `within`, whatever is listed."),
        "unallocated": (
            Unallocated | None,
            "What `total` has beyond all cells of the table; null with `by=industry_group`, since groups overlap.",
        ),
        "meta": (Meta, "What the answer rests on; `rows` are the cells of the whole table."),
        "next_cursor": (str | None, "Where the next page starts; null on the last."),
    },
)


router = make_router("/v1/statistics", "statistics", READ)


class TableColumns(StrEnum):
    """Columns of a table other than industries of a level."""

    INDUSTRY_GROUP = "industry_group"


class CrossTableListing(ScopePopulation, BasisParameter):
    """Whom to count, and in which cells."""

    within: str | None = Field(default=None, description="List the districts in this one (code), itself included.")
    district_level: DistrictLevel = Field(description="List the districts of this level.")
    industry_level: IndustryLevel | None = Field(
        default=None, description="By the industries of this level; either this or `by` must be given."
    )
    by: TableColumns | None = Field(default=None, description="By industry groups, which may overlap.")

    @property
    def question(self) -> CrossTableQuestion:
        """The question.

        Raises
        ------
        InvalidRequest
            Not exactly one kind of columns is given.
        """
        if (self.industry_level is None) == (self.by is None):
            message = say("either industry_level or by=industry_group must be given")
            levels = tuple(level.value for level in IndustryLevel)
            columns = tuple(column.value for column in TableColumns)
            choices = (
                ErrorItem(ErrorCode.MISSING, "query/industry_level", message, levels),
                ErrorItem(ErrorCode.MISSING, "query/by", message, columns),
            )
            raise InvalidRequest(message, choices)
        level = None if self.industry_level is None else self.industry_level.value
        return cross_table_question(self.when, self.population, self.within, self.district_level.value, level)


class CrossTablePage(PageParameters, StatisticsOrder, CrossTableListing):
    """A page of a table."""


class CrossTableFile(StatisticsFile, StatisticsOrder, CrossTableListing):
    """A file of a table."""


@router.get("/table", response_model=CrossTableStatisticsPage)
async def list_cross_table_statistics(
    request: Request, query: Annotated[CrossTablePage, Depends(QueryOf(CrossTablePage))]
) -> Response:
    """List statistics of districts by industries, or by industry groups: a row per cell with an enterprise.

    In the order of district code, then industry code, unless sorted otherwise; ties likewise. By industries, cells +
    `unallocated` = `total` for every measure. The margins are the lists of districts and of industries with the same
    parameters.
    """
    return await json_response(request, query, cross_table_answer)


@router.get("/table.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_cross_table_statistics(
    request: Request, file_format: Format, query: Annotated[CrossTableFile, Depends(QueryOf(CrossTableFile))]
) -> Response:
    """Export statistics of districts by industries, or by industry groups, as one flat table, a row per cell."""
    return await file_response(request, query, file_format, cross_table)


class BasesParameters(ScopePopulation):
    """Whom to count in every basis."""

    @property
    def question(self) -> Question:
        """The question."""
        return bases_question(self.when, self.population)


class BasesFile(StatisticsFile, BasesParameters):
    """A file of the bases."""


@router.get("/bases", response_model=BasisStatisticsList)
async def list_basis_statistics(
    request: Request, query: Annotated[BasesParameters, Depends(QueryOf(BasesParameters))]
) -> Response:
    """List the bases side by side for one scope: how much a rate depends on its denominator."""
    return await json_response(request, query, bases_answer)


@router.get("/bases.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_basis_statistics(
    request: Request, file_format: Format, query: Annotated[BasesFile, Depends(QueryOf(BasesFile))]
) -> Response:
    """Export the bases side by side as one flat table, a row per basis."""
    return await file_response(request, query, file_format, bases_table)
