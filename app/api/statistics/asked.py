"""The query parameters of each operation: what can be asked of which subject."""

from typing import Annotated

from fastapi import Depends

from app.api.parameters import QueryOf
from app.api.statistics.parameters import (
    BranchFile,
    BranchListing,
    BranchOrder,
    DistrictListing,
    DistrictPopulation,
    EnterpriseFile,
    EnterpriseListing,
    EnterpriseOrder,
    IndustryGroupListing,
    IndustryGroupPopulation,
    IndustryListing,
    IndustryPopulation,
    MomentParameters,
    PageParameters,
    StatisticsFile,
    StatisticsOrder,
)


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


class DistrictFile(StatisticsFile, StatisticsOrder, DistrictListing):
    """A file of districts."""


class IndustryFile(StatisticsFile, StatisticsOrder, IndustryListing):
    """A file of industries."""


class IndustryGroupFile(StatisticsFile, StatisticsOrder, IndustryGroupListing):
    """A file of industry groups."""


class EnterprisesFile(EnterpriseFile, EnterpriseOrder, EnterpriseListing):
    """A file of enterprises."""


class BranchesFile(BranchFile, BranchOrder, BranchListing):
    """A file of branches."""


DistrictPageAsked = Annotated[DistrictPage, Depends(QueryOf(DistrictPage))]
IndustryPageAsked = Annotated[IndustryPage, Depends(QueryOf(IndustryPage))]
IndustryGroupPageAsked = Annotated[IndustryGroupPage, Depends(QueryOf(IndustryGroupPage))]
EnterprisePageAsked = Annotated[EnterprisePage, Depends(QueryOf(EnterprisePage))]
BranchPageAsked = Annotated[BranchPage, Depends(QueryOf(BranchPage))]

DistrictFileAsked = Annotated[DistrictFile, Depends(QueryOf(DistrictFile))]
IndustryFileAsked = Annotated[IndustryFile, Depends(QueryOf(IndustryFile))]
IndustryGroupFileAsked = Annotated[IndustryGroupFile, Depends(QueryOf(IndustryGroupFile))]
EnterpriseFileAsked = Annotated[EnterprisesFile, Depends(QueryOf(EnterprisesFile))]
BranchFileAsked = Annotated[BranchesFile, Depends(QueryOf(BranchesFile))]

DistrictPopulationAsked = Annotated[DistrictPopulation, Depends(QueryOf(DistrictPopulation))]
IndustryPopulationAsked = Annotated[IndustryPopulation, Depends(QueryOf(IndustryPopulation))]
IndustryGroupPopulationAsked = Annotated[IndustryGroupPopulation, Depends(QueryOf(IndustryGroupPopulation))]
MomentAsked = Annotated[MomentParameters, Depends(QueryOf(MomentParameters))]
