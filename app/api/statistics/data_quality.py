"""Data quality: findings in the registry that are worth a second look."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import Closed
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.models import Meta, Rate
from app.api.statistics.parameters import (
    AsOfParameters,
    DistrictParameter,
    FileOutput,
    IndustryParameter,
    PageParameters,
)
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.data_quality import QUALITY_RULES, QualityRule, QualitySubject
from app.catalogue.vocabulary import Basis
from app.publication.data_quality import data_quality_answer, data_quality_table
from app.statistics.data_quality import DataQualityQuestion
from app.statistics.question import Population, Subject

_VALUES = "; ".join(f"`{meaning.rule}`: {meaning.value}" for meaning in QUALITY_RULES if meaning.value)


class FindingSubject(Closed):
    """An enterprise or a branch with a finding."""

    kind: QualitySubject = Field(description="What it is.")
    code: str = Field(description="Its code.")
    name: str = Field(description="Its name.")
    district_code: str | None = Field(description="District of its place; null: unlocated.")
    industry_code: str | None = Field(description="Its industry; null: none or unknown.")
    value: int | None = Field(description=f"What was found there ({_VALUES}); null: the rule has no value.")


class DataQualityFinding(Closed):
    """The number of findings of a rule; with `rule`, one row for each enterprise or branch."""

    rule: QualityRule = Field(description="The rule; docs/methodology.md says what each finds.")
    label_zh: str = Field(description="Its Chinese name.")
    label_en: str = Field(description="Its English name.")
    about: QualitySubject = Field(description="What the rule is about; members are counted and never named.")
    number: int | None = Field(
        description="Enterprises, branches or members with a finding in the scope; null: not defined for part of the "
        "registry, since these members are in no district."
    )
    subject: FindingSubject | None = Field(description="The enterprise or branch; null without `rule`.")


class DataQualityPage(Closed):
    """The number of findings of each rule or, for one rule, a page of its findings, by code."""

    data: list[DataQualityFinding] = Field(description="One row per rule, or per enterprise or branch of one rule.")
    reporting_rate: Rate = Field(
        description="Share of the scope's registered enterprises that have a return inside the return window."
    )
    meta: Meta = Field(description="What the answer rests on.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


router = make_router("/v1/statistics", "statistics", READ)


class DataQualityParameters(IndustryParameter, DistrictParameter, AsOfParameters):
    """Where to look, and for which rule."""

    rule: QualityRule | None = Field(
        default=None, description="List the findings of this rule; absent: the number of findings of each rule."
    )

    @property
    def question(self) -> DataQualityQuestion:
        """The question."""
        population = Population(Basis.REGISTERED, self.district, self.industry)
        return DataQualityQuestion(
            Subject.ENTERPRISES, self.when, population, analysis=Analysis.DATA_QUALITY, rule=self.rule
        )


class DataQualityPageParameters(PageParameters, DataQualityParameters):
    """A page of findings."""


class DataQualityFile(FileOutput, DataQualityParameters):
    """A file of findings."""


@router.get("/data-quality", response_model=DataQualityPage)
@audited()
async def list_data_quality(
    request: Request, query: Annotated[DataQualityPageParameters, Depends(QueryOf(DataQualityPageParameters))]
) -> Response:
    """List the number of findings of each data quality rule; with `rule`, the enterprises or branches."""
    return await json_response(request, query, data_quality_answer)


@router.get("/data-quality.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_data_quality(
    request: Request, file_format: Format, query: Annotated[DataQualityFile, Depends(QueryOf(DataQualityFile))]
) -> Response:
    """Export the number of findings of each rule or, with `rule`, its findings, as one flat table."""
    return await file_response(request, query, file_format, data_quality_table)
