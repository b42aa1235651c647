"""Rows and pages of low membership."""

from app.api.schemas.closed import closed_model
from app.api.schemas.figures import FIGURES, Total, Unallocated
from app.api.schemas.meta import Meta
from app.api.schemas.subjects import Industry, IndustryGroup
from app.statistics.comparisons import ComparisonClass


def _limit(which: str) -> str:
    return (
        f"{which} limit of a funnel plot around the ratio of the whole scope, or the target: a picture, the "
        "class decides. Null where not applicable, and where the whole scope has more members than headcount."
    )


LowMembershipStatistics = closed_model(
    "LowMembershipStatistics",
    "One industry or group, how it compares with its reference, and its figures.",
    {
        "industry": (Industry | None, "The industry; null in lists of groups."),
        "industry_group": (IndustryGroup | None, "The group; null in lists of industries."),
        "n_eff": (
            float | None,
            "Of how many independent employees the headcount tells as much: those of one enterprise are alike, and "
            "rounded figures tell less. Unit: employees. Null where not applicable.",
        ),
        "ratio": (float | None, "Members per employee where both are known. Null where not applicable."),
        "reference_ratio": (float | None, "The same of the reference, or the target. Null where not applicable."),
        "expected": (
            float | None,
            "Effective members expected under the reference ratio. Half of that ratio is found four times in five from "
            "about 25 on, inside a list of a hundred industries from about 45. Unit: members. Null where not "
            "applicable.",
        ),
        "p": (
            float | None,
            "Two-sided p of no difference, 0–1. Null where not applicable, inconsistent or of low base.",
        ),
        "q": (
            float | None,
            "p made good for all rows of the whole list that have one (Benjamini–Hochberg), 0–1; the same on every "
            "page. Null where p is.",
        ),
        "class": (
            ComparisonClass,
            "What the comparison says; `not_different` with a small `expected` means that the data cannot tell.",
        ),
        "shortfall": (
            int | None,
            "Members more with whom the ratio would reach the reference ratio, at least 0. Null where not applicable.",
        ),
        "limit_95_low": (float | None, _limit("Lower 95 %")),
        "limit_95_high": (float | None, _limit("Upper 95 %")),
        "limit_998_low": (float | None, _limit("Lower 99.8 %")),
        "limit_998_high": (float | None, _limit("Upper 99.8 %")),
    }
    | FIGURES,
)

LowMembershipStatisticsPage = closed_model(
    "LowMembershipStatisticsPage",
    "One page of comparisons.",
    {
        "data": (list[LowMembershipStatistics], "The rows of this page."),  # type: ignore[valid-type]  # made from parts
        "total": (Total, "Figures of the whole scope, whatever is listed."),
        "unallocated": (Unallocated | None, "What `total` has beyond all listed industries; null in lists of groups."),
        "meta": (Meta, "What the answer rests on."),
        "next_cursor": (str | None, "Where the next page starts; null on the last."),
    },
)
