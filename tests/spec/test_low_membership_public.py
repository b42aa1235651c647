"""Low membership of protected figures: what rounding blurs, and what they do not answer."""

from math import sqrt
from pathlib import Path

import pytest

from app.errors import ServiceError
from app.statistics.as_of import ExactOnly
from tests.factories.public_snapshots import PublicSnapshot
from tests.factories.tiny import Figures
from tests.spec.test_low_membership import Z, ask, matched, p_of, rows

PLACES = """
    district, industry, enterprises, members, headcount, headcount_matched_squared, enterprises_shown
    wucun,    64,       60,          60,      1500,      60000,                     60
    jialian,  65,       40,          200,     2000,      120000,                    40
    wucun,    86,       5,           10,      100,       2500,                      5
    siming,   ,         0,           15,      100,       2000,                      6
    jiangtou, 64,       50,          155,     1500,      50000,                     50
"""


def effective(headcount: int, squared: int, shown: int, r_ref: float) -> float:
    """n_eff′ of rounded figures: ρ fixed at 0.1, and what rounding blurs."""
    n_eff = headcount**2 / (headcount + 0.1 * (squared - headcount))
    spread = r_ref * (1 - r_ref)
    return spread / (spread / n_eff + 4 * shown * (1 + r_ref**2) / headcount**2)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return PublicSnapshot(PLACES).write(tmp_path_factory.mktemp("public"))


def test_rounding_makes_draws_fewer_when_figures_are_public(public: Figures) -> None:
    row = rows(public, by="division", district="siming")["64"]
    r, r_ref = 60 / 1500, (200 + 10 + 15) / (2000 + 100 + 100)
    n1 = effective(1500, 60_000, 60, r_ref)
    n2 = effective(2200, 120_000 + 2500 + 2000, 40 + 5 + 6, r_ref)
    n_t = n1 * n2 / (n1 + n2)
    assert (row["ratio"], row["reference_ratio"]) == (r, r_ref)
    assert (row["n_eff"], row["expected"]) == pytest.approx((n1, n_t * r_ref))
    assert n1 < 1500**2 / (1500 + 0.1 * (60_000 - 1500))
    assert row["p"] == pytest.approx(p_of(r, r_ref, n_t), rel=1e-9)
    assert row["shortfall"] == 154 - 60  # 225/2200 · 1500 = 153.4
    c = 285 / 3700
    assert row["limit_95_high"] == pytest.approx(c + Z * sqrt(c * (1 - c) / n1), abs=1e-12)


def test_a_parent_and_a_target_are_compared_with_when_figures_are_public(public: Figures) -> None:
    row = rows(public, by="division", district="siming", reference="parent")["64"]
    r_ref = 155 / 1500
    n1, n2 = effective(1500, 60_000, 60, r_ref), effective(1500, 50_000, 50, r_ref)
    assert (row["reference_ratio"], row["expected"]) == pytest.approx((r_ref, n1 * n2 / (n1 + n2) * r_ref))
    row = rows(public, by="section", district="wucun", target="0.07")["I"]
    assert (row["n_eff"], row["expected"]) == pytest.approx((n := effective(1500, 60_000, 60, 0.07), n * 0.07))
    assert row["counts"]["headcount_matched_squared"] is None
    assert row["rates"]["work_coverage"]["status"] == "protected"


def test_pooled_persons_are_in_the_rest_and_in_no_row_when_figures_are_public(public: Figures) -> None:
    page = ask(public, by="division", district="siming")
    assert page["total"]["counts"]["members"] == 60 + 200 + 10 + 15
    assert page["unallocated"]["counts"]["members"] == 15
    assert page["unallocated"]["counts"]["members_women"] is None
    groups = ask(public, by="industry_group")
    assert groups["unallocated"] is None
    assert groups["meta"]["disclosure"]["policy"] == "rounded-enterprises"


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"by": "sector"}, "query/by"),
        ({"by": "site", "target": "0.1"}, "query/by"),
        ({"by": "group"}, "query/by"),
        ({"by": "class"}, "query/by"),
        ({"by": "section", "basis": "registered"}, "query/basis"),
        ({"by": "industry_group", "ownership": "state"}, "query/ownership"),
    ],
)
def test_what_needs_exact_figures_is_refused_when_figures_are_public(
    public: Figures, params: dict[str, str], pointer: str
) -> None:
    with pytest.raises(ExactOnly) as refused:
        ask(public, **params)
    assert [item.place for item in refused.value.errors] == [pointer]


def test_districts_are_compared_with_a_target_alone_when_figures_are_public(public: Figures) -> None:
    found = rows(public, by="street", target="0.1", sort="code")
    assert {code: matched(row) for code, row in found.items()} == {
        "jialian": (200, 2000), "jiangtou": (155, 1500), "wucun": (70, 1600),
    }  # fmt: skip
    n_eff = effective(1600, 62_500, 65, 0.1)
    assert (found["wucun"]["n_eff"], found["wucun"]["expected"]) == pytest.approx((n_eff, n_eff * 0.1))
    assert "members_expected" not in found["wucun"]
    for asked in ({}, {"adjust": "section"}):
        with pytest.raises(ExactOnly) as refused:
            ask(public, by="street", **asked)
        assert {item.place for item in refused.value.errors} == {"query/adjust", "query/target"}


def test_a_reference_of_nobody_tells_nothing_when_figures_are_public(tmp_path: Path) -> None:
    places = """
        district, industry, enterprises, members, headcount, headcount_matched_squared, enterprises_shown
        wucun,    64,       6,           30,      300,       20000,                     6
        wucun,    65,       6,           0,       300,       20000,                     6
    """
    figures = PublicSnapshot(places).write(tmp_path)
    row = rows(figures, by="division")["64"]
    assert (row["class"], row["reference_ratio"], row["n_eff"], row["expected"]) == ("few_expected", 0.0, 0.0, 0.0)
    assert (row["limit_95_low"], row["limit_95_high"], row["shortfall"]) == (0.0, 1.0, 0)


def test_an_unknown_code_is_told_with_the_closest_when_figures_are_public(public: Figures) -> None:
    with pytest.raises(ServiceError) as refused:
        ask(public, by="section", industry="641")
    assert "64" in refused.value.errors[0].suggestions
