"""Rows, pages and single answers of statistics."""

from typing import Any

from app.api.schemas.closed import Closed, closed_model
from app.api.schemas.figures import ENTERPRISE_FIGURES, FIGURES, BranchFigures, EnterpriseTotal, Total, Unallocated
from app.api.schemas.meta import Meta
from app.api.schemas.subjects import District, Industry, IndustryGroup, SnapshotBranch, SnapshotEnterprise
from app.catalogue.vocabulary import Basis

Fields = dict[str, tuple[Any, str]]

_META: Fields = {"meta": (Meta, "What the answer rests on.")}
_CURSOR: Fields = {"next_cursor": (str | None, "Where the next page starts; null on the last.")}
_TOTAL: Fields = {"total": (Total, "Figures of the whole scope, whatever is listed.")}
_DISJOINT: Fields = _TOTAL | {
    "unallocated": (Unallocated | None, "What `total` has beyond all listed subjects; null where subjects overlap.")
}
_OVERLAPPING: Fields = _TOTAL | {"unallocated": (None, "Always null: the subjects overlap.")}
_LISTED: Fields = {
    "total": (EnterpriseTotal, "Sums over all listed enterprises, on all pages."),
    "unallocated": (None, "Always null: nothing is left out."),
}


def _row(name: str, key: str, subject: type[Closed], figures: Fields) -> type[Closed]:
    return closed_model(name, f"Statistics of one {key.replace('_', ' ')}.", {key: (subject, "What it is.")} | figures)


def _page(row: type[Closed], margins: Fields) -> type[Closed]:
    rows: Fields = {"data": (list[row], "The rows of this page.")}  # type: ignore[valid-type]  # made from the catalogue
    return closed_model(f"{row.__name__}Page", "One page of statistics.", rows | margins | _META | _CURSOR)


def _answer(row: type[Closed]) -> type[Closed]:
    return closed_model(f"{row.__name__}Answer", "Statistics of one subject.", {"data": (row, "The row.")} | _META)


DistrictStatistics = _row("DistrictStatistics", "district", District, FIGURES)
DistrictStatisticsPage = _page(DistrictStatistics, _DISJOINT)
DistrictStatisticsAnswer = _answer(DistrictStatistics)

IndustryStatistics = _row("IndustryStatistics", "industry", Industry, FIGURES)
IndustryStatisticsPage = _page(IndustryStatistics, _DISJOINT)
IndustryStatisticsAnswer = _answer(IndustryStatistics)

IndustryGroupStatistics = _row("IndustryGroupStatistics", "industry_group", IndustryGroup, FIGURES)
IndustryGroupStatisticsPage = _page(IndustryGroupStatistics, _OVERLAPPING)
IndustryGroupStatisticsAnswer = _answer(IndustryGroupStatistics)

EnterpriseStatistics = _row("EnterpriseStatistics", "enterprise", SnapshotEnterprise, ENTERPRISE_FIGURES)
EnterpriseStatisticsPage = _page(EnterpriseStatistics, _LISTED)
EnterpriseStatisticsAnswer = _answer(EnterpriseStatistics)

BranchStatistics = _row(
    "BranchStatistics",
    "branch",
    SnapshotBranch,
    {
        "own": (BranchFigures, "Figures of the branch itself."),
        "subtree": (BranchFigures, "Figures of the branch and all below it."),
    },
)
BranchStatisticsPage = _page(BranchStatistics, {})
BranchStatisticsAnswer = _answer(BranchStatistics)

BasisStatistics = closed_model(
    "BasisStatistics", "Statistics of one scope in one basis.", {"basis": (Basis, "The basis.")} | FIGURES
)
BasisStatisticsList = closed_model(
    "BasisStatisticsList",
    "One scope in all bases, side by side.",
    {"data": (list[BasisStatistics], "One row per basis.")} | _META,  # type: ignore[valid-type]  # as above
)
