"""The member ratio of rounded figures: its interval, its status, and what it is worth in a test."""

from math import sqrt
from typing import Any

import numpy as np
import pytest

from app.statistics.inference import effective_headcount, effective_rounded, precision_of, rounding_error, widened
from app.statistics.rates import LOW_BASE, UNRELIABLE
from tests.factories.public_snapshots import PublicSnapshot
from tests.factories.tiny import Figures, parts

Z = 1.959963984540054

# one place a street × division, each a case of its own
PLACES = """
    district, industry, enterprises, members, headcount, headcount_matched_squared, enterprises_shown
    wucun,    64,       12,          60,      500,       26000,                     10
    wucun,    65,       3,           15,      100,       5400,                      3
    wucun,    86,       3,           35,      30,        900,                       1
    jialian,  64,       3,           0,       40,        1600,                      1
    jialian,  65,       2,           5,       0,         0,                         1
    jialian,  86,       2,           0,       0,         0,                         0
    jiangtou, 64,       9,           30,      2000,      1000000,                   4
    jiangtou, 65,       2,           100,     100,       5000,                      2
    jiangtou, 86,       9,           10,      1000,      1000000,                   1
"""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return PublicSnapshot(PLACES).write(tmp_path_factory.mktemp("public"))


def ratio_of(figures: Figures, district: str, industry: str) -> dict[str, Any]:
    ratio: dict[str, Any] = figures.rates("districts", district, industry=industry)["member_ratio"]
    return ratio


def bounds(members: int, headcount: int, squared: int, shown: int) -> tuple[float, float]:
    """The interval step by step, as the design states it."""
    r = members / headcount
    n = headcount**2 / (headcount + 0.1 * (squared - headcount))
    scale = 1 + Z**2 / n
    w = Z * sqrt(r * (1 - r) / n + Z**2 / (4 * n**2)) / scale  # half of a Wilson interval within 0 and 1
    if members == 0:
        w = Z**2 / (n + Z**2) / 2
    if members == headcount:
        w = (1 - n / (n + Z**2)) / 2
    se = sqrt(4 * shown * (1 + r**2) / headcount**2)
    half = sqrt(w**2 + (Z * se) ** 2)
    return max(0.0, r - half), min(1.0, r + half)


def z_se(members: int, headcount: int, shown: int) -> float:
    return Z * sqrt(4 * shown * (1 + (members / headcount) ** 2)) / headcount


@pytest.mark.parametrize(
    ("district", "industry", "members", "headcount", "squared", "shown", "status"),
    [
        ("wucun", "64", 60, 500, 26000, 10, "ok"),
        ("wucun", "65", 15, 100, 5400, 3, "unreliable"),
        ("jialian", "64", 0, 40, 1600, 1, "unreliable"),
        ("jiangtou", "64", 30, 2000, 1000000, 4, "ok"),
        ("jiangtou", "65", 100, 100, 5000, 2, "unreliable"),
        ("jiangtou", "86", 10, 1000, 1000000, 1, "low_base"),
    ],
)
def test_the_interval_holds_clustering_and_rounding_when_a_ratio_is_public(
    figures: Figures, district: str, industry: str, members: int, headcount: int, squared: int, shown: int, status: str
) -> None:
    ratio = ratio_of(figures, district, industry)
    assert (ratio["value"], *parts(ratio)) == (members / headcount, members, headcount)
    assert (ratio["low"], ratio["high"]) == pytest.approx(bounds(members, headcount, squared, shown), abs=1e-12)
    assert ratio["status"] == status
    assert (z_se(members, headcount, shown) > 0.05) == (status == "unreliable")


def test_the_interval_is_the_known_one_when_sixty_of_five_hundred_are_members(figures: Figures) -> None:
    # r = .12; n = 250000 / (500 + .1 · 25500) = 81.967; SE = √(40 · 1.0144) / 500 = .012740; z·SE = .0249697;
    # Wilson from .066181863634 to .207841605531, w = .070829870949; √(w² + (z·SE)²) = .075102295245
    ratio = ratio_of(figures, "wucun", "64")
    n = 500**2 / (500 + 0.1 * (26000 - 500))
    assert n == pytest.approx(81.9672131)
    assert z_se(60, 500, 10) == pytest.approx(0.024969664244, abs=1e-12)
    assert (ratio["low"], ratio["high"]) == pytest.approx((0.044897704755, 0.195102295245), abs=1e-12)


def test_the_interval_is_around_the_ratio_and_within_zero_and_one_when_members_are_few(figures: Figures) -> None:
    nobody = ratio_of(figures, "jialian", "64")
    assert (nobody["low"], nobody["value"]) == (0.0, 0.0)
    assert 0 < nobody["high"] < 1
    everybody = ratio_of(figures, "jiangtou", "65")
    assert (everybody["high"], everybody["value"]) == (1.0, 1.0)
    assert 0 < everybody["low"] < 1
    middle = ratio_of(figures, "wucun", "64")
    assert middle["high"] - middle["value"] == pytest.approx(middle["value"] - middle["low"], abs=1e-12)


def test_nothing_but_the_parts_is_given_when_no_headcount_is_shown(figures: Figures) -> None:
    for industry, members in (("65", 5), ("86", 0)):
        ratio = ratio_of(figures, "jialian", industry)
        assert (ratio["value"], *parts(ratio), ratio["low"], ratio["high"]) == (None, members, 0, None, None)
        assert ratio["status"] == "not_applicable"  # also where members or headcounts are unknown: that is exact data


def test_a_ratio_is_inconsistent_before_it_is_unreliable_when_above_one(figures: Figures) -> None:
    ratio = ratio_of(figures, "wucun", "86")
    assert z_se(35, 30, 1) > 0.05
    assert (ratio["value"], *parts(ratio), ratio["low"], ratio["high"]) == (35 / 30, 35, 30, None, None)
    assert ratio["status"] == "inconsistent"


def test_a_ratio_is_unreliable_before_it_is_of_low_base_when_both(figures: Figures) -> None:
    n = 40**2 / (40 + 0.1 * (1600 - 40))
    assert n < LOW_BASE
    assert ratio_of(figures, "jialian", "64")["status"] == "unreliable"


@pytest.mark.parametrize(("headcount", "status"), [(156, "unreliable"), (157, "ok")])
def test_a_ratio_is_unreliable_when_rounding_is_worth_more_than_five_points(
    tmp_path_factory: pytest.TempPathFactory, headcount: int, status: str
) -> None:
    # z·√(4 · 4) / H = 7.8399 / H, and 7.8399 / 0.05 = 156.8
    assert (z_se(0, headcount, 4) > 0.05) == (status == "unreliable")
    places = f"""
        district, industry, enterprises, members, headcount, headcount_matched_squared, enterprises_shown
        wucun,    64,       4,           0,       {headcount}, {headcount * 40},          4
        """
    figures = PublicSnapshot(places).write(tmp_path_factory.mktemp("public"))
    assert figures.rates("districts", "wucun")["member_ratio"]["status"] == status


def test_sums_of_places_have_the_interval_of_their_sums_when_a_county_is_asked(figures: Figures) -> None:
    county = figures.rates("districts", "siming")["member_ratio"]
    members, headcount = 60 + 15 + 35 + 0 + 5 + 0, 500 + 100 + 30 + 40
    assert parts(county) == (members, headcount)
    expected = bounds(members, headcount, 26000 + 5400 + 900 + 1600, 10 + 3 + 1 + 1 + 1)
    assert (county["low"], county["high"]) == pytest.approx(expected, abs=1e-12)
    assert figures.page("districts", parent="siming")["total"]["rates"]["member_ratio"] == county


def test_rates_of_firms_have_their_wilson_interval_when_figures_are_public(figures: Figures) -> None:
    rate = figures.rates("districts", "wucun", industry="64")["organisation_coverage"]
    assert (parts(rate), rate["low"], rate["status"]) == ((0, 12), 0.0, "low_base")
    assert rate["high"] == pytest.approx(Z**2 / (12 + Z**2), abs=1e-12)


def test_the_precision_is_that_of_the_disclosure_when_read(figures: Figures) -> None:
    precision = precision_of(figures.asker.shelf.get(figures.snapshot).manifest)
    assert (precision.correlation, precision.rounding) == (0.1, 4.0)  # (5² − 1) / 6
    assert UNRELIABLE == 0.05


def test_rounding_is_off_by_its_variance_when_shifts_are_drawn_evenly() -> None:
    # over all remainders n mod 5 and all shifts s = 0 … 4: the mean of (5·⌊(n + s)/5⌋ − n)²
    errors = [(5 * ((n + s) // 5) - n) ** 2 for n in range(5) for s in range(5)]
    assert sum(errors) / len(errors) == 4.0


def draws(reference: float, effective: float, shown: int, headcount: int) -> float:
    found = effective_rounded(np.array([reference]), np.array([effective]), np.array([shown]), np.array([headcount]), 4)
    return float(found[0])


def test_a_headcount_is_worth_fewer_draws_when_it_is_rounded() -> None:
    reference, effective, shown, headcount = 0.08, 300.0, 50, 2000
    spread = 0.08 * (1 - 0.08)
    blur = 4 * shown * (1 + 0.08**2) / headcount**2
    assert draws(reference, effective, shown, headcount) == pytest.approx(spread / (spread / effective + blur))
    assert draws(reference, effective, shown, headcount) == pytest.approx(248.9, abs=0.05)


def test_a_headcount_is_worth_its_own_draws_when_nothing_is_rounded() -> None:
    assert draws(0.08, 300.0, 0, 2000) == pytest.approx(300.0, abs=1e-9)
    assert draws(0.08, 1e12, 50, 2000) == pytest.approx(0.0736 / (200 * 1.0064 / 2000**2), rel=1e-6)  # rounding alone


def test_bounds_are_as_wide_as_both_errors_when_widened() -> None:
    low, high = widened(np.array([0.3]), np.array([0.26]), np.array([0.32]), np.array([0.04]))
    assert (low[0], high[0]) == pytest.approx((0.3 - 0.05, 0.3 + 0.05))  # √(0.03² + 0.04²) = 0.05
    error = rounding_error(np.array([0.75]), np.array([1]), np.array([100]), 4.0)
    assert error[0] == pytest.approx(Z * 2 * 1.25 / 100)  # √(4 · (1 + 9/16)) = 2 · 5/4
    assert effective_headcount(np.array([40.0]), np.array([1600.0]), 0.1)[0] == pytest.approx(1600 / 196)
