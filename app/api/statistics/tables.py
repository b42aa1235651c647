"""All tables of statistics, with their routers, parameters and files, for HTTP and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter

from app.api.statistics import (
    breakdown,
    changes,
    data_quality,
    dual_affiliation,
    establishment_gaps,
    establishment_proposals,
    low_membership,
    subjects,
    targets,
    trends,
    workplaces,
)
from app.api.statistics.answering import TableOf
from app.api.statistics.parameters import FileOutput
from app.catalogue.analyses import Analysis
from app.publication.breakdown import breakdown_table
from app.publication.changes import changes_table
from app.publication.data_quality import data_quality_table
from app.publication.dual_affiliation import dual_affiliation_table
from app.publication.establishment_gaps import gaps_table
from app.publication.establishment_proposals import proposals_table
from app.publication.lists import list_table
from app.publication.low_membership import low_membership_table
from app.publication.targets import targets_table
from app.publication.trends import trend_table
from app.statistics.question import Subject


@dataclass(frozen=True)
class StatisticsTable:
    """A list or an analysis.

    Parameters
    ----------
    router
        Its operations.
    parameters
        Parameters of its file, on the command line too.
        table
        Returns all of its rows.
    """

    router: APIRouter
    parameters: type[FileOutput]
    table: TableOf


TABLES: Mapping[Subject | Analysis, StatisticsTable] = {
    Subject.DISTRICTS: StatisticsTable(subjects.router, subjects.DistrictFile, list_table),
    Subject.INDUSTRIES: StatisticsTable(subjects.router, subjects.IndustryFile, list_table),
    Subject.INDUSTRY_GROUPS: StatisticsTable(subjects.router, subjects.IndustryGroupFile, list_table),
    Subject.ENTERPRISES: StatisticsTable(subjects.router, subjects.EnterprisesFile, list_table),
    Subject.BRANCHES: StatisticsTable(subjects.router, subjects.BranchesFile, list_table),
    Analysis.BREAKDOWN: StatisticsTable(breakdown.router, breakdown.BreakdownFile, breakdown_table),
    Analysis.LOW_MEMBERSHIP: StatisticsTable(
        low_membership.router, low_membership.LowMembershipFile, low_membership_table
    ),
    Analysis.TRENDS: StatisticsTable(trends.router, trends.TrendFile, trend_table),
    Analysis.CHANGES: StatisticsTable(changes.router, changes.ChangesFile, changes_table),
    Analysis.ESTABLISHMENT_GAPS: StatisticsTable(establishment_gaps.router, establishment_gaps.GapFile, gaps_table),
    Analysis.ESTABLISHMENT_PROPOSALS: StatisticsTable(
        establishment_proposals.router, establishment_proposals.ProposalFile, proposals_table
    ),
    Analysis.DUAL_AFFILIATION: StatisticsTable(
        dual_affiliation.router, dual_affiliation.DualAffiliationFile, dual_affiliation_table
    ),
    Analysis.DATA_QUALITY: StatisticsTable(data_quality.router, data_quality.DataQualityFile, data_quality_table),
    Analysis.TARGETS: StatisticsTable(targets.router, targets.TargetsFile, targets_table),
}
"""Each list of subjects and each analysis, by the last part of its path; the busiest first."""

ROUTERS: tuple[APIRouter, ...] = (
    *{id(table.router): table.router for table in TABLES.values()}.values(),
    workplaces.router,
)
"""The routers of all operations of statistics, in the order in which they are tried."""
