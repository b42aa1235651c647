"""Intervals and the intra-enterprise correlation they rest on, against known answers."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from app.snapshots.correlation import estimate, estimate_share
from app.statistics.inference import Z, effective_headcount, effective_share, wilson
from tests.factories.tiny import Figures, Tiny, parts

EXACT = 1e-12


def bounds(numerator: int, denominator: int, effective: float) -> tuple[float, float]:
    low, high = wilson(np.array([numerator]), np.array([denominator]), np.array([effective]))
    return float(low[0]), float(high[0])


def correlation(*strata: list[tuple[int, int]]) -> Any:
    """The estimate over strata of firms, each (members, headcount)."""
    firms = [(members, headcount, number) for number, stratum in enumerate(strata) for members, headcount in stratum]
    members, headcount, stratum = (np.array(column, np.int64) for column in zip(*firms, strict=True))
    found = estimate(members, headcount, stratum)
    return found, found.source


@pytest.mark.parametrize(
    ("numerator", "denominator", "effective", "low", "high"),
    [
        (4, 80, 80.0, 0.019613554536, 0.121622762046),
        (0, 80, 80.0, 0.0, 0.045818129536),
        (80, 80, 80.0, 0.954181870464, 1.0),
        (5, 100, 10000 / 630, 0.007514763195, 0.267854501892),
    ],
)
def test_wilson_gives_the_known_bounds_when_asked(
    numerator: int, denominator: int, effective: float, low: float, high: float
) -> None:
    assert bounds(numerator, denominator, effective) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("numerator", "denominator"), [(0, 1), (1, 1), (1, 2), (3, 7), (29, 30), (50, 1000), (1, 10**6)]
)
def test_wilson_equals_scipy_when_draws_are_whole(numerator: int, denominator: int) -> None:
    expected = binomtest(numerator, denominator).proportion_ci(confidence_level=0.95, method="wilson")
    found = bounds(numerator, denominator, float(denominator))
    assert found == pytest.approx((expected.low, expected.high), abs=EXACT)


@pytest.mark.parametrize(("numerator", "denominator"), [(1, 3), (2, 5), (7, 100), (40, 41), (13, 90)])
@pytest.mark.parametrize("effective", [0.7, 1.8518518518518519, 15.873015873015873, 29.999, 812.5])
def test_bounds_solve_the_score_equation_when_draws_are_not_whole(
    numerator: int, denominator: int, effective: float
) -> None:
    ratio = numerator / denominator
    for bound in bounds(numerator, denominator, effective):
        assert (ratio - bound) ** 2 == pytest.approx(Z**2 * bound * (1 - bound) / effective, rel=1e-9, abs=EXACT)


def test_bounds_are_exact_when_there_is_none_or_all() -> None:
    for effective in (0.3, 1.0, 33.3, 10.0**9):
        low, high = bounds(0, 7, effective)
        assert low == 0.0
        assert high == pytest.approx(Z**2 / (effective + Z**2), abs=EXACT)
        assert bounds(7, 7, effective)[1] == 1.0


@pytest.mark.parametrize(("rho", "effective"), [(0.1, 15.873015873016), (0.0, 100.0), (1.0, 1.851851851852)])
def test_effective_headcount_is_known_when_firms_have_ten_twenty_and_seventy(rho: float, effective: float) -> None:
    headcount, squared = 10 + 20 + 70, 10**2 + 20**2 + 70**2
    found = effective_headcount(np.array([float(headcount)]), np.array([float(squared)]), rho)
    assert found[0] == pytest.approx(effective, abs=1e-12)


STRATUM_A = [(0, 2), (3, 4), (1, 6)]
STRATUM_B = [(0, 1), (4, 5), (1, 10), (2, 4)]
RHO = Fraction(268950, 718273)


def test_correlation_is_the_known_one_when_strata_are_those_of_the_check() -> None:
    found, source = correlation(STRATUM_A, STRATUM_B)
    assert (found.value, source) == (round(float(RHO), 4), "estimate with floor")
    assert (found.strata, found.firms, found.parts) == (2, 3 + 4, 4 + 7)
    # A: BSS 13/12, W 19/108, b 22/3, k 3; B: BSS 37/20, W 27/160, b 129/10, k 4
    n = Fraction(13, 12) - 2 * Fraction(19, 108) + Fraction(37, 20) - 3 * Fraction(27, 160)
    d = Fraction(22, 3) * Fraction(19, 108) + Fraction(129, 10) * Fraction(27, 160)
    assert n / (n + d) == RHO


def test_correlation_does_not_change_when_strata_that_tell_nothing_are_added() -> None:
    alone, ones = [(2, 9)], [(1, 1), (0, 1)]  # one firm; as many employees as firms
    assert correlation(STRATUM_A, STRATUM_B, alone, ones) == correlation(STRATUM_A, STRATUM_B)


def test_members_are_clipped_to_the_headcount_when_there_are_more() -> None:
    assert correlation([(9, 2), (3, 4), (1, 6)]) == correlation([(2, 2), (3, 4), (1, 6)])


def test_correlation_has_a_floor_when_members_are_few() -> None:
    alike = [(1, 10)] * 40  # all firms the same: less than nothing between them, truncated to 0
    few, source = correlation(alike)
    assert (few.value, few.parts, source) == (0.1, 40, "estimate with floor")
    many, source = correlation(alike * 13)  # 520 members
    assert (many.value, many.parts, source) == (0.0, 520, "estimate")
    enough, source = correlation([(10, 100)] * 50)  # 500 are enough
    assert (enough.value, enough.parts, source) == (0.0, 500, "estimate")
    almost, source = correlation([(10, 100)] * 49 + [(9, 100)])
    assert (almost.value, almost.parts, source) == (0.1, 499, "estimate with floor")


def test_correlation_is_one_when_firms_are_members_whole() -> None:
    assert correlation([(0, 20)] * 30 + [(20, 20)] * 30)[0].value == 1.0


@pytest.mark.parametrize(
    "strata",
    [
        [(1, 4)],  # no stratum of two firms
        [(1, 1), (0, 1)],  # none with more employees than firms
        [(0, 4), (0, 6)],  # nobody
        [(4, 4), (6, 6)],  # everybody
    ],
)
def test_correlation_falls_back_when_the_data_cannot_tell(strata: list[tuple[int, int]]) -> None:
    found, source = correlation(strata)
    assert (found.value, source) == (0.1, "fallback")


def test_correlation_falls_back_when_there_is_no_enterprise() -> None:
    nothing = np.empty(0, np.int64)
    found = estimate(nothing, nothing, nothing)
    assert (found.value, found.strata, found.firms, found.parts, found.source) == (0.1, 0, 0, 0, "fallback")


def test_a_share_has_a_floor_when_its_denominators_are_few_and_not_its_parts() -> None:
    stratum = np.zeros(50, np.int64)
    part, denominator = np.ones(50, np.int64), np.full(50, 10)
    assert (estimate_share(part, denominator, stratum).value, estimate(part, denominator, stratum).value) == (0, 0.1)
    assert estimate_share(part, denominator, stratum).source == "estimate"  # 500 persons, 50 of them a part
    denominator[0] = 9
    assert estimate_share(part, denominator, stratum).source == "estimate with floor"
    assert estimate_share(denominator * (part.cumsum() % 2), denominator, stratum).value == 1  # all or nothing


@pytest.mark.parametrize(
    ("denominator", "whole", "squared", "rho", "effective"),
    [
        (180, 200, 2600, 0.15, 64.28571428571),  # 180 / (1 + .15 · (2600/200 − 1))
        (200, 200, 2600, 1.0, 15.38461538462),  # 200²/2600
        (80, 200, 2600, 0.5, 11.42857142857),
        (180, 200, 2600, 0.0, 180.0),
    ],
)
def test_the_effective_denominator_of_a_share_is_the_known_one(
    denominator: int, whole: int, squared: int, rho: float, effective: float
) -> None:
    found = effective_share(np.array([denominator]), np.array([whole]), np.array([squared]), rho)
    assert found[0] == pytest.approx(denominator / (1 + rho * (squared / whole - 1)), rel=1e-12)
    assert found[0] == pytest.approx(effective, abs=1e-10)


def test_bounds_of_a_share_are_the_known_ones_when_three_in_ten_are_part() -> None:
    assert bounds(54, 180, 180 / 2.8) == pytest.approx((0.2018773116, 0.4206773235), abs=1e-10)
    assert bounds(60, 200, 200**2 / 2600) == pytest.approx((0.1312605445, 0.5486613112), abs=1e-10)


SHARES = (
    "full_member_share", "young_member_share", "women_share", "college_share", "floating_share",
    "dual_affiliation_share", "dual_reach", "young_staff_share", "women_staff_share", "college_staff_share",
)  # fmt: skip
"""The metrics with a correlation of their own."""

STRATA = {
    "enterprises": """
        code, district_code, industry_code
        a1,   wucun,         641
        a2,   siming,        64
        a3,   yunding,       64
        b1,   jiangtou,      65
        b2,   huli,          65
        b3,   huli,          65
        b4,   huli,          65
        x1,   ,              64
        x2,   siming,
        x3,   siming,        64
        x4,   siming,        64
        x5,   siming,        64
        x6,   huli,          64
        x7,   ,              64
        x8,   siming,
        """,
    "returns": """
        enterprise_code, reported_on, operating, headcount, members
        a1,              2017-06-30,  ,          2,         0
        a2,              2017-06-30,  ,          4,         3
        a3,              2017-06-30,  ,          6,         1
        b1,              2017-06-30,  ,          1,         0
        b2,              2017-06-30,  ,          5,         4
        b3,              2017-06-30,  ,          10,        1
        b4,              2017-06-30,  ,          4,         2
        x1,              2017-06-30,  ,          9,         9
        x2,              2017-06-30,  ,          9,         9
        x3,              2017-06-30,  false,     9,         9
        x4,              2017-06-30,  ,          ,          9
        x5,              2017-06-30,  ,          0,         0
        x6,              2017-06-30,  ,          9,         9
        x7,              2017-06-30,  ,          9,         0
        x8,              2017-06-30,  ,          9,         0
        """,
}
"""Strata A (division 64 × Siming) and B (65 × Huli); x1 … x8 take no part: unlocated (twice), unclassified (twice),
not operating, headcount unknown or 0, alone in division and county."""


@pytest.fixture(scope="module")
def stratified(tiny: Tiny) -> Figures:
    return tiny.hold(**STRATA).at()


def test_strata_are_division_and_county_when_firms_are_placed_below(stratified: Figures) -> None:
    meta = stratified.page("districts", level="county")["meta"]
    assert meta["intra_enterprise_correlation"] == {
        "value": round(float(RHO), 4), "strata": 2, "firms": 3 + 4, "members": 4 + 7,
        "shares": dict.fromkeys(SHARES, 0.1),
    }  # fmt: skip


def test_the_rounded_correlation_is_used_when_an_interval_is_given(stratified: Figures) -> None:
    ratio = stratified.rates("districts", "wucun")["member_ratio"]  # a1 and a3
    headcount, squared, rho = 2 + 6, 2**2 + 6**2, 0.3744
    assert parts(ratio) == (0 + 1, headcount)
    effective = headcount**2 / (headcount + rho * (squared - headcount))
    assert (ratio["low"], ratio["high"]) == pytest.approx(bounds(1, headcount, effective), abs=EXACT)


FIRMS = {
    "enterprises": """
        code, district_code, industry_code
        ten,  wucun,         64
        two,  wucun,         65
        sev,  jialian,       86
        """,
    "returns": """
        enterprise_code, reported_on, headcount, members, members_women
        ten,             2017-06-30,  10,        1,       1
        two,             2017-06-30,  20,        4,       1
        sev,             2017-06-30,  70,        0,       0
        """,
    "branches": """
        code, dual_affiliation
        B,    false
        """,
    "coverage": """
        enterprise_code, branch_code, means
        ten,             B,           joint
        """,
}
"""Headcounts 10, 20, 70 in three divisions: no stratum of two firms, so the correlation is 0.1."""


@pytest.fixture(scope="module")
def rates(tiny: Tiny, stratified: Figures) -> dict[str, Any]:
    return tiny.hold(**FIRMS).at().rates("districts", "siming")


@pytest.mark.parametrize(
    ("metric", "numerator", "denominator", "effective"),
    [
        ("member_ratio", 1 + 4, 100, 100**2 / (100 + 0.1 * (5400 - 100))),  # clustered
        ("employee_coverage", 10, 100, 100**2 / 5400),  # whole firms
        ("organisation_coverage", 1, 3, 3.0),  # Wilson
        (
            "women_share",
            1 + 1,
            5,
            5 / (1 + 0.1 * ((1 + 16) / 5 - 1)),
        ),  # shares; 1 member, and 4
        ("reporting_rate", 3, 3, 3.0),
    ],
)
def test_each_metric_has_its_interval_when_asked(
    rates: dict[str, Any], metric: str, numerator: int, denominator: int, effective: float
) -> None:
    rate = rates[metric]
    assert (*parts(rate), rate["value"]) == (numerator, denominator, numerator / denominator)
    assert rate["n_eff"] == pytest.approx(effective, rel=EXACT)
    assert (rate["low"], rate["high"]) == pytest.approx(bounds(numerator, denominator, effective), abs=EXACT)


def test_the_clustered_interval_is_the_known_one_when_five_of_a_hundred_are_members(rates: dict[str, Any]) -> None:
    ratio = rates["member_ratio"]
    assert (ratio["low"], ratio["high"]) == pytest.approx((0.007514763195, 0.267854501892), abs=1e-12)


@pytest.mark.parametrize("metric", ["member_ratio_upper", "turnover"])
def test_there_is_no_interval_when_the_metric_has_none(rates: dict[str, Any], metric: str) -> None:
    assert (rates[metric]["n_eff"], rates[metric]["low"], rates[metric]["high"]) == (None, None, None)


WOMEN = {
    "enterprises": """
        code, district_code, industry_code
        a1,   wucun,         64
        a2,   siming,        64
        a3,   yunding,       641
        b1,   huli,          65
        b2,   huli,          65
        b3,   huli,          65
        b4,   jiangtou,      65
        u1,   wucun,         64
        n1,   wucun,         64
        z1,   wucun,         64
        """,
    "returns": """
        enterprise_code, reported_on, operating, headcount, members, members_women
        a1,              2017-06-30,  ,          9,         2,       0
        a2,              2017-06-30,  ,          9,         4,       3
        a3,              2017-06-30,  ,          9,         6,       1
        b1,              2017-06-30,  ,          9,         1,       0
        b2,              2017-06-30,  ,          ,          5,       4
        b3,              2017-06-30,  ,          10,        10,      1
        b4,              2017-06-30,  ,          9,         4,       2
        u1,              2017-06-30,  ,          9,         9,
        n1,              2017-06-30,  false,     9,         9,       9
        z1,              2017-06-30,  ,          9,         0,       0
        """,
}
"""Strata A and B again, of women among members; u1 (unknown), n1 (not operating) and z1 (nobody) take no part."""


def test_the_correlation_of_a_share_is_estimated_from_its_denominators(tiny: Tiny, rates: dict[str, Any]) -> None:
    figures = tiny.hold(**WOMEN).at()
    correlations = figures.page("districts", level="county")["meta"]["intra_enterprise_correlation"]
    assert correlations["shares"] == dict.fromkeys(SHARES, 0.1) | {"women_share": 0.3744}
    women = figures.rates("districts", "wucun")["women_share"]  # a1, a3 below in Siming; u1 unknown
    assert parts(women) == (0 + 1, 2 + 6)
    members, squared = 2 + 6 + 9, 2**2 + 6**2 + 9**2
    effective = 8 / (1 + 0.3744 * (squared / members - 1))
    assert women["n_eff"] == pytest.approx(effective, rel=EXACT)
    assert (women["low"], women["high"]) == pytest.approx(bounds(1, 8, effective), abs=EXACT)
    alone = figures.rates("enterprises", "a3")["women_share"]
    assert alone["n_eff"] == pytest.approx(6 / (1 + 0.3744 * 5), rel=EXACT)  # N₂/N is its members


def test_dual_reach_rests_on_the_members_of_unorganised_enterprises(tiny: Tiny, rates: dict[str, Any]) -> None:
    returns = """
        enterprise_code, reported_on, headcount, members, members_dual
        ten,             2017-06-30,  10,        9,       9
        two,             2017-06-30,  20,        4,       1
        sev,             2017-06-30,  70,        2,       0
        """
    figures = tiny.hold(**(FIRMS | {"returns": returns})).at()
    county = figures.page("districts", level="county")["data"][0]
    assert county["counts"]["members_unorganised_squared"] == 4**2 + 2**2  # ten is organised
    assert county["counts"]["members_squared"] == 9**2 + 4**2 + 2**2
    reach, dual = county["rates"]["dual_reach"], county["rates"]["dual_affiliation_share"]
    assert reach["n_eff"] == pytest.approx(6 / (1 + 0.1 * (20 / 6 - 1)), rel=EXACT)
    assert dual["n_eff"] == pytest.approx(15 / (1 + 0.1 * (101 / 15 - 1)), rel=EXACT)


def test_members_of_a_branch_are_taken_for_independent(tiny: Tiny, rates: dict[str, Any]) -> None:
    names = [f"m{number}" for number in range(9)]
    members = "ref, sex\n" + "\n".join(f"{name}, {'female' if name < 'm3' else 'male'}" for name in names)
    affiliations = "member_ref, branch_code, role\n" + "\n".join(f"{name}, B, primary" for name in names)
    figures = tiny.hold(branches=FIRMS["branches"], members=members, affiliations=affiliations).at()
    women = figures.page("branches")["data"][0]["own"]["rates"]["women_share"]
    assert (parts(women), women["n_eff"]) == ((3, 9), 9)
    assert (women["low"], women["high"]) == pytest.approx(bounds(3, 9, 9.0), abs=EXACT)
