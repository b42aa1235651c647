"""Parameters that choose figures: which are given, what rows are sorted by, and in which state that is."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from app.api.http.models import members
from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS, Status
from app.errors import ErrorCode
from app.messages import NotValid, say
from app.statistics.question import ALL_FIGURES, Order

_ALL = ALL_FIGURES[0]

_AGGREGATE = [measure.code for measure in MEASURES] + [metric.code for metric in METRICS]
_ENTERPRISE = [measure.code for measure in ENTERPRISE_MEASURES] + [metric.code for metric in ENTERPRISE_METRICS]
_BRANCH = [measure.code for measure in BRANCH_MEASURES] + [metric.code for metric in BRANCH_METRICS]


class StatisticsField(StrEnum):
    """A figure of rows that are sums over enterprises; `all`: every one."""

    vars().update(members([*_AGGREGATE, _ALL]))


class EnterpriseField(StrEnum):
    """A figure of single enterprises; `all`: every one."""

    vars().update(members([*_ENTERPRISE, _ALL]))


class BranchField(StrEnum):
    """A figure of branches; `all`: every one."""

    vars().update(members([*_BRANCH, _ALL]))


class AnyField(StrEnum):
    """A figure of a population, an enterprise or a branch; `all`: every one that the rows have."""

    vars().update(members(dict.fromkeys([*_AGGREGATE, *_BRANCH, _ALL])))


class StatisticsSort(StrEnum):
    """What rows that are sums over enterprises can be sorted by."""

    vars().update(members(["code", *_AGGREGATE]))


class EnterpriseSort(StrEnum):
    """What lists of enterprises can be sorted by."""

    vars().update(members(["code", *_ENTERPRISE]))


class BranchSort(StrEnum):
    """What lists of branches can be sorted by; figures are those of the subtree."""

    vars().update(members(["code", *_BRANCH]))


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
    if twice:
        raise NotValid(ErrorCode.REPEATED_PARAMETER, say("{values} is given twice", values=", ".join(twice)))
    return values


Distinct = AfterValidator(_distinct)
"""Refuses a value that is given twice."""


_FIELDS_TEXT = "Figures to give; repeatable. Absent: the headline figures; `all`, alone: every one."


class StatisticsFields(BaseModel):
    """Which figures rows that are sums over enterprises show."""

    fields: Annotated[tuple[StatisticsField, ...], Distinct] = Field(default=(), description=_FIELDS_TEXT)


class EnterpriseFields(BaseModel):
    """Which figures single enterprises show."""

    fields: Annotated[tuple[EnterpriseField, ...], Distinct] = Field(default=(), description=_FIELDS_TEXT)


class BranchFields(BaseModel):
    """Which figures branches show."""

    fields: Annotated[tuple[BranchField, ...], Distinct] = Field(default=(), description=_FIELDS_TEXT)


class AnyFields(BaseModel):
    """Which figures populations, enterprises or branches show."""

    fields: Annotated[tuple[AnyField, ...], Distinct] = Field(default=(), description=_FIELDS_TEXT)


class OrderParameter(BaseModel):
    """In which direction to sort."""

    order: Order = Field(
        default=Order.ASCENDING, description="Direction of the sort; ties by code ascending, nulls last, in both."
    )


class StatusParameter(OrderParameter):
    """Which rows of a list sorted by a metric."""

    status: Annotated[tuple[Status, ...], Distinct] = Field(
        default=(),
        description="List the rows whose sorted metric has this status; repeatable; needs a metric in `sort`. "
        "`status=ok` keeps noise out of a ranking. `total` and every q stay those of all rows.",
    )


class StatisticsOrder(StatusParameter):
    """In which order to list rows that are sums over enterprises."""

    sort: StatisticsSort = Field(default=StatisticsSort("code"), description="Sort by code, a measure or a metric.")


class EnterpriseOrder(StatusParameter):
    """In which order to list enterprises."""

    sort: EnterpriseSort = Field(default=EnterpriseSort("code"), description="Sort by code, a measure or a metric.")


class BranchOrder(StatusParameter):
    """In which order to list branches."""

    sort: BranchSort = Field(
        default=BranchSort("code"), description="Sort by code, or by a measure or metric of the subtree."
    )
