"""Low membership of registries that can be worked through by hand: who is compared with whom, and what it gives."""

from math import sqrt
from typing import Any

import pytest
from scipy.special import betainc

from app.errors import InvalidRequest
from tests.factories.payrolls import ask_low_membership
from tests.factories.tiny import Figures, Tiny
from tests.reference.low_membership import COLUMNS
from tests.reference.questions import DIMENSIONS_OF

Z = 1.959963984540054

GROUPS = """
    group_code,  name_zh, industry_code
    internet,    互联网,  64
    internet,    互联网,  86
    information, 信息,    I
    nothing,     无,      641
"""


def firms(*payrolls: str) -> dict[str, str]:
    """Registry tables from lines `number × (headcount, members) district industry [ownership]`; `?` = unknown."""
    enterprises = ["code, registered_on"]
    returns = ["enterprise_code, reported_on, headcount, members, district_code, industry_code, ownership"]
    for line in payrolls:
        number, headcount, members, district, industry, *ownership = line.split()
        for _ in range(int(number)):
            code = f"e{len(enterprises)}"
            enterprises.append(f"{code}, 2001-01-01")
            cells = [headcount, members, district, industry, *ownership]
            returns.append(f"{code}, 2017-03-31, {', '.join(cell.replace('?', '').replace('-', '') for cell in cells)}")
    return {"enterprises": "\n".join(enterprises), "returns": "\n".join(returns), "industry_groups": GROUPS}


def ask(figures: Figures, **params: Any) -> dict[str, Any]:
    return ask_low_membership(figures.asker, params, figures.snapshot)


def rows(figures: Figures, **params: Any) -> dict[str, dict[str, Any]]:
    """The rows by what they stand for, in order."""
    found = ask(figures, **params)["data"]
    named = [row[DIMENSIONS_OF[params["by"]]] for row in found]
    return {one["code"] if isinstance(one, dict) else one: row for one, row in zip(named, found, strict=True)}


def matched(row: dict[str, Any]) -> tuple[int, int]:
    return row["counts"]["members_matched"], row["counts"]["headcount_matched"]


def p_of(r: float, r_ref: float, n_t: float) -> float:
    """The formula as the design has it, for 0 < r < 1."""
    x = n_t * r
    low = betainc(n_t - x, x + 1, 1 - r_ref)
    high = betainc(x, n_t - x + 1, r_ref)
    heavy = betainc((1 - r_ref) * (n_t - 1), r_ref * (n_t - 1), 1 - r)
    return float(min(1, 2 * min(low, max(high, heavy))))


# in every industry all firms have the same ratio: no correlation beyond chance, ρ = 0, and n_eff = headcount
ALIKE = (
    "10 100 4  wucun   64",  # 40 of 1000
    "10 200 20 jialian 65",  # 200 of 2000
    "10 300 30 wucun   86",  # 300 of 3000
)


def test_each_industry_is_compared_with_all_the_others_when_nothing_else_is_asked(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE)).at()
    page = ask(figures, by="division", district="siming")
    assert page["meta"]["intra_enterprise_correlation"]["value"] == 0
    assert page["meta"]["rows"] == 3
    found = rows(figures, by="division", district="siming")
    expected = {
        "64": (40 / 1000, 500 / 5000, 1000 * 5000 / 6000),
        "65": (200 / 2000, 340 / 4000, 2000 * 4000 / 6000),
        "86": (300 / 3000, 240 / 3000, 3000 * 3000 / 6000),
    }
    p = {code: p_of(*sides) for code, sides in expected.items()}
    for code, (ratio, reference, n_t) in expected.items():
        row = found[code]
        assert (row["ratio"], row["reference_ratio"]) == (ratio, reference)
        assert row["n_eff"] == pytest.approx(matched(row)[1])
        assert row["expected"] == pytest.approx(n_t * reference)
        assert row["p"] == pytest.approx(p[code], rel=1e-9)
        half = Z * sqrt(0.09 * 0.91 / matched(row)[1])  # the whole scope: 540 of 6000
        assert (row["limit_95_low"], row["limit_95_high"]) == pytest.approx((0.09 - half, 0.09 + half), abs=1e-12)
        half *= 3.090232306167813 / Z
        assert (row["limit_998_low"], row["limit_998_high"]) == pytest.approx((0.09 - half, 0.09 + half), abs=1e-12)
    assert p["64"] < p["86"] < 0.05 < p["65"]
    assert found["64"]["q"] == pytest.approx(3 * p["64"], rel=1e-9)
    assert found["86"]["q"] == pytest.approx(3 / 2 * p["86"], rel=1e-9)
    assert found["65"]["q"] == pytest.approx(p["65"], rel=1e-9)
    assert list(found) == ["64", "86", "65"]  # by q_margin: 64 is the only one below the margin; then by q
    assert [row["class"] for row in found.values()] == ["low", "higher", "not_different"]
    assert [row["shortfall"] for row in found.values()] == [100 - 40, 0, 0]  # 0.1 · 1000 = 100


def test_a_target_is_what_all_are_compared_with_when_given(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE)).at()
    found = rows(figures, by="division", target="0.07", sort="code")
    for code, ratio, headcount in (("64", 0.04, 1000), ("65", 0.1, 2000), ("86", 0.1, 3000)):
        row = found[code]
        assert (row["ratio"], row["reference_ratio"]) == (ratio, 0.07)
        assert row["expected"] == pytest.approx(0.07 * headcount)
        assert row["p"] == pytest.approx(p_of(ratio, 0.07, headcount), rel=1e-9)
        half = Z * sqrt(0.07 * 0.93 / headcount)
        assert row["limit_95_high"] == pytest.approx(0.07 + half, abs=1e-12)
    assert [row["class"] for row in found.values()] == ["low", "higher", "higher"]
    assert [row["shortfall"] for row in found.values()] == [70 - 40, 0, 0]


def test_a_lower_ratio_is_low_when_below_the_margin(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE)).at()
    asked = {"by": "division", "target": "0.07"}
    for margin, kind in (("0.75", "lower"), ("0.8", "low")):
        row = rows(figures, **asked, margin=margin)["64"]
        p_margin = float(betainc(1000 - 40, 40 + 1, 1 - float(margin) * 0.07))  # x = 0.04 · 1000 of n_t = 1000
        assert (row["p_margin"], row["q_margin"]) == pytest.approx((p_margin, 2 * p_margin), rel=1e-9)  # the only one
        assert (2 * p_margin < 0.05) == (kind == "low")
        assert row["class"] == kind
    assert rows(figures, **asked, alpha="0.00001")["64"]["class"] == "not_different"


def test_the_same_industry_of_the_parent_is_the_reference_when_asked(tiny: Tiny) -> None:
    elsewhere = ("10 100 10 jiangtou 64", "5 100 4 xiamen 64", "10 100 10 jiangtou 65")
    figures = tiny.hold(**firms(*ALIKE, *elsewhere)).at()
    found = rows(figures, by="division", district="siming", reference="parent")
    # 64 in Xiamen without Siming: 100 of 1000 in Huli, 20 of 500 on the city itself
    n_eff, rest = found["64"]["n_eff"], found["64"]["expected"] / (120 / 1500)
    assert found["64"]["reference_ratio"] == 120 / 1500
    assert rest == pytest.approx(n_eff * 1500 / (n_eff + 1500))  # ρ is 0 here too
    assert found["65"]["reference_ratio"] == 100 / 1000
    assert found["86"]["class"] == "not_applicable"  # nowhere else
    assert matched(found["86"]) == (300, 3000)
    assert found["86"]["limit_95_low"] is None
    for row in found.values():
        if row["class"] != "not_applicable":  # around the ratio of Siming as a whole, all the same
            assert row["limit_95_low"] + row["limit_95_high"] == pytest.approx(2 * 540 / 6000)
    street = rows(figures, by="division", district="wucun", reference="parent")
    assert street["64"]["class"] == "not_applicable"  # all firms of the trade in Siming are in this street
    groups = rows(figures, by="industry_group", district="siming", reference="parent")
    assert groups["internet"]["reference_ratio"] == 120 / 1500
    assert groups["information"]["reference_ratio"] == 220 / 2500


def test_groups_are_compared_with_all_but_themselves_when_they_overlap(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE)).at()
    page = ask(figures, by="industry_group", sort="code")
    assert page["unallocated"] is None
    found = rows(figures, by="industry_group", sort="code")
    assert list(found) == ["information", "internet"]  # the group without an enterprise is not listed
    assert found["internet"]["industry"] is None
    assert found["internet"]["industry_group"]["industries"] == ["64", "86"]
    assert (found["internet"]["ratio"], found["internet"]["reference_ratio"]) == (340 / 4000, 200 / 2000)
    assert (found["information"]["ratio"], found["information"]["reference_ratio"]) == (240 / 3000, 300 / 3000)
    within = rows(figures, by="industry_group", industry_group="internet", sort="code")
    assert matched(within["information"]) == (40, 1000)  # those of it that are in the internet group: 64
    assert within["information"]["reference_ratio"] == 300 / 3000  # 86
    assert within["internet"]["class"] == "not_applicable"


def test_unclassified_enterprises_are_in_the_rest_and_in_no_row(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE, "10 100 50 wucun -")).at()
    page = ask(figures, by="division")
    found = rows(figures, by="division")
    assert found["64"]["reference_ratio"] == (500 + 500) / (5000 + 1000)
    assert page["total"]["counts"]["members_matched"] == 540 + 500
    assert page["unallocated"]["counts"]["members_matched"] == 500
    assert set(found) == {"64", "65", "86"}


def test_only_enterprises_with_both_sides_known_are_compared(tiny: Tiny) -> None:
    unknown = ("3 ? 9 wucun 64", "2 50 ? wucun 64", "1 0 5 wucun 64", "1 ? ? wucun 641", "1 0 0 wucun R")
    figures = tiny.hold(**firms(*ALIKE, *unknown)).at()
    found = rows(figures, by="division")
    assert matched(found["64"]) == (40, 1000)
    assert (found["64"]["ratio"], found["64"]["reference_ratio"]) == (40 / 1000, 500 / 5000)
    assert found["64"]["counts"]["enterprises_headcount_unknown"] == 4
    assert found["64"]["counts"]["members"] == 40 + 3 * 9 + 5
    sections = rows(figures, by="section")
    assert matched(sections["R"]) == (300, 3000)
    groups = rows(figures, by="group")
    row = groups["641"]
    assert (row["class"], matched(row), row["counts"]["enterprises"]) == ("not_applicable", (0, 0), 1)
    assert [row[column] for column in COLUMNS if column != "class"] == [None] * (len(COLUMNS) - 1)
    assert row["rates"]["member_ratio"]["status"] == "unknown"


def test_everybody_a_member_is_tested_and_more_than_everybody_is_not(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE, "10 30 30 jiangtou 641", "1 50 60 wucun R")).at()
    found = rows(figures, by="group")
    assert (found["641"]["ratio"], found["641"]["class"]) == (1.0, "higher")
    n_t = 300 * 6050 / 6350
    r_ref = (540 + 60) / 6050
    assert found["641"]["expected"] == pytest.approx(n_t * r_ref)
    assert found["641"]["p"] == pytest.approx(2 * r_ref**n_t, abs=1e-12)  # P_high = I(n, 1; r) = rⁿ
    sections = rows(figures, by="section", target="0.5")
    assert sections["R"]["class"] == "low"  # 360 of 3050
    industries = rows(figures, by="section", industry="R", target="0.9")
    assert list(industries) == ["R"]
    figures = tiny.hold(**firms(*ALIKE, "1 50 60 huli R")).at()
    row = rows(figures, by="section", district="huli", target="0.5")["R"]
    assert (row["class"], row["ratio"], row["p"], row["q"]) == ("inconsistent", 60 / 50, None, None)
    assert (row["shortfall"], row["expected"]) == (0, pytest.approx(0.5 * row["n_eff"]))
    assert row["rates"]["member_ratio"]["status"] == "inconsistent"
    assert row["limit_95_low"] is not None


def test_a_reference_of_members_alone_is_not_applicable(tiny: Tiny) -> None:
    figures = tiny.hold(**firms("5 10 1 wucun 64", "5 10 10 wucun 65", "5 10 12 wucun 86")).at()
    found = rows(figures, by="division", industry="I", sort="code")
    assert found["64"]["class"] == "not_applicable"  # 50 of 50
    assert found["65"]["class"] != "not_applicable"  # 5 of 50
    found = rows(figures, by="section", sort="code")
    assert (found["I"]["class"], found["R"]["class"]) == ("not_applicable", "inconsistent")  # 60 of 50; 55 of 100


def test_one_firm_tells_as_much_as_few_employees_when_firms_are_alike_inside(tiny: Tiny) -> None:
    figures = tiny.hold(**firms("1 1000 10 wucun 64", "1 400 100 wucun 65", "1 50 50 jialian 86")).at()
    assert ask(figures, by="division")["meta"]["intra_enterprise_correlation"]["value"] == 0.1  # no strata
    found = rows(figures, by="division", target="0.5", sort="code")
    assert found["64"]["n_eff"] == pytest.approx(1000**2 / (1000 + 0.1 * (1000**2 - 1000)))  # 9.9
    assert found["64"]["class"] == "few_expected"  # 4.95: one firm shows nothing below one half
    assert found["64"]["shortfall"] == 500 - 10
    found = rows(figures, by="division", target="0.6", sort="code")
    assert found["64"]["class"] == "low"  # 5.9 expected


def test_the_shortfall_is_what_the_rest_would_give(tiny: Tiny) -> None:
    figures = tiny.hold(**firms("1 250 3 wucun 64", "10 200 16 wucun 65")).at()
    assert rows(figures, by="division")["64"]["shortfall"] == 17  # 160/2000 · 250 = 20


def test_members_who_are_withheld_are_in_no_ratio(tiny: Tiny) -> None:
    names = [f"m{number}" for number in range(12)]
    tables = {
        "enterprises": "code, district_code, industry_code\nA, wucun, 64\nB, wucun, 86",
        "returns": "enterprise_code, reported_on, headcount\nA, 2017-03-31, 20\nB, 2017-03-31, 30",
        "members": "ref, full_since, identity\n"
        + "\n".join(f"{name}, 2002-07-01, {'withheld' if name == 'm0' else 'open'}" for name in names),
        "employments": "member_ref, enterprise_code\n"
        + "\n".join(f"{name}, {'A' if number < 5 else 'B'}" for number, name in enumerate(names)),
    }
    figures = tiny.hold(**tables).at()
    page = ask(figures, by="section")
    found = rows(figures, by="section")
    assert page["meta"]["member_source"] == "register"
    assert (found["I"]["ratio"], found["I"]["reference_ratio"]) == (4 / 20, 7 / 30)
    assert found["I"]["shortfall"] == 5 - 4  # 7/30 · 20 = 4.67
    assert found["I"]["counts"]["members_withheld"] == 1
    assert page["total"]["counts"]["members_withheld"] == 1
    assert page["unallocated"]["counts"]["members_withheld"] == 0
    assert rows(figures, by="division")["64"]["counts"]["members_withheld"] is None
    within = ask(figures, by="section", industry="R")
    assert within["total"]["counts"]["members_withheld"] == within["unallocated"]["counts"]["members_withheld"] == 0
    eligible = rows(figures, by="section", basis="eligible", sort="code")
    assert [row["reference_ratio"] for row in eligible.values()] == [7 / 30, 4 / 20]


def test_total_and_unallocated_are_those_of_the_list_of_industries(tiny: Tiny) -> None:
    more = ("3 40 2 jiangtou I", "2 10 1 - 64", "4 20 2 xiamen -", "1 ? 3 siming 641")
    figures = tiny.hold(**firms(*ALIKE, *more)).at()
    for level in ("section", "division", "group", "class"):
        for conditions in ({}, {"district": "siming"}, {"district": "xiamen", "basis": "registered"}):
            page, listed = (
                ask(figures, by=level, sort="code", **conditions),
                figures.page("industries", level=level, **conditions),
            )
            assert (page["total"], page["unallocated"]) == (listed["total"], listed["unallocated"])
            for row, other in zip(page["data"], listed["data"], strict=True):
                assert {name: row[name] for name in ("industry", "counts", "rates")} == other
    for level in ("county", "street", "site"):
        page, listed = ask(figures, by=level, target="0.1", sort="code"), figures.page("districts", level=level)
        assert (page["total"], page["unallocated"]) == (listed["total"], listed["unallocated"])
        for row, other in zip(page["data"], listed["data"], strict=True):
            assert {name: row[name] for name in ("district", "counts", "rates")} == other


def test_industries_within_an_industry_are_compared_with_its_others(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE, "5 100 9 wucun I", "5 100 5 wucun 641")).at()
    found = ask(figures, by="division", industry="I", sort="code")
    assert [row["industry"]["code"] for row in found["data"]] == ["64", "65"]
    assert found["data"][0]["reference_ratio"] == (200 + 45) / (2000 + 500)
    assert found["unallocated"]["counts"]["members_matched"] == 45
    above = ask(figures, by="section", industry="64")
    assert matched(above["data"][0]) == (40 + 25, 1000 + 500)  # those of the section that are in the division
    assert above["data"][0]["class"] == "not_applicable"
    assert above["total"]["counts"] == above["data"][0]["counts"]


MIXED = (
    "10 100 4  wucun    64",  # 40 of 1000
    "5  200 20 wucun    65",  # 100 of 1000
    "5  100 6  wucun    -",  # 30 of 500, in no industry
    "10 100 8  jialian  64",  # 80 of 1000
    "10 100 10 jialian  65",  # 100 of 1000
    "5  100 9  jialian  -",  # 45 of 500
    "5  100 5  jiangtou 86",  # 25 of 500, in an industry that is nowhere else
)


def spread(own: tuple[int, int, int], elsewhere: tuple[int, int, int], rho: float) -> float:
    """What a stratum adds to the variance of the members expected: members, headcount and squares of both sides."""
    ratio, common = elsewhere[0] / elsewhere[1], (own[0] + elsewhere[0]) / (own[1] + elsewhere[1])
    (_, size, squared), (_, others, others_squared) = own, elsewhere
    blur = size + rho * (squared - size) + size**2 * (others + rho * (others_squared - others)) / others**2
    return max(ratio * (1 - ratio), common * (1 - common)) * blur


def test_places_are_compared_with_their_own_mix_of_industries_when_nothing_else_is_asked(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*MIXED)).at()
    page = ask(figures, by="street", sort="code")
    rho = page["meta"]["intra_enterprise_correlation"]["value"]
    found = rows(figures, by="street", sort="code")
    assert list(found) == ["jialian", "jiangtou", "wucun"]
    wucun = found["wucun"]
    expected = 1000 * 80 / 1000 + 1000 * 100 / 1000 + 500 * 45 / 500
    assert (wucun["members_expected"], wucun["headcount_uncompared"]) == (pytest.approx(expected), 0)
    variance = (
        spread((40, 1000, 100_000), (80, 1000, 100_000), rho)
        + spread((100, 1000, 200_000), (100, 1000, 100_000), rho)
        + spread((30, 500, 50_000), (45, 500, 50_000), rho)
    )
    assert wucun["n_eff"] == pytest.approx(expected * (2500 - expected) / variance)
    assert wucun["precision"] == pytest.approx(expected**2 / variance)
    assert (wucun["ratio"], wucun["reference_ratio"]) == (170 / 2500, pytest.approx(expected / 2500))
    assert wucun["standardised_ratio"]["value"] == pytest.approx(170 / expected)
    assert wucun["standardised_ratio"]["low"] < 170 / expected < wucun["standardised_ratio"]["high"]
    assert wucun["p"] == pytest.approx(p_of(170 / 2500, expected / 2500, wucun["n_eff"]), rel=1e-9)
    assert wucun["limit_95_low"] == pytest.approx(1 - Z / sqrt(wucun["precision"]))
    assert wucun["shortfall"] == 225 - 170
    assert wucun["rates"]["member_ratio"]["value"] == 170 / 2500
    alone = found["jiangtou"]
    assert (alone["class"], alone["headcount_uncompared"]) == ("not_applicable", 500)
    compared = {*COLUMNS, "members_expected", "standardised_ratio", "precision"} - {"class"}
    assert {name: alone[name] for name in compared} == dict.fromkeys(compared)
    assert matched(alone) == (25, 500)


def test_the_level_of_industries_decides_what_is_compared_when_it_is_asked_for(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*MIXED, "5 100 5 huli 86")).at()
    assert rows(figures, by="street", adjust="division") == rows(figures, by="street")
    by_section = rows(figures, by="street", adjust="section")["wucun"]
    assert by_section["members_expected"] == pytest.approx(2000 * 180 / 2000 + 500 * 45 / 500)
    of_group = rows(figures, by="street", adjust="group")["wucun"]  # none has a group: all in one stratum, as if plain
    assert of_group["members_expected"] == pytest.approx(2500 * 275 / 3500)
    within = rows(figures, by="street", district="siming", industry="64")["wucun"]
    assert (within["members_expected"], within["ratio"]) == (pytest.approx(80), 40 / 1000)
    counties = rows(figures, by="county", adjust="section", sort="code")
    assert {code: row["class"] for code, row in counties.items()} == {"huli": "not_applicable"} | {
        "siming": "not_applicable"
    }


def test_sectors_are_compared_as_they_are_when_no_mix_is_asked_for(tiny: Tiny) -> None:
    owned = (
        "10 100 4  wucun 64 private", "10 100 10 wucun 64 state", "10 100 12 wucun 65 foreign",
        "10 100 10 wucun 65 mixed", "10 100 14 wucun 65 collective",
    )  # fmt: skip
    figures = tiny.hold(**firms(*owned)).at()
    page = ask(figures, by="sector", sort="code")
    found = rows(figures, by="sector", sort="code")
    assert list(found) == ["non_public", "public"]
    assert (found["non_public"]["ratio"], found["non_public"]["reference_ratio"]) == (160 / 2000, 340 / 3000)
    assert "members_expected" not in found["public"]
    assert page["unallocated"]["counts"]["members_matched"] == 100  # of mixed ownership: in no sector, but in the rest
    assert list(rows(figures, by="ownership", sort="code")) == ["state", "collective", "private", "foreign", "mixed"]
    adjusted = rows(figures, by="sector", adjust="division", sort="code")
    assert adjusted["non_public"]["members_expected"] == pytest.approx(1000 * 100 / 1000 + 1000 * 240 / 2000)
    two = rows(figures, by="division", sector=["public", "non_public"], sort="code")
    assert {code: matched(row) for code, row in two.items()} == {"64": (140, 2000), "65": (260, 2000)}


def test_states_narrow_the_rows_and_no_q_when_asked(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE, "2 5 1 jiangtou 64")).at()
    asked = {"by": "street", "target": "0.12", "sort": "member_ratio"}
    whole, page = rows(figures, **asked), ask(figures, **asked, status="ok")
    assert {code: row["rates"]["member_ratio"]["status"] for code, row in whole.items()} == {
        "wucun": "ok", "jialian": "ok", "jiangtou": "low_base",
    }  # fmt: skip
    shown = rows(figures, **asked, status="ok")
    assert list(shown) == ["wucun", "jialian"]
    assert shown == {code: whole[code] for code in shown}
    assert (page["unallocated"], page["total"]) == (None, ask(figures, **asked)["total"])
    assert list(rows(figures, **asked, status=["low_base", "ok"])) == list(whole)
    assert rows(figures, **asked, status="inconsistent") == {}


def test_q_is_the_same_on_every_page_and_in_every_order(tiny: Tiny) -> None:
    figures = tiny.hold(**firms(*ALIKE)).at()
    whole = rows(figures, by="division")
    asked = {"by": "division", "sort": "members", "order": "desc"}
    paged = ask_low_membership(figures.asker, asked, figures.snapshot, limit=1)["data"]
    assert [row["industry"]["code"] for row in paged] == ["86", "65", "64"]
    assert {row["industry"]["code"]: row["q"] for row in paged} == {code: row["q"] for code, row in whole.items()}


@pytest.mark.parametrize(
    ("sort", "ascending"),
    [
        ("q", ["64", "86", "65", "R1", "R2"]),
        ("q_margin", ["64", "86", "65", "R1", "R2"]),  # the latter two are 1: by q
        ("p", ["64", "86", "65", "R1", "R2"]),
        ("ratio", ["64", "65", "86", "R1", "R2"]),  # two of 0.1, by code
        ("shortfall", ["65", "86", "64", "R1", "R2"]),
        ("class", ["86", "64", "R1", "R2", "65"]),  # as text: higher, low, not_applicable, not_different
        ("code", ["64", "65", "86", "R1", "R2"]),
        ("headcount", ["R1", "R2", "64", "65", "86"]),
        ("member_ratio", ["64", "65", "86", "R1", "R2"]),
    ],
)
def test_rows_are_sorted_by_any_column_with_ties_by_code_and_nulls_last(
    tiny: Tiny, sort: str, ascending: list[str]
) -> None:
    industries = """
        code, parent_code, level,    name_zh
        I,    ,            section,  信息
        64,   I,           division, 互联网
        65,   I,           division, 软件
        86,   I,           division, 出版
        R1,   I,           division, 一
        R2,   I,           division, 二
    """
    tables = firms(*ALIKE, "1 ? 5 wucun R1", "1 ? 5 wucun R2") | {"industry_groups": ""}
    figures = tiny.hold(**tables, industries=industries).at()
    nulls = {"R1", "R2"} if sort in ("q", "q_margin", "p", "ratio", "shortfall", "member_ratio") else set()
    known = [code for code in ascending if code not in nulls]
    unknown = [code for code in ascending if code not in known]
    assert list(rows(figures, by="division", sort=sort)) == [*known, *unknown]
    falling = list(rows(figures, by="division", sort=sort, order="desc"))
    ties = {
        "ratio": ["65", "86", "64"],
        "member_ratio": ["65", "86", "64"],
        "shortfall": ["64", "65", "86"],
        "class": ["65", "R1", "R2", "64", "86"],
        "headcount": ["86", "65", "64", "R1", "R2"],
    }
    assert falling == [*ties.get(sort, known[::-1]), *unknown]


PARENT = ["query/reference", "query/district"]


@pytest.mark.parametrize(
    ("params", "pointers"),
    [
        ({"by": "industry_group", "reference": "parent", "district": ["siming", "huli"]}, PARENT),
        ({"by": "street", "reference": "parent", "district": "siming"}, ["query/reference", "query/by"]),
        ({"by": "street", "adjust": "none"}, ["query/adjust", "query/target"]),
        ({"by": "street", "adjust": "division", "target": "0.1"}, ["query/adjust"]),
        ({"by": "sector", "adjust": "section", "target": "0.1"}, ["query/adjust"]),
        ({"by": "sector", "adjust": "section", "reference": "parent", "district": "siming"}, ["query/adjust"]),
        ({"by": "division", "adjust": "section"}, ["query/adjust", "query/by"]),
        ({"by": "industry_group", "adjust": "division"}, ["query/adjust", "query/by"]),
        ({"by": "division", "status": "ok"}, ["query/status", "query/sort"]),
        ({"by": "division", "status": "ok", "sort": "members"}, ["query/status", "query/sort"]),
        ({"by": "division", "sort": "members_expected"}, ["query/sort", "query/adjust"]),
        ({"by": "street", "sort": "precision", "target": "0.1"}, ["query/sort", "query/adjust"]),
        ({"by": "industry_group", "target": "0.1", "reference": "rest"}, ["query/reference", "query/target"]),
        ({"by": "industry_group", "reference": "parent"}, PARENT),
        ({"by": "industry_group", "reference": "parent", "district": "fujian"}, PARENT),
        ({"by": "industry_group", "district": "nowhere", "industry": "6"}, ["query/district", "query/industry"]),
    ],
)
def test_what_cannot_be_compared_is_refused(tiny: Tiny, params: dict[str, Any], pointers: list[str]) -> None:
    figures = tiny.hold(**firms("1 10 1 wucun 64")).at()
    with pytest.raises(InvalidRequest) as refused:
        ask(figures, **params)
    assert [item.place for item in refused.value.errors] == pointers
