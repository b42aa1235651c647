"""Workplaces: where the members of a branch with dual affiliation work."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed, members
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import OrderParameter
from app.api.statistics.models import District, Industry, Meta, SnapshotEnterprise
from app.api.statistics.parameters import AsOfParameters, FileParameters, PageParameters
from app.api.statistics.subjects import BranchCode, Format
from app.catalogue.dimensions import By
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.publication.workplaces import workplaces_answer, workplaces_table
from app.statistics.question import Subject
from app.statistics.workplaces import WorkplacesQuestion


class BranchWorkplace(Closed):
    """A place where members who take part in a branch, or below it, work."""

    enterprise: SnapshotEnterprise | None = Field(description="The enterprise; null with a level in `by`.")
    district: District | None = Field(description="The district; null where rows are not by it.")
    industry: Industry | None = Field(description="The industry; null where rows are not by it.")
    members: int = Field(description="Distinct members who take part and work there. Unit: persons.")
    members_without_dual: int | None = Field(
        description="Open members who work there and take part in no dual affiliation anywhere; null with a level in "
        "`by`. Unit: persons."
    )


_NONE = "null where no branch at or below it has a secondary affiliation. Unit: persons."


class BranchWorkplacesPage(Closed):
    """One page of workplaces: rows + `unallocated` + `elsewhere` + `no_employer` = all who take part."""

    data: list[BranchWorkplace] = Field(description="The rows of this page.")
    elsewhere: int | None = Field(
        description=f"Members who are withheld, or work in an enterprise that is not in the register; {_NONE}"
    )
    no_employer: int | None = Field(description=f"Members without an open employment; {_NONE}")
    unallocated: int | None = Field(
        description="With a level in `by`, members in enterprises that are in no district or industry of it; else null."
    )
    meta: Meta = Field(description="What the answer rests on.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


router = make_router("/v1/statistics", "statistics", READ)


class WorkplacesBy(StrEnum):
    """What workplaces can be listed by."""

    vars().update(members(["enterprise", *DistrictLevel, *IndustryLevel]))


class WorkplacesSort(StrEnum):
    """What workplaces can be sorted by."""

    vars().update(members(["code", "members", "members_without_dual"]))


class WorkplacesParameters(OrderParameter, AsOfParameters):
    """Which places of a branch."""

    by: WorkplacesBy = Field(
        default=WorkplacesBy("enterprise"),
        description="A row for each enterprise, or for each district or industry of a level.",
    )
    sort: WorkplacesSort = Field(default=WorkplacesSort("code"), description="Sort by code or by a count.")

    @property
    def question(self) -> WorkplacesQuestion:
        """The question, but for the branch."""
        level = None if self.by.value == "enterprise" else By(self.by.value)
        return WorkplacesQuestion(Subject.BRANCHES, self.when, level=level)


class WorkplacesPage(PageParameters, WorkplacesParameters):
    """A page of workplaces."""


class WorkplacesFile(FileParameters, WorkplacesParameters):
    """A file of workplaces."""


@router.get("/branches/{code}/workplaces", response_model=BranchWorkplacesPage)
@audited()
async def list_branch_workplaces(
    request: Request, code: BranchCode, query: Annotated[WorkplacesPage, Depends(QueryOf(WorkplacesPage))]
) -> Response:
    """List where the members work who take part in a joint branch, or below it, and who there takes part nowhere.

    By members and employments, wherever members are counted from. A branch without secondary affiliations at or below
    it has no rows.
    """
    return await json_response(request, query, workplaces_answer, code)


@router.get("/branches/{code}/workplaces.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_branch_workplaces(
    request: Request,
    code: BranchCode,
    file_format: Format,
    query: Annotated[WorkplacesFile, Depends(QueryOf(WorkplacesFile))],
) -> Response:
    """Export where the members of a joint branch work, as one flat table."""
    return await file_response(request, query, file_format, workplaces_table, code)
