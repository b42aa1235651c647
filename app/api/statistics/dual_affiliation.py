"""Dual affiliation: who takes part where, and what that does to coverage."""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.api.admission import READ
from app.api.parameters import QueryOf
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.dual_affiliation import DualAffiliationAnswer
from app.api.statistics.answering import answered, filed
from app.api.statistics.files import Format
from app.api.statistics.parameters import (
    DistrictParameter,
    FileOutput,
    IndustryGroupParameter,
    IndustryParameter,
    MomentParameters,
)
from app.catalogue.analyses import Analysis
from app.publication.dual_affiliation import dual_affiliation_answer, dual_affiliation_file
from app.statistics.question import Question, Subject

router = make_router("/v1/statistics", "statistics", READ)


class DualAffiliationParameters(IndustryGroupParameter, IndustryParameter, DistrictParameter, MomentParameters):
    """Where the joint branches are, and whose coverage to compare."""

    @property
    def question(self) -> Question:
        """What is asked."""
        return Question(Subject.BRANCHES, self.moment, self.population, analysis=Analysis.DUAL_AFFILIATION)


class DualAffiliationFile(FileOutput, DualAffiliationParameters):
    """A file of the matrix."""


@router.get("/dual-affiliation", response_model=DualAffiliationAnswer)
async def get_dual_affiliation(
    request: Request, asked: Annotated[DualAffiliationParameters, Depends(QueryOf(DualAffiliationParameters))]
) -> Response:
    """Get who takes part where by dual affiliation, and what that adds to coverage.

    `district` says where the joint branches are; it and the industry say whose coverage is compared.
    """
    question = asked.question
    return await answered(request, question, lambda desk: dual_affiliation_answer(desk.shelf, question))


@router.get("/dual-affiliation.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_dual_affiliation(
    request: Request,
    file_format: Format,
    asked: Annotated[DualAffiliationFile, Depends(QueryOf(DualAffiliationFile))],
) -> Response:
    """Export who takes part where as one flat table, a row per home and joint branch."""
    question, options = asked.question, asked.options(file_format)
    return await filed(request, question, lambda desk: dual_affiliation_file(desk.shelf, question, options))
