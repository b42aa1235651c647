"""Data quality: what in the registry is worth a second look."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.admission import READ
from app.api.parameters import QueryOf
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.data_quality import DataQualityPage
from app.api.statistics.answering import answered, filed
from app.api.statistics.files import Format
from app.api.statistics.parameters import (
    DistrictParameter,
    FileOutput,
    IndustryParameter,
    MomentParameters,
    PageParameters,
)
from app.catalogue.analyses import Analysis
from app.catalogue.data_quality import QualityRule
from app.catalogue.vocabulary import Basis
from app.publication.data_quality import data_quality_answer, data_quality_file
from app.statistics.data_quality import DataQualityQuestion
from app.statistics.question import Population, Subject

router = make_router("/v1/statistics", "statistics", READ)


class DataQualityParameters(IndustryParameter, DistrictParameter, MomentParameters):
    """Where to look, and for what."""

    rule: QualityRule | None = Field(
        default=None, description="List what this rule finds, one by one; absent: how much each rule finds."
    )

    @property
    def question(self) -> DataQualityQuestion:
        """What is asked."""
        population = Population(Basis.REGISTERED, self.district, self.industry)
        return DataQualityQuestion(
            Subject.ENTERPRISES, self.moment, population, analysis=Analysis.DATA_QUALITY, rule=self.rule
        )


class DataQualityPageParameters(PageParameters, DataQualityParameters):
    """A page of findings."""


class DataQualityFile(FileOutput, DataQualityParameters):
    """A file of findings."""


@router.get("/data-quality", response_model=DataQualityPage)
async def list_data_quality(
    request: Request, asked: Annotated[DataQualityPageParameters, Depends(QueryOf(DataQualityPageParameters))]
) -> Response:
    """List how much each rule of data quality finds; with `rule`, which enterprises or branches."""
    question = asked.question
    return await answered(
        request, question, lambda desk: data_quality_answer(desk.shelf, question, asked.page, desk.kept)
    )


@router.get("/data-quality.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_data_quality(
    request: Request, file_format: Format, asked: Annotated[DataQualityFile, Depends(QueryOf(DataQualityFile))]
) -> Response:
    """Export how much each rule finds or, with `rule`, what it finds, as one flat table."""
    question, options = asked.question, asked.options(file_format)
    return await filed(request, question, lambda desk: data_quality_file(desk.shelf, question, asked.page, options))
