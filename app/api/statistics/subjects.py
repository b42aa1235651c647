"""Statistics of districts, industries, industry groups, enterprises and branches: lists, single subjects, files."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Path, Request, Response

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.models import members
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response, one_response
from app.api.statistics.figures import (
    BranchFields,
    BranchOrder,
    EnterpriseFields,
    EnterpriseOrder,
    StatisticsFields,
    StatisticsOrder,
)
from app.api.statistics.models import (
    BranchStatisticsAnswer,
    BranchStatisticsPage,
    DistrictStatisticsAnswer,
    DistrictStatisticsPage,
    EnterpriseStatisticsAnswer,
    EnterpriseStatisticsPage,
    IndustryGroupStatisticsAnswer,
    IndustryGroupStatisticsPage,
    IndustryStatisticsAnswer,
    IndustryStatisticsPage,
)
from app.api.statistics.parameters import (
    AsOfParameters,
    BranchListing,
    DistrictListing,
    DistrictPopulation,
    EnterpriseListing,
    FileParameters,
    IndustryGroupListing,
    IndustryGroupPopulation,
    IndustryListing,
    IndustryPopulation,
    PageParameters,
)
from app.publication.files import GEOJSON, FileFormat
from app.publication.lists import list_answer, list_table
from app.statistics.question import Subject


class DistrictPage(PageParameters, StatisticsOrder, DistrictListing):
    """A page of districts."""


class IndustryPage(PageParameters, StatisticsOrder, IndustryListing):
    """A page of industries."""


class IndustryGroupPage(PageParameters, StatisticsOrder, IndustryGroupListing):
    """A page of industry groups."""


class EnterprisePage(PageParameters, EnterpriseOrder, EnterpriseListing):
    """A page of enterprises."""


class BranchPage(PageParameters, BranchOrder, BranchListing):
    """A page of branches."""


class DistrictFile(FileParameters, StatisticsOrder, DistrictListing):
    """A file of districts."""


class IndustryFile(FileParameters, StatisticsOrder, IndustryListing):
    """A file of industries."""


class IndustryGroupFile(FileParameters, StatisticsOrder, IndustryGroupListing):
    """A file of industry groups."""


class EnterprisesFile(FileParameters, EnterpriseOrder, EnterpriseListing):
    """A file of enterprises."""


class BranchesFile(FileParameters, BranchOrder, BranchListing):
    """A file of branches."""


class OneDistrict(StatisticsFields, DistrictPopulation):
    """Whom to count in one district."""


class OneIndustry(StatisticsFields, IndustryPopulation):
    """Whom to count in one industry."""


class OneIndustryGroup(StatisticsFields, IndustryGroupPopulation):
    """Whom to count in one industry group."""


class OneEnterprise(EnterpriseFields, AsOfParameters):
    """As of when to describe an enterprise."""


class OneBranch(BranchFields, AsOfParameters):
    """As of when to describe a branch."""


DistrictPageQuery = Annotated[DistrictPage, Depends(QueryOf(DistrictPage))]
IndustryPageQuery = Annotated[IndustryPage, Depends(QueryOf(IndustryPage))]
IndustryGroupPageQuery = Annotated[IndustryGroupPage, Depends(QueryOf(IndustryGroupPage))]
EnterprisePageQuery = Annotated[EnterprisePage, Depends(QueryOf(EnterprisePage))]
BranchPageQuery = Annotated[BranchPage, Depends(QueryOf(BranchPage))]

DistrictFileQuery = Annotated[DistrictFile, Depends(QueryOf(DistrictFile))]
IndustryFileQuery = Annotated[IndustryFile, Depends(QueryOf(IndustryFile))]
IndustryGroupFileQuery = Annotated[IndustryGroupFile, Depends(QueryOf(IndustryGroupFile))]
EnterpriseFileQuery = Annotated[EnterprisesFile, Depends(QueryOf(EnterprisesFile))]
BranchFileQuery = Annotated[BranchesFile, Depends(QueryOf(BranchesFile))]

OneDistrictQuery = Annotated[OneDistrict, Depends(QueryOf(OneDistrict))]
OneIndustryQuery = Annotated[OneIndustry, Depends(QueryOf(OneIndustry))]
OneIndustryGroupQuery = Annotated[OneIndustryGroup, Depends(QueryOf(OneIndustryGroup))]
OneEnterpriseQuery = Annotated[OneEnterprise, Depends(QueryOf(OneEnterprise))]
OneBranchQuery = Annotated[OneBranch, Depends(QueryOf(OneBranch))]


router = make_router("/v1/statistics", "statistics", READ)


@router.get("/districts", response_model=DistrictStatisticsPage)
async def list_district_statistics(request: Request, query: DistrictPageQuery) -> Response:
    """List statistics of districts.

    With `parent` or `level` the rows are disjoint, and rows + `unallocated` = `total` for every measure.
    """
    return await json_response(request, query, list_answer)


@router.get("/industries", response_model=IndustryStatisticsPage)
async def list_industry_statistics(request: Request, query: IndustryPageQuery) -> Response:
    """List statistics of industries.

    With `parent` or `level` the rows are disjoint, and rows + `unallocated` = `total` for every measure.
    """
    return await json_response(request, query, list_answer)


@router.get("/industry-groups", response_model=IndustryGroupStatisticsPage)
async def list_industry_group_statistics(request: Request, query: IndustryGroupPageQuery) -> Response:
    """List statistics of industry groups, which may overlap; in each an enterprise counts once."""
    return await json_response(request, query, list_answer)


@router.get("/enterprises", response_model=EnterpriseStatisticsPage)
@audited()
async def list_enterprise_statistics(request: Request, query: EnterprisePageQuery) -> Response:
    """List statistics of single enterprises: what each is, and its counts and ratios of persons."""
    return await json_response(request, query, list_answer)


@router.get("/branches", response_model=BranchStatisticsPage)
@audited()
async def list_branch_statistics(request: Request, query: BranchPageQuery) -> Response:
    """List statistics of living branches: their own, and of all below them, each person counted once."""
    return await json_response(request, query, list_answer)


DistrictCode = Annotated[str, Path(description="Code of the district.", examples=["350203"])]
IndustryCode = Annotated[str, Path(description="Code of the industry.", examples=["64"])]
GroupCode = Annotated[str, Path(description="Code of the industry group.", examples=["internet"])]
EnterpriseCode = Annotated[str, Path(description="Code of the enterprise.")]
BranchCode = Annotated[str, Path(description="Code of the branch.")]


@router.get("/districts/{code}", response_model=DistrictStatisticsAnswer)
async def get_district_statistics(request: Request, code: DistrictCode, query: OneDistrictQuery) -> Response:
    """Get statistics of one district and all below it; zeros where it is empty."""
    return await one_response(request, Subject.DISTRICTS, code, query)


@router.get("/industries/{code}", response_model=IndustryStatisticsAnswer)
async def get_industry_statistics(request: Request, code: IndustryCode, query: OneIndustryQuery) -> Response:
    """Get statistics of one industry and all below it; zeros where it is empty."""
    return await one_response(request, Subject.INDUSTRIES, code, query)


@router.get("/industry-groups/{code}", response_model=IndustryGroupStatisticsAnswer)
async def get_industry_group_statistics(request: Request, code: GroupCode, query: OneIndustryGroupQuery) -> Response:
    """Get statistics of one industry group; zeros where it is empty."""
    return await one_response(request, Subject.INDUSTRY_GROUPS, code, query)


@router.get("/enterprises/{code}", response_model=EnterpriseStatisticsAnswer)
@audited()
async def get_enterprise_statistics(request: Request, code: EnterpriseCode, query: OneEnterpriseQuery) -> Response:
    """Get statistics of one registered enterprise, whatever basis it belongs to."""
    return await one_response(request, Subject.ENTERPRISES, code, query)


@router.get("/branches/{code}", response_model=BranchStatisticsAnswer)
@audited()
async def get_branch_statistics(request: Request, code: BranchCode, query: OneBranchQuery) -> Response:
    """Get statistics of one living branch."""
    return await one_response(request, Subject.BRANCHES, code, query)


Format = Annotated[FileFormat, Path(alias="format", description="Format of the file.")]


class DistrictFormat(StrEnum):
    """Formats of files of districts: those of every table, and GeoJSON for maps."""

    vars().update(members([*FileFormat, GEOJSON]))


@router.get("/districts.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_district_statistics(
    request: Request,
    file_format: Annotated[DistrictFormat, Path(alias="format", description="Format of the file.")],
    query: DistrictFileQuery,
) -> Response:
    """Export statistics of districts as one flat table, a row per district; as GeoJSON with the imported boundaries."""
    return await file_response(request, query, file_format, list_table)


@router.get("/industries.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_industry_statistics(request: Request, file_format: Format, query: IndustryFileQuery) -> Response:
    """Export statistics of industries as one flat table, a row per industry."""
    return await file_response(request, query, file_format, list_table)


@router.get("/industry-groups.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_industry_group_statistics(
    request: Request, file_format: Format, query: IndustryGroupFileQuery
) -> Response:
    """Export statistics of industry groups as one flat table, a row per group."""
    return await file_response(request, query, file_format, list_table)


@router.get("/enterprises.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_enterprise_statistics(request: Request, file_format: Format, query: EnterpriseFileQuery) -> Response:
    """Export statistics of single enterprises as one flat table, a row per enterprise."""
    return await file_response(request, query, file_format, list_table)


@router.get("/branches.{format}", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_branch_statistics(request: Request, file_format: Format, query: BranchFileQuery) -> Response:
    """Export statistics of living branches as one flat table, a row per branch, with `own_` and `subtree_` columns."""
    return await file_response(request, query, file_format, list_table)
