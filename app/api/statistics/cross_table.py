"""Cross tables: districts of a level by industries of a level, or by industry groups."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.admission import READ
from app.api.parameters import QueryOf
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.cross_table import CrossTableStatisticsPage
from app.api.statistics.answering import answered, filed
from app.api.statistics.files import Format
from app.api.statistics.parameters import (
    BasisParameter,
    PageParameters,
    ScopePopulation,
    StatisticsFile,
    StatisticsOrder,
)
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.errors import ErrorItem, InvalidRequest
from app.publication.answers import page_answer, rows_file
from app.publication.cross_table import cell_page_rows, cell_rows, cross_table_question
from app.statistics.cross_table import CrossTableQuestion

router = make_router("/v1/statistics", "statistics", READ)


class TableColumns(StrEnum):
    """What the columns of a table can be, instead of industries of a level."""

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
        """What is asked.

        Raises
        ------
        InvalidRequest
            Columns are asked for twice, or not at all.
        """
        if (self.industry_level is None) == (self.by is None):
            message = "either industry_level or by=industry_group must be given"
            levels = tuple(level.value for level in IndustryLevel)
            columns = tuple(column.value for column in TableColumns)
            choices = (ErrorItem("query/industry_level", message, levels), ErrorItem("query/by", message, columns))
            raise InvalidRequest(message, choices)
        level = None if self.industry_level is None else self.industry_level.value
        return cross_table_question(self.moment, self.population, self.within, self.district_level.value, level)


class CrossTablePage(PageParameters, StatisticsOrder, CrossTableListing):
    """A page of a table."""


class CrossTableFile(StatisticsFile, StatisticsOrder, CrossTableListing):
    """A file of a table."""


@router.get("/table", response_model=CrossTableStatisticsPage)
async def list_cross_table_statistics(
    request: Request, asked: Annotated[CrossTablePage, Depends(QueryOf(CrossTablePage))]
) -> Response:
    """List statistics of districts by industries, or by industry groups: a row per cell with an enterprise.

    In the order of district code, then industry code, unless sorted otherwise; ties likewise. By industries, cells +
    `unallocated` = `total` for every measure. The margins are the lists of districts and of industries with the same
    parameters.
    """
    question = asked.question
    return await answered(
        request, question, lambda desk: page_answer(desk.shelf, question, asked.page, desk.kept, cell_page_rows)
    )


@router.get("/table.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_cross_table_statistics(
    request: Request, file_format: Format, asked: Annotated[CrossTableFile, Depends(QueryOf(CrossTableFile))]
) -> Response:
    """Export statistics of districts by industries, or by industry groups, as one flat table, a row per cell."""
    question, options = asked.question, asked.options(file_format)
    return await filed(request, question, lambda desk: rows_file(desk.shelf, question, asked.page, options, cell_rows))
