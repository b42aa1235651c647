"""Trends: figures of a population, of each row of a dimension, of branches or of enterprises over the snapshots."""

from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import Field, create_model

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed, optional_model
from app.api.http.parameters import IsoDate, QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import AnyFields, Distinct
from app.api.statistics.models import (
    BranchFigures,
    Counts,
    EnterpriseCounts,
    EnterpriseRates,
    Meta,
    Rates,
    SnapshotBranch,
    SnapshotEnterprise,
    of_dimension,
)
from app.api.statistics.parameters import (
    BasisChoice,
    DistrictParameter,
    EnterpriseParameters,
    FileOutput,
    IndustryGroupParameter,
    IndustryParameter,
    PageParameters,
    QuestionParameters,
    TierParameter,
)
from app.api.statistics.subjects import Format
from app.api.statistics.tiers import visibility_of
from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, METRICS
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.publication.trends import trend_answer, trend_table
from app.statistics.breakdown import refuse_pair
from app.statistics.question import Subject
from app.statistics.trends import CompareTo, SeriesBreak, TrendQuestion, refuse_figures

Fields = dict[str, tuple[Any, str]]

_MEASURES = dict.fromkeys(measure.code for measure in (*MEASURES, *BRANCH_MEASURES))
_METRICS = dict.fromkeys(metric.code for metric in (*METRICS, *BRANCH_METRICS))

_CHANGES: Fields = {
    "counts": (
        optional_model("CountChanges", "Differences of counts.", dict.fromkeys(_MEASURES, (int | None, "Change."))),
        "Differences of the counts; null where either is null, the date compared with has no row, or a break lies "
        "between.",
    ),
    "rates": (
        optional_model("RateChanges", "Differences of ratios.", dict.fromkeys(_METRICS, (float | None, "Change."))),
        "Differences of the values of the ratios, 0.01 for one percentage point; null likewise.",
    ),
}

FigureChanges = optional_model("FigureChanges", "Differences of one set of figures.", _CHANGES)

TrendChange = optional_model(
    "TrendChange",
    "Differences to another date.",
    _CHANGES
    | {
        "own": (FigureChanges, "Of a branch itself; absent for others."),
        "subtree": (FigureChanges, "Of a branch and all below it; absent for others."),
    },
)


class TrendDate(Closed):
    """The date of a row."""

    as_of: date = Field(description="The date.")
    snapshot: str = Field(description="Id of the snapshot: the newest of the date.")
    breaks: list[SeriesBreak] = Field(description="What changed since the date before in the list; empty on the first.")


_ROW: Fields = of_dimension() | {
    "branch": (SnapshotBranch, "The branch, of trends of branches."),
    "enterprise": (SnapshotEnterprise, "The enterprise, of trends of enterprises."),
    "counts": (Counts | EnterpriseCounts, "Counts; absent for branches."),
    "rates": (Rates | EnterpriseRates, "Ratios of sums of counts, divided once; absent for branches."),
    "own": (BranchFigures, "Figures of a branch itself; absent for others."),
    "subtree": (BranchFigures, "Figures of a branch and all below it; absent for others."),
    "change": (TrendChange | None, "Difference to another date; absent without `compare_to`, null on the first date."),
}

_Optional = optional_model("TrendFigures", "What a row is of, and its figures.", _ROW)

TrendStatistics = create_model(
    "TrendStatistics", __base__=(TrendDate, _Optional), __doc__="One subject at one date.", __module__=__name__
)


class TrendStatisticsPage(Closed):
    """One page of a trend: some subjects, each with all of its dates."""

    data: list[TrendStatistics] = Field(
        description="The rows of this page: subjects in the order of breakdowns, dates in theirs."
    )
    meta: Meta = Field(description="`meta` of the last date; `rows` are the subjects.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


router = make_router("/v1/statistics", "statistics", READ)

_NAMED = {"branch": Subject.BRANCHES, "enterprise": Subject.ENTERPRISES}


class TrendPopulation(
    EnterpriseParameters, IndustryGroupParameter, IndustryParameter, DistrictParameter, BasisChoice, QuestionParameters
):
    """Whom to count on every date."""

    by: Annotated[tuple[By, ...], Distinct] = Field(
        default=(),
        max_length=1,
        description="A row per date for each of these, as in `/v1/statistics/breakdown`; absent: for the population.",
    )


class TrendParameters(AnyFields, TrendPopulation, TierParameter):
    """Of whom, and over which dates."""

    branch: Annotated[tuple[str, ...], Distinct] = Field(
        default=(),
        description="This branch (code), with all below it; repeatable. Without population parameters; dates on which "
        "it does not live have no row.",
    )
    enterprise: Annotated[tuple[str, ...], Distinct] = Field(
        default=(),
        description="This enterprise (code); repeatable. Without population parameters; dates on which it is not "
        "registered have no row.",
    )
    since: IsoDate | None = Field(
        default=None, alias="from", description="First date (`YYYY-MM-DD`).", examples=["2016-09-30"]
    )
    until: IsoDate | None = Field(
        default=None, alias="to", description="Last date (`YYYY-MM-DD`).", examples=["2017-09-30"]
    )
    compare_to: CompareTo | None = Field(
        default=None, description="Add the `change` of each row since the date before in the list, or since the first."
    )

    @property
    def question(self) -> TrendQuestion:
        """The question.

        Raises
        ------
        InvalidRequest
            Parameters exclude each other, or the rows do not have a figure.
        """
        named = [name for name in _NAMED if getattr(self, name)]
        self._refuse_other_subjects(named)
        refuse_pair(self.by, basis_given="basis" in self.model_fields_set)
        question = TrendQuestion(
            _NAMED[named[0]] if named else Subject.INDUSTRIES,
            population=self.population,
            analysis=Analysis.TRENDS,
            by=self.by,
            fields=self.figures,
            codes=tuple(sorted(getattr(self, named[0]))) if named else (),
            since=self.since,
            until=self.until,
            compare_to=self.compare_to,
        )
        refuse_figures(question)
        return question

    def _refuse_other_subjects(self, named: list[str]) -> None:
        population = [name for name in TrendPopulation.model_fields if name in self.model_fields_set]
        given = [*named, *population] if named else []
        if len(given) > 1:
            message = say("{name} cannot be used together with {others}", name=given[0], others=", ".join(given[1:]))
            raise InvalidRequest(
                message, [ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, f"query/{name}", message) for name in given[1:]]
            )


class TrendPage(PageParameters, TrendParameters):
    """A page of a trend."""


class TrendFile(FileOutput, TrendParameters):
    """A file of a trend."""


@router.get("/trends", response_model=TrendStatisticsPage)
@audited("branch", "enterprise")
async def list_trend_statistics(request: Request, query: Annotated[TrendPage, Depends(QueryOf(TrendPage))]) -> Response:
    """List figures over time: a row per subject and date that has a snapshot, of the newest of that date.

    A subject is listed when it has an enterprise at one of the dates, and has a row at every date whose snapshot knows
    its code. `breaks` lists what else changed since the date before, so that figures may not be comparable. Dates whose
    snapshot does not have a code of the population have no row; a code that no snapshot has is refused. For a key
    limited to some districts, an enterprise or branch outside them is not found, like one that does not exist. `limit`
    counts subjects. `meta` is of the last date, its `requested_as_of` is `to`.
    """
    visibility = visibility_of(request, query.question)
    return await json_response(request, query, partial(trend_answer, visibility=visibility))


@router.get("/trends.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited("branch", "enterprise")
async def export_trend_statistics(
    request: Request, file_format: Format, query: Annotated[TrendFile, Depends(QueryOf(TrendFile))]
) -> Response:
    """Export figures over time as one flat table, a row per subject and date."""
    visibility = visibility_of(request, query.question)
    return await file_response(request, query, file_format, partial(trend_table, visibility=visibility))
