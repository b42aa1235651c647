"""Low membership: which industries of a population have fewer members per employee than a reference."""

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from app.api.http.authorization import READ
from app.api.http.models import closed_model, members
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.models import FIGURES, Industry, IndustryGroup, Meta, Total, Unallocated
from app.api.statistics.parameters import (
    BasisParameter,
    OrderParameter,
    PageParameters,
    ScopePopulation,
    StatisticsFile,
    StatisticsSort,
)
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.vocabulary import IndustryLevel
from app.errors import ErrorCode, ErrorItem
from app.messages import NotValid, say
from app.publication.low_membership import low_membership_answer, low_membership_table
from app.statistics.low_membership import COLUMNS, ComparisonClass, LowMembershipQuestion, RatioReference
from app.statistics.population import refuse
from app.statistics.question import Listing, Subject


def _limit(which: str) -> str:
    return (
        f"{which} limit of a funnel plot around the ratio of the whole scope, or the target: for charts, the "
        "class decides. Null where not applicable, and where the whole scope has more members than headcount."
    )


LowMembershipStatistics = closed_model(
    "LowMembershipStatistics",
    "One industry or group, how it compares with its reference, and its figures.",
    {
        "industry": (Industry | None, "The industry; null in lists of groups."),
        "industry_group": (IndustryGroup | None, "The group; null in lists of industries."),
        "n_eff": (
            float | None,
            "Effective headcount: as many independent employees carry the same information, since those of one "
            "enterprise are alike, and rounding adds error. Unit: employees. Null where not applicable.",
        ),
        "ratio": (float | None, "Members per employee where both are known. Null where not applicable."),
        "reference_ratio": (float | None, "The same of the reference, or the target. Null where not applicable."),
        "expected": (
            float | None,
            "Effective members expected under the reference ratio. Half of that ratio is detected in four of five "
            "cases from about 25 on, in a list of a hundred industries from about 45. Unit: members. Null where not "
            "applicable.",
        ),
        "p": (
            float | None,
            "Two-sided p of no difference, 0–1. Null where not applicable, inconsistent or of low base.",
        ),
        "q": (
            float | None,
            "p adjusted for all rows of the whole list that have one (Benjamini–Hochberg), 0–1; the same on every "
            "page. Null where p is null.",
        ),
        "class": (
            ComparisonClass,
            "What the comparison says; `not_different` with a small `expected` means that the data cannot tell.",
        ),
        "shortfall": (
            int | None,
            "Members missing for the ratio to reach the reference ratio, at least 0. Null where not applicable.",
        ),
        "limit_95_low": (float | None, _limit("Lower 95 %")),
        "limit_95_high": (float | None, _limit("Upper 95 %")),
        "limit_998_low": (float | None, _limit("Lower 99.8 %")),
        "limit_998_high": (float | None, _limit("Upper 99.8 %")),
    }
    | FIGURES,
)

LowMembershipStatisticsPage = closed_model(
    "LowMembershipStatisticsPage",
    "One page of comparisons.",
    {
        "data": (list[LowMembershipStatistics], "The rows of this page."),  # type: ignore[valid-type]  # made from parts
        "total": (Total, "Figures of the whole scope, whatever is listed."),
        "unallocated": (Unallocated | None, "What `total` has beyond all listed industries; null in lists of groups."),
        "meta": (Meta, "What the answer rests on."),
        "next_cursor": (str | None, "Where the next page starts; null on the last."),
    },
)


router = make_router("/v1/statistics", "statistics", READ)

_DECIMAL = re.compile(r"(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)


def _decimal(value: object) -> object:
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise NotValid(ErrorCode.INVALID_NUMBER, say("must be a decimal fraction"))
    return value


Fraction = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(gt=0, lt=1),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
"""A decimal fraction above 0 and below 1, not converted to binary, so that 7 of 100 is exactly 0.07."""

Margin = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(gt=0, le=1),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
"""A decimal fraction above 0 and up to 1."""


class ComparedBy(StrEnum):
    """What can be compared other than industries of a level."""

    INDUSTRY_GROUP = "industry_group"


class LowMembershipSort(StrEnum):
    """What comparisons can be sorted by."""

    vars().update(members([*COLUMNS, *StatisticsSort]))


class LowMembershipParameters(ScopePopulation, BasisParameter):
    """What to compare, and with what."""

    industry_level: IndustryLevel | None = Field(
        default=None, description="Compare the industries of this level; either this or `by` must be given."
    )
    by: ComparedBy | None = Field(default=None, description="Compare industry groups, each with all but itself.")
    reference: RatioReference | None = Field(
        default=None,
        description="Compare each with the rest of the scope, unclassified enterprises included (`rest`; if absent, "
        "unless there is a `target`), or with the same industry in the parent of `district`, without the district.",
    )
    target: Fraction | None = Field(
        default=None, description="Compare each with this ratio of members per employee; not with `reference`."
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=1, description="False discovery rate (`q`) below which a difference is significant."
    )
    margin: Margin = Field(
        default=Decimal("0.8"),
        description="Fraction of the reference ratio below which a lower ratio is `low`.",
        json_schema_extra={"default": 0.8},
    )

    @property
    def question(self) -> LowMembershipQuestion:
        """The question.

        Raises
        ------
        InvalidRequest
            Parameters exclude each other, or one is missing; all such errors are listed.
        """
        refuse([*self._subject_problems(), *self._reference_problems()])
        level = None if self.industry_level is None else self.industry_level.value
        return LowMembershipQuestion(
            Subject.INDUSTRY_GROUPS if level is None else Subject.INDUSTRIES,
            self.when,
            self.population,
            Listing(level=level),
            Analysis.LOW_MEMBERSHIP,
            self.reference or RatioReference.REST,
            self.target,
            self.alpha,
            self.margin,
        )

    def _subject_problems(self) -> Iterator[ErrorItem]:
        if (self.industry_level is None) == (self.by is None):
            message = say("either industry_level or by=industry_group must be given")
            yield ErrorItem(
                ErrorCode.MISSING, "query/industry_level", message, tuple(level.value for level in IndustryLevel)
            )
            yield ErrorItem(ErrorCode.MISSING, "query/by", message, tuple(by.value for by in ComparedBy))

    def _reference_problems(self) -> Iterator[ErrorItem]:
        if self.reference is not None and self.target is not None:
            message = say("reference and target cannot be used together")
            yield ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/reference", message)
            yield ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/target", message)
        if self.reference is RatioReference.PARENT and self.district is None:
            message = say("reference=parent needs a district")
            yield ErrorItem(ErrorCode.MISSING, "query/reference", message)
            yield ErrorItem(ErrorCode.MISSING, "query/district", message)


class LowMembershipOrder(OrderParameter):
    """In which order to list comparisons."""

    sort: LowMembershipSort = Field(
        default=LowMembershipSort("q"),
        description="Sort by a column of the comparison (`class` as text), by code, a measure or a metric.",
    )


class LowMembershipPage(PageParameters, LowMembershipOrder, LowMembershipParameters):
    """A page of comparisons."""


class LowMembershipFile(StatisticsFile, LowMembershipOrder, LowMembershipParameters):
    """A file of comparisons."""


@router.get("/low-membership", response_model=LowMembershipStatisticsPage)
async def list_low_membership(
    request: Request, query: Annotated[LowMembershipPage, Depends(QueryOf(LowMembershipPage))]
) -> Response:
    """List the industries of a level, or the groups, of a scope by how their member ratio compares with a reference.

    Employees of one enterprise are alike, so tests count effective employees (`n_eff`), and `q` controls the false
    discovery rate over the whole list. `not_different` with a small `expected` means that the data cannot tell. With
    `industry_level`, rows + `unallocated` = `total` for every measure.
    """
    return await json_response(request, query, low_membership_answer)


@router.get("/low-membership.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_low_membership(
    request: Request, file_format: Format, query: Annotated[LowMembershipFile, Depends(QueryOf(LowMembershipFile))]
) -> Response:
    """Export how member ratios of industries or groups compare with a reference, as one flat table."""
    return await file_response(request, query, file_format, low_membership_table)
