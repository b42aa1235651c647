"""The formulas of low membership: known values, whole draws against binomial tails, statsmodels and scipy."""

from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import beta, binom, false_discovery_control, norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import binom_test, proportions_ztest

from app.statistics.comparison import (
    CLASSES,
    COLUMNS,
    LEAST_EXPECTED,
    Z_998,
    Comparison,
    Matched,
    compare,
    margin_rates,
)
from app.statistics.inference import (
    Precision,
    Z,
    false_discovery_rates,
    funnel_limits,
    joint_draws,
    lower_tail,
    p_values,
)

EXACT = Precision(0.0)
"""No correlation: every employee is a draw of their own."""


NULL_UNTESTED = ("p", "q", "p_margin", "q_margin")


def p_of(ratio: float, reference: float, draws: float) -> float:
    return float(p_values(np.array([ratio]), np.array([reference]), np.array([draws]))[0])


def joint(first: float, second: float) -> float:
    return float(joint_draws(np.array([first]), np.array([second]))[0])


def matched(*firms: list[int], shown: int = 0) -> Matched:
    """Rows of (members, headcount, squared headcounts)."""
    members, headcount, squared = np.array(firms, np.int64).T
    return Matched(members, headcount, squared, np.full(len(firms), shown))


def compared(own: Matched, reference: Matched | Decimal, precision: Precision = EXACT, **options: Any) -> Comparison:
    decided: dict[str, Any] = {"alpha": 0.05, "margin": Decimal("0.8")} | options
    return compare(np.arange(len(own.members)), own, reference, 0.08, precision, **decided)


def classes(comparison: Comparison) -> list[str]:
    return [CLASSES[number] for number in comparison.columns["class"]]


# --- p ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "draws", "p"),
    [(0.04, 300.0, 0.008221199830), (0.0, 300.0, 2.73765173462e-11), (0.14, 300.0, 0.00108152703368)],
)
def test_p_is_the_known_one_when_a_ratio_is_tested_against_eight_percent(ratio: float, draws: float, p: float) -> None:
    assert p_of(ratio, 0.08, draws) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize(("ratio", "p"), [(0.04, 0.026051426320), (0.13, 0.015427452483)])
def test_p_is_the_known_one_when_two_samples_are_compared(ratio: float, p: float) -> None:
    draws = joint(250, 2000)  # 250 · 2000 / 2250
    assert draws == pytest.approx(222.222222222222, abs=1e-12)
    assert p_of(ratio, 0.08, draws) == pytest.approx(p, rel=1e-9)


def test_p_is_what_statsmodels_says_when_draws_are_whole_and_the_ratio_is_low() -> None:
    for found in (0, 1, 3, 7, 12):
        smaller = binom_test(found, 300, 0.08, alternative="smaller")
        assert p_of(found / 300, 0.08, 300) == pytest.approx(min(1, 2 * smaller), rel=1e-9)


def test_p_is_the_larger_upper_tail_when_the_ratio_is_high() -> None:
    for found in (30, 42, 60):
        upper = binom.sf(found - 1, 300, 0.08)
        assert upper == pytest.approx(binom_test(found, 300, 0.08, alternative="larger"), rel=1e-9)
        heavier = beta(0.08 * 299, 0.92 * 299).sf(found / 300)
        assert (heavier > upper) == (found > 30)  # both decide somewhere
        assert p_of(found / 300, 0.08, 300) == pytest.approx(2 * max(upper, heavier), rel=1e-9)


def test_p_is_near_that_of_a_z_test_when_draws_are_many() -> None:
    draws = joint(40_000, 60_000)
    _, p_z = proportions_ztest([3_080, 4_800], [40_000, 60_000])  # 0.077 against 0.08
    assert p_of(0.077, 0.08, draws) == pytest.approx(p_z, rel=0.05)


def test_p_is_one_sided_at_the_ends_when_nobody_or_everybody_is_a_member() -> None:
    assert p_of(0.0, 0.3, 40.5) == pytest.approx(2 * 0.7**40.5, rel=1e-9)  # P_low = I(n, 1; q) = qⁿ; P_high = 1
    assert p_of(1.0, 0.3, 40.5) == pytest.approx(2 * max(0.3**40.5, 0.0), rel=1e-9)  # P_beta = I(.., ..; 0) = 0
    assert p_of(0.08, 0.08, 300) == 1.0  # twice each tail is above 1


@given(st.floats(0, 1), st.floats(0.001, 0.999), st.floats(0.01, 1e5))
def test_p_is_between_zero_and_one_whatever_is_tested(ratio: float, reference: float, draws: float) -> None:
    assert 0 <= p_of(ratio, reference, draws) <= 1


def test_p_falls_when_the_ratio_moves_away_from_the_reference() -> None:
    ratios = np.linspace(0, 0.08, 41)
    falling = p_values(ratios, np.full(41, 0.08), np.full(41, 250.5))
    assert (np.diff(falling) >= -1e-15).all()
    ratios = np.linspace(0.08, 0.5, 41)
    rising = p_values(ratios, np.full(41, 0.08), np.full(41, 250.5))
    assert (np.diff(rising) <= 1e-15).all()


# --- p of the margin --------------------------------------------------------------------------------------------------


def p_margin_of(ratio: float, draws: float, margin: float = 0.8) -> float:
    """The claim that a ratio is below a part of eight percent."""
    return float(lower_tail(np.array([ratio]), np.array([margin * 0.08]), np.array([draws]))[0])


@pytest.mark.parametrize(
    ("ratio", "draws", "p"),
    [
        (0.04, 300.0, 0.05002696012),
        (0.0, 300.0, 2.414096472e-09),  # (1 − 0.064)³⁰⁰
        (0.064, 300.0, 0.5603281596),  # at the margin
        (0.04, 250 * 2000 / 2250, 0.08633485468),
    ],
)
def test_p_margin_is_the_known_one_when_the_margin_is_eight_tenths(ratio: float, draws: float, p: float) -> None:
    assert p_margin_of(ratio, draws) == pytest.approx(p, rel=1e-9)


def test_p_margin_is_half_of_p_when_the_margin_is_the_reference_and_the_ratio_low() -> None:
    assert p_margin_of(0.04, 300.0, margin=1.0) == pytest.approx(0.004110599915, rel=1e-9)
    assert p_margin_of(0.04, 300.0, margin=1.0) == pytest.approx(p_of(0.04, 0.08, 300.0) / 2, rel=1e-12)


def test_p_margin_is_that_of_a_binomial_test_when_draws_are_whole() -> None:
    for found in (0, 1, 3, 7, 12, 40, 300):
        smaller = binom_test(found, 300, 0.064, alternative="smaller")
        assert p_margin_of(found / 300, 300.0) == pytest.approx(smaller, rel=1e-9)


def test_p_margin_is_in_the_rows_and_a_single_row_is_low_by_twice_of_it() -> None:
    found = compared(matched([40, 1000, 1000], [64, 1000, 1000]), Decimal("0.08"))
    assert found.columns["p_margin"] == pytest.approx(
        [p_margin_of(0.04, 1000.0), p_margin_of(0.064, 1000.0)], rel=1e-12
    )
    assert found.columns["p_margin"][1] > 0.5
    assert found.columns["q_margin"] == pytest.approx([2 * p_margin_of(0.04, 1000.0), 1.0], rel=1e-12)


# --- q ---------------------------------------------------------------------------------------------------------------


def test_q_is_the_known_one_when_there_are_ten() -> None:
    p = [0.041, 0.001, 0.216, 0.008, 0.039, 0.042, 0.06, 0.205, 0.074, 0.212]
    q = [0.084, 0.01, 0.216, 0.04, 0.084, 0.084, 0.1, 0.216, 0.105714285714, 0.216]
    assert false_discovery_rates(np.array(p)) == pytest.approx(q, abs=1e-12)


@given(arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0.0, 1e-9, 0.01, 0.02, 0.05, 0.3, 1.0])))
def test_q_is_what_statsmodels_and_scipy_say_with_ties(p: Any) -> None:
    q = false_discovery_rates(p)
    assert q == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)
    assert q == pytest.approx(false_discovery_control(p, method="bh"), abs=1e-12)


def test_q_is_nothing_when_nothing_is_tested() -> None:
    assert false_discovery_rates(np.array([])).tolist() == []


def test_q_margin_is_over_the_rows_that_may_be_low_alone() -> None:
    p = [0.001, 0.008, 0.03, 0.2, 0.5, 0.7, 0.9, 0.99]
    # of the five up to 0.5, doubled: .002 · 5/1, .016 · 5/2, .06 · 5/3, .4 · 5/4, 1 · 5/5
    assert margin_rates(np.array(p)) == pytest.approx([0.01, 0.04, 0.1, 0.5, 1, 1, 1, 1], abs=1e-12)


# --- n_eff, limits, shortfall, classes --------------------------------------------------------------------------------


def test_draws_are_effective_ones_when_firms_are_alike_inside() -> None:
    own = matched([5, 100, 5400])  # firms of 10, 20, 70: 100² / (100 + ρ · (5400 − 100))
    for correlation, draws in ((0.1, 10_000 / 630), (0.0, 100.0), (1.0, 10_000 / 5400)):
        assert own.draws(np.array([0.08]), Precision(correlation))[0] == pytest.approx(draws, abs=1e-12)
    assert np.isnan(matched([0, 0, 0]).draws(np.array([0.08]), EXACT)).all()
    assert np.isnan(own.draws(np.array([np.nan]), EXACT)).all()


def test_draws_are_fewer_when_figures_are_rounded() -> None:
    own = matched([100, 1600, 64_000], shown=40)
    clustered = 1600**2 / (1600 + 0.1 * (64_000 - 1600))
    spread, blur = 0.1 * 0.9, 4 * 40 * (1 + 0.1**2) / 1600**2
    found = own.draws(np.array([0.1]), Precision(0.1, 4.0))[0]
    assert found == pytest.approx(spread / (spread / clustered + blur), abs=1e-9)
    assert own.draws(np.array([0.0]), Precision(0.1, 4.0))[0] == 0.0  # a reference of nobody: nothing can be told


def test_joint_draws_are_those_of_the_smaller_side_when_the_other_is_large() -> None:
    assert joint(10, 1e12) == pytest.approx(10)
    assert joint(10, 10) == 5
    assert joint(0, 0) == 0


def test_limits_are_around_the_centre_and_within_zero_and_one() -> None:
    assert pytest.approx(norm.ppf(0.999), abs=1e-12) == Z_998
    assert pytest.approx(norm.ppf(0.975), abs=1e-12) == Z
    low, high = funnel_limits(0.08, np.array([400.0, 9.0]), Z)
    half = Z * sqrt(0.08 * 0.92 / 400)
    assert (low[0], high[0]) == pytest.approx((0.08 - half, 0.08 + half), abs=1e-12)
    assert (low[1], high[1]) == pytest.approx((0.0, 0.08 + Z * sqrt(0.08 * 0.92 / 9)), abs=1e-12)
    assert funnel_limits(0.9, np.array([4.0]), Z)[1].tolist() == [1.0]


def test_limits_are_the_whole_range_when_nothing_can_be_told_and_none_without_a_centre() -> None:
    for centre in (0.0, 0.08, 1.0):
        assert [side.tolist() for side in funnel_limits(centre, np.array([0.0]), Z)] == [[0.0], [1.0]]
    for centre in (1.01, float("nan")):
        assert all(np.isnan(side).all() for side in funnel_limits(centre, np.array([20.0]), Z))
    assert all(np.isnan(side).all() for side in funnel_limits(0.08, np.array([np.nan]), Z))


@pytest.mark.parametrize(
    ("own", "reference", "shortfall"),
    [
        ((3, 250), matched([160, 2000, 1]), 17),  # 0.08 · 250 = 20
        ((7, 100), matched([7, 100, 1]), 0),
        ((30, 100), matched([7, 100, 1]), 0),
        ((0, 101), matched([7, 100, 1]), 8),  # 7.07
        ((0, 100), Decimal("0.07"), 7),  # as a binary number 7.000000000000001
        ((0, 1), Decimal("0.000000000001"), 1),
        ((10**15 - 1, 10**16), matched([10**17, 10**18, 1]), 1),  # products beyond 64 bits
    ],
)
def test_shortfall_is_what_lacks_to_the_reference_in_whole_members(
    own: tuple[int, int], reference: Matched | Decimal, shortfall: int
) -> None:
    found = compared(matched([*own, own[1]]), reference).columns["shortfall"]
    assert found.tolist() == [shortfall]


def test_classes_are_in_their_order_when_ratios_are_tested() -> None:
    reference = [800, 10_000, 1]
    rows = {
        "low": [10, 1000, 1],
        "lower": [700, 10_000, 1],
        "higher": [200, 1000, 1],
        "not_different": [80, 1000, 1],
        "few_expected": [0, 62, 62],
        "inconsistent": [70, 62, 62],
        "not_applicable": [0, 0, 0],
    }
    found = compared(matched(*rows.values()), matched(*[reference] * len(rows)), margin=Decimal("0.8"))
    assert classes(found) == list(rows)


def test_p_and_q_are_null_and_all_else_stays_when_nothing_could_be_shown() -> None:
    found = compared(matched([0, 62, 62], [63, 62, 62], [0, 63, 63]), Decimal("0.08"))
    assert classes(found) == ["few_expected", "inconsistent", "low"]
    assert found.columns["expected"] == pytest.approx([62 * 0.08, 62 * 0.08, 63 * 0.08])
    assert 62 * 0.08 < LEAST_EXPECTED < 63 * 0.08
    for column in NULL_UNTESTED:
        assert np.isnan(found.columns[column]).tolist() == [True, True, False], column
    assert found.columns["q"][2] == found.columns["p"][2] == pytest.approx(2 * 0.92**63)  # alone: its p
    for column in set(COLUMNS) - {*NULL_UNTESTED, "class"}:
        assert not found.null(column).any(), column


def test_five_expected_members_are_enough_when_exactly_five() -> None:
    found = compared(matched([0, 100, 100], [0, 99, 99]), Decimal("0.05"))
    assert found.columns["expected"] == pytest.approx([5.0, 4.95])
    assert classes(found)[1] == "few_expected"
    assert found.columns["p"][0] == pytest.approx(2 * 0.95**100)


def test_everything_is_null_when_there_is_nothing_to_compare() -> None:
    own = matched([0, 0, 0], [5, 10, 100], [5, 10, 100], [5, 10, 100])
    other = matched([5, 10, 100], [0, 0, 0], [7, 7, 49], [8, 7, 49])  # and a reference of all members, or more
    found = compared(own, other)
    assert classes(found) == ["not_applicable"] * 4
    for column in set(COLUMNS) - {"class"}:
        assert found.null(column).all(), column


def test_alpha_decides_on_q_and_not_on_p() -> None:
    rows = [[55, 1000, 1], *[[80, 1000, 1]] * 19]
    found = compared(matched(*rows), Decimal("0.08"))
    p, q = found.columns["p"][0], found.columns["q"][0]
    assert p < 0.05 < q == pytest.approx(20 * p)
    assert classes(found)[0] == "not_different"
    assert classes(compared(matched(*rows), Decimal("0.08"), alpha=q * 1.01))[0] == "lower"
    assert classes(compared(matched(*rows), Decimal("0.08"), alpha=float(q)))[0] == "not_different"  # q < alpha


def test_low_needs_both_q() -> None:
    rows = matched([40, 1000, 1000], [40, 1000, 1000], [64, 1000, 1000])
    found = compared(rows, Decimal("0.08"))
    assert classes(found) == ["low", "low", "not_different"]
    between = (found.columns["q"][0] + found.columns["q_margin"][0]) / 2
    assert found.columns["q"][0] < between < found.columns["q_margin"][0]
    assert classes(compared(rows, Decimal("0.08"), alpha=between))[:2] == ["lower", "lower"]
    near_one = compared(rows, Decimal("0.08"), margin=Decimal("1"))  # p_margin is half of p, over fewer rows
    assert near_one.columns["q_margin"][0] <= near_one.columns["q"][0]


def test_a_reference_of_nobody_is_of_few_expected_when_someone_is_a_member() -> None:
    found = compared(matched([5, 100, 100]), matched([0, 1000, 1000]))
    assert classes(found) == ["few_expected"]
    assert (found.columns["reference_ratio"][0], found.columns["expected"][0]) == (0.0, 0.0)
    assert found.columns["shortfall"].tolist() == [0]
