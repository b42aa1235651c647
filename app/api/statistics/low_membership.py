"""Low membership: which rows of a population have fewer members per employee than a reference."""

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BeforeValidator, Field, WithJsonSchema, create_model

from app.api.http.authorization import READ
from app.api.http.models import Closed, closed_model, members, optional_model
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import Distinct, StatisticsFields, StatisticsSort, StatusParameter
from app.api.statistics.models import FIGURES, Meta, Total, Unallocated, of_dimensions
from app.api.statistics.parameters import FileParameters, PageParameters, PopulationParameters
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.catalogue.vocabulary import IndustryLevel
from app.errors import ErrorCode, ErrorItem
from app.messages import Message, NotValid, say
from app.publication.low_membership import low_membership_answer, low_membership_table
from app.statistics.comparison import COLUMNS, ComparisonClass
from app.statistics.low_membership import LowMembershipQuestion, RatioReference
from app.statistics.population import refuse
from app.statistics.question import Subject


def _limit(which: str) -> str:
    return (
        f"{which} limit of a funnel plot around the ratio of the whole scope, or the target: for charts, the "
        "class decides. Null where not applicable, and where the whole scope has more members than headcount."
    )


class StandardisedRatio(Closed):
    """Members over those expected if each industry had its ratio of elsewhere. Unit: ratio; 1: as expected."""

    value: float = Field(description="Members of the strata compared over `members_expected`.")
    low: float | None = Field(description="Lower end of its 95 % interval; null where inconsistent.")
    high: float | None = Field(description="Upper end of its 95 % interval; null where inconsistent.")


_OPTIONAL = optional_model(
    "AdjustedComparison",
    "What only a comparison with the own mix of industries has (`adjust`).",
    {
        "members_expected": (
            float | None,
            "Members expected if each of its industries had the ratio of elsewhere in the scope. Unit: persons. Null "
            "where not applicable.",
        ),
        "headcount_uncompared": (
            int,
            "Employees in industries that elsewhere have no employees, or members alone: they are left out.",
        ),
        "standardised_ratio": (StandardisedRatio | None, "Members over `members_expected`. Null where not applicable."),
        "precision": (
            float | None,
            "Precision of the standardised ratio, the horizontal axis of its funnel plot: expected members squared "
            "over the variance. Null where not applicable.",
        ),
    },
)

_COMPARED = closed_model(
    "Comparison",
    "How a row compares with its reference.",
    of_dimensions()
    | {
        "n_eff": (
            float | None,
            "Effective headcount: as many independent employees carry the same information, since those of one "
            "enterprise are alike, and rounding adds error. Unit: employees. Null where not applicable.",
        ),
        "ratio": (float | None, "Members per employee where both are known. Null where not applicable."),
        "reference_ratio": (float | None, "The same of the reference, or the target. Null where not applicable."),
        "expected": (
            float | None,
            "Effective members expected under the reference ratio. Half of that ratio is found `lower` in four of five "
            "cases from about 25 on (inside a list of a hundred from 50), and `low` from about 60 (100). Unit: "
            "members. Null where not applicable.",
        ),
        "p": (
            float | None,
            "Two-sided p of no difference, 0–1. Null where not applicable, inconsistent or few are expected.",
        ),
        "q": (
            float | None,
            "p adjusted for all rows of the whole list that have one (Benjamini–Hochberg), 0–1; the same on every "
            "page. Null where p is null.",
        ),
        "p_margin": (
            float | None,
            "One-sided p of a ratio of at least `margin` times the reference ratio, 0–1. Null where p is null.",
        ),
        "q_margin": (
            float | None,
            "p_margin adjusted for all rows of the whole list that may be below the margin, 0–1; the same on every "
            "page. Null where p is null.",
        ),
        "class": (
            ComparisonClass,
            "What the comparison says. `lower` and not `low`: below the reference; whether below the margin, the data "
            "cannot tell. `not_different` with a small `expected`: they cannot tell at all.",
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

LowMembershipStatistics = create_model(
    "LowMembershipStatistics",
    __base__=(_COMPARED, _OPTIONAL),
    __doc__="What a row stands for, how it compares with its reference, and its figures.",
    __module__=__name__,
)

LowMembershipStatisticsPage = closed_model(
    "LowMembershipStatisticsPage",
    "One page of comparisons.",
    {
        "data": (list[LowMembershipStatistics], "The rows of this page."),
        "total": (Total, "Figures of the whole scope, whatever is listed."),
        "unallocated": (
            Unallocated | None,
            "What `total` has beyond all rows; null in lists of groups, and with `status`.",
        ),
        "meta": (Meta, "What the answer rests on."),
        "next_cursor": (str | None, "`cursor` of the next page; null: the last."),
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
    """What can be compared: everything that rows can be by but bases, which contain each other."""

    vars().update(members(by for by in By if by is not By.BASIS))


class Adjustment(StrEnum):
    """Level of the industries whose mix is taken from the row itself; `none`: rows are compared as they are."""

    vars().update(members([*IndustryLevel, "none"]))


class LowMembershipSort(StrEnum):
    """What comparisons can be sorted by."""

    vars().update(members([*COLUMNS, *_OPTIONAL.model_fields, *StatisticsSort]))


class LowMembershipParameters(StatisticsFields, PopulationParameters):
    """What to compare, and with what."""

    by: Annotated[tuple[ComparedBy, ...], Distinct] = Field(
        min_length=1, max_length=1, description="Compare each of these, as in `/v1/statistics/breakdown`."
    )
    reference: RatioReference | None = Field(
        default=None,
        description="Compare each with the rest of the scope, what is in no row included (`rest`; if absent, unless "
        "there is a `target`), or with the same row in the parent of the one `district`, without the district.",
    )
    target: Fraction | None = Field(
        default=None, description="Compare each with this ratio of members per employee; not with `reference`."
    )
    adjust: Adjustment | None = Field(
        default=None,
        description="Compare each with what its own industries of this level have elsewhere (indirect "
        "standardisation), since places differ in their mix of industries. Absent: `division` where `by` is a level of "
        "districts and there is no `target`, else `none`. In exact figures only.",
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=1, description="False discovery rate (`q`) below which a difference is significant."
    )
    margin: Margin = Field(
        default=Decimal("0.8"),
        description="Fraction of the reference ratio below which a ratio is `low`, if `q_margin` says so too.",
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
        refuse([*self._reference_problems(), *self._adjustment_problems()])
        return LowMembershipQuestion(
            Subject.INDUSTRIES,
            self.when,
            self.population,
            analysis=Analysis.LOW_MEMBERSHIP,
            by=(self._by,),
            fields=self.figures,
            reference=self.reference or RatioReference.REST,
            target=self.target,
            adjust=None if self._adjustment == "none" else By(self._adjustment),
            alpha=self.alpha,
            margin=self.margin,
        )

    @property
    def _by(self) -> By:
        return By(self.by[0].value)

    @property
    def _is_of_rest(self) -> bool:
        return self.target is None and self.reference is not RatioReference.PARENT

    @property
    def _adjustment(self) -> str:
        if self.adjust is not None:
            return self.adjust.value
        return "division" if self._is_of_rest and self._by.dimension == "district" else "none"

    def _reference_problems(self) -> Iterator[ErrorItem]:
        if self.reference is not None and self.target is not None:
            yield from _problems(say("reference and target cannot be used together"), "reference", "target")
        if self.reference is RatioReference.PARENT and len(self.district) != 1:
            yield from _problems(
                say("reference=parent needs one district, which has a parent"), "reference", "district"
            )
        if self.reference is RatioReference.PARENT and self._by.dimension == "district":
            yield from _problems(say("reference=parent cannot be asked by a level of districts"), "reference", "by")

    def _adjustment_problems(self) -> Iterator[ErrorItem]:
        is_adjusted = self._adjustment != "none"
        if is_adjusted and not self._is_of_rest:
            yield from _problems(say("adjust compares with the rest of the scope alone"), "adjust")
        if is_adjusted and self._by.dimension in {"industry", "industry_group"}:
            message = say("industries cannot be compared with their own mix of industries")
            yield from _problems(message, "adjust", "by")
        if not is_adjusted and self._is_of_rest and self._by.dimension == "district":
            message = say("districts differ in their mix of industries: compare them with it, or with a target")
            yield from _problems(message, "adjust", "target")


def _problems(message: Message, *parameters: str) -> Iterator[ErrorItem]:
    for name in parameters:
        yield ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, f"query/{name}", message)


class LowMembershipOrder(StatusParameter):
    """In which order to list comparisons."""

    sort: LowMembershipSort = Field(
        default=LowMembershipSort("q_margin"),
        description="Sort by a column of the comparison (`class` as text; `q_margin`, then `q`), by code, a measure or "
        "a metric.",
    )


class LowMembershipPage(PageParameters, LowMembershipOrder, LowMembershipParameters):
    """A page of comparisons."""


class LowMembershipFile(FileParameters, LowMembershipOrder, LowMembershipParameters):
    """A file of comparisons."""


@router.get("/low-membership", response_model=LowMembershipStatisticsPage)
async def list_low_membership(
    request: Request, query: Annotated[LowMembershipPage, Depends(QueryOf(LowMembershipPage))]
) -> Response:
    """List the rows of a scope, by one dimension, by how their member ratio compares with a reference.

    Employees of one enterprise are alike, so tests count effective employees (`n_eff`), and `q` and `q_margin` control
    the false discovery rate over the whole list. `not_different` with a small `expected` means that the data cannot
    tell. Rows + `unallocated` = `total` for every measure, but for groups, which overlap.
    """
    return await json_response(request, query, low_membership_answer)


@router.get("/low-membership.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_low_membership(
    request: Request, file_format: Format, query: Annotated[LowMembershipFile, Depends(QueryOf(LowMembershipFile))]
) -> Response:
    """Export how the member ratios of rows compare with a reference, as one flat table."""
    return await file_response(request, query, file_format, low_membership_table)
