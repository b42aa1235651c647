"""Placement: where the persons of an enterprise show, in whose company, and what is held back.

No shift moves a firm of these tests: f = 5·⌊n / 5⌋ and H′ = 5·⌊H / 5⌋.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories.rounded import Protected, code, protect, public_settings
from tests.factories.tiny import Tiny

Hold = Callable[..., Protected]


@pytest.fixture
def hold(tiny: Tiny, tmp_path: Path) -> Hold:
    """Give what builds the protected snapshot of some firms: name, district, industry, headcount, members."""

    def held(firms: str, standalone: str = "", **trees: str) -> Protected:
        rows = [[cell.strip() for cell in line.split(",")] for line in firms.strip().splitlines()]
        coverage = [f"{code(name)}, branch, standalone" for name in standalone.split()]
        tiny.hold(
            enterprises="\n".join(
                ["code, district_code, industry_code", *(f"{code(row[0])}, {row[1]}, {row[2]}" for row in rows)]
            ),
            returns="\n".join(
                ["enterprise_code, reported_on, headcount, members"]
                + [f"{code(row[0])}, 2017-03-31, {row[3]}, {row[4]}" for row in rows]
            ),
            branches="code\nbranch",
            coverage="\n".join(["enterprise_code, branch_code, means", *coverage]),
            **trees,
        )
        return protect(public_settings(tiny.url, tmp_path))

    return held


def test_an_enterprise_shows_at_its_street_and_division_when_it_has_thirty_employees(hold: Hold) -> None:
    snapshot = hold("a, wucun, 64, 30, 6")
    assert snapshot.persons() == {("wucun", "64"): (1, 5, 30)}


def test_small_ones_show_together_when_their_headcounts_make_thirty(hold: Hold) -> None:
    snapshot = hold("""
        a, wucun, 64, 14, 5
        b, wucun, 64, 16, 10
    """)
    assert snapshot.persons() == {("wucun", "64"): (2, 5 + 10, 10 + 15)}


def test_small_ones_show_nowhere_when_their_headcounts_make_twenty_nine(hold: Hold) -> None:
    snapshot = hold("""
        a, wucun, 64, 14, 5
        b, wucun, 64, 15, 10
    """)
    assert snapshot.persons() == {}
    assert snapshot.facts() == {("wucun", "64"): (2, 0, 0)}


def test_the_rest_of_streets_shows_at_their_county_when_it_makes_thirty_there(hold: Hold) -> None:
    snapshot = hold("""
        a, wucun,    64, 29, 5
        b, jialian,  64, 1,  0
        c, jiangtou, 64, 29, 5
    """)
    assert snapshot.persons() == {("siming", "64"): (2, 5 + 0, 25 + 0)}  # 29 in another county make no 30


def test_the_rest_of_divisions_shows_at_their_section_when_it_makes_thirty_there(hold: Hold) -> None:
    snapshot = hold("""
        a, wucun,   64, 15, 5
        b, jialian, 65, 15, 0
        c, wucun,   86, 29, 5
    """)
    assert snapshot.persons() == {("siming", "I"): (2, 5 + 0, 15 + 15)}


def test_the_rest_of_sections_shows_at_the_county_alone_when_it_makes_thirty_there(hold: Hold) -> None:
    snapshot = hold("""
        a, wucun,   64, 15, 5
        b, jialian, 86, 15, 0
    """)
    assert snapshot.persons() == {("siming", None): (2, 5 + 0, 15 + 15)}


def test_what_has_shown_is_not_carried_on_when_others_of_its_county_are(hold: Hold) -> None:
    snapshot = hold("""
        large, wucun,    64, 60, 5
        b,     wucun,    64, 20, 5
        c,     wucun,    64, 10, 5
        d,     jialian,  64, 20, 5
        e,     jialian,  65, 10, 5
    """)
    assert snapshot.persons() == {
        ("wucun", "64"): (3, 5 + 5 + 5, 60 + 20 + 10),  # alone or pooled, at one place
        ("siming", "I"): (2, 5 + 5, 20 + 10),
    }


def test_a_large_one_lends_no_headcount_when_small_ones_are_pooled_beside_it(hold: Hold) -> None:
    snapshot = hold("""
        large, wucun, 64, 60, 5
        small, wucun, 64, 29, 5
    """)
    assert snapshot.persons() == {("wucun", "64"): (1, 5, 60)}


def test_those_placed_on_a_county_start_there_when_small_ones_are_carried_to_it(hold: Hold) -> None:
    snapshot = hold("""
        large,   siming, 64, 30, 5
        small,   siming, 64, 10, 5
        carried, wucun,  64, 20, 5
    """)
    assert snapshot.persons() == {("siming", "64"): (1 + 2, 5 + 5 + 5, 30 + 10 + 20)}


def test_an_enterprise_shows_where_it_is_placed_when_that_is_above_the_county(hold: Hold) -> None:
    snapshot = hold("""
        a, xiamen, 64, 30, 5
        b, fujian, 64, 30, 5
        c, xiamen, I,  30, 5
        d, fujian, ,   30, 5
        e, xiamen, 86, 15, 5
        f, huli,   86, 15, 5
    """)
    assert snapshot.persons() == {
        ("xiamen", "64"): (1, 5, 30),
        ("fujian", "64"): (1, 5, 30),
        ("xiamen", "I"): (1, 5, 30),
        ("fujian", None): (1, 5, 30),
    }


CITY_WITHOUT_COUNTIES = """
    code,      parent_code, level,    name_zh
    gd,        ,            province, 广东省
    dongguan,  gd,          city,     东莞市
    dongcheng, dongguan,    street,   东城街道
    nancheng,  dongguan,    street,   南城街道
    outpost,   ,            street,   飞地
"""


def test_the_city_stands_for_the_county_when_it_has_none(hold: Hold) -> None:
    snapshot = hold(
        """
        a, dongcheng, 64, 30, 5
        b, dongcheng, 64, 20, 5
        c, nancheng,  64, 10, 5
        d, dongguan,  65, 20, 5
        e, nancheng,  65, 10, 5
        """,
        districts=CITY_WITHOUT_COUNTIES,
    )
    assert snapshot.persons() == {
        ("dongcheng", "64"): (1, 5, 30),
        ("dongguan", "64"): (2, 5 + 5, 20 + 10),
        ("dongguan", "65"): (2, 5 + 5, 20 + 10),
    }


def test_only_the_street_shows_when_nothing_is_above_it(hold: Hold) -> None:
    snapshot = hold(
        """
        a, outpost, 64, 30, 5
        b, outpost, 65, 20, 5
        c, outpost, 86, 20, 5
        d, outpost, ,   50, 5
        """,
        districts=CITY_WITHOUT_COUNTIES,
    )
    assert snapshot.persons() == {("outpost", "64"): (1, 5, 30)}
    assert snapshot.facts() == {("outpost", industry): (1, 0, 0) for industry in ("64", "65", "86", None)}


def test_a_site_counts_to_its_street_when_firms_are_placed(hold: Hold) -> None:
    snapshot = hold("""
        a, yunding, 64,  20, 5
        b, wucun,   641, 10, 5
        c, yunding, 65,  30, 5
    """)
    assert snapshot.persons() == {("wucun", "64"): (2, 5 + 5, 20 + 10), ("wucun", "65"): (1, 5, 30)}
    assert snapshot.facts() == {("wucun", "64"): (2, 0, 0), ("wucun", "65"): (1, 0, 0)}


def test_firms_start_at_the_section_or_the_county_when_less_of_their_industry_is_known(hold: Hold) -> None:
    snapshot = hold("""
        section, wucun,   I,  30, 5
        carried, wucun,   64, 15, 5
        small,   jialian, I,  15, 5
        unknown, wucun,   ,   30, 5
        rest,    jialian, R,  15, 5
        other,   jialian, ,   15, 5
    """)
    assert snapshot.persons() == {
        ("siming", "I"): (1 + 2, 5 + 5 + 5, 30 + 15 + 15),
        ("siming", None): (1 + 2, 5 + 5 + 5, 30 + 15 + 15),
    }
    assert snapshot.facts() == {
        ("wucun", "I"): (1, 0, 0),
        ("wucun", "64"): (1, 0, 0),
        ("wucun", None): (1, 0, 0),
        ("jialian", "I"): (1, 0, 0),
        ("jialian", "R"): (1, 0, 0),
        ("jialian", None): (1, 0, 0),
    }


def test_steps_are_left_out_when_the_tree_of_industries_lacks_them(hold: Hold) -> None:
    snapshot = hold(
        """
        a, wucun,   lone,  20, 5
        b, jialian, lone,  20, 5
        c, wucun,   other, 20, 5
        d, wucun,   stray, 20, 5
        e, wucun,   below, 30, 5
        """,
        industries="""
            code,  parent_code, level,    name_zh
            S,     ,            section,  门类
            below, S,           group,    中类
            lone,  ,            division, 大类
            other, ,            division, 大类
            stray, ,            class,    小类
        """,
    )
    assert snapshot.persons() == {
        ("siming", "lone"): (2, 5 + 5, 20 + 20),
        ("siming", "S"): (1, 5, 30),  # a group right below its section has no division
        ("siming", None): (2, 5 + 5, 20 + 20),  # a division without a section, a class without a division
    }
    assert snapshot.facts()[("wucun", None)] == (1, 0, 0)
    assert snapshot.facts()[("wucun", "S")] == (1, 0, 0)
    assert [row["code"] for row in snapshot.rows("industries")] == ["S", "lone", "other"]


def test_the_unlocated_enter_no_figure_of_persons_when_they_are_large(hold: Hold) -> None:
    snapshot = hold("""
        a, , 64, 300, 50
        b, , ,   300, 50
    """)
    assert snapshot.persons() == {}
    assert snapshot.facts() == {(None, "64"): (1, 0, 0), (None, None): (1, 0, 0)}


def test_places_are_in_the_order_of_the_trees_when_listed_and_no_node_is_last(hold: Hold) -> None:
    snapshot = hold("""
        a, ,         ,   1,  0
        b, ,         86, 1,  0
        c, wucun,    ,   1,  0
        d, wucun,    65, 1,  0
        e, wucun,    64, 1,  0
        f, jialian,  86, 30, 0
        g, fujian,   R,  1,  0
        h, huli,     65, 1,  0
    """)
    assert list(snapshot.places) == [
        ("fujian", "R"),
        ("huli", "65"),
        ("jialian", "86"),
        ("wucun", "64"),
        ("wucun", "65"),
        ("wucun", None),
        (None, "86"),
        (None, None),
    ]


def test_an_enterprise_without_employees_is_pooled_when_others_make_thirty(hold: Hold) -> None:
    snapshot = hold("""
        empty, wucun,   64, 0,  5
        b,     wucun,   64, 29, 5
        c,     jialian, 65, 0,  5
        d,     jialian, 65, 30, 5
    """)
    assert snapshot.persons() == {("jialian", "65"): (1, 5, 30)}  # nothing makes no 30


@pytest.mark.parametrize(
    ("headcount", "least", "expected"), [(30, 0, 25), (33, 0, 25), (34, 0, 30), (30, 3, 23), (32, 3, 28)]
)
def test_a_full_enterprise_is_capped_when_it_is_alone(hold: Hold, headcount: int, least: int, expected: int) -> None:
    snapshot = hold(f"a, wucun, 64, {headcount}, {headcount}", standalone="a" if least else "")
    assert expected == least + 5 * ((headcount - least - 4) // 5)
    assert snapshot.persons() == {("wucun", "64"): (1, expected, 5 * (headcount // 5))}
    everything = snapshot.rows("totals")[0]
    assert everything["members"] == everything["members_matched"] == expected


def test_a_full_enterprise_is_capped_when_those_beside_it_are_not_shown(hold: Hold) -> None:
    snapshot = hold("""
        full,  wucun, 64, 40, 40
        small, wucun, 64, 29, 5
        other, wucun, 65, 40, 5
    """)
    assert snapshot.persons() == {
        ("wucun", "64"): (1, 5 * ((40 - 4) // 5), 40),
        ("wucun", "65"): (1, 5, 40),
    }


def test_no_enterprise_is_capped_when_a_pool_shows_beside_it(hold: Hold) -> None:
    snapshot = hold("""
        full,  wucun, 64, 40, 40
        small, wucun, 64, 29, 5
        tiny,  wucun, 64, 1,  0
    """)
    assert snapshot.persons() == {("wucun", "64"): (3, 40 + 5 + 0, 40 + 25 + 0)}


def test_no_enterprise_is_capped_when_two_large_ones_show_at_one_place(hold: Hold) -> None:
    snapshot = hold("""
        full,  siming, 64, 40, 40
        too,   siming, 64, 30, 30
        alone, wucun,  64, 40, 40
    """)
    assert snapshot.persons() == {
        ("siming", "64"): (2, 40 + 30, 40 + 30),
        ("wucun", "64"): (1, 5 * ((40 - 4) // 5), 40),  # the county's are at another place
    }


def test_pools_are_never_capped_when_all_of_their_employees_are_members(hold: Hold) -> None:
    snapshot = hold("""
        a, wucun, 64, 15, 15
        b, wucun, 64, 15, 15
    """)
    assert snapshot.persons() == {("wucun", "64"): (2, 15 + 15, 15 + 15)}


def test_firms_of_unknown_headcount_keep_nobody_company_when_a_full_one_is_capped(hold: Hold) -> None:
    snapshot = hold("""
        full,    wucun, 64, 40, 40
        unknown, wucun, 64, ,   40
    """)
    assert snapshot.persons() == {("wucun", "64"): (1, 5 * ((40 - 4) // 5), 40)}


def test_trees_end_at_the_street_and_the_division_when_protected(hold: Hold) -> None:
    snapshot = hold("a, yunding, 641, 30, 5")
    trees: dict[str, list[tuple[Any, ...]]] = {
        name: [(row["code"], row["level"], row["parent"], row["subtree_end"]) for row in snapshot.rows(name)]
        for name in ("districts", "industries")
    }
    assert trees["districts"] == [
        ("fujian", "province", None, 7),
        ("xiamen", "city", 0, 7),
        ("huli", "county", 1, 4),
        ("jiangtou", "street", 2, 4),
        ("siming", "county", 1, 7),
        ("jialian", "street", 4, 6),
        ("wucun", "street", 4, 7),
    ]
    assert trees["industries"] == [
        ("I", "section", None, 3),
        ("64", "division", 0, 2),
        ("65", "division", 0, 3),
        ("R", "section", None, 5),
        ("86", "division", 3, 5),
    ]


def test_groups_are_left_out_when_they_reach_below_the_division(hold: Hold) -> None:
    snapshot = hold(
        "a, wucun, 64, 30, 5",
        industry_groups="""
            group_code, name_zh, industry_code
            internet,   互联网,  64
            internet,   互联网,  86
            whole,      信息,    I
            fine,       接入,    64
            fine,       接入,    641
            empty,      空,
        """,
    )
    assert {row["code"]: row["industries"] for row in snapshot.rows("industry_groups")} == {
        "empty": [],
        "internet": ["64", "86"],
        "whole": ["I"],
    }
    labels = [(row["dimension"], row["node"]) for row in snapshot.rows("totals")]
    assert labels == [
        ("all", 0),
        *(("district", node) for node in range(7)),
        *(("industry", node) for node in range(5)),
        *(("industry_group", node) for node in range(3)),
    ]
    assert [row["members"] for row in snapshot.rows("totals")[-3:]] == [0, 5, 5]


def test_a_snapshot_is_empty_when_the_registry_is(hold: Hold) -> None:
    snapshot = hold("a, , , 1, 0", districts="code", industries="code")
    assert snapshot.places == {(None, None): dict(dict.fromkeys(PUBLIC, 0), enterprises=1)}


PUBLIC = (
    "enterprises",
    "enterprises_organised",
    "enterprises_standalone",
    "members",
    "headcount",
    "members_matched",
    "headcount_matched",
    "headcount_matched_squared",
    "enterprises_shown",
)
