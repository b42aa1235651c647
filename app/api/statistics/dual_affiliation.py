"""Dual affiliation: who takes part where, and what that does to coverage."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import answered, filed
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
_MEMBERS = "Distinct members with a living secondary affiliation, everybody."


class DualAffiliationCell(Closed):
    """Members of one home who take part in one joint branch."""

    home: SnapshotBranch | None = Field(description=_HOME)
    joint_branch: SnapshotBranch = Field(description="The branch of the secondary affiliation.")
    members: int = Field(description=_MEMBERS)


class DualAffiliationHome(Closed):
    """Members of one home, each counted once however many joint branches they take part in."""

    home: SnapshotBranch | None = Field(description=_HOME)
    members: int = Field(description=_MEMBERS)


class DualAffiliationJointBranch(Closed):
    """Members who take part in one joint branch, each counted once."""

    joint_branch: SnapshotBranch = Field(description="The branch of the secondary affiliation.")
    members: int = Field(description=_MEMBERS)


class DualUplift(Closed):
    """One coverage without and with dual affiliation."""

    without_dual: Rate = Field(description="As if nobody were in dual affiliation.")
    with_dual: Rate = Field(description="As it is, enterprises reached by dual affiliation included.")


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
    """Who takes part where, and what that does to coverage."""

    matrix: list[DualAffiliationCell] = Field(
        description="Cells with somebody in them, by code of home (none last), then of joint branch."
    )
    homes: list[DualAffiliationHome] = Field(description="Margin of the homes.")
    joint_branches: list[DualAffiliationJointBranch] = Field(description="Margin of the joint branches.")
    members: int = Field(description="All of them, each counted once.")
    uplift: CoverageUplift = Field(description="What that adds to coverage.")


class DualAffiliationAnswer(Closed):
    """Dual affiliation as of a date."""

    data: DualAffiliation = Field(description="Matrix, margins and uplift.")
    meta: Meta = Field(description="What the answer rests on.")


router = make_router("/v1/statistics", "statistics", READ)


class DualAffiliationParameters(IndustryGroupParameter, IndustryParameter, DistrictParameter, AsOfParameters):
    """Where the joint branches are, and whose coverage to compare."""

    @property
    def question(self) -> Question:
        """What is asked."""
        return Question(Subject.BRANCHES, self.when, self.population, analysis=Analysis.DUAL_AFFILIATION)


class DualAffiliationFile(FileOutput, DualAffiliationParameters):
    """A file of the matrix."""


@router.get("/dual-affiliation", response_model=DualAffiliationAnswer)
@audited()
async def get_dual_affiliation(
    request: Request, asked: Annotated[DualAffiliationParameters, Depends(QueryOf(DualAffiliationParameters))]
) -> Response:
    """Get who takes part where by dual affiliation, and what that adds to coverage.

    `district` says where the joint branches are; it and the industry say whose coverage is compared.
    """
    return await answered(request, asked, dual_affiliation_answer)


@router.get("/dual-affiliation.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_dual_affiliation(
    request: Request,
    file_format: Format,
    asked: Annotated[DualAffiliationFile, Depends(QueryOf(DualAffiliationFile))],
) -> Response:
    """Export who takes part where as one flat table, a row per home and joint branch."""
    return await filed(request, asked, file_format, dual_affiliation_table)
