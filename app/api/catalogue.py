"""What every measure, metric, basis and dimension means."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from fastapi import Response

from app.access.principals import Tier
from app.api.admission import OPEN
from app.api.caching import validated
from app.api.routes import make_router
from app.api.schemas.catalogue import (
    Catalogue,
    CatalogueAnswer,
    CatalogueBasis,
    CatalogueDimension,
    CatalogueLabel,
    CatalogueMeasure,
    CatalogueMetric,
    CatalogueValue,
)
from app.catalogue.bases import BASES, BasisMeaning
from app.catalogue.definitions import definition_of
from app.catalogue.dimensions import DIMENSIONS, Dimension
from app.catalogue.labels import Label
from app.catalogue.measures import BRANCH_MEASURES, MEASURES, Measure
from app.catalogue.metrics import METRIC, Metric
from app.catalogue.sources import source_of
from app.imports.words import chinese_values

router = make_router("/v1/catalogue", "catalogue", OPEN)


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
        times=metric.times,
        interval=metric.interval,
        known_as=metric.known_as or None,
        of_enterprise=metric.of_enterprise,
        of_branch=metric.of_branch,
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
