"""Lists of statistics: one row per district, industry, industry group, enterprise or branch."""

from fastapi import Request, Response

from app.api.admission import READ
from app.api.routes import make_router
from app.api.schemas.statistics import (
    BranchStatisticsPage,
    DistrictStatisticsPage,
    EnterpriseStatisticsPage,
    IndustryGroupStatisticsPage,
    IndustryStatisticsPage,
)
from app.api.statistics.answering import list_response
from app.api.statistics.asked import (
    BranchPageAsked,
    DistrictPageAsked,
    EnterprisePageAsked,
    IndustryGroupPageAsked,
    IndustryPageAsked,
)
from app.statistics.question import Population, Question, Subject

router = make_router("/v1/statistics", "statistics", READ)


@router.get("/districts", response_model=DistrictStatisticsPage)
async def list_district_statistics(request: Request, asked: DistrictPageAsked) -> Response:
    """List statistics of districts.

    With `parent` or `level` the rows are disjoint, and rows + `unallocated` = `total` for every measure.
    """
    question = Question(Subject.DISTRICTS, asked.moment, asked.population, asked.listing)
    return await list_response(request, question, asked.page)


@router.get("/industries", response_model=IndustryStatisticsPage)
async def list_industry_statistics(request: Request, asked: IndustryPageAsked) -> Response:
    """List statistics of industries.

    With `parent` or `level` the rows are disjoint, and rows + `unallocated` = `total` for every measure.
    """
    question = Question(Subject.INDUSTRIES, asked.moment, asked.population, asked.listing)
    return await list_response(request, question, asked.page)


@router.get("/industry-groups", response_model=IndustryGroupStatisticsPage)
async def list_industry_group_statistics(request: Request, asked: IndustryGroupPageAsked) -> Response:
    """List statistics of industry groups, which may overlap; in each an enterprise counts once."""
    question = Question(Subject.INDUSTRY_GROUPS, asked.moment, asked.population, asked.listing)
    return await list_response(request, question, asked.page)


@router.get("/enterprises", response_model=EnterpriseStatisticsPage)
async def list_enterprise_statistics(request: Request, asked: EnterprisePageAsked) -> Response:
    """List statistics of single enterprises: what each is, and its counts and ratios of persons."""
    question = Question(Subject.ENTERPRISES, asked.moment, asked.population, asked.listing)
    return await list_response(request, question, asked.page)


@router.get("/branches", response_model=BranchStatisticsPage)
async def list_branch_statistics(request: Request, asked: BranchPageAsked) -> Response:
    """List statistics of living branches: their own, and of all below them, each person counted once."""
    question = Question(Subject.BRANCHES, asked.moment, Population(district=asked.district), asked.listing)
    return await list_response(request, question, asked.page)
