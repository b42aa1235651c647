"""Statuses of ratios, in their order: each street is a case of its own."""

from typing import Any

import numpy as np
import pytest

from app.catalogue.metrics import Interval, Metric
from app.catalogue.vocabulary import Label
from app.statistics.inference import Precision
from app.statistics.rates import STATUSES, Counts, rates_of
from tests.factories.tiny import DISTRICTS, Figures, Tiny, parts


def streets(*names: str) -> str:
    """The tree of districts, with these streets in Siming besides."""
    return DISTRICTS + "\n".join(f"{name}, siming, street, 街道" for name in names)


def firms(street: str, number: int) -> list[str]:
    return [f"{street}-{turn}" for turn in range(number)]


def lines(*cells: str) -> str:
    return "\n".join(cells)


FEW, ENOUGH = firms("few", 29), firms("enough", 30)
REGISTER = {
    "districts": streets("none", "headless", "zero", "idle", "stale", "few", "enough", "big", "moving") + "\n"
    "tongan, xiamen, county, 同安区",
    "enterprises": """
        code,     district_code
        headless, headless
        zero,     zero
        idle,     idle
        stale,    stale
        big,      big
        moving,   moving
        farm,     tongan
        """
    + lines(*(f"{code}, {code.partition('-')[0]}" for code in FEW + ENOUGH)),
    "returns": """
        enterprise_code, reported_on, headcount
        headless,        2017-06-30,
        zero,            2017-06-30,  0
        idle,            2017-06-30,  50
        stale,           2017-06-30,  2
        big,             2017-06-30,  5000
        moving,          2017-06-30,  1
        farm,            2017-06-30,
        """
    + lines(*(f"{code}, 2017-06-30, 10" for code in FEW + ENOUGH)),
    "members": """
        ref,      joined_on,  left_on
        stale-1,
        stale-2,
        stale-3,
        moving-1, 2017-01-01, 2017-05-01
        moving-2, 2017-01-01, 2017-05-01
        moving-3, 2017-01-01, 2017-05-01
        moving-4,
        """,
    "employments": """
        member_ref, enterprise_code
        stale-1,    stale
        stale-2,    stale
        stale-3,    stale
        moving-1,   moving
        moving-2,   moving
        moving-3,   moving
        moving-4,   moving
        """,
}


@pytest.fixture(scope="module")
def register(tiny: Tiny) -> Figures:
    return tiny.hold(**REGISTER).at(member_source="register")


@pytest.mark.parametrize(
    ("street", "metric", "status"),
    [
        # denominator 0 and nothing unknown
        ("none", "organisation_coverage", "not_applicable"),
        ("none", "member_ratio", "not_applicable"),
        ("zero", "member_ratio", "not_applicable"),
        ("zero", "employee_coverage", "not_applicable"),
        ("idle", "establishment_rate", "not_applicable"),
        ("idle", "women_share", "not_applicable"),
        ("idle", "dual_reach", "not_applicable"),
        ("idle", "turnover", "not_applicable"),
        # denominator 0, and a headcount that nobody knows
        ("headless", "member_ratio", "unknown"),
        ("headless", "employee_coverage", "unknown"),
        # denominator 0, the companion of others above 0
        ("headless", "turnover", "not_applicable"),
        ("headless", "establishment_rate", "not_applicable"),
        # defined for counties: before denominator and companion are looked at
        ("headless", "member_ratio_upper", "not_applicable"),
        ("enough", "member_ratio_upper", "not_applicable"),
        # three members of two employees, however few
        ("stale", "member_ratio", "inconsistent"),
        # effective denominators under 30
        ("few", "organisation_coverage", "low_base"),  # 29 firms
        ("few", "reporting_rate", "low_base"),
        ("few", "employee_coverage", "low_base"),  # 29 firms of one size, 290 employees
        ("big", "member_ratio", "low_base"),  # 5000 employees of one firm are no more than 1 / 0.1 = 10 draws
        ("big", "employee_coverage", "low_base"),
        ("stale", "women_share", "unknown"),  # nobody says
        ("stale", "full_member_share", "low_base"),
        # and from 30 on
        ("enough", "organisation_coverage", "ok"),
        ("enough", "member_presence", "ok"),
        ("enough", "employee_coverage", "ok"),
        ("enough", "member_ratio", "ok"),  # 300 / (1 + 0.1 * (10 - 1)) = 157.9
        # without an interval, neither above 1 nor of low base
        ("moving", "turnover", "ok"),
    ],
)
def test_status_is_the_first_that_holds_when_the_register_counts(
    register: Figures, street: str, metric: str, status: str
) -> None:
    assert register.rates("districts", street, basis="operating")[metric]["status"] == status


def test_nothing_is_given_but_the_parts_when_the_denominator_is_zero(register: Figures) -> None:
    for street in ("zero", "headless"):
        ratio = register.rates("districts", street)["member_ratio"]
        assert (ratio["value"], *parts(ratio), ratio["low"], ratio["high"]) == (None, 0, 0, None, None)


def test_the_value_is_given_without_interval_when_inconsistent(register: Figures) -> None:
    ratio = register.rates("districts", "stale")["member_ratio"]
    assert (ratio["value"], *parts(ratio), ratio["low"], ratio["high"]) == (3 / 2, 3, 2, None, None)


def test_the_interval_is_given_when_the_base_is_low(register: Figures) -> None:
    coverage = register.rates("districts", "few")["organisation_coverage"]
    assert (coverage["value"], *parts(coverage), coverage["low"]) == (0 / 29, 0, 29, 0)
    assert 0 < coverage["high"] < 1


def test_a_ratio_is_above_one_and_ok_when_it_has_no_interval(register: Figures) -> None:
    turnover = register.rates("districts", "moving")["turnover"]
    assert (turnover["value"], *parts(turnover)) == (6 / 2, 3 + 3, 2 * 1 - 3 + 3)  # three came and left, one stays


def test_only_the_undefined_part_is_null_when_the_grain_does_not_reach(register: Figures) -> None:
    upper = register.rates("districts", "few")["member_ratio_upper"]
    assert (upper["value"], *parts(upper)) == (None, None, 29 * 10)  # members_withheld of a street
    county = register.rates("districts", "siming")["member_ratio_upper"]
    everybody = 29 * 10 + 30 * 10 + 50 + 2 + 5000 + 1
    assert (county["status"], *parts(county)) == ("ok", 3 + 1, everybody)
    assert register.rates("districts", "tongan")["member_ratio_upper"]["status"] == "unknown"


RETURNS = {
    "districts": streets("blank", "parts", "zeros", "two"),
    "enterprises": """
        code,  district_code
        blank, blank
        parts, parts
        zeros, zeros
        two,   two
        """,
    "returns": """
        enterprise_code, reported_on, headcount, members, full_members, members_dual
        blank,           2017-06-30,  10,        ,        ,
        parts,           2017-06-30,  10,        3,       ,
        zeros,           2017-06-30,  10,        0,       0,            0
        two,             2017-06-30,  10,        2,       ,             2
        """,
}
"""The returns of these firms state nothing, members alone, that there are none, two whose membership is not told."""


@pytest.fixture(scope="module")
def returns(tiny: Tiny, register: Figures) -> Figures:
    return tiny.hold(**RETURNS).at(member_source="returns")


@pytest.mark.parametrize(
    ("street", "metric", "status"),
    [
        ("blank", "member_ratio", "unknown"),
        ("blank", "member_presence", "unknown"),
        ("blank", "women_share", "unknown"),
        ("blank", "dual_reach", "unknown"),
        ("blank", "establishment_rate", "unknown"),  # perhaps three full members
        ("blank", "establishment_rate_strict", "unknown"),
        ("blank", "employee_coverage", "low_base"),  # the headcount is known
        ("blank", "turnover", "not_applicable"),  # by this source, before anything else
        ("parts", "member_ratio", "low_base"),
        ("parts", "full_member_share", "unknown"),
        ("parts", "dual_affiliation_share", "unknown"),
        ("parts", "dual_reach", "unknown"),
        ("parts", "establishment_rate", "unknown"),  # three members, of them who knows how many full
        ("parts", "turnover", "not_applicable"),
        ("zeros", "member_ratio", "low_base"),
        ("zeros", "full_member_share", "not_applicable"),
        ("zeros", "women_share", "not_applicable"),  # of nobody
        ("zeros", "member_presence", "low_base"),
        ("zeros", "establishment_rate", "not_applicable"),
        ("two", "establishment_rate", "not_applicable"),  # two members are not three full ones
        ("two", "full_member_share", "unknown"),
        ("two", "dual_reach", "low_base"),
    ],
)
def test_status_is_the_first_that_holds_when_returns_count(
    returns: Figures, street: str, metric: str, status: str
) -> None:
    assert returns.rates("districts", street)[metric]["status"] == status


def test_a_part_is_null_when_the_source_does_not_define_it(returns: Figures) -> None:
    turnover = returns.rates("districts", "parts")["turnover"]
    assert (turnover["value"], *parts(turnover)) == (None, None, None)  # flows are in both parts
    upper = returns.rates("districts", "siming")["member_ratio_upper"]
    assert (upper["status"], upper["value"], *parts(upper)) == ("not_applicable", None, None, 10 + 10 + 10)


def statuses_of(page: dict[str, Any]) -> set[str]:
    return {rate["status"] for one in page["data"] for rate in one["rates"].values()}


def test_every_status_of_exact_answers_occurs_when_all_streets_are_listed(register: Figures) -> None:
    found = statuses_of(register.page("districts", level="street", include_empty="true"))
    assert found == {"not_applicable", "unknown", "inconsistent", "low_base", "ok"}


STAFF_PART = Metric(
    "young_of_staff", Label("示例", "Example"), ("part",), ("known",), "An example.", interval=Interval.NONE,
    companions=("staff", "headless"), companions_less=("known",),
)  # fmt: skip
ACTIVE = Metric(
    "active_of_all", Label("示例", "Example"), ("active",), ("all",), "An example.", interval=Interval.WILSON,
    unknown_of=("unheard", "organised"),
)  # fmt: skip
CODES = ("part", "known", "staff", "headless", "active", "all", "unheard", "organised")


def rates_of_row(*values: int) -> dict[str, tuple[Any, ...]]:
    """Value, low, effective denominator, numerator, denominator and status of both example metrics."""
    none = np.zeros(len(CODES), bool)
    counts = Counts(CODES, np.array(values, np.int64)[:, None], none[:, None], none, none)
    rates = rates_of(counts, (STAFF_PART, ACTIVE), Precision(0.1))
    floats = (rates.value, rates.low, rates.effective)
    return {
        metric.code: (
            *(None if np.isnan(column[line, 0]) else float(column[line, 0]) for column in floats),
            int(rates.numerator[line, 0]),
            int(rates.denominator[line, 0]),
            STATUSES[rates.status[line, 0]].value,
        )
        for line, metric in enumerate(rates.metrics)
    }


def test_a_part_is_inconsistent_above_its_whole_when_it_has_no_interval_too() -> None:
    assert rates_of_row(5, 4, 9, 0, 0, 40, 0, 9)["young_of_staff"] == (5 / 4, None, None, 5, 4, "inconsistent")
    assert rates_of_row(4, 4, 9, 0, 0, 40, 0, 9)["young_of_staff"] == (1.0, None, None, 4, 4, "ok")


def test_an_empty_denominator_is_unknown_when_what_is_known_is_less_than_all() -> None:
    assert rates_of_row(0, 0, 9, 0, 0, 40, 0, 9)["young_of_staff"][-1] == "unknown"  # 9 of whom nobody says it
    assert rates_of_row(0, 0, 0, 1, 0, 40, 0, 9)["young_of_staff"][-1] == "unknown"  # or one firm without a headcount
    assert rates_of_row(0, 0, 0, 0, 0, 40, 0, 9)["young_of_staff"][-1] == "not_applicable"


def test_a_ratio_is_unknown_when_of_none_of_those_counted_it_is_known() -> None:
    assert rates_of_row(0, 1, 1, 0, 0, 40, 9, 9)["active_of_all"] == (None, None, None, 0, 40, "unknown")
    assert rates_of_row(0, 1, 1, 0, 0, 40, 8, 9)["active_of_all"] == (0.0, 0.0, 40.0, 0, 40, "ok")
    assert rates_of_row(0, 1, 1, 0, 0, 40, 0, 0)["active_of_all"] == (
        0.0,
        0.0,
        40.0,
        0,
        40,
        "ok",
    )  # none organised
    assert rates_of_row(0, 1, 1, 0, 0, 29, 0, 0)["active_of_all"][-1] == "low_base"
    assert rates_of_row(0, 1, 1, 0, 0, 0, 0, 0)["active_of_all"][-1] == "not_applicable"
