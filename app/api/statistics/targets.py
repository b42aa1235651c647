"""Targets: what an office has set out to reach, and how far it is."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.parameters import IsoDate, QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import Distinct
from app.api.statistics.models import District, Industry, IndustryGroup, Meta, Rate
from app.api.statistics.parameters import (
    AsOfParameters,
    DistrictParameter,
    FileOutput,
    IndustryGroupParameter,
    IndustryParameter,
    PageParameters,
    SectorParameter,
)
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.metrics import TargetMetric
from app.catalogue.vocabulary import Basis, Sector
from app.publication.targets import targets_answer, targets_table
from app.statistics.question import Subject
from app.statistics.targets import TargetsQuestion, TargetState


class TargetProgress(Closed):
    """A target, and how far it is reached on the date."""

    target: str = Field(
        description="Its key: metric, basis, due date, and the codes of district, industry, group and sector, by `/`."
    )
    metric: TargetMetric = Field(description="The metric that is to reach the value.")
    basis: Basis = Field(description="Which enterprises it divides by.")
    due_on: date = Field(description="The day by which it is to be reached.")
    value: float = Field(description="What is to be reached. Unit: ratio, 0–1.")
    district: District | None = Field(description="The district that it is for; null: all.")
    industry: Industry | None = Field(description="The industry that it is for; null: all.")
    industry_group: IndustryGroup | None = Field(description="The industry group that it is for; null: all.")
    sector: Sector | None = Field(description="The sector that it is for; null: all.")
    source: str | None = Field(description="The document that says so; null: not recorded.")
    current: Rate = Field(description="The figure of the date.")
    state: TargetState = Field(
        description="`met`: the figure itself, not its interval, is at least the value; `short`; `cannot_tell`: there "
        "is no figure, or it is unreliable or protected."
    )
    missing: int | None = Field(
        description="How many more in the numerator would meet it at today's denominator; null: cannot tell."
    )
    days_left: int = Field(description="Days until it is due; negative: since. Unit: days.")


class TargetsPage(Closed):
    """One page of targets."""

    data: list[TargetProgress] = Field(
        description="By due date, metric, basis, then district, industry, group and sector by code, none first."
    )
    meta: Meta = Field(description="What the answer rests on; `basis` is null: each target has its own.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


router = make_router("/v1/statistics", "statistics", READ)


class TargetsParameters(SectorParameter, IndustryGroupParameter, IndustryParameter, DistrictParameter, AsOfParameters):
    """Whose targets, due when, in which state."""

    due_from: IsoDate | None = Field(
        default=None, description="First due date (`YYYY-MM-DD`); absent: the date of the figures."
    )
    due_to: IsoDate | None = Field(default=None, description="Last due date (`YYYY-MM-DD`).")
    state: Annotated[tuple[TargetState, ...], Distinct] = Field(
        default=(), description="List targets in this state; repeatable."
    )

    @property
    def question(self) -> TargetsQuestion:
        """The question."""
        return TargetsQuestion(
            Subject.DISTRICTS,
            self.when,
            self.population,
            analysis=Analysis.TARGETS,
            due_from=self.due_from,
            due_to=self.due_to,
            state=tuple(sorted(self.state)),
        )


class TargetsPageParameters(PageParameters, TargetsParameters):
    """A page of targets."""


class TargetsFile(FileOutput, TargetsParameters):
    """A file of targets."""


@router.get("/targets", response_model=TargetsPage)
async def list_targets(
    request: Request, query: Annotated[TargetsPageParameters, Depends(QueryOf(TargetsPageParameters))]
) -> Response:
    """List targets that are due on the date or later, with the figure of the date, and what is missing.

    A target is listed when its district (industry) is at or below one of those given, its group or sector one of them;
    one that is for all only where the parameter is not given.
    """
    return await json_response(request, query, targets_answer)


@router.get("/targets.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_targets(
    request: Request, file_format: Format, query: Annotated[TargetsFile, Depends(QueryOf(TargetsFile))]
) -> Response:
    """Export targets and how far they are reached as one flat table, a row per target."""
    return await file_response(request, query, file_format, targets_table)
