"""Lists of statistics as whole files: not paged, streamed, the same figures as in the JSON."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.admission import READ
from app.api.routes import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response
from app.api.statistics.asked import (
    BranchFileAsked,
    DistrictFileAsked,
    EnterpriseFileAsked,
    IndustryFileAsked,
    IndustryGroupFileAsked,
)
from app.publication.files import FileFormat
from app.statistics.question import Population, Question, Subject

router = make_router("/v1/statistics", "statistics", READ)

Format = Annotated[FileFormat, Path(alias="format", description="Format of the file.")]


@router.get("/districts.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_district_statistics(request: Request, file_format: Format, asked: DistrictFileAsked) -> Response:
    """Export statistics of districts as one flat table, a row per district."""
    question = Question(Subject.DISTRICTS, asked.moment, asked.population, asked.listing)
    return await file_response(request, question, asked.page, asked.options(file_format))


@router.get("/industries.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_industry_statistics(request: Request, file_format: Format, asked: IndustryFileAsked) -> Response:
    """Export statistics of industries as one flat table, a row per industry."""
    question = Question(Subject.INDUSTRIES, asked.moment, asked.population, asked.listing)
    return await file_response(request, question, asked.page, asked.options(file_format))


@router.get("/industry-groups.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_industry_group_statistics(
    request: Request, file_format: Format, asked: IndustryGroupFileAsked
) -> Response:
    """Export statistics of industry groups as one flat table, a row per group."""
    question = Question(Subject.INDUSTRY_GROUPS, asked.moment, asked.population, asked.listing)
    return await file_response(request, question, asked.page, asked.options(file_format))


@router.get("/enterprises.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_enterprise_statistics(request: Request, file_format: Format, asked: EnterpriseFileAsked) -> Response:
    """Export statistics of single enterprises as one flat table, a row per enterprise."""
    question = Question(Subject.ENTERPRISES, asked.moment, asked.population, asked.listing)
    return await file_response(request, question, asked.page, asked.options(file_format))


@router.get("/branches.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_branch_statistics(request: Request, file_format: Format, asked: BranchFileAsked) -> Response:
    """Export statistics of living branches as one flat table, a row per branch, with `own_` and `subtree_` columns."""
    question = Question(Subject.BRANCHES, asked.moment, Population(district=asked.district), asked.listing)
    return await file_response(request, question, asked.page, asked.options(file_format))
