"""Places: what has no street, no industry or no place at all shows as `unallocated`, and `total` holds it."""

from typing import Any

import pytest

from tests.factories.tiny import Figures, Tiny, codes, picked

FIRMS = {
    "enterprises": """
        code,       district_code, industry_code
        street,     wucun,         641
        site,       yunding,       65
        county,     siming,        64
        elsewhere,  jiangtou,      86
        section,    jialian,       I
        no-trade,   jialian,
        no-place,   ,              65
        nowhere,    ,
        moved,      wucun,         641
        """,
    "returns": """
        enterprise_code, reported_on, district_code, industry_code, headcount
        street,          2017-06-30,  ,              ,              1
        site,            2017-06-30,  ,              ,              2
        county,          2017-06-30,  ,              ,              4
        elsewhere,       2017-06-30,  ,              ,              8
        section,         2017-06-30,  ,              ,              16
        no-trade,        2017-06-30,  ,              ,              32
        no-place,        2017-06-30,  ,              ,              64
        nowhere,         2017-06-30,  ,              ,              128
        moved,           2017-06-30,  huli,          86,            256
        """,
}
"""Each headcount is another power of two, so that a sum tells who is in it; `moved` reports from elsewhere."""


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(**FIRMS).at()


def headcounts(page: dict[str, Any]) -> tuple[dict[str, int], int, int]:
    """Of each row, of what is not allocated, and in all."""
    rows = [one["counts"]["headcount"] for one in page["data"]]
    unallocated, total = page["unallocated"]["counts"]["headcount"], page["total"]["counts"]["headcount"]
    return dict(zip(codes(page), rows, strict=True)), unallocated, total


def test_a_firm_is_unallocated_among_the_streets_when_placed_on_their_county(figures: Figures) -> None:
    page = figures.page("districts", parent="siming")
    assert headcounts(page) == ({"jialian": 16 + 32, "wucun": 1 + 2}, 4, (16 + 32) + (1 + 2) + 4)
    assert picked(page["unallocated"]["counts"], "enterprises members") == (1, 0)


def test_firms_are_unallocated_among_the_counties_when_unlocated(figures: Figures) -> None:
    siming, huli, unlocated = 1 + 2 + 4 + 16 + 32, 8 + 256, 64 + 128
    page = figures.page("districts", level="county")
    assert headcounts(page) == ({"huli": huli, "siming": siming}, unlocated, siming + huli + unlocated)


def test_firms_are_unallocated_when_the_level_is_below_their_place(figures: Figures) -> None:
    everything = 1 + 2 + 4 + 8 + 16 + 32 + 64 + 128 + 256
    streets = figures.page("districts", level="street")
    assert headcounts(streets) == (
        {"jialian": 16 + 32, "jiangtou": 8, "wucun": 1 + 2},
        4 + 64 + 128 + 256,  # on a county, or nowhere
        everything,
    )
    assert headcounts(figures.page("districts", level="site")) == ({"yunding": 2}, everything - 2, everything)
    assert headcounts(figures.page("districts", level="province")) == (
        {"fujian": everything - 64 - 128}, 64 + 128, everything,
    )  # fmt: skip


def test_a_firm_moves_from_its_registered_place_when_its_return_names_another(figures: Figures) -> None:
    assert headcounts(figures.page("districts", parent="huli")) == ({"jiangtou": 8}, 256, 8 + 256)
    assert headcounts(figures.page("industries", parent="R")) == ({"86": 8 + 256}, 0, 8 + 256)


def test_firms_are_unallocated_among_the_sections_when_unclassified(figures: Figures) -> None:
    information, culture, unclassified = 1 + 2 + 4 + 16 + 64, 8 + 256, 32 + 128
    page = figures.page("industries", level="section")
    assert headcounts(page) == ({"I": information, "R": culture}, unclassified, information + culture + unclassified)
    assert page["unallocated"]["counts"]["enterprises"] == 2


def test_a_firm_is_unallocated_among_the_divisions_when_placed_on_their_section(figures: Figures) -> None:
    page = figures.page("industries", parent="I")
    assert headcounts(page) == ({"64": 1 + 4, "65": 2 + 64}, 16, (1 + 4) + (2 + 64) + 16)


def test_unlocated_firms_are_not_counted_when_a_district_is_asked_for(figures: Figures) -> None:
    page = figures.page("industries", level="division", district="siming")
    assert headcounts(page) == ({"64": 1 + 4, "65": 2}, 16 + 32, 1 + 4 + 2 + 16 + 32)
    assert headcounts(figures.page("industries", level="division", district="wucun")) == ({"64": 1, "65": 2}, 0, 1 + 2)


def test_unclassified_firms_are_not_counted_when_an_industry_is_asked_for(figures: Figures) -> None:
    page = figures.page("districts", level="county", industry="I")
    assert headcounts(page) == ({"siming": 1 + 2 + 4 + 16}, 64, 1 + 2 + 4 + 16 + 64)


def test_there_is_a_total_and_nothing_unallocated_when_rows_overlap(figures: Figures) -> None:
    within = figures.page("districts", within="siming")
    assert codes(within) == ["jialian", "siming", "wucun", "yunding"]
    assert within["unallocated"] is None
    assert within["total"]["counts"]["headcount"] == 1 + 2 + 4 + 16 + 32
    assert figures.page("districts")["unallocated"] is None
    enterprises = figures.page("enterprises", district="siming")
    assert enterprises["unallocated"] is None
    assert enterprises["total"]["counts"]["headcount"] == 1 + 2 + 4 + 16 + 32


def test_firms_on_the_node_are_unallocated_when_a_level_within_it_is_listed(figures: Figures) -> None:
    page = figures.page("districts", within="xiamen", level="street")
    assert headcounts(page) == (
        {"jialian": 16 + 32, "jiangtou": 8, "wucun": 1 + 2}, 4 + 256, 1 + 2 + 4 + 8 + 16 + 32 + 256,
    )  # fmt: skip


def test_empty_places_are_listed_when_asked_for(figures: Figures) -> None:
    listed = figures.column("districts", "enterprises", parent="siming", ownership="state", include_empty="true")
    assert listed == {"jialian": 0, "wucun": 0}
    assert figures.column("districts", "enterprises", parent="siming", ownership="state") == {}


WITHHELD = {
    "districts": """
        code,     parent_code, level,    name_zh
        fujian,   ,            province, 福建省
        xiamen,   fujian,      city,     厦门市
        siming,   xiamen,      county,   思明区
        wucun,    siming,      street,   梧村街道
        dongguan, ,            city,     东莞市
        nancheng, dongguan,    street,   南城街道
        """,
    "enterprises": """
        code,      district_code, industry_code
        street,    wucun,         641
        city,      nancheng,      86
        nowhere,   ,
        returning, wucun,         65
        """,
    "returns": """
        enterprise_code, reported_on
        returning,       2017-06-30
        """,
    "members": """
        ref, identity
        a,   withheld
        b,   withheld
        c,   withheld
        d,   withheld
        e,   open
        """,
    "employments": """
        member_ref, enterprise_code
        a,          street
        b,          city
        c,          nowhere
        d,          returning
        e,          street
        """,
}


@pytest.fixture(scope="module")
def withheld(tiny: Tiny, figures: Figures) -> Figures:
    return tiny.hold(**WITHHELD).at()


@pytest.mark.parametrize(
    ("subject", "code", "count"),
    [
        ("districts", "fujian", 2),
        ("districts", "siming", 2),
        ("districts", "wucun", None),  # below the county
        ("districts", "dongguan", 1),  # a city without counties is the county of its streets
        ("districts", "nancheng", None),
        ("industries", "I", 2),
        ("industries", "64", None),  # below the section
        ("industries", "R", 1),
    ],
)
def test_withheld_members_are_null_when_the_row_is_below_county_or_section(
    withheld: Figures, subject: str, code: str, count: int | None
) -> None:
    assert withheld.counts(subject, code, "members_withheld", basis="registered") == (count,)


def test_withheld_members_are_unallocated_when_their_workplace_has_no_place(withheld: Figures) -> None:
    for subject, level, rows in (("districts", "city", [1, 2]), ("industries", "section", [2, 1])):
        page = withheld.page(subject, level=level, basis="registered")
        assert [one["counts"]["members_withheld"] for one in page["data"]] == rows
        assert page["unallocated"]["counts"]["members_withheld"] == 1
        assert page["total"]["counts"]["members_withheld"] == 2 + 1 + 1


def test_withheld_members_are_null_when_the_question_is_finer_than_their_grain(withheld: Figures) -> None:
    streets = withheld.page("districts", level="street", basis="registered")
    assert streets["unallocated"]["counts"]["members_withheld"] is None  # as soon as it is null in a row
    assert streets["total"]["counts"]["members_withheld"] == 4
    for narrow in ({"basis": "eligible"}, {"ownership": "state"}, {"enterprise_kind": "enterprise"}):
        assert withheld.counts("districts", "siming", "members_withheld", **narrow) == (None,)
    assert withheld.counts("districts", "siming", "members_withheld", basis="operating") == (1,)  # d, who reports
    assert withheld.counts("districts", "siming", "members_withheld", basis="registered", industry="I") == (2,)
    assert withheld.counts("districts", "siming", "members_withheld", basis="registered", industry="64") == (None,)
