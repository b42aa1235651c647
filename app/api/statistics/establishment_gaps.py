"""Establishment gaps: which enterprises must establish an organisation and have not."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed, closed_model
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import EnterpriseFields, EnterpriseOrder
from app.api.statistics.models import (
    ENTERPRISE_FIGURES,
    EnterpriseTotal,
    Meta,
    SnapshotBranch,
    SnapshotEnterprise,
    Unallocated,
)
from app.api.statistics.parameters import FileParameters, PageParameters, PopulationParameters
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.vocabulary import CoverageMeans
from app.publication.establishment_gaps import gaps_answer, gaps_table
from app.statistics.establishment_gaps import Nearness, gap_listing
from app.statistics.question import Question, Subject


class GapCandidate(Closed):
    """A living branch that could cover the enterprise."""

    branch: SnapshotBranch = Field(description="The branch.")
    why: Nearness = Field(description="Where it is: at the same site, or elsewhere in the same street.")


EstablishmentGap = closed_model(
    "EstablishmentGap",
    "An enterprise that must establish an organisation and has not.",
    {
        "enterprise": (SnapshotEnterprise, "What it is."),
        "gap_since": (date, "Date of the first of the unbroken run of snapshots in which it is in the gap."),
        "means": (list[CoverageMeans], "Living means by which it is reached, whether their branch lives or not."),
        "candidates": (
            list[GapCandidate],
            "At most five living branches: those at its site before others in its street; of form joint, area or "
            "industry before others; then by code.",
        ),
    }
    | ENTERPRISE_FIGURES,
)

EstablishmentGapPage = closed_model(
    "EstablishmentGapPage",
    "One page of the enterprises in the gap.",
    {
        "data": (list[EstablishmentGap], "The rows of this page."),  # type: ignore[valid-type]  # made of figures
        "total": (EnterpriseTotal, "Sums over all enterprises in the gap, on all pages."),
        "unallocated": (Unallocated | None, "Always null: nothing is left out."),
        "meta": (Meta, "What the answer rests on."),
        "next_cursor": (str | None, "`cursor` of the next page; null: the last."),
    },
)


router = make_router("/v1/statistics", "statistics", READ)


class GapParameters(EnterpriseOrder, EnterpriseFields, PopulationParameters):
    """Which enterprises to consider."""

    strict: bool = Field(
        default=False,
        description="List enterprises without an organisation of their own (`standalone`); absent: without any.",
    )

    @property
    def question(self) -> Question:
        """The question."""
        listing = gap_listing(strict=self.strict)
        return Question(
            Subject.ENTERPRISES, self.when, self.population, listing, Analysis.ESTABLISHMENT_GAPS, fields=self.figures
        )


class GapPage(PageParameters, GapParameters):
    """A page of the gap."""


class GapFile(FileParameters, GapParameters):
    """A file of the gap."""


@router.get("/establishment-gaps", response_model=EstablishmentGapPage)
@audited()
async def list_establishment_gaps(request: Request, query: Annotated[GapPage, Depends(QueryOf(GapPage))]) -> Response:
    """List enterprises with three full members and no organisation, since when, and branches that could cover them."""
    return await json_response(request, query, gaps_answer)


@router.get("/establishment-gaps.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_establishment_gaps(
    request: Request, file_format: Format, query: Annotated[GapFile, Depends(QueryOf(GapFile))]
) -> Response:
    """Export the enterprises in the gap as one flat table, a row per enterprise."""
    return await file_response(request, query, file_format, gaps_table)
