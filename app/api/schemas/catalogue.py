"""The shape of the catalogue."""

from pydantic import Field

from app.access.principals import Tier
from app.api.schemas.closed import Closed
from app.catalogue.measures import Grain, Unit
from app.catalogue.metrics import Interval
from app.catalogue.vocabulary import Basis

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
    source: str = Field(description=_SOURCE)
    tier: Tier = Field(description=_TIER)


class CatalogueMetric(Closed):
    """A ratio, 0–1 unless inconsistent: a sum over a sum, divided once."""

    code: str = Field(description=_CODE)
    label: CatalogueLabel = Field(description="Its name for people.")
    definition: str = Field(description=_DEFINITION)
    definition_zh: str = Field(description="The same in Chinese.")
    formula: str = Field(description="The definition as arithmetic over measure codes.")
    numerator: list[str] = Field(description="Measures whose sum is the numerator.")
    denominator: list[str] = Field(description="Measures whose sum is the denominator.")
    less: list[str] = Field(description="Measures taken off the denominator: of whom the source does not say it.")
    times: int = Field(description="Factor of the denominator.")
    interval: Interval = Field(description="Which 95 % interval it carries.")
    known_as: str | None = Field(description="The field's own terms; null: none.")
    of_enterprise: bool = Field(description="Whether an enterprise's own row shows it.")
    of_branch: bool = Field(description="Whether a branch's row shows it.")
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
    """What rows are about, or chosen by."""

    code: str = Field(description="The parameter that chooses by it.")
    label: CatalogueLabel = Field(description="Its name for people.")
    definition: str = Field(description=_DEFINITION)
    values: list[CatalogueValue] = Field(
        description="All values of an enumeration, or the levels of a tree; empty where the operator records them."
    )
    source: str = Field(description=_SOURCE)
    tier: Tier = Field(description=_TIER)


class Catalogue(Closed):
    """Everything that the service can say."""

    measures: list[CatalogueMeasure] = Field(description="Counts over enterprises.")
    branch_measures: list[CatalogueMeasure] = Field(description="Counts of branches, each person once.")
    metrics: list[CatalogueMetric] = Field(description="Ratios, those of branches included.")
    bases: list[CatalogueBasis] = Field(description="Denominators.")
    dimensions: list[CatalogueDimension] = Field(description="What rows are about, and chosen by.")


class CatalogueAnswer(Closed):
    """The catalogue, whole."""

    data: Catalogue = Field(description="The catalogue.")
