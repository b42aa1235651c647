"""Trends."""

from datetime import date
from typing import Any

from pydantic import Field, create_model
from pydantic_core import MISSING

from app.api.schemas.closed import Closed, closed_model
from app.api.schemas.figures import Rate, rate_text
from app.api.schemas.meta import Meta
from app.catalogue.metrics import BRANCH_METRICS, METRICS
from app.statistics.trends import Break

_RATES: dict[str, Any] = {
    metric.code: (Rate | MISSING, Field(default=MISSING, description=rate_text(metric)))
    for metric in dict.fromkeys((*METRICS, *BRANCH_METRICS))
}

TrendRates = create_model(
    "TrendRates",
    __base__=Closed,
    __doc__="Ratios of one date: those asked for by `metric`, all that the subject has otherwise; no others.",
    __module__=__name__,
    **_RATES,
)

TrendPoint = closed_model(
    "TrendPoint",
    "One date of a trend.",
    {
        "as_of": (date, "The date."),
        "snapshot": (str, "Id of the snapshot: the newest of the date."),
        "breaks": (list[Break], "What changed since the point before; empty on the first."),
        "rates": (TrendRates, "Ratios of sums of counts, divided once."),
    },
)

Trend = closed_model(
    "Trend",
    "A population, an enterprise or a branch over time.",
    {
        "data": (list[TrendPoint], "One point per date, the oldest first."),  # type: ignore[valid-type]  # made from the catalogue
        "meta": (Meta, "What the newest point rests on; `rows` are the points."),
    },
)
