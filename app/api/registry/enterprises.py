"""Enterprises of the registry, their returns, and how they are reached."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.admission import READ, WRITE
from app.api.registry.answering import (
    coverage_response,
    delete_response,
    list_response,
    one_response,
    replace_response,
    replaced,
    returns_response,
)
from app.api.registry.asked import PageQuery, SearchQuery
from app.api.routes import make_router
from app.api.schemas.registry import (
    EnterpriseAnswer,
    EnterpriseBody,
    EnterpriseCoveragePage,
    EnterprisePage,
    EnterpriseReturnPage,
)
from app.registry.entities import ENTERPRISES

router = make_router("/v1", "registry")

EnterpriseCode = Annotated[str, Path(description="Code of the enterprise.")]


@router.get("/enterprises", response_model=EnterprisePage, dependencies=[READ])
async def list_enterprises(request: Request, asked: SearchQuery) -> Response:
    """List enterprises as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, ENTERPRISES, asked)


@router.get("/enterprises/{code}", response_model=EnterpriseAnswer, dependencies=[READ])
async def get_enterprise(request: Request, code: EnterpriseCode) -> Response:
    """Get one enterprise."""
    return await one_response(request, ENTERPRISES, code)


@router.put(
    "/enterprises/{code}", response_model=EnterpriseAnswer, responses=replaced(EnterpriseAnswer), dependencies=[WRITE]
)
async def replace_enterprise(request: Request, code: EnterpriseCode, body: EnterpriseBody) -> Response:
    """Record an enterprise as given, whether or not it is there; what the body leaves out becomes null.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, ENTERPRISES, code, body)


@router.delete("/enterprises/{code}", status_code=204, response_class=Response, dependencies=[WRITE])
async def delete_enterprise(request: Request, code: EnterpriseCode) -> Response:
    """Delete an enterprise; refused (409) while something refers to it, with what."""
    return await delete_response(request, ENTERPRISES, code)


@router.get("/enterprises/{code}/returns", response_model=EnterpriseReturnPage, dependencies=[READ])
async def list_enterprise_returns(request: Request, code: EnterpriseCode, asked: PageQuery) -> Response:
    """List the returns of an enterprise, the oldest first."""
    return await returns_response(request, code, asked)


@router.get("/enterprises/{code}/coverage", response_model=EnterpriseCoveragePage, dependencies=[READ])
async def list_enterprise_coverage(request: Request, code: EnterpriseCode, asked: PageQuery) -> Response:
    """List how an enterprise is reached and was, the oldest first."""
    return await coverage_response(request, code, asked)
