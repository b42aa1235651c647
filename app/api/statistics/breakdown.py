"""Breakdowns: a population by one or two dimensions."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.authorization import READ
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import Distinct, StatisticsFields, StatisticsOrder
from app.api.statistics.models import BreakdownStatisticsPage
from app.api.statistics.parameters import FileParameters, PageParameters, PopulationParameters
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.publication.breakdown import breakdown_answer, breakdown_table
from app.statistics.breakdown import refuse_pair
from app.statistics.question import Question, Subject

router = make_router("/v1/statistics", "statistics", READ)


class BreakdownParameters(StatisticsOrder, StatisticsFields, PopulationParameters):
    """Whom to count, and by what."""

    by: Annotated[tuple[By, ...], Distinct] = Field(
        min_length=1,
        max_length=2,
        description="A row for each of these: a level of districts or of industries (meant exactly), an attribute of "
        "the enterprises, `industry_group` or `basis`; two of different kinds: for each pair.",
        examples=[["street", "section"]],
    )

    @property
    def question(self) -> Question:
        """The question.

        Raises
        ------
        InvalidRequest
            The dimensions cannot stand together.
        """
        refuse_pair(self.by, basis_given="basis" in self.model_fields_set)
        return Question(
            Subject.INDUSTRIES, self.when, self.population, analysis=Analysis.BREAKDOWN, by=self.by, fields=self.figures
        )


class BreakdownPage(PageParameters, BreakdownParameters):
    """A page of a breakdown."""


class BreakdownFile(FileParameters, BreakdownParameters):
    """A file of a breakdown."""


@router.get("/breakdown", response_model=BreakdownStatisticsPage)
async def list_breakdown_statistics(
    request: Request, query: Annotated[BreakdownPage, Depends(QueryOf(BreakdownPage))]
) -> Response:
    """List statistics of a scope by one or two dimensions: a row per cell with an enterprise.

    In the order of the first `by`, then the second, unless sorted otherwise. Rows + `unallocated` = `total` for every
    measure, but with `industry_group` and `basis`, which overlap. The margins are the same question with one `by` less.
    """
    return await json_response(request, query, breakdown_answer)


@router.get("/breakdown.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_breakdown_statistics(
    request: Request, file_format: Format, query: Annotated[BreakdownFile, Depends(QueryOf(BreakdownFile))]
) -> Response:
    """Export statistics of a scope by one or two dimensions as one flat table, a row per cell."""
    return await file_response(request, query, file_format, breakdown_table)
