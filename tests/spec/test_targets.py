"""Targets: which are listed, and how far each is reached, in integers."""

from typing import Any

import pytest

from tests.factories.tiny import Figures, Tiny

FIRMS = {
    "enterprises": """
        code,  district_code, industry_code
        one,   wucun,         64
        two,   yunding,       641
        three, jialian,       65
        four,  jialian,       86
        five,  jiangtou,      64
        """,
    "returns": """
        enterprise_code, reported_on, ownership, headcount, members, full_members
        one,             2017-06-30,  private,   100,       7,       7
        two,             2017-06-30,  private,   50,        3,       3
        three,           2017-06-30,  state,     50,        0,       0
        four,            2017-06-30,  private,   ,          ,
        five,            2017-06-30,  foreign,   40,        1,       1
        """,
    "branches": """
        code
        B
        """,
    "coverage": """
        enterprise_code, branch_code, means
        one,             B,           joint
        three,           B,           joint
        """,
    "industry_groups": """
        group_code, name_zh, industry_code
        net,        网络,    64
        """,
}
"""Siming: one and three of four are organised; non-public are one, two and four. Huli: five, which is not organised."""


@pytest.fixture(scope="module")
def firms(tiny: Tiny) -> Tiny:
    return tiny


def of(tiny: Tiny, targets: str, **params: Any) -> list[dict[str, Any]]:
    """The targets that are listed of those given, each `metric,basis,due_on,value` and its scope."""
    head = "metric, basis, due_on, value, district_code, industry_code, industry_group, sector, source"
    figures = tiny.hold(**FIRMS, targets=f"{head}\n{targets}").at()
    return listed(figures, **params)


def listed(figures: Figures, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = figures.asker.targets(params, figures.snapshot)["data"]
    return rows


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    """Numerator, denominator, state, what is missing."""
    return row["current"]["numerator"], row["current"]["denominator"], row["state"], row["missing"]


def test_a_target_is_met_when_the_figure_itself_reaches_it(firms: Tiny) -> None:
    rows = of(
        firms,
        """
        organisation_coverage, operating, 2017-12-31, 0.4,      siming
        organisation_coverage, operating, 2017-12-31, 0.5,      wucun
        organisation_coverage, operating, 2017-12-31, 0.500001, jialian
        organisation_coverage, operating, 2017-12-31, 0.75,
        organisation_coverage, operating, 2017-12-31, 1,        huli
        """,
    )
    assert [told(row) for row in rows] == [
        (2, 5, "short", 2),
        (0, 1, "short", 1),
        (1, 2, "short", 1),
        (2, 4, "met", 0),
        (1, 2, "met", 0),
    ]
