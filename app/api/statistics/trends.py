"""Trends: rates of a population, an enterprise or a branch over the snapshots."""

from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import Field, create_model
from pydantic_core import MISSING

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed, closed_model
from app.api.http.parameters import IsoDate, QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.models import Meta, Rate, rate_text
from app.api.statistics.parameters import (
    BasisChoice,
    DistrictParameter,
    EnterpriseParameters,
    FileOutput,
    IndustryGroupParameter,
    IndustryParameter,
    QuestionParameters,
    TrendMetric,
)
from app.api.statistics.subjects import Format
from app.api.statistics.tiers import visibility_of
from app.catalogue.analyses import Analysis
from app.catalogue.metrics import BRANCH_METRICS, METRICS
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.publication.trends import trend_answer, trend_table
from app.statistics.question import Subject
from app.statistics.trends import SeriesBreak, TrendQuestion, metrics_of

_RATES: dict[str, Any] = {
    metric.code: (Rate | MISSING, Field(default=MISSING, description=rate_text(metric)))
    for metric in dict.fromkeys((*METRICS, *BRANCH_METRICS))
}

TrendRates = create_model(
    "TrendRates",
    __base__=Closed,
    __doc__="Ratios of one date: those in `metric`, or all that the subject has.",
    __module__=__name__,
    **_RATES,
)

TrendPoint = closed_model(
    "TrendPoint",
    "One date of a trend.",
    {
        "as_of": (date, "The date."),
        "snapshot": (str, "Id of the snapshot: the newest of the date."),
        "breaks": (list[SeriesBreak], "What changed since the previous point; empty on the first."),
        "rates": (TrendRates, "Ratios of sums of counts, divided once."),
    },
)

Trend = closed_model(
    "Trend",
    "A population, an enterprise or a branch over time.",
    {
        "data": (list[TrendPoint], "One point per date, the oldest first."),  # type: ignore[valid-type]  # made from the catalogue
        "meta": (Meta, "`meta` of the newest point; `rows` are the points."),
    },
)


router = make_router("/v1/statistics", "statistics", READ)

_NAMED = {"branch": Subject.BRANCHES, "enterprise": Subject.ENTERPRISES}


class TrendPopulation(
    EnterpriseParameters, IndustryGroupParameter, IndustryParameter, DistrictParameter, BasisChoice, QuestionParameters
):
    """Whom to count on every date."""


class TrendParameters(TrendPopulation):
    """Of whom, and over which dates."""

    branch: str | None = Field(
        default=None,
        description="This branch (code), with all below it: figures of its `subtree`. Without population parameters; "
        "dates on which it does not live have no point.",
    )
    enterprise: str | None = Field(
        default=None,
        description="This enterprise (code). Without population parameters; dates on which it is not registered have "
        "no point.",
    )
    metric: tuple[TrendMetric, ...] = Field(
        default=(),
        description="Metrics to give; repeatable; absent: all. Single enterprises and branches have ratios of persons "
        "alone, and branches alone `affiliation_inflation`.",
    )
    since: IsoDate | None = Field(
        default=None, alias="from", description="First date (`YYYY-MM-DD`).", examples=["2016-09-30"]
    )
    until: IsoDate | None = Field(
        default=None, alias="to", description="Last date (`YYYY-MM-DD`).", examples=["2017-09-30"]
    )

    @property
    def question(self) -> TrendQuestion:
        """The question.

        Raises
        ------
        InvalidRequest
            Parameters exclude each other, or the subject does not have a metric.
        """
        named = [(name, code) for name in _NAMED if (code := getattr(self, name)) is not None]
        self._refuse_other_subjects([name for name, _ in named])
        name, code = named[0] if named else (None, None)
        question = TrendQuestion(
            Subject.INDUSTRIES if name is None else _NAMED[name],
            population=self.population,
            analysis=Analysis.TRENDS,
            code=code,
            metrics=tuple(metric.value for metric in self.metric),
            since=self.since,
            until=self.until,
        )
        metrics_of(question)
        return question

    def _refuse_other_subjects(self, named: list[str]) -> None:
        population = [name for name in TrendPopulation.model_fields if name in self.model_fields_set]
        given = [*named, *population] if named else []
        if len(given) > 1:
            message = say("{name} cannot be used together with {others}", name=given[0], others=", ".join(given[1:]))
            raise InvalidRequest(
                message, [ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, f"query/{name}", message) for name in given[1:]]
            )


class TrendFile(FileOutput, TrendParameters):
    """A file of a trend."""


@router.get("/trends", response_model=Trend)
@audited("branch", "enterprise")
async def list_trend_statistics(
    request: Request, query: Annotated[TrendParameters, Depends(QueryOf(TrendParameters))]
) -> Response:
    """List rates over time: a point per date that has a snapshot, of the newest of that date, the oldest first.

    `breaks` lists what else changed since the previous point, so that figures may not be comparable: settings, member
    source, districts, industries, industry groups. Dates whose snapshot does not have a code of the population have no
    point; a code that no snapshot has is refused. For a key limited to some districts, an enterprise or branch outside
    them is not found, like one that does not exist. Not paged. `meta` is of the newest point, its `requested_as_of` is
    `to`.
    """
    visibility = visibility_of(request, query.question)
    return await json_response(request, query, partial(trend_answer, visibility=visibility))


@router.get("/trends.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited("branch", "enterprise")
async def export_trend_statistics(
    request: Request, file_format: Format, query: Annotated[TrendFile, Depends(QueryOf(TrendFile))]
) -> Response:
    """Export rates over time as one flat table, a row per date; `metric` picks its columns."""
    visibility = visibility_of(request, query.question)
    return await file_response(request, query, file_format, partial(trend_table, visibility=visibility))
