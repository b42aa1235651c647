"""Staff by age, sex and education, the members among them, who was admitted, and the sector: cases counted by hand."""

from typing import Any

import pytest

from tests.factories.tiny import Figures, Tiny, parts

FIRMS = {
    "enterprises": """
        code,    kind,                district_code
        young,   enterprise,          wucun
        blank,   enterprise,          jialian
        nobody,  social_organisation, jialian
        stale,   enterprise,          jiangtou
        silent,  institution,         jiangtou
        """,
    "returns": """
        enterprise_code, reported_on, ownership, headcount, headcount_under_36, headcount_women, headcount_college
        young,           2016-06-30,  private,   40,        39,                 39,              39
        young,           2017-06-30,  private,   40,        30,                 0,
        blank,           2017-06-30,  mixed,     10,        ,                   ,
        nobody,          2017-06-30,  state,     0,         0,                  0,               0
        stale,           2017-06-30,  state,     2,         1,                  1,               1
        """,
}
PEOPLE = {
    "members": """
        ref, joined_on,  birth_year, sex,    education,        identity
        y1,  2016-06-30, 1990,       female, bachelor,
        y2,  2016-07-01, 1990,       male,   bachelor,
        y3,  2017-06-30, 1960,       male,   senior_secondary,
        y4,  2017-01-01, 1990,       male,   bachelor,         withheld
        s1,  2001-07-01, 1990,       female, ,
        s2,  2001-07-01, 1990,       female, bachelor,
        """,
    "employments": """
        member_ref, enterprise_code
        y1,         young
        y2,         young
        y3,         young
        y4,         young
        s1,         stale
        s2,         stale
        """,
}


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(**FIRMS, **PEOPLE).at()


def own(figures: Figures, code: str, *names: str) -> list[Any]:
    counts = figures.one("enterprises", code)["counts"]
    return [counts[name] for name in names]


STAFF = ("headcount_under_36", "headcount_women", "headcount_college")


def test_parts_of_the_staff_are_those_of_the_latest_return_and_a_blank_is_unknown(figures: Figures) -> None:
    assert own(figures, "young", *STAFF) == [30, 0, None]  # the year before does not fill the blank
    assert own(figures, "blank", *STAFF) == [None, None, None]
    assert own(figures, "silent", *STAFF) == [None, None, None]


def test_a_share_of_the_staff_is_of_those_of_whom_it_is_stated(figures: Figures) -> None:
    assert parts(figures.rates("districts", "xiamen")["young_staff_share"]) == (30 + 0 + 1, 40 + 0 + 2)
    young = figures.one("enterprises", "young")["rates"]
    assert (young["young_staff_share"]["value"], young["women_staff_share"]["value"]) == (30 / 40, 0 / 40)


@pytest.mark.parametrize(
    ("district", "metric", "status"),
    [
        ("wucun", "young_staff_share", "low_base"),  # 40 / (1 + 0.1 · (40 - 1)) = 8.2 of 30
        ("wucun", "college_staff_share", "unknown"),  # 40 employees, of whom nobody knows
        ("jialian", "young_staff_share", "unknown"),  # 10 of unknown age; nobody has none
        ("jialian", "member_ratio_young", "unknown"),
        ("wucun", "member_ratio_young", "ok"),
        ("wucun", "member_ratio_women", "not_applicable"),  # no women on the staff, and nothing unknown
        ("jiangtou", "member_ratio_young", "inconsistent"),  # two young members, one young employee
        ("jiangtou", "member_ratio_college", "unknown"),  # of s1 the education is unknown
    ],
)
def test_statuses_follow_what_returns_and_register_do_not_say(
    figures: Figures, district: str, metric: str, status: str
) -> None:
    # The institution that is silent does not operate: it is in the basis `registered` only.
    assert figures.rates("districts", district)[metric]["status"] == status


def test_an_inconsistent_ratio_of_a_part_keeps_its_value_and_has_no_interval(figures: Figures) -> None:
    rate = figures.rates("districts", "jiangtou")["member_ratio_young"]
    assert (rate["value"], rate["low"], rate["high"]) == (2 / 1, None, None)


def test_members_of_a_part_are_compared_where_all_of_them_are_known(figures: Figures) -> None:
    rates = figures.rates("districts", "xiamen")
    assert parts(rates["member_ratio_young"]) == (2 + 2, 30 + 1)  # y1, y2; s1, s2
    assert parts(rates["member_ratio_women"]) == (2, 1)  # young has no women on its staff: y1 does not count
    matched = ("members_women_matched", "headcount_women_matched", "members_college_matched")
    assert figures.counts("districts", "xiamen", " ".join(matched)) == (2, 1, 0)


def test_admitted_are_the_open_members_whose_membership_began_in_the_window(figures: Figures) -> None:
    assert own(figures, "young", "members", "members_admitted") == [3, 2]  # y2, y3; y1 a day too early, y4 withheld
    assert parts(figures.rates("districts", "wucun")["admission_rate"]) == (2, 3)


def test_the_sector_follows_kind_and_ownership(figures: Figures) -> None:
    told = {one["enterprise"]["code"]: one["enterprise"]["sector"] for one in figures.page("enterprises")["data"]}
    told["silent"] = figures.one("enterprises", "silent")["enterprise"]["sector"]
    assert told == {
        "young": "non_public",
        "blank": None,  # mixed
        "nobody": "social",  # whatever its ownership
        "stale": "public",
        "silent": "public",  # an institution, without any return
    }


RETURNED = {
    "enterprises": """
        code,  district_code
        some,  wucun
        zero,  wucun
        vague, wucun
        """,
    "returns": """
        enterprise_code, reported_on, headcount, headcount_women, members, members_dual, members_women
        some,            2017-06-30,  20,        8,               5,       2,            3
        zero,            2017-06-30,  10,        5,               0,       ,
        vague,           2017-06-30,  30,        9,               4,       ,
        """,
}


def test_a_return_without_members_states_none_of_every_part_when_members_are_counted_from_returns(tiny: Tiny) -> None:
    figures = tiny.hold(**RETURNED).at(member_source="returns")
    parts_of_members = ("full_members", "members_dual", "members_under_36", "members_women", "members_unreached")
    assert own(figures, "zero", *parts_of_members) == [0, 0, 0, 0, 0]
    assert own(figures, "vague", *parts_of_members) == [None] * 5
    rates = figures.rates("districts", "wucun")
    assert parts(rates["member_ratio_women"]) == (3 + 0, 8 + 5)  # vague does not state its women
    names = "members_unorganised members_reached_by_dual members_unreached members_reached_by_dual_unknown"
    assert figures.counts("districts", "wucun", names) == (9, 2, (5 - 2) + 0, 4)
    assert figures.counts("districts", "wucun", "members_squared members_unorganised_squared") == (
        5**2 + 0**2 + 4**2,
        5**2 + 0**2 + 4**2,
    )
    assert figures.counts("districts", "wucun", "members_admitted") == (None,)
    assert rates["admission_rate"]["status"] == "not_applicable"
