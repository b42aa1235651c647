"""Dual affiliation: members by home branch and joint branch, and the effect on coverage."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.models import Meta, Rate, SnapshotBranch
from app.api.statistics.parameters import (
    AsOfParameters,
    DistrictParameter,
    FileOutput,
    IndustryGroupParameter,
    IndustryParameter,
)
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.publication.dual_affiliation import dual_affiliation_answer, dual_affiliation_table
from app.statistics.question import Question, Subject

_HOME = (
    "Nearest living committee at or above the primary branch, else the topmost living branch; null: no primary branch."
)
_MEMBERS = "Distinct members with a living secondary affiliation, withheld identities included."


class DualAffiliationCell(Closed):
    """Members of one home who belong to one joint branch too."""

    home: SnapshotBranch | None = Field(description=_HOME)
    joint_branch: SnapshotBranch = Field(description="The branch of the secondary affiliation.")
    members: int = Field(description=_MEMBERS)


class DualAffiliationHome(Closed):
    """Members of one home, each counted once whatever the number of joint branches."""

    home: SnapshotBranch | None = Field(description=_HOME)
    members: int = Field(description=_MEMBERS)


class DualAffiliationJointBranch(Closed):
    """Members of one joint branch, each counted once."""

    joint_branch: SnapshotBranch = Field(description="The branch of the secondary affiliation.")
    members: int = Field(description=_MEMBERS)


class DualUplift(Closed):
    """One coverage without and with dual affiliation."""

    without_dual: Rate = Field(description="If nobody were in dual affiliation.")
    with_dual: Rate = Field(description="As it is, including enterprises reached by dual affiliation.")


class CoverageUplift(Closed):
    """What dual affiliation adds to the coverage of the scope; basis `operating`."""

    organisation_coverage: DualUplift = Field(description="Share of enterprises covered by a branch.")
    work_coverage: DualUplift = Field(description="Share of enterprises reached by any means.")
    dual_reach: Rate = Field(
        description="Of members in enterprises that are not organised, the share reached by dual affiliation."
    )
    members_unreached: int = Field(
        description="Members in enterprises that are not organised, known to be without dual affiliation."
    )


class DualAffiliation(Closed):
    """Members by home and joint branch, and the effect on coverage."""

    matrix: list[DualAffiliationCell] = Field(
        description="Cells with members, by code of home (none last), then of joint branch."
    )
    homes: list[DualAffiliationHome] = Field(description="Margin of the homes.")
    joint_branches: list[DualAffiliationJointBranch] = Field(description="Margin of the joint branches.")
    members: int = Field(description="All these members, each counted once.")
    uplift: CoverageUplift = Field(description="What they add to coverage.")


class DualAffiliationAnswer(Closed):
    """Dual affiliation as of a date."""

    data: DualAffiliation = Field(description="Matrix, margins and uplift.")
    meta: Meta = Field(description="What the answer rests on.")


router = make_router("/v1/statistics", "statistics", READ)


class DualAffiliationParameters(IndustryGroupParameter, IndustryParameter, DistrictParameter, AsOfParameters):
    """Where the joint branches are, and whose coverage to compare."""

    @property
    def question(self) -> Question:
        """The question."""
        return Question(Subject.BRANCHES, self.when, self.population, analysis=Analysis.DUAL_AFFILIATION)


class DualAffiliationFile(FileOutput, DualAffiliationParameters):
    """A file of the matrix."""


@router.get("/dual-affiliation", response_model=DualAffiliationAnswer)
@audited()
async def get_dual_affiliation(
    request: Request, query: Annotated[DualAffiliationParameters, Depends(QueryOf(DualAffiliationParameters))]
) -> Response:
    """Get members in dual affiliation by home and joint branch, and what that adds to coverage.

    `district` selects the joint branches; with the industry it also selects the enterprises whose coverage is compared.
    """
    return await json_response(request, query, dual_affiliation_answer)


@router.get("/dual-affiliation.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_dual_affiliation(
    request: Request,
    file_format: Format,
    query: Annotated[DualAffiliationFile, Depends(QueryOf(DualAffiliationFile))],
) -> Response:
    """Export members in dual affiliation as one flat table, a row per home and joint branch."""
    return await file_response(request, query, file_format, dual_affiliation_table)
