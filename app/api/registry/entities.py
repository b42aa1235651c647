"""Districts, industries, industry groups, enterprises and branches of the registry."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.http.auditing import audited
from app.api.http.authorization import READ, WRITE, WRITE_EVERYWHERE
from app.api.http.pages import ListQuery
from app.api.http.routing import make_router
from app.api.registry.answering import (
    CONDITIONAL,
    coverage_response,
    delete_response,
    list_response,
    one_response,
    replace_response,
    replaced,
    returns_response,
)
from app.api.registry.models import (
    BranchAnswer,
    BranchBody,
    BranchesQuery,
    BranchPage,
    DistrictAnswer,
    DistrictBody,
    DistrictPage,
    DistrictsQuery,
    EnterpriseAnswer,
    EnterpriseBody,
    EnterpriseCoveragePage,
    EnterprisePage,
    EnterpriseReturnPage,
    IndustriesQuery,
    IndustryAnswer,
    IndustryBody,
    IndustryGroupAnswer,
    IndustryGroupBody,
    IndustryGroupPage,
    IndustryPage,
    SearchQuery,
)
from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, INDUSTRIES, INDUSTRY_GROUPS

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
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE_EVERYWHERE],
)
async def replace_district(request: Request, code: DistrictCode, body: DistrictBody) -> Response:
    """Record a district as given, whether or not it is there; the body is whole, null where nothing is known.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, DISTRICTS, code, body)


@router.delete(
    "/districts/{code}",
    status_code=204,
    response_class=Response,
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE_EVERYWHERE],
)
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
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE_EVERYWHERE],
)
async def replace_industry(request: Request, code: IndustryCode, body: IndustryBody) -> Response:
    """Record an industry as given, whether or not it is there; the body is whole, null where nothing is known.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, INDUSTRIES, code, body)


@router.delete(
    "/industries/{code}",
    status_code=204,
    response_class=Response,
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE_EVERYWHERE],
)
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
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE_EVERYWHERE],
)
async def replace_industry_group(request: Request, code: GroupCode, body: IndustryGroupBody) -> Response:
    """Record an industry group as given, whether or not it is there; the body is whole, null where nothing is known.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, INDUSTRY_GROUPS, code, body)


@router.delete(
    "/industry-groups/{code}",
    status_code=204,
    response_class=Response,
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE_EVERYWHERE],
)
async def delete_industry_group(request: Request, code: GroupCode) -> Response:
    """Delete an industry group; refused (409) while something refers to it, with what."""
    return await delete_response(request, INDUSTRY_GROUPS, code)


EnterpriseCode = Annotated[str, Path(description="Code of the enterprise.")]


@router.get("/enterprises", response_model=EnterprisePage, dependencies=[READ])
@audited()
async def list_enterprises(request: Request, asked: SearchQuery) -> Response:
    """List enterprises as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, ENTERPRISES, asked)


@router.get("/enterprises/{code}", response_model=EnterpriseAnswer, dependencies=[READ])
@audited()
async def get_enterprise(request: Request, code: EnterpriseCode) -> Response:
    """Get one enterprise."""
    return await one_response(request, ENTERPRISES, code)


@router.put(
    "/enterprises/{code}",
    response_model=EnterpriseAnswer,
    responses=replaced(EnterpriseAnswer),
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE],
)
async def replace_enterprise(request: Request, code: EnterpriseCode, body: EnterpriseBody) -> Response:
    """Record an enterprise as given, whether or not it is there; the body is whole, null where nothing is known.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, ENTERPRISES, code, body)


@router.delete(
    "/enterprises/{code}",
    status_code=204,
    response_class=Response,
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE],
)
async def delete_enterprise(request: Request, code: EnterpriseCode) -> Response:
    """Delete an enterprise; refused (409) while something refers to it, with what."""
    return await delete_response(request, ENTERPRISES, code)


@router.get("/enterprises/{code}/returns", response_model=EnterpriseReturnPage, dependencies=[READ])
@audited()
async def list_enterprise_returns(request: Request, code: EnterpriseCode, asked: ListQuery) -> Response:
    """List the returns of an enterprise, the oldest first."""
    return await returns_response(request, code, asked)


@router.get("/enterprises/{code}/coverage", response_model=EnterpriseCoveragePage, dependencies=[READ])
@audited()
async def list_enterprise_coverage(request: Request, code: EnterpriseCode, asked: ListQuery) -> Response:
    """List how an enterprise is reached and was, the oldest first."""
    return await coverage_response(request, code, asked)


BranchCode = Annotated[str, Path(description="Code of the branch.")]


@router.get("/branches", response_model=BranchPage, dependencies=[READ])
@audited()
async def list_branches(request: Request, asked: BranchesQuery) -> Response:
    """List branches, living and dissolved, as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, BRANCHES, asked)


@router.get("/branches/{code}", response_model=BranchAnswer, dependencies=[READ])
@audited()
async def get_branch(request: Request, code: BranchCode) -> Response:
    """Get one branch."""
    return await one_response(request, BRANCHES, code)


@router.put(
    "/branches/{code}",
    response_model=BranchAnswer,
    responses=replaced(BranchAnswer),
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE],
)
async def replace_branch(request: Request, code: BranchCode, body: BranchBody) -> Response:
    """Record a branch as given, whether or not it is there; the body is whole, null where nothing is known.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, BRANCHES, code, body)


@router.delete(
    "/branches/{code}",
    status_code=204,
    response_class=Response,
    openapi_extra=CONDITIONAL,
    dependencies=[WRITE],
)
async def delete_branch(request: Request, code: BranchCode) -> Response:
    """Delete a branch; refused (409) while something refers to it, with what."""
    return await delete_response(request, BRANCHES, code)
