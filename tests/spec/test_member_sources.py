"""Where members are counted from: three operators' habits, what `auto` chooses, and what each source cannot say."""

from typing import Any

import pytest

from tests.factories.tiny import Figures, Tiny, parts, picked

FIRMS = {
    "enterprises": """
        code,   district_code, industry_code
        full,   wucun,         64
        part,   wucun,         64
        blank,  jialian,       65
        silent, jiangtou,      65
        """,
    "coverage": """
        enterprise_code, means
        blank,           trade_union
        """,
}
RETURNS = """
    enterprise_code, reported_on, headcount, members, full_members, members_dual, members_under_36, members_women
    full,            2017-03-31,  40,        9,       7,            1,            9,                4
    part,            2017-03-31,  20,        3,       ,             ,             ,                 1
    blank,           2017-03-31,  10,        ,        ,             ,             ,
    """
"""`full` states nearly everything, `part` its members, `blank` no count of members; `silent` files no return."""

HEADCOUNTS = """
    enterprise_code, reported_on, headcount
    full,            2017-03-31,  40
    part,            2017-03-31,  20
    blank,           2017-03-31,  10
    """
MEMBERS = {
    "members": """
        ref, full_since, birth_year, sex,    education,  identity
        a,   2001-07-01, 1981,       female, ,
        b,   ,           1982,       male,   bachelor,
        c,   2001-07-01, ,           ,       ,           withheld
        d,   2001-07-01, ,           ,       ,
        """,
    "employments": """
        member_ref, enterprise_code, start_on
        a,          full,            2016-12-31
        b,          full,            2016-07-01
        c,          part,            2016-07-01
        d,          silent,          2016-06-30
        """,
}
"""Members a, b work at `full`, c at `part` does not want to be known there, d at `silent`."""

UNDEFINED = ("members_joined", "members_left", "members_withheld", "members_admitted")
"""What only the register can say."""


def statuses(row: dict[str, Any], *metrics: str) -> list[str]:
    return [row["rates"][metric]["status"] for metric in metrics]


@pytest.fixture(scope="module")
def ledgers_only(tiny: Tiny) -> Figures:
    return tiny.hold(**FIRMS, returns=RETURNS).at()


@pytest.fixture(scope="module")
def members_only(tiny: Tiny, ledgers_only: Figures) -> Figures:
    return tiny.hold(**FIRMS, **MEMBERS, returns=HEADCOUNTS).at()


@pytest.fixture(scope="module")
def both(tiny: Tiny, members_only: Figures) -> dict[str, Figures]:
    tiny.hold(**FIRMS, **MEMBERS, returns=RETURNS)
    return {source: tiny.at(member_source=source) for source in ("auto", "register", "returns")}


def test_members_are_counted_from_the_register_when_only_members_are_kept(members_only: Figures) -> None:
    page = members_only.page("districts", level="county", basis="registered")
    assert page["meta"]["member_source"] == "register"
    counts = page["total"]["counts"]
    assert picked(counts, "members full_members probationary_members members_withheld") == (3, 2, 3 - 2, 1)
    assert picked(counts, "enterprises_members_unknown enterprises_headcount_unknown") == (0, 1)  # silent
    assert picked(counts, "members_reported members_max") == (0, 2)  # d's firm has no headcount to be matched with
    assert parts(page["total"]["rates"]["member_ratio"]) == (2, 40 + 20 + 10)


def test_an_enterprise_has_no_members_when_the_register_knows_none_of_its(members_only: Figures) -> None:
    for code in ("part", "blank"):
        assert members_only.counts("enterprises", code, "members full_members") == (0, 0)
        assert members_only.one("enterprises", code)["enterprise"]["has_members"] is False


def test_members_are_counted_from_returns_when_only_ledgers_are_kept(ledgers_only: Figures) -> None:
    page = ledgers_only.page("districts", level="county", basis="registered")
    assert page["meta"]["member_source"] == "returns"
    counts = page["total"]["counts"]
    assert picked(counts, "members full_members full_members_unknown") == (9 + 3, 7, 3)
    assert picked(counts, "probationary_members") == (9 - 7,)  # of part unknown, and so nothing
    assert picked(counts, "enterprises_members_unknown enterprises_with_members") == (2, 2)  # blank and silent
    assert picked(counts, "members_matched headcount_matched") == (9 + 3, 40 + 20)
    assert picked(counts, "members_reported members_max") == (9 + 3, 9 + 3)
    assert parts(page["total"]["rates"]["member_presence"]) == (2, 4 - 2)
    assert parts(page["total"]["rates"]["full_member_share"]) == (7, 12 - 3)


def test_the_register_alone_defines_flows_and_withheld_members_when_returns_count(ledgers_only: Figures) -> None:
    for subject, code in (("districts", "siming"), ("industries", "I")):
        row = ledgers_only.one(subject, code, basis="registered")
        assert [row["counts"][measure] for measure in UNDEFINED] == [None] * 4
        assert statuses(row, "turnover", "member_ratio_upper") == ["not_applicable", "not_applicable"]
    full = ledgers_only.one("enterprises", "full")
    assert picked(full["counts"], "members_joined members_left") == (None, None)
    turnover = full["rates"]["turnover"]
    assert (turnover["status"], turnover["value"], *parts(turnover)) == ("not_applicable", None, None, None)
    upper = ledgers_only.rates("districts", "siming")["member_ratio_upper"]
    assert (upper["value"], *parts(upper)) == (None, None, 40 + 20)  # a withheld part that returns do not define


def test_an_enterprise_has_unknown_counts_when_its_return_is_blank(ledgers_only: Figures) -> None:
    for code in ("blank", "silent"):
        row = ledgers_only.one("enterprises", code)
        for measure in ("members", "full_members", "probationary_members", "members_women", "members_reported"):
            assert row["counts"][measure] is None
        assert row["enterprise"]["has_members"] is None
    assert statuses(ledgers_only.one("enterprises", "blank"), "member_ratio", "women_share", "dual_reach") == [
        "unknown", "unknown", "unknown",
    ]  # fmt: skip
    assert ledgers_only.one("enterprises", "blank")["enterprise"]["eligible"] is None  # it operates; perhaps three
    assert ledgers_only.one("enterprises", "silent")["enterprise"]["eligible"] is False  # no return, no operation


def test_a_blank_part_makes_all_members_unknown_for_it_when_returns_count(ledgers_only: Figures) -> None:
    part = ledgers_only.one("enterprises", "part")
    assert picked(part["counts"], "members full_members members_dual members_women") == (3, None, None, 1)
    assert picked(part["counts"], "full_members_unknown members_dual_unknown members_women_unknown") == (3, 3, 0)
    assert picked(part["counts"], "members_under_36_unknown members_college_unknown members_floating_unknown") == (
        3,
        3,
        3,
    )
    share = part["rates"]["full_member_share"]
    assert (share["status"], *parts(share)) == ("unknown", None, 0)
    street = ledgers_only.one("districts", "wucun")
    assert parts(street["rates"]["young_member_share"]) == (9, 9 + 3 - 3)
    assert picked(street["counts"], "enterprises_eligible enterprises_eligible_unknown") == (1, 1)  # full; part
    assert parts(street["rates"]["women_share"]) == (4 + 1, 9 + 3)


def test_a_return_says_who_is_reached_by_dual_affiliation_when_returns_count(ledgers_only: Figures) -> None:
    street = ledgers_only.one("districts", "wucun")
    assert picked(street["counts"], "enterprises_reached_by_dual members_reached_by_dual") == (1, 1)
    assert parts(street["rates"]["dual_reach"]) == (1, 9 + 3 - 3)


@pytest.mark.parametrize(
    ("source", "in_force"), [("auto", "register"), ("register", "register"), ("returns", "returns")]
)
def test_auto_takes_the_register_when_both_are_kept(both: dict[str, Figures], source: str, in_force: str) -> None:
    page = both[source].page("districts", level="county", basis="registered")
    assert page["meta"]["member_source"] == in_force
    members, reported = 2 + 1, 9 + 3  # a, b and d; full and part
    counts = page["total"]["counts"]
    assert picked(counts, "members members_reported") == (members if in_force == "register" else reported, reported)
    assert picked(counts, "members_max") == (9 + 3 + 0,)  # of full, part and blank; the register knows 2, 0 and 0


def test_the_source_is_one_for_all_when_only_one_firm_is_in_the_register(both: dict[str, Figures]) -> None:
    assert both["auto"].column("enterprises", "members", basis="registered") == {
        "full": 2, "part": 0, "blank": 0, "silent": 1,  # never 3 from the return of part
    }  # fmt: skip
    assert both["returns"].column("enterprises", "members", basis="registered") == {
        "full": 9, "part": 3, "blank": None, "silent": None,
    }  # fmt: skip


def test_the_register_says_what_members_do_not_say_of_themselves_when_it_counts(both: dict[str, Figures]) -> None:
    full, silent = both["auto"].one("enterprises", "full"), both["auto"].one("enterprises", "silent")
    assert picked(full["counts"], "members_under_36 members_women members_college") == (1, 1, 1)  # b; a; b
    assert picked(full["counts"], "members_under_36_unknown members_women_unknown members_college_unknown") == (0, 0, 1)
    assert picked(silent["counts"], "members_under_36_unknown members_women_unknown members_college_unknown") == (
        1,
        1,
        1,
    )
    assert picked(full["counts"], "full_members_unknown members_dual_unknown members_floating_unknown") == (0, 0, 0)


def test_auto_takes_returns_when_nobody_works_anywhere_on_the_date(tiny: Tiny, both: dict[str, Figures]) -> None:
    tiny.hold(
        **FIRMS,
        returns=RETURNS,
        members="""
            ref, left_on
            a,   2017-06-30
            d,
            """,
        employments="""
            member_ref, enterprise_code, start_on,   end_on
            a,          full,            2016-12-31,
            d,          silent,          2016-06-30, 2017-06-30
            """,
    )
    assert tiny.at("2017-06-29").page("districts")["meta"]["member_source"] == "register"
    assert tiny.at("2017-06-30").page("districts")["meta"]["member_source"] == "returns"


def test_auto_takes_the_register_when_only_a_withheld_member_works(tiny: Tiny, both: dict[str, Figures]) -> None:
    figures = tiny.hold(
        **FIRMS,
        returns=RETURNS,
        members="""
            ref, identity
            c,   withheld
            """,
        employments="""
            member_ref, enterprise_code
            c,          part
            """,
    ).at()
    page = figures.page("districts", level="county")
    assert page["meta"]["member_source"] == "register"
    assert picked(page["total"]["counts"], "members members_withheld") == (0, 1)


def test_the_larger_of_both_is_the_upper_count_when_more_work_than_are_reported(
    tiny: Tiny, both: dict[str, Figures]
) -> None:
    figures = tiny.hold(
        enterprises="""
            code
            more
            less
            """,
        returns="""
            enterprise_code, reported_on, headcount, members
            more,            2017-06-30,  10,        1
            less,            2017-06-30,  10,        2
            """,
        members="""
            ref
            a
            b
            c
            """,
        employments="""
            member_ref, enterprise_code
            a,          more
            b,          more
            c,          less
            """,
    ).at(member_source="returns")
    total = figures.page("districts", level="county")["total"]["counts"]
    assert picked(total, "members members_max") == (1 + 2, 2 + 2)
