"""Establishment gaps: which enterprises must establish an organisation and have not."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.admission import READ
from app.api.parameters import QueryOf
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.establishment_gaps import EstablishmentGapPage
from app.api.statistics.answering import answered, filed
from app.api.statistics.files import Format
from app.api.statistics.parameters import (
    BasisParameter,
    EnterpriseFile,
    EnterpriseOrder,
    PageParameters,
    ScopePopulation,
)
from app.catalogue.analyses import Analysis
from app.publication.establishment_gaps import gaps_answer, gaps_file
from app.statistics.establishment_gaps import gap_listing
from app.statistics.question import Question, Subject

router = make_router("/v1/statistics", "statistics", READ)


class GapParameters(EnterpriseOrder, ScopePopulation, BasisParameter):
    """Among whom to look."""

    strict: bool = Field(
        default=False,
        description="List whoever has no organisation of its own (`standalone`); absent: whoever has none at all.",
    )

    @property
    def question(self) -> Question:
        """What is asked."""
        listing = gap_listing(strict=self.strict)
        return Question(
            Subject.ENTERPRISES, self.moment, self.population, listing, analysis=Analysis.ESTABLISHMENT_GAPS
        )


class GapPage(PageParameters, GapParameters):
    """A page of the gap."""


class GapFile(EnterpriseFile, GapParameters):
    """A file of the gap."""


@router.get("/establishment-gaps", response_model=EstablishmentGapPage)
async def list_establishment_gaps(request: Request, asked: Annotated[GapPage, Depends(QueryOf(GapPage))]) -> Response:
    """List enterprises with three full members and no organisation, since when, and branches that could take them."""
    question = asked.question
    return await answered(request, question, lambda desk: gaps_answer(desk.shelf, question, asked.page, desk.kept))


@router.get("/establishment-gaps.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_establishment_gaps(
    request: Request, file_format: Format, asked: Annotated[GapFile, Depends(QueryOf(GapFile))]
) -> Response:
    """Export the enterprises in the gap as one flat table, a row per enterprise."""
    question, options = asked.question, asked.options(file_format)
    return await filed(request, question, lambda desk: gaps_file(desk.shelf, question, asked.page, options))
