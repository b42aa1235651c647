"""What can be asked of the registry's lists."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.parameters import QueryOf
from app.api.schemas.registry import NO_NUL
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel

SEARCHED_LENGTH = 200
"""Longest text to search for, characters."""

_Searched = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=SEARCHED_LENGTH, pattern=NO_NUL)
]


class PageAsked(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(frozen=True)

    limit: int = Field(default=100, ge=1, le=1000, description="Rows of a page.")
    cursor: str | None = Field(
        default=None, description="The `next_cursor` of the page before, with the same parameters; absent: first page."
    )


class SearchAsked(PageAsked):
    """Which things to list."""

    q: _Searched | None = Field(
        default=None,
        description="Part of the code or of a name; ASCII letters in any case. Absent: all.",
        examples=["Siming"],
    )


class DistrictsAsked(SearchAsked):
    """Which districts to list."""

    parent: str | None = Field(default=None, description="Code of the district whose children to list.")
    level: DistrictLevel | None = Field(default=None, description="Districts of this level only.")


class IndustriesAsked(SearchAsked):
    """Which industries to list."""

    parent: str | None = Field(default=None, description="Code of the industry whose children to list.")
    level: IndustryLevel | None = Field(default=None, description="Industries of this level only.")


class BranchesAsked(SearchAsked):
    """Which branches to list."""

    parent: str | None = Field(default=None, description="Code of the branch whose children to list.")


PageQuery = Annotated[PageAsked, Depends(QueryOf(PageAsked))]
SearchQuery = Annotated[SearchAsked, Depends(QueryOf(SearchAsked))]
DistrictsQuery = Annotated[DistrictsAsked, Depends(QueryOf(DistrictsAsked))]
IndustriesQuery = Annotated[IndustriesAsked, Depends(QueryOf(IndustriesAsked))]
BranchesQuery = Annotated[BranchesAsked, Depends(QueryOf(BranchesAsked))]
