"""Pages of cross tables."""

from typing import Any

from app.api.schemas.closed import closed_model
from app.api.schemas.figures import FIGURES, Total, Unallocated
from app.api.schemas.meta import Meta
from app.api.schemas.subjects import District, Industry, IndustryGroup

Fields = dict[str, tuple[Any, str]]

_CELL: Fields = {
    "district": (District, "Where it is."),
    "industry": (Industry | None, "Its industry; null with `by=industry_group`."),
    "industry_group": (IndustryGroup | None, "Its industry group; null without `by=industry_group`."),
}

CrossTableStatistics = closed_model(
    "CrossTableStatistics", "Statistics of a district and an industry, or an industry group.", _CELL | FIGURES
)

CrossTableStatisticsPage = closed_model(
    "CrossTableStatisticsPage",
    "One page of a cross table.",
    {
        "data": (list[CrossTableStatistics], "The cells of this page."),  # type: ignore[valid-type]  # made from the catalogue
        "total": (Total, "Figures of the whole scope, within `within`, whatever is listed."),
        "unallocated": (
            Unallocated | None,
            "What `total` has beyond all cells of the table; null with `by=industry_group`, since groups overlap.",
        ),
        "meta": (Meta, "What the answer rests on; `rows` are the cells of the whole table."),
        "next_cursor": (str | None, "Where the next page starts; null on the last."),
    },
)
