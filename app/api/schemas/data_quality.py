"""Data quality: how much each rule finds, and what."""

from pydantic import Field

from app.api.schemas.closed import Closed
from app.api.schemas.figures import Rate
from app.api.schemas.meta import Meta
from app.catalogue.data_quality import QUALITY_RULES, QualityRule, QualitySubject

_RULES = " ".join(f"`{meaning.rule}`: {meaning.definition}" for meaning in QUALITY_RULES)
_VALUES = "; ".join(f"`{meaning.rule}`: {meaning.value}" for meaning in QUALITY_RULES if meaning.value)


class FindingSubject(Closed):
    """An enterprise or a branch that a rule finds."""

    kind: QualitySubject = Field(description="What it is.")
    code: str = Field(description="Its code.")
    name: str = Field(description="Its name.")
    district_code: str | None = Field(description="District of its place; null: unlocated.")
    industry_code: str | None = Field(description="Its industry; null: none or unknown.")
    value: int | None = Field(description=f"What was found there ({_VALUES}); null: the rule has no value.")


class DataQualityFinding(Closed):
    """What a rule finds in the scope; with `rule`, one row for each enterprise or branch."""

    rule: QualityRule = Field(description=f"The rule. {_RULES}")
    label_zh: str = Field(description="Its Chinese name.")
    label_en: str = Field(description="Its English name.")
    about: QualitySubject = Field(description="What the rule is about; members are counted and never named.")
    number: int | None = Field(
        description="Enterprises, branches or members that the rule finds in the scope; null: not defined for part of "
        "the registry, since members without a registered employer are in no district and no industry."
    )
    subject: FindingSubject | None = Field(description="The enterprise or branch; null unless `rule` is asked for.")


class DataQualityPage(Closed):
    """How much each rule finds or, of one rule, a page of what it finds, by code."""

    data: list[DataQualityFinding] = Field(description="One row per rule, or per enterprise or branch of one rule.")
    reporting_rate: Rate = Field(
        description="Share of the scope's registered enterprises that have a return inside the return window."
    )
    meta: Meta = Field(description="What the answer rests on.")
    next_cursor: str | None = Field(description="Where the next page starts; null on the last.")
