"""Establishment proposals: which branches to found next, and what that would change."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.models import District, Meta, Rate, SnapshotBranch
from app.api.statistics.parameters import FileOutput, PageParameters, PopulationParameters
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.publication.establishment_proposals import proposals_answer, proposals_table
from app.statistics.establishment_proposals import ProposalKind
from app.statistics.question import Question, Subject


class EstablishmentProposal(Closed):
    """A branch to found, a branch to attach an enterprise to, or an instructor to send: a proposal, never a record."""

    kind: ProposalKind = Field(
        description="A branch of its own, one of several enterprises, `branch` to take it, or (no branch can) an "
        "instructor: it stays unorganised."
    )
    district: District | None = Field(description="The street or site; null: the enterprise has no street.")
    enterprises: list[str] = Field(description="Codes of the enterprises, ascending.")
    full_members: int = Field(description="Their full members. Unit: persons.")
    members: int = Field(description="Their members. Unit: persons.")
    headcount: int | None = Field(description="Their employees, where known; null: of none. Unit: employees.")
    eligible: int = Field(description="How many of them must establish an organisation: the gap list has them too.")
    branch: SnapshotBranch | None = Field(description="The existing branch that takes it; null unless `attach`.")
    coverage_after: Rate = Field(
        description="`organisation_coverage` of the whole population once this and all rows before it are done."
    )


class ProposalEffect(Closed):
    """What proposals change, over the population and its basis."""

    organisation_coverage: Rate = Field(description="Share of enterprises that are organised.")
    establishment_rate: Rate = Field(description="Share of those that must establish an organisation and have.")
    employee_coverage: Rate = Field(description="Share of employees who work in organised enterprises.")
    members_unorganised: int = Field(description="Members without a workplace organisation. Unit: persons.")


class EstablishmentProposalPage(Closed):
    """One page of proposals."""

    data: list[EstablishmentProposal] = Field(
        description="The rows of this page: more `eligible` first, then more `members`, then the smallest code."
    )
    before: ProposalEffect = Field(description="As it is.")
    after: ProposalEffect = Field(description="If all rows of all pages were done.")
    undecided: int = Field(
        description="Enterprises of which it is not known whether they have a full member. Unit: enterprises."
    )
    meta: Meta = Field(description="What the answer rests on.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


router = make_router("/v1/statistics", "statistics", READ)


class ProposalParameters(PopulationParameters):
    """For whom to propose."""

    @property
    def question(self) -> Question:
        """The question."""
        analysis = Analysis.ESTABLISHMENT_PROPOSALS
        return Question(Subject.ENTERPRISES, self.when, self.population, analysis=analysis)


class ProposalPage(PageParameters, ProposalParameters):
    """A page of proposals."""


class ProposalFile(FileOutput, ProposalParameters):
    """A file of proposals."""


@router.get("/establishment-proposals", response_model=EstablishmentProposalPage)
@audited()
async def list_establishment_proposals(
    request: Request, query: Annotated[ProposalPage, Depends(QueryOf(ProposalPage))]
) -> Response:
    """List which branches to found next among operating enterprises with a full member and no organisation.

    With the same parameters, the enterprises of `standalone` rows are those of `/v1/statistics/establishment-gaps`.
    """
    return await json_response(request, query, proposals_answer)


@router.get("/establishment-proposals.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_establishment_proposals(
    request: Request, file_format: Format, query: Annotated[ProposalFile, Depends(QueryOf(ProposalFile))]
) -> Response:
    """Export the proposals as one flat table, a row per proposal."""
    return await file_response(request, query, file_format, proposals_table)
