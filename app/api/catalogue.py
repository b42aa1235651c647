"""The meaning of every measure, metric, basis and dimension."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from fastapi import Response
from pydantic import Field

from app.access.principals import Tier
from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.pages import validated
from app.api.http.routing import make_router
from app.catalogue.definitions import definition_of, source_of
from app.catalogue.dimensions import BASES, DIMENSIONS, BasisMeaning, Dimension
from app.catalogue.measures import BRANCH_MEASURES, MEASURES, Grain, Measure, Unit
from app.catalogue.metrics import METRIC, Interval, Metric, RatioRange, TargetMetric
from app.catalogue.vocabulary import Basis, Label
from app.imports.spellings import chinese_values

_CODE = "Its name in every format."
_DEFINITION = "What it means, in a sentence."
_SOURCE = "Where the definition comes from."
_TIER = "The most open tier that gives it: `public`, or `exact` only."


class CatalogueLabel(Closed):
    """A name for people."""

    zh: str = Field(description="Chinese.")
    en: str = Field(description="English.")


class CatalogueMeasure(Closed):
    """A count."""

    code: str = Field(description=_CODE)
    label: CatalogueLabel = Field(description="Its name for people.")
    definition: str = Field(description=_DEFINITION)
    definition_zh: str = Field(description="The same in Chinese.")
    unit: Unit = Field(description="What is counted.")
    grain: Grain = Field(description="The finest subject for which it is defined.")
    of_enterprise: bool = Field(description="Whether an enterprise's own row shows it.")
    register_only: bool = Field(description="Whether it is not applicable where members are counted from returns.")
    headline: bool = Field(
        description="Whether it is a headline figure, as every metric is: not one that others are worked out from."
    )
    source: str = Field(description=_SOURCE)
    tier: Tier = Field(description=_TIER)


class CatalogueMetric(Closed):
    """A ratio: a sum over a sum, divided once."""

    code: str = Field(description=_CODE)
    label: CatalogueLabel = Field(description="Its name for people.")
    definition: str = Field(description=_DEFINITION)
    definition_zh: str = Field(description="The same in Chinese.")
    formula: str = Field(description="The definition as arithmetic over measure codes.")
    numerator: list[str] = Field(description="Measures whose sum is the numerator.")
    denominator: list[str] = Field(
        description="Measures whose sum is the denominator; one that is named twice counts twice."
    )
    less: list[str] = Field(description="Measures subtracted from the denominator: persons for whom it is unknown.")
    range: RatioRange = Field(description="Which values it can have.")
    interval: Interval = Field(description="Which 95 % interval it carries.")
    known_as: str | None = Field(description="Established terms for it; null: none.")
    of_enterprise: bool = Field(description="Whether an enterprise's own row shows it.")
    of_branch: bool = Field(description="Whether a branch's row shows it.")
    takes_target: bool = Field(description="Whether it may have targets.")
    source: str = Field(description=_SOURCE)
    tier: Tier = Field(description=_TIER)


class CatalogueBasis(Closed):
    """Which enterprises rates divide by."""

    code: Basis = Field(description=_CODE)
    label: CatalogueLabel = Field(description="Its name for people.")
    definition: str = Field(description=_DEFINITION)
    source: str = Field(description=_SOURCE)
    tier: Tier = Field(description=_TIER)


class CatalogueValue(Closed):
    """A value of an enumeration, or a level of a tree."""

    code: str = Field(description=_CODE)
    label: CatalogueLabel = Field(description="Its name for people.")


class CatalogueDimension(Closed):
    """What rows are about, or filtered by."""

    code: str = Field(description="The parameter that filters by it.")
    label: CatalogueLabel = Field(description="Its name for people.")
    definition: str = Field(description=_DEFINITION)
    values: list[CatalogueValue] = Field(
        description="All values of an enumeration, or the levels of a tree; empty where the operator records them."
    )
    source: str = Field(description=_SOURCE)
    tier: Tier = Field(description=_TIER)


class Catalogue(Closed):
    """All measures, metrics, bases and dimensions."""

    measures: list[CatalogueMeasure] = Field(description="Counts over enterprises.")
    branch_measures: list[CatalogueMeasure] = Field(description="Counts of branches, each person once.")
    metrics: list[CatalogueMetric] = Field(description="Ratios, those of branches included.")
    bases: list[CatalogueBasis] = Field(description="Denominators.")
    dimensions: list[CatalogueDimension] = Field(description="What rows are about, and filtered by.")


class CatalogueAnswer(Closed):
    """The catalogue, whole."""

    data: Catalogue = Field(description="The catalogue.")


router = make_router("/v1/catalogue", "catalogue", READ)


@router.get("", response_model=CatalogueAnswer)
async def get_catalogue() -> Response:
    """Get the meaning of every measure, metric, basis and dimension."""
    return validated(_encoded(), public=True)


@cache
def _encoded() -> bytes:
    catalogue = Catalogue(
        measures=[_measure(measure, of_branch=False) for measure in MEASURES],
        branch_measures=[_measure(measure, of_branch=True) for measure in BRANCH_MEASURES],
        metrics=[_metric(metric) for metric in METRIC.values()],
        bases=[_basis(basis) for basis in BASES],
        dimensions=[_dimension(dimension) for dimension in DIMENSIONS],
    )
    return CatalogueAnswer(data=catalogue).model_dump_json().encode()


def _measure(measure: Measure, *, of_branch: bool) -> CatalogueMeasure:
    return CatalogueMeasure(
        code=measure.code,
        label=_label(measure.label),
        definition=measure.definition,
        definition_zh=definition_of(measure.code, of_branch=of_branch).zh,
        unit=measure.unit,
        grain=measure.grain,
        of_enterprise=measure.of_enterprise,
        register_only=measure.register_only,
        headline=measure.headline,
        source=source_of(measure.code),
        tier=_tier(public=measure.public),
    )


def _metric(metric: Metric) -> CatalogueMetric:
    return CatalogueMetric(
        code=metric.code,
        label=_label(metric.label),
        definition=metric.definition,
        definition_zh=definition_of(metric.code, of_branch=False).zh,
        formula=metric.formula,
        numerator=list(metric.numerator),
        denominator=list(metric.denominator),
        less=list(metric.less),
        range=metric.range,
        interval=metric.interval,
        known_as=metric.known_as or None,
        of_enterprise=metric.of_enterprise,
        of_branch=metric.of_branch,
        takes_target=metric.code in tuple(TargetMetric),
        source=source_of(metric.code),
        tier=_tier(public=metric.public),
    )


def _basis(basis: BasisMeaning) -> CatalogueBasis:
    return CatalogueBasis(
        code=basis.code,
        label=_label(basis.label),
        definition=basis.definition,
        source=source_of(basis.code),
        tier=_tier(public=basis.public),
    )


def _dimension(dimension: Dimension) -> CatalogueDimension:
    return CatalogueDimension(
        code=dimension.code,
        label=_label(dimension.label),
        definition=dimension.definition,
        values=[] if dimension.values is None else list(_values(dimension.values)),
        source=source_of(dimension.code),
        tier=_tier(public=dimension.public),
    )


def _values(enumeration: type[StrEnum]) -> Iterator[CatalogueValue]:
    chinese = chinese_values(enumeration)
    for value in enumeration:
        english = value.replace("_", " ").capitalize()
        yield CatalogueValue(code=value, label=CatalogueLabel(zh=chinese[value][0], en=english))


def _label(label: Label) -> CatalogueLabel:
    return CatalogueLabel(zh=label.zh, en=label.en)


def _tier(*, public: bool) -> Tier:
    return Tier.PUBLIC if public else Tier.EXACT
