"""Branches of the registry."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api.admission import READ, WRITE
from app.api.registry.answering import (
    delete_response,
    list_response,
    one_response,
    replace_response,
    replaced,
)
from app.api.registry.asked import BranchesQuery
from app.api.routes import make_router
from app.api.schemas.registry import (
    BranchAnswer,
    BranchBody,
    BranchPage,
)
from app.registry.entities import BRANCHES

router = make_router("/v1", "registry")

BranchCode = Annotated[str, Path(description="Code of the branch.")]


@router.get("/branches", response_model=BranchPage, dependencies=[READ])
async def list_branches(request: Request, asked: BranchesQuery) -> Response:
    """List branches, living and dissolved, as they are recorded now, by code (its UTF-8 bytes)."""
    return await list_response(request, BRANCHES, asked)


@router.get("/branches/{code}", response_model=BranchAnswer, dependencies=[READ])
async def get_branch(request: Request, code: BranchCode) -> Response:
    """Get one branch."""
    return await one_response(request, BRANCHES, code)


@router.put("/branches/{code}", response_model=BranchAnswer, responses=replaced(BranchAnswer), dependencies=[WRITE])
async def replace_branch(request: Request, code: BranchCode, body: BranchBody) -> Response:
    """Record a branch as given, whether or not it is there; what the body leaves out becomes null.

    The same again changes nothing. A change that breaks rules is refused (422) with all of them listed.
    """
    return await replace_response(request, BRANCHES, code, body)


@router.delete("/branches/{code}", status_code=204, response_class=Response, dependencies=[WRITE])
async def delete_branch(request: Request, code: BranchCode) -> Response:
    """Delete a branch; refused (409) while something refers to it, with what."""
    return await delete_response(request, BRANCHES, code)
