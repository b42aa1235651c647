"""Districts, industries and industry groups of the registry."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.admission import READ, WRITE_EVERYWHERE
from app.api.registry.answering import (
    delete_response,
    list_response,
    one_response,
    replace_response,
    replaced,
)
from app.api.registry.asked import DistrictsQuery, IndustriesQuery, SearchQuery
from app.api.routes import make_router
from app.api.schemas.registry import (
    DistrictAnswer,
    DistrictBody,
    DistrictPage,
    IndustryAnswer,
    IndustryBody,
    IndustryGroupAnswer,
    IndustryGroupBody,
    IndustryGroupPage,
    IndustryPage,
)
from app.registry.entities import DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS

router = make_router("/v1", "registry")

DistrictCode = Annotated[str, Path(description="Code of the district.")]
IndustryCode = Annotated[str, Path(description="Code of the industry.")]
GroupCode = Annotated[str, Path(description="Code of the industry group.")]


@router.get("/districts", response_model=DistrictPage, dependencies=[READ])
async def list_districts(request: Request, asked: DistrictsQuery) -> Response:
    """List districts as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, DISTRICTS, asked)


@router.get("/districts/{code}", response_model=DistrictAnswer, dependencies=[READ])
async def get_district(request: Request, code: DistrictCode) -> Response:
    """Get one district."""
    return await one_response(request, DISTRICTS, code)


@router.put(
    "/districts/{code}",
    response_model=DistrictAnswer,
    responses=replaced(DistrictAnswer),
    dependencies=[WRITE_EVERYWHERE],
)
async def replace_district(request: Request, code: DistrictCode, body: DistrictBody) -> Response:
    """Record a district as given, whether or not it is there; what the body leaves out becomes null.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, DISTRICTS, code, body)


@router.delete("/districts/{code}", status_code=204, response_class=Response, dependencies=[WRITE_EVERYWHERE])
async def delete_district(request: Request, code: DistrictCode) -> Response:
    """Delete a district; refused (409) while something refers to it, with what."""
    return await delete_response(request, DISTRICTS, code)


@router.get("/industries", response_model=IndustryPage, dependencies=[READ])
async def list_industries(request: Request, asked: IndustriesQuery) -> Response:
    """List industries as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, INDUSTRIES, asked)


@router.get("/industries/{code}", response_model=IndustryAnswer, dependencies=[READ])
async def get_industry(request: Request, code: IndustryCode) -> Response:
    """Get one industry."""
    return await one_response(request, INDUSTRIES, code)


@router.put(
    "/industries/{code}",
    response_model=IndustryAnswer,
    responses=replaced(IndustryAnswer),
    dependencies=[WRITE_EVERYWHERE],
)
async def replace_industry(request: Request, code: IndustryCode, body: IndustryBody) -> Response:
    """Record an industry as given, whether or not it is there; what the body leaves out becomes null.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, INDUSTRIES, code, body)


@router.delete("/industries/{code}", status_code=204, response_class=Response, dependencies=[WRITE_EVERYWHERE])
async def delete_industry(request: Request, code: IndustryCode) -> Response:
    """Delete an industry; refused (409) while something refers to it, with what."""
    return await delete_response(request, INDUSTRIES, code)


@router.get("/industry-groups", response_model=IndustryGroupPage, dependencies=[READ])
async def list_industry_groups(request: Request, asked: SearchQuery) -> Response:
    """List industry groups as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, INDUSTRY_GROUPS, asked)


@router.get("/industry-groups/{code}", response_model=IndustryGroupAnswer, dependencies=[READ])
async def get_industry_group(request: Request, code: GroupCode) -> Response:
    """Get one industry group."""
    return await one_response(request, INDUSTRY_GROUPS, code)


@router.put(
    "/industry-groups/{code}",
    response_model=IndustryGroupAnswer,
    responses=replaced(IndustryGroupAnswer),
    dependencies=[WRITE_EVERYWHERE],
)
async def replace_industry_group(request: Request, code: GroupCode, body: IndustryGroupBody) -> Response:
    """Record an industry group as given, whether or not it is there; what the body leaves out becomes null.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, INDUSTRY_GROUPS, code, body)


@router.delete("/industry-groups/{code}", status_code=204, response_class=Response, dependencies=[WRITE_EVERYWHERE])
async def delete_industry_group(request: Request, code: GroupCode) -> Response:
    """Delete an industry group; refused (409) while something refers to it, with what."""
    return await delete_response(request, INDUSTRY_GROUPS, code)
