"""Statistics of one district, industry, industry group, enterprise or branch."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.admission import READ
from app.api.routes import make_router
from app.api.schemas.statistics import (
    BranchStatisticsAnswer,
    DistrictStatisticsAnswer,
    EnterpriseStatisticsAnswer,
    IndustryGroupStatisticsAnswer,
    IndustryStatisticsAnswer,
)
from app.api.statistics.answering import one_response
from app.api.statistics.asked import (
    DistrictPopulationAsked,
    IndustryGroupPopulationAsked,
    IndustryPopulationAsked,
    MomentAsked,
)
from app.statistics.question import Subject

router = make_router("/v1/statistics", "statistics", READ)

DistrictCode = Annotated[str, Path(description="Code of the district.", examples=["350203"])]
IndustryCode = Annotated[str, Path(description="Code of the industry.", examples=["64"])]
GroupCode = Annotated[str, Path(description="Code of the industry group.", examples=["internet"])]
EnterpriseCode = Annotated[str, Path(description="Code of the enterprise.")]
BranchCode = Annotated[str, Path(description="Code of the branch.")]


@router.get("/districts/{code}", response_model=DistrictStatisticsAnswer)
async def get_district_statistics(request: Request, code: DistrictCode, asked: DistrictPopulationAsked) -> Response:
    """Get statistics of one district and all below it; zeros where it is empty."""
    return await one_response(request, Subject.DISTRICTS, code, asked.moment, asked.population)


@router.get("/industries/{code}", response_model=IndustryStatisticsAnswer)
async def get_industry_statistics(request: Request, code: IndustryCode, asked: IndustryPopulationAsked) -> Response:
    """Get statistics of one industry and all below it; zeros where it is empty."""
    return await one_response(request, Subject.INDUSTRIES, code, asked.moment, asked.population)


@router.get("/industry-groups/{code}", response_model=IndustryGroupStatisticsAnswer)
async def get_industry_group_statistics(
    request: Request, code: GroupCode, asked: IndustryGroupPopulationAsked
) -> Response:
    """Get statistics of one industry group; zeros where it is empty."""
    return await one_response(request, Subject.INDUSTRY_GROUPS, code, asked.moment, asked.population)


@router.get("/enterprises/{code}", response_model=EnterpriseStatisticsAnswer)
async def get_enterprise_statistics(request: Request, code: EnterpriseCode, asked: MomentAsked) -> Response:
    """Get statistics of one registered enterprise, whatever basis it belongs to."""
    return await one_response(request, Subject.ENTERPRISES, code, asked.moment, asked.population)


@router.get("/branches/{code}", response_model=BranchStatisticsAnswer)
async def get_branch_statistics(request: Request, code: BranchCode, asked: MomentAsked) -> Response:
    """Get statistics of one living branch."""
    return await one_response(request, Subject.BRANCHES, code, asked.moment, asked.population)
