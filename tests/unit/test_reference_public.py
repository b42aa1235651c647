"""The reference reading of the public tier against arithmetic done by hand."""

import hmac
from datetime import date
from math import sqrt

import pytest

from tests.factories.tiny import tiny_registry
from tests.reference import QuestionError
from tests.reference.public import PublicReference, Sums, member_ratio, size_for_tests
from tests.reference.rates import Z95, wilson
from tests.reference.rounding import Place, Unit, ceiling, offset, placed, rounded, shown

DAY = date(2017, 6, 30)
KEY = b"a rounding key"
STREET: Place = ("wucun", "64")
COUNTY_DIVISION: Place = ("siming", "64")
COUNTY_SECTION: Place = ("siming", "I")
COUNTY: Place = ("siming", None)
STEPS = (STREET, COUNTY_DIVISION, COUNTY_SECTION, COUNTY)


def unit(
    code: str, headcount: int | None, members: int | None = 0, begin: int = 0, *, standalone: bool = False
) -> Unit:
    """An enterprise whose own place allows the steps from one on."""
    steps = (*([None] * begin), *STEPS[begin:])
    return Unit(code, code, members, headcount, standalone, steps)


# --- rounding ----------------------------------------------------------------------------------------


def test_an_offset_is_the_digest_modulo_five_when_read_as_one_number() -> None:
    digest = hmac.new(KEY, "m|企业-1".encode(), "sha256").digest()
    assert offset(KEY, "m", "企业-1") == sum(digest) % 5  # 256 = 1 modulo 5: every byte counts once
    assert {offset(KEY, "m", str(number)) for number in range(50)} == {0, 1, 2, 3, 4}
    assert [offset(KEY, "h", str(number)) for number in range(9)] != [
        offset(KEY, "m", str(number)) for number in range(9)
    ]


@pytest.mark.parametrize(
    ("members", "least", "values"),
    [
        (0, 0, [0, 0, 0, 0, 0]),
        (1, 0, [0, 0, 0, 0, 5]),
        (4, 0, [0, 5, 5, 5, 5]),
        (7, 0, [5, 5, 5, 10, 10]),
        (10, 0, [10, 10, 10, 10, 10]),
        (3, 3, [3, 3, 3, 3, 3]),
        (6, 3, [3, 3, 8, 8, 8]),
        (1, 3, [3, 3, 3, 3, 3]),
    ],
)
def test_members_go_to_the_grid_below_or_above_when_the_offset_grows(
    members: int, least: int, values: list[int]
) -> None:
    assert [rounded(members, least, shift) for shift in range(5)] == values


@pytest.mark.parametrize("least", [0, 3])
def test_rounding_is_right_on_average_when_members_reach_the_least(least: int) -> None:
    for members in range(least, 60):
        assert sum(rounded(members, least, shift) for shift in range(5)) == 5 * members


@pytest.mark.parametrize(
    ("flag", "least", "from_members", "fewest"), [("none", 0, 0, 5), ("joint", 0, 1, 4), ("standalone", 3, 3, 5)]
)
def test_five_values_fit_each_rounded_one_when_no_headcount_is_known(
    flag: str, least: int, from_members: int, fewest: int
) -> None:
    fitting: dict[int, set[int]] = {}
    for members in range(from_members, 60):
        for shift in range(5):
            fitting.setdefault(rounded(members, least, shift), set()).add(members)
    assert {len(values) for value, values in fitting.items() if value < 50} == {fewest, 9}, flag


@pytest.mark.parametrize(
    ("headcount", "least", "cap"),
    [(30, 0, 25), (33, 0, 25), (34, 0, 30), (30, 3, 3 + 20), (100, 3, 3 + 90), (31, 0, 25)],
)
def test_the_cap_is_four_below_full_when_an_enterprise_stands_alone(headcount: int, least: int, cap: int) -> None:
    assert ceiling(headcount, least) == cap
    assert headcount - 9 <= cap <= headcount - 4


# --- placement ---------------------------------------------------------------------------------------


def test_a_large_enterprise_shows_at_its_own_place_when_it_has_thirty_employees() -> None:
    assert placed([unit("A", 30)]) == {"A": STREET}
    assert placed([unit("A", 29)]) == {}


@pytest.mark.parametrize(("begin", "place"), list(enumerate(STEPS)))
def test_an_enterprise_begins_at_the_first_step_when_its_own_place_is_coarser(begin: int, place: Place) -> None:
    assert placed([unit("A", 40, begin=begin)]) == {"A": place}
    assert placed([unit("A", 15, begin=begin), unit("B", 15, begin=begin)]) == {"A": place, "B": place}


def test_small_ones_show_together_when_they_have_thirty_employees_at_a_step() -> None:
    here = [unit("A", 20), unit("B", 9)]  # 29: they go on waiting
    assert placed([*here, unit("C", 1)]) == dict.fromkeys("ABC", STREET)
    assert placed([*here, unit("C", 1, begin=1)]) == dict.fromkeys("ABC", COUNTY_DIVISION)
    assert placed([*here, unit("C", 1, begin=2)]) == dict.fromkeys("ABC", COUNTY_SECTION)
    assert placed([*here, unit("C", 1, begin=3)]) == dict.fromkeys("ABC", COUNTY)
    assert placed(here) == {}


def test_a_large_enterprise_does_not_fill_a_pool_when_small_ones_wait_beside_it() -> None:
    assert placed([unit("A", 500), unit("B", 29)]) == {"A": STREET}


def test_those_already_shown_do_not_fill_a_pool_when_a_later_step_takes_the_rest() -> None:
    shown_here = [unit("A", 15), unit("B", 15)]
    assert placed([*shown_here, unit("C", 29, begin=1)]) == {"A": STREET, "B": STREET}


def test_nobody_fills_a_pool_when_headcount_or_members_are_unknown() -> None:
    assert placed([unit("A", 20), unit("B", None)]) == {}
    assert placed([unit("A", 20), unit("B", 10, members=None)]) == {}
    assert placed([unit("A", 40, members=None)]) == {}
    assert placed([unit("A", 20), unit("B", 10), unit("C", 0)]) == dict.fromkeys("ABC", STREET)


def test_nowhere_is_a_place_when_an_enterprise_is_unlocated() -> None:
    nowhere = Unit("A", "A", 40, 400, standalone=False, steps=(None, None, None, None))
    assert placed([nowhere]) == {}


def test_the_cap_holds_when_a_large_enterprise_is_the_only_one_at_its_place() -> None:
    full = unit("A", 31, members=31)

    def value(*others: Unit) -> int:
        found = {one.unit.code: one for one in shown([full, *others], KEY, lambda *_: 4)}
        return found["A"].members

    assert value() == 25  # 5 * floor((31 - 4) / 5), for 5 * floor((31 + 4) / 5) = 35
    assert value(unit("B", 40)) == 35
    assert value(unit("B", 20), unit("C", 10)) == 35  # the pool is company
    assert value(unit("B", 20)) == 25  # a pool that does not show is none


def test_a_pool_has_no_cap_when_all_its_enterprises_are_full() -> None:
    full = [unit("A", 16, members=16), unit("B", 16, members=16, standalone=True)]
    found = {one.unit.code: (one.members, one.headcount) for one in shown(full, KEY, lambda *_: 4)}
    assert found == {"A": (20, 20), "B": (3 + 5 * 3, 20)}  # (16 - 3 + 4) // 5 = 3


def test_the_first_of_a_chain_gives_the_offset_when_enterprises_supersede_each_other() -> None:
    renamed = Unit("B", "A", 7, 40, standalone=False, steps=STEPS)
    asked: list[tuple[str, str]] = []

    def shift(_key: bytes, prefix: str, identity: str) -> int:
        asked.append((prefix, identity))
        return 0

    shown([renamed], KEY, shift)
    assert asked == [("m", "A"), ("h", "A")]


# --- the ratio ---------------------------------------------------------------------------------------


def test_the_interval_holds_both_errors_when_a_ratio_is_public() -> None:
    sums = Sums(enterprises=4, members=20, headcount=400, squares=60_000)
    size = 400 * 400 / (400 + 0.1 * (60_000 - 400))
    low, high = wilson(0.05, size)
    half = (high - low) / 2
    error = sqrt(4 * 4 * (1 + 0.05**2)) / 400
    rate = member_ratio(sums)
    assert (rate["value"], rate["numerator"], rate["denominator"], rate["status"]) == (20 / 400, 20, 400, "low_base")
    assert rate["low"] == max(0.0, 0.05 - sqrt(half**2 + (Z95 * error) ** 2)) == 0.0
    assert rate["high"] == pytest.approx(0.05 + sqrt(half**2 + (Z95 * error) ** 2), abs=1e-15)


@pytest.mark.parametrize(
    ("sums", "status"),
    [
        (Sums(0, 0, 0, 0), "not_applicable"),
        (Sums(7, 5, 0, 0), "not_applicable"),
        (Sums(2, 35, 30, 500), "inconsistent"),
        (Sums(2, 5, 30, 500), "unreliable"),  # 1.96 * sqrt(8 * (1 + 1/36)) / 30 = 0.187
        (Sums(1, 25, 200, 40_000), "low_base"),  # 1.96 * sqrt(4 * (1 + 1/64)) / 200 = 0.0198; 40,000 / 4,180 = 9.6
        (Sums(40, 100, 1600, 64_000), "ok"),
    ],
)
def test_status_is_the_first_that_holds_when_a_ratio_is_public(sums: Sums, status: str) -> None:
    rate = member_ratio(sums)
    assert rate["status"] == status
    assert (rate["value"] is None) is (sums.headcount == 0)
    assert (rate["low"] is None) is (status in ("not_applicable", "inconsistent"))


def test_tests_of_low_membership_use_a_smaller_size_when_figures_are_rounded() -> None:
    sums = Sums(enterprises=40, members=100, headcount=1600, squares=64_000)
    clustered = 1600**2 / (1600 + 0.1 * (64_000 - 1600))  # 326.5
    spread = 0.1 * 0.9
    expected = spread / (spread / clustered + 4 * 40 * (1 + 0.1**2) / 1600**2)
    assert size_for_tests(sums, 0.1) == pytest.approx(expected, rel=1e-14)
    assert expected == pytest.approx(265.7, abs=0.1)


# --- a registry --------------------------------------------------------------------------------------

ENTERPRISES = """
    code, district_code, industry_code, supersedes
    A,    yunding,       641,
    B,    wucun,         64,
    C,    wucun,         64,            A
    D,    siming,        64,
    E,    jialian,       I,
    F,    jialian,       ,
    G,    ,              64,
    H,    wucun,         64,
"""
RETURNS = """
    enterprise_code, reported_on, headcount, members, operating
    A, 2017-03-31, 100, 12,
    B, 2017-03-31, 10,  3,
    C, 2017-03-31, 19,  2,
    D, 2017-03-31, 1,   0,
    E, 2017-03-31, 29,  5,
    F, 2017-03-31, 1,   1,
    G, 2017-03-31, 90,  9,
    H, 2017-03-31, 90,  9, false
"""
GROUPS = """
    group_code, name_zh, industry_code
    net,        互联网,  64
    fine,       细,      641
"""


def example() -> PublicReference:
    """A site, a street, a county, a section only, no industry, no district, not operating; offsets are 0."""
    registry = tiny_registry(enterprises=ENTERPRISES, returns=RETURNS, industry_groups=GROUPS)
    return PublicReference(registry, DAY, KEY, shift=lambda *_: 0)


def figures(subject: str, code: str, **params: str) -> tuple[int, int, int]:
    counts = example().get_statistics(subject, code, params)["data"]["counts"]
    assert counts["members"] == counts["members_matched"]
    assert counts["headcount"] == counts["headcount_matched"]
    return counts["enterprises"], counts["members"], counts["headcount"]


def test_persons_sit_where_they_show_when_firms_count_where_they_are() -> None:
    # A shows at its street (12: 10 of 100); B, C and D fill a pool of 10 + 19 + 1 at the county's division (0 + 0 + 0
    # of 10 + 15 + 0); E and F one of 29 + 1 at the county (5 + 0 of 25 + 0); G is nowhere, H does not operate.
    assert figures("districts", "wucun") == (3, 10, 100)
    assert figures("districts", "jialian") == (2, 0, 0)
    assert figures("districts", "siming") == (6, 10 + 0 + 5, 100 + 25 + 25)
    assert figures("industries", "64") == (5, 10 + 0, 100 + 25)
    assert figures("industries", "64", district="siming") == (4, 10, 125)
    assert figures("industries", "I") == (6, 10, 125)
    assert figures("industry-groups", "net", district="wucun") == (3, 10, 100)


def test_rows_and_unallocated_add_up_when_pools_show_above() -> None:
    answer = example().list_statistics("districts", {"parent": "siming"})
    assert [one["counts"]["members"] for one in answer["data"]] == [0, 10]
    assert answer["unallocated"]["counts"]["members"] == 5
    assert answer["total"]["counts"]["members"] == 0 + 10 + 5
    assert answer["unallocated"]["counts"]["enterprises"] == 6 - 2 - 3
    assert answer["unallocated"]["counts"]["full_members"] is None


def test_all_else_is_protected_when_figures_are_public() -> None:
    block = example().get_statistics("districts", "wucun", {})["data"]
    given = {measure for measure, count in block["counts"].items() if count is not None}
    assert given == {
        "enterprises", "enterprises_organised", "enterprises_standalone",
        "members", "members_matched", "headcount", "headcount_matched",
    }  # fmt: skip
    public = {metric for metric, rate in block["rates"].items() if rate["status"] != "protected"}
    assert public == {"organisation_coverage", "standalone_rate", "member_ratio"}
    assert set(block["rates"]["work_coverage"].values()) == {None, "protected"}
    assert block["rates"]["organisation_coverage"]["denominator"] == 3


@pytest.mark.parametrize(
    ("subject", "params"),
    [
        ("enterprises", {}),
        ("branches", {}),
        ("districts", {"basis": "registered"}),
        ("districts", {"ownership": "private"}),
        ("districts", {"level": "site"}),
        ("districts", {"within": "yunding"}),
        ("industries", {"level": "group"}),
        ("industries", {"district": "yunding"}),
        ("districts", {"industry": "641"}),
        ("districts", {"industry_group": "fine"}),
    ],
)
def test_a_question_is_refused_when_only_exact_figures_answer_it(subject: str, params: dict[str, str]) -> None:
    with pytest.raises(QuestionError):
        example().list_statistics(subject, params)


def test_subjects_end_at_street_and_division_when_they_are_public() -> None:
    reference = example()
    listed = {
        subject: [
            next(iter(one.values()))["code"]
            for one in reference.list_statistics(subject, {"include_empty": "true"})["data"]
        ]
        for subject in ("districts", "industries", "industry-groups")
    }
    assert listed == {
        "districts": ["fujian", "huli", "jialian", "jiangtou", "siming", "wucun", "xiamen"],
        "industries": ["64", "65", "86", "I", "R"],
        "industry-groups": ["net"],
    }
