"""Analyses: all statistics besides lists of subjects.

To add one: declare it here; compute it in `statistics`, write its rows in `publication`, its operation and models in
`api.statistics`, and register these in `api.statistics.tables`, which routes, command line and files use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.catalogue.vocabulary import Label


class Analysis(StrEnum):
    """An analysis; its value is the last part of its path."""

    BREAKDOWN = "breakdown"
    LOW_MEMBERSHIP = "low-membership"
    TRENDS = "trends"
    CHANGES = "changes"
    ESTABLISHMENT_GAPS = "establishment-gaps"
    ESTABLISHMENT_PROPOSALS = "establishment-proposals"
    DUAL_AFFILIATION = "dual-affiliation"
    DATA_QUALITY = "data-quality"
    TARGETS = "targets"


@dataclass(frozen=True)
class AnalysisMeaning:
    """The declaration of an analysis.

    Parameters
    ----------
    label
        Title of its table.
    is_public
        Whether it is available with protected figures.
    """

    label: Label
    is_public: bool = False


ANALYSES: Mapping[Analysis, AnalysisMeaning] = {
    Analysis.BREAKDOWN: AnalysisMeaning(Label("分组统计", "Breakdown"), is_public=True),
    Analysis.LOW_MEMBERSHIP: AnalysisMeaning(Label("党员偏少分析", "Low membership"), is_public=True),
    Analysis.TRENDS: AnalysisMeaning(Label("趋势", "Trends"), is_public=True),
    Analysis.CHANGES: AnalysisMeaning(Label("变化", "Changes"), is_public=True),
    Analysis.ESTABLISHMENT_GAPS: AnalysisMeaning(Label("应建未建单位", "Establishment gaps")),
    Analysis.ESTABLISHMENT_PROPOSALS: AnalysisMeaning(Label("组建建议", "Establishment proposals")),
    Analysis.DUAL_AFFILIATION: AnalysisMeaning(Label("兼合式隶属", "Dual affiliation")),
    Analysis.DATA_QUALITY: AnalysisMeaning(Label("数据质量", "Data quality")),
    Analysis.TARGETS: AnalysisMeaning(Label("目标进度", "Targets"), is_public=True),
}
