"""The registry's entities as they are recorded: what answers hold, what changes give, what lists take."""

from datetime import date
from typing import Annotated

from fastapi import Depends
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.api.http.models import Closed
from app.api.http.pages import ListParameters
from app.api.http.parameters import IsoDate, QueryOf
from app.api.statistics.models import District, Industry, IndustryGroup
from app.catalogue.codes import fold_width
from app.catalogue.vocabulary import (
    BranchForm,
    BranchKind,
    CoverageMeans,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Ownership,
    SizeClass,
)
from app.errors import ErrorCode
from app.messages import NotValid, say

NAME_LENGTH = 1000
"""Longest name, characters; imports take as many."""

NO_NUL = r"^[^\x00]*$"
"""What any text must be: PostgreSQL stores no NUL."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH, pattern=NO_NUL)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(fold_width)]


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise NotValid(ErrorCode.INVALID_DATE, say("must be a date, YYYY-MM-DD"))
    return value


Day = Annotated[IsoDate, BeforeValidator(_text_only)]
"""A date of a change: text only, since a number would be taken for seconds."""

YesNo = Annotated[bool, Field(strict=True)]


class DistrictBody(Closed):
    """A district as it is to be, whole: what may be unknown is given as null."""

    parent_code: Code | None = Field(description="Code of the district above; null: a root.")
    level: DistrictLevel = Field(description="Level, lower than the parent's; a site is under a street.")
    name_zh: Name = Field(description="Chinese name.")
    name_en: Name | None = Field(description="English name; null: none.")


class IndustryBody(Closed):
    """An industry as it is to be, whole: what may be unknown is given as null."""

    parent_code: Code | None = Field(description="Code of the industry above; null: a root.")
    level: IndustryLevel = Field(description="Level, lower than the parent's.")
    name_zh: Name = Field(description="Chinese name.")
    name_en: Name | None = Field(description="English name; null: none.")


class IndustryGroupBody(Closed):
    """An industry group as it is to be, whole: what may be unknown is given as null."""

    name_zh: Name = Field(description="Chinese name.")
    name_en: Name | None = Field(description="English name; null: none.")
    industries: list[Code] = Field(
        min_length=1, max_length=10_000, description="Codes of its industries, of any level, each once."
    )


class EnterpriseBody(Closed):
    """An enterprise as it is to be, whole: what may be unknown is given as null."""

    name: Name = Field(description="Name.")
    kind: EnterpriseKind = Field(description="What it is.")
    registered_on: Day | None = Field(description="In the register from this date; null: since ever.")
    closed_on: Day | None = Field(
        description="No longer in the register from this date, after `registered_on`; null: open."
    )
    district_code: Code | None = Field(description="District of registration; null: none.")
    industry_code: Code | None = Field(description="Industry of registration; null: none.")
    supersedes: Code | None = Field(description="Code of the enterprise that this one continues; null: none.")


class BranchBody(Closed):
    """A branch as it is to be, whole: what may be unknown is given as null."""

    name: Name = Field(description="Name.")
    kind: BranchKind = Field(description="Its rank.")
    parent_code: Code | None = Field(description="Code of the branch above; null: none.")
    district_code: Code = Field(description="District where it is.")
    form: BranchForm | None = Field(description="How it was set up; null: not recorded. Enters no figure.")
    dual_affiliation: YesNo = Field(
        description="Whether members of elsewhere may belong to it besides; stays true while any do.",
    )
    industry_code: Code | None = Field(description="Industry that it is for; null: none.")
    industry_group: Code | None = Field(
        description="Industry group that it is for, instead of an industry; null: none."
    )
    established_on: Day | None = Field(description="Date of establishment; null: since ever.")
    dissolved_on: Day | None = Field(
        description="No longer living from this date, after `established_on`; null: living."
    )


class Enterprise(Closed):
    """An enterprise with the place and industry of its registration."""

    code: str = Field(description="Unified social credit code, or the operator's own.")
    name: str = Field(description="Name.")
    kind: EnterpriseKind = Field(description="What it is.")
    registered_on: date | None = Field(description="In the register from this date; null: since ever.")
    closed_on: date | None = Field(description="No longer in the register from this date; null: open.")
    district_code: str | None = Field(description="District of registration; null: none.")
    industry_code: str | None = Field(description="Industry of registration; null: none.")
    supersedes: str | None = Field(description="Code of the enterprise that this one continues; null: none.")


class Branch(Closed):
    """A branch, living or dissolved."""

    code: str = Field(description="Code.")
    name: str = Field(description="Name.")
    kind: BranchKind = Field(description="Its rank.")
    parent_code: str | None = Field(description="Code of the branch above; null: none.")
    district_code: str = Field(description="District where it is.")
    form: BranchForm | None = Field(description="How it was set up; null: not recorded. Enters no figure.")
    dual_affiliation: bool = Field(description="Whether members of elsewhere may belong to it besides.")
    industry_code: str | None = Field(description="Industry that it is for; null: none.")
    industry_group: str | None = Field(description="Industry group that it is for; null: none.")
    established_on: date | None = Field(description="Date of establishment; null: since ever.")
    dissolved_on: date | None = Field(description="No longer living from this date; null: living.")


class EnterpriseReturn(Closed):
    """A dated row of the ledger; null is unknown, and not carried over from an older return."""

    enterprise_code: str = Field(description="Code of the enterprise.")
    reported_on: date = Field(description="Date of the return.")
    district_code: str | None = Field(description="District where it is; null: unknown.")
    industry_code: str | None = Field(description="Industry it works in; null: unknown.")
    ownership: Ownership | None = Field(description="Who controls it; null: unknown.")
    size_class: SizeClass | None = Field(description="Statistical size; null: unknown.")
    operating: bool | None = Field(description="Whether it operates; null: unknown, which counts as yes.")
    fixed_premises: bool | None = Field(description="Whether it has fixed premises; null: unknown.")
    above_designated_size: bool | None = Field(description="Whether it is above designated size; null: unknown.")
    headcount: int | None = Field(description="Employees; null: unknown.")
    headcount_under_36: int | None = Field(description="Of them aged 35 or less; null: unknown.")
    headcount_women: int | None = Field(description="Of them women; null: unknown.")
    headcount_college: int | None = Field(description="Of them junior college or above; null: unknown.")
    members: int | None = Field(description="Members who work there, as reported; null: unknown.")
    full_members: int | None = Field(description="Of them full members; null: unknown.")
    members_dual: int | None = Field(description="Of them in dual affiliation; null: unknown.")
    members_under_36: int | None = Field(description="Of them aged 35 or less; null: unknown.")
    members_women: int | None = Field(description="Of them women; null: unknown.")
    members_college: int | None = Field(description="Of them with junior college or above; null: unknown.")
    members_floating: int | None = Field(description="Of them of official floating status; null: unknown.")


class EnterpriseCoverage(Closed):
    """How an enterprise is reached over an interval."""

    enterprise_code: str = Field(description="Code of the enterprise.")
    branch_code: str | None = Field(description="Code of the branch; null: none (work means only).")
    means: CoverageMeans = Field(description="By which organisation means or work means.")
    start_on: date = Field(description="First day.")
    end_on: date | None = Field(description="Day after the last; null: still open.")


_NEXT = Field(description="`cursor` of the next page; null: the last.")


class DistrictPage(Closed):
    """A page of districts."""

    data: list[District] = Field(description="The districts, by code.")
    next_cursor: str | None = _NEXT


class IndustryPage(Closed):
    """A page of industries."""

    data: list[Industry] = Field(description="The industries, by code.")
    next_cursor: str | None = _NEXT


class IndustryGroupPage(Closed):
    """A page of industry groups."""

    data: list[IndustryGroup] = Field(description="The groups, by code.")
    next_cursor: str | None = _NEXT


class EnterprisePage(Closed):
    """A page of enterprises."""

    data: list[Enterprise] = Field(description="The enterprises, by code.")
    next_cursor: str | None = _NEXT


class BranchPage(Closed):
    """A page of branches."""

    data: list[Branch] = Field(description="The branches, by code.")
    next_cursor: str | None = _NEXT


class EnterpriseReturnPage(Closed):
    """A page of an enterprise's returns."""

    data: list[EnterpriseReturn] = Field(description="The returns, the oldest first.")
    next_cursor: str | None = _NEXT


class EnterpriseCoveragePage(Closed):
    """A page of how an enterprise is reached."""

    data: list[EnterpriseCoverage] = Field(description="The rows, by start, means and branch.")
    next_cursor: str | None = _NEXT


class DistrictAnswer(Closed):
    """One district."""

    data: District = Field(description="The district.")


class IndustryAnswer(Closed):
    """One industry."""

    data: Industry = Field(description="The industry.")


class IndustryGroupAnswer(Closed):
    """One industry group."""

    data: IndustryGroup = Field(description="The group.")


class EnterpriseAnswer(Closed):
    """One enterprise."""

    data: Enterprise = Field(description="The enterprise.")


class BranchAnswer(Closed):
    """One branch."""

    data: Branch = Field(description="The branch.")


SEARCHED_LENGTH = 200
"""Longest text to search for, characters."""

_Searched = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=SEARCHED_LENGTH, pattern=NO_NUL)
]


class SearchParameters(ListParameters):
    """Which things to list."""

    q: _Searched | None = Field(
        default=None,
        description="Part of the code or of a name; ASCII letters in any case. Absent: all.",
        examples=["Siming"],
    )


class DistrictsParameters(SearchParameters):
    """Which districts to list."""

    parent: str | None = Field(default=None, description="Code of the district whose children to list.")
    level: DistrictLevel | None = Field(default=None, description="Districts of this level only.")


class IndustriesParameters(SearchParameters):
    """Which industries to list."""

    parent: str | None = Field(default=None, description="Code of the industry whose children to list.")
    level: IndustryLevel | None = Field(default=None, description="Industries of this level only.")


class BranchesParameters(SearchParameters):
    """Which branches to list."""

    parent: str | None = Field(default=None, description="Code of the branch whose children to list.")


SearchQuery = Annotated[SearchParameters, Depends(QueryOf(SearchParameters))]
DistrictsQuery = Annotated[DistrictsParameters, Depends(QueryOf(DistrictsParameters))]
IndustriesQuery = Annotated[IndustriesParameters, Depends(QueryOf(IndustriesParameters))]
BranchesQuery = Annotated[BranchesParameters, Depends(QueryOf(BranchesParameters))]
