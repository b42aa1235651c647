"""Rows compared with what their own industries have elsewhere: known values, and the second reading of the page."""

from decimal import Decimal
from math import sqrt
from random import Random
from typing import Any

import numpy as np
import pytest

from app.statistics.comparison import CLASSES, Comparison, Matched, compare
from app.statistics.inference import Precision, wilson
from app.statistics.standardisation import ADJUSTED_COLUMNS, ADJUSTMENT, adjusted
from tests.reference import standardisation
from tests.reference.standardisation import Side, Stratum

RHO = 0.1
Z95, Z998 = 1.959963984540054, 3.090232306167813

Sums = tuple[int, int, int]
"""Members, headcount, sum of squared headcounts."""

A, B, C = (30, 1000, 20_000), (10, 500, 9_000), (2, 10, 40)
"""A row in three industries."""

A_ELSEWHERE, B_ELSEWHERE, C_ELSEWHERE = (600, 10_000, 200_000), (400, 4_000, 90_000), (0, 0, 0)


def standardised(
    *rows: list[tuple[Sums, Sums]], correlation: float = RHO, alpha: float = 0.05, margin: str = "0.8"
) -> Comparison:
    """Rows of strata, each (row, elsewhere): the scope is both together, which may differ from row to row."""
    sums = np.array(rows, np.int64)  # rows, strata, sides, sums
    own, scope = sums[:, :, 0], sums.sum(axis=2)
    sides = [
        Matched(side[..., 0], side[..., 1], side[..., 2], np.zeros(side.shape[:-1], np.int64)) for side in (own, scope)
    ]
    return adjusted(np.arange(len(rows)), sides[0], sides[1], correlation, alpha=alpha, margin=Decimal(margin))


def _matched(strata: list[Sums]) -> Matched:
    members, headcount, squared = np.array(strata, np.int64).T
    return Matched(members, headcount, squared, np.zeros(len(strata), np.int64))


def one(*strata: tuple[Sums, Sums], **options: Any) -> dict[str, Any]:
    found = standardised(list(strata), **options)
    return {name: column[0] for name, column in found.columns.items()} | {
        "class": CLASSES[found.columns["class"][0]].value
    }


def test_all_is_as_the_page_has_it_when_one_industry_is_nowhere_else() -> None:
    row = one((A, A_ELSEWHERE), (B, B_ELSEWHERE), (C, C_ELSEWHERE))
    expected = 1000 * 600 / 10_000 + 500 * 400 / 4_000  # 60 + 50; C is nowhere else
    assert (row["members_expected"], row["headcount_uncompared"]) == (pytest.approx(110), 10)
    assert expected == 110
    # A: 600/10000 = .06 elsewhere, 630/11000 in all: the former spreads more; B: .1, 410/4500 likewise
    of_a = 0.06 * 0.94 * (1000 + 0.1 * (20_000 - 1000) + 1000**2 * (10_000 + 0.1 * (200_000 - 10_000)) / 10_000**2)
    of_b = 0.1 * 0.9 * (500 + 0.1 * (9_000 - 500) + 500**2 * (4_000 + 0.1 * (90_000 - 4_000)) / 4_000**2)
    variance = of_a + of_b
    assert variance == pytest.approx(1_276_539 / 4_000) == 319.13475
    draws = 110 * (1500 - 110) / variance
    assert row["n_eff"] == pytest.approx(draws, rel=1e-12)
    assert draws == pytest.approx(479.1079630156, abs=1e-9)
    assert (row["ratio"], row["reference_ratio"]) == (40 / 1500, pytest.approx(110 / 1500))
    assert row["expected"] == pytest.approx(35.13458395, abs=1e-8)
    assert row["standardised_ratio"] == pytest.approx(40 / 110) == pytest.approx(0.3636363636, abs=1e-10)
    low, high = (float(side[0]) for side in wilson(np.array([40]), np.array([1500]), np.array([draws])))
    assert row["standardised_ratio_low"] == pytest.approx(low * 1500 / 110) == pytest.approx(0.2124276406, abs=1e-10)
    assert row["standardised_ratio_high"] == pytest.approx(high * 1500 / 110) == pytest.approx(0.6175261106, abs=1e-10)
    assert row["p"] == pytest.approx(1.547581664e-05, rel=1e-9)
    assert row["p_margin"] == pytest.approx(0.0007738464796, rel=1e-9)
    assert row["shortfall"] == 110 - 40
    assert row["class"] == "low"
    precision = 110**2 / variance
    assert row["precision"] == pytest.approx(precision)
    for name, z in (("95", Z95), ("998", Z998)):
        assert row[f"limit_{name}_low"] == pytest.approx(1 - z / sqrt(precision))
        assert row[f"limit_{name}_high"] == pytest.approx(1 + z / sqrt(precision))


def test_a_tenth_of_everything_is_too_few_to_be_tested() -> None:
    strata = ((A, A_ELSEWHERE), (B, B_ELSEWHERE))
    tenth = [tuple((m // 10, h // 10, q // 10) for m, h, q in stratum) for stratum in strata]
    row = one(*tenth)  # type: ignore[arg-type]
    assert row["members_expected"] == pytest.approx(11)
    assert row["n_eff"] == pytest.approx(47.91079630156, abs=1e-9)  # V is a tenth too: 31.913475
    assert row["expected"] == pytest.approx(3.513458395, abs=1e-9)
    assert (row["class"], row["shortfall"]) == ("few_expected", 11 - 4)
    assert np.isnan([row[name] for name in ("p", "q", "p_margin", "q_margin")]).all()
    assert not np.isnan([row[name] for name in (*ADJUSTMENT, "ratio", "limit_95_low")]).any()


def test_one_industry_below_the_reference_gives_the_plain_test() -> None:
    own, elsewhere = (40, 1000, 20_000), (800, 10_000, 200_000)
    row = one((own, elsewhere))
    n1, n2 = 1000**2 / (1000 + 0.1 * 19_000), 10_000**2 / (10_000 + 0.1 * 190_000)
    assert row["n_eff"] == pytest.approx(n1 * n2 / (n1 + n2)) == pytest.approx(313.4796238245, abs=1e-9)
    plain = compare(
        np.arange(1), _matched([own]), _matched([elsewhere]), 0.08, Precision(RHO), alpha=0.05, margin=Decimal("0.8")
    )
    for name in ("ratio", "reference_ratio", "expected", "p", "q", "p_margin", "q_margin", "class", "shortfall"):
        found = standardised([(own, elsewhere)]).columns[name][0]
        assert found == pytest.approx(plain.columns[name][0], rel=1e-12), name


def test_the_larger_spread_is_taken_when_the_row_is_above_the_reference() -> None:
    row = one(((200, 1000, 1000), (0, 10_000, 10_000)), ((50, 1000, 1000), (500, 10_000, 10_000)))
    common = 200 / 11_000  # elsewhere nobody of the first industry
    variance = common * (1 - common) * (1000 + 1000**2 * 10_000 / 10_000**2) + 0.05 * 0.95 * (1000 + 100)
    assert row["n_eff"] == pytest.approx(50 * (2000 - 50) / variance)
    assert row["members_expected"] == pytest.approx(50)
    assert (row["class"], row["shortfall"]) == ("higher", 0)


def test_nothing_but_what_is_not_compared_is_given_when_nothing_can_be() -> None:
    found = standardised(
        [(C, C_ELSEWHERE), ((0, 0, 0), A_ELSEWHERE)],  # its only industry is nowhere else
        [(A, (50, 50, 100)), (C, (60, 50, 100))],  # elsewhere all are members, or more
        [(A, (0, 500, 900)), ((0, 0, 0), (0, 0, 0))],  # or nobody
        [((0, 0, 0), A_ELSEWHERE), ((0, 0, 0), B_ELSEWHERE)],  # no headcount
    )
    assert [CLASSES[number] for number in found.columns["class"]] == ["not_applicable"] * 4
    assert found.columns["headcount_uncompared"].tolist() == [10, 1010, 0, 0]
    for name in set(ADJUSTED_COLUMNS) - {"class", "headcount_uncompared"}:
        assert found.null(name).all(), name
    assert not found.null("headcount_uncompared").any()
    assert found.columns["shortfall"].tolist() == [0] * 4


def test_more_members_than_headcount_are_inconsistent_and_only_intervals_and_tests_are_null() -> None:
    row = one(((1600, 1000, 20_000), A_ELSEWHERE), (B, B_ELSEWHERE))  # 1610 of 1500
    assert (row["class"], row["standardised_ratio"], row["shortfall"]) == ("inconsistent", pytest.approx(1610 / 110), 0)
    untested = ("p", "q", "p_margin", "q_margin", "standardised_ratio_low", "standardised_ratio_high")
    assert np.isnan([row[name] for name in untested]).all()
    assert not np.isnan([row[name] for name in ("n_eff", "expected", "precision", "limit_998_low")]).any()


def test_a_shortfall_is_in_whole_members_and_no_rounding_error_adds_one() -> None:
    thirds = ((0, 3, 9), (1, 3, 9))
    assert one(*[thirds] * 3)["shortfall"] == 3  # 3 · 3 · 1/3
    assert one(((0, 10, 10), (7, 100, 100)), ((0, 10, 10), (3, 100, 100)))["shortfall"] == 1  # .7 + .3
    assert one(((0, 10, 10), (7, 100, 100)), ((0, 10, 10), (4, 100, 100)))["shortfall"] == 2


def test_a_mix_of_industries_alone_makes_nothing_differ() -> None:
    rows = [
        [((120, 1000, 8000), (1200, 10_000, 80_000)), ((2, 100, 800), (100, 5000, 40_000))],
        [((12, 100, 800), (1200, 10_000, 80_000)), ((40, 2000, 16_000), (100, 5000, 40_000))],
    ]  # in either the ratios of elsewhere, .12 and .02: together .11 and .02
    found = standardised(*rows)
    assert found.columns["standardised_ratio"] == pytest.approx([1, 1])
    assert found.columns["p"].tolist() == [1, 1]
    assert found.columns["q_margin"].tolist() == [1, 1]


def _random_stratum(random: Random) -> Stratum:
    def side(most: int) -> Side:
        headcount = random.choice((0, 1, random.randint(1, most), random.randint(1, most)))
        members = min(random.choice((0, headcount, int(headcount * random.random() / 4), 2 * headcount)), 3 * most)
        return Side(members, headcount, headcount * random.choice((1, random.randint(1, max(headcount, 1)))))

    return side(3_000), side(40_000)


def test_everything_equals_the_second_reading_when_strata_are_random() -> None:
    random, seen = Random(20261128), set()
    for _ in range(60):
        strata = random.choice((1, 2, 9))
        rows = [[_random_stratum(random) for _ in range(strata)] for _ in range(random.choice((1, 8)))]
        correlation, margin = random.choice((0.0, 0.02, 0.3, 1.0)), random.choice(("0.5", "0.8", "1"))
        as_sums = [[tuple((s.members, s.headcount, s.squares) for s in pair) for pair in row] for row in rows]
        found = standardised(*as_sums, correlation=correlation, alpha=0.2, margin=margin)  # type: ignore[arg-type]
        expected = standardisation.adjusted(rows, correlation, 0.2, float(margin))
        for place, row in enumerate(expected):
            seen.add(row["class"])
            assert CLASSES[found.columns["class"][place]] == row["class"], (place, row)
            for name in set(ADJUSTED_COLUMNS) - {"class"}:
                value = None if found.null(name)[place] else float(found.columns[name][place])
                wanted = row[name] if row[name] is None else pytest.approx(float(row[name]), rel=1e-8, abs=1e-12)
                assert value == wanted, (name, row)
    assert seen == {str(kind) for kind in CLASSES}
