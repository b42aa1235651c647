"""One scope in the five bases, side by side: how much a rate depends on its denominator."""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.api.admission import READ
from app.api.parameters import QueryOf
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.statistics import BasisStatisticsList
from app.api.statistics.answering import answered, filed, is_plain
from app.api.statistics.files import Format
from app.api.statistics.parameters import ScopePopulation, StatisticsFile
from app.publication.answers import rows_file
from app.publication.bases import bases_answer, bases_question, bases_rows
from app.statistics.question import Page

router = make_router("/v1/statistics", "statistics", READ)


class BasesFile(StatisticsFile, ScopePopulation):
    """A file of the bases."""


@router.get("/bases", response_model=BasisStatisticsList)
async def list_basis_statistics(
    request: Request, asked: Annotated[ScopePopulation, Depends(QueryOf(ScopePopulation))]
) -> Response:
    """List the bases side by side for one scope: how much a rate depends on its denominator."""
    question = bases_question(asked.moment, asked.population)
    return await answered(
        request, question, lambda desk: bases_answer(desk.shelf, question, desk.kept), light=is_plain(question)
    )


@router.get("/bases.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_basis_statistics(
    request: Request, file_format: Format, asked: Annotated[BasesFile, Depends(QueryOf(BasesFile))]
) -> Response:
    """Export the bases side by side as one flat table, a row per basis."""
    question, options = bases_question(asked.moment, asked.population), asked.options(file_format)
    return await filed(request, question, lambda desk: rows_file(desk.shelf, question, Page(), options, bases_rows))
