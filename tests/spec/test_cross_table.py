"""Cross tables: every figure worked by hand, margins against the lists of one dimension, order, scope, refusals."""

from itertools import product
from typing import Any

import pytest

from app.catalogue.measures import MEASURES
from app.errors import InvalidRequest
from app.statistics.as_of import ExactOnly
from tests.factories.asking import Asker, Reader
from tests.factories.tiny import Figures, Tiny, parts, picked

TABLES = {
    "enterprises": """
        code, district_code, industry_code, registered_on
        A,    wucun,         64,            2010-01-01
        B,    yunding,       641,           2010-01-01
        C,    yunding,       65,            2010-01-01
        D,    jialian,       65,            2010-01-01
        E,    jiangtou,      86,            2010-01-01
        F,    siming,        I,             2010-01-01
        G,    ,              86,            2010-01-01
        H,    wucun,         ,              2010-01-01
        N,    wucun,         86,            2010-01-01
    """,
    "returns": """
        enterprise_code, reported_on, headcount, ownership
        A,               2017-03-31,  10,        private
        B,               2017-03-31,  20,        private
        C,               2017-03-31,  30,        state
        D,               2017-03-31,  40,        private
        E,               2017-03-31,  50,        private
        F,               2017-03-31,  60,        private
        G,               2017-03-31,  70,        private
        H,               2017-03-31,  80,        private
    """,
    "members": """
        ref, identity
        a1,  open
        a2,  open
        b1,  open
        d1,  open
        e1,  withheld
        f1,  withheld
    """,
    "employments": """
        member_ref, enterprise_code
        a1,         A
        a2,         A
        b1,         B
        d1,         D
        e1,         E
        f1,         F
    """,
    "branches": """
        code, kind,   district_code
        P,    branch, siming
    """,
    "coverage": """
        enterprise_code, branch_code, means
        B,               P,           joint
        D,               P,           standalone
    """,
    "industry_groups": """
        group_code, name_zh, industry_code
        net,        网络,    64
        net,        网络,    641
        net,        网络,    86
        info,       信息,    I
    """,
}
"""Streets wucun (with site yunding) and jialian in siming, jiangtou in huli. N filed no return: registered only."""

CODES = [measure.code for measure in MEASURES]


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(**TABLES).at()


def table(figures: Figures, **params: str) -> dict[str, Any]:
    return figures.asker.cross_table(params, figures.snapshot)


def cells(page: dict[str, Any], measures: str = "enterprises") -> dict[tuple[str, str], Any]:
    """Measures of each cell by the codes of district and column, in the order of the page."""
    found = {}
    for row in page["data"]:
        beside = row["industry"] or row["industry_group"]
        found[row["district"]["code"], beside["code"]] = picked(row["counts"], measures)
    return found


def test_cells_hold_whoever_is_in_both_when_streets_are_crossed_with_divisions(figures: Figures) -> None:
    page = table(figures, district_level="street", industry_level="division")
    assert cells(page, "enterprises enterprises_organised headcount members") == {
        ("jialian", "65"): (1, 1, 40, 1),  # D
        ("jiangtou", "86"): (1, 0, 50, 0),  # E, whose member is withheld
        ("wucun", "64"): (2, 1, 10 + 20, 2 + 1),  # A; B at the site, in a group of the division
        ("wucun", "65"): (1, 0, 30, 0),  # C
    }
    assert list(cells(page)) == sorted(cells(page))
    ratio = page["data"][2]["rates"]["member_ratio"]
    assert (parts(ratio), ratio["value"]) == ((3, 30), 3 / 30)
    assert picked(page["total"]["counts"], "enterprises headcount members") == (8, 360, 4)
    # F is on a county and a section, G has no place, H no industry: 60 + 70 + 80
    assert picked(page["unallocated"]["counts"], "enterprises headcount members") == (3, 210, 0)


def test_withheld_members_show_by_county_and_section_alone_when_crossed(figures: Figures) -> None:
    page = table(figures, district_level="county", industry_level="section")
    assert cells(page, "enterprises members_withheld") == {("huli", "R"): (1, 1), ("siming", "I"): (5, 1)}
    assert picked(page["total"]["counts"], "members_withheld") == (2,)
    assert picked(page["unallocated"]["counts"], "enterprises members_withheld") == (2, 0)  # G, H
    for levels in (("street", "section"), ("county", "division")):
        finer = table(figures, district_level=levels[0], industry_level=levels[1])
        assert {withheld for (withheld,) in cells(finer, "members_withheld").values()} == {None}
        assert picked(finer["unallocated"]["counts"], "members_withheld") == (None,)
        assert picked(finer["total"]["counts"], "members_withheld") == (2,)
    groups = table(figures, district_level="county", by="industry_group")
    assert {withheld for (withheld,) in cells(groups, "members_withheld").values()} == {None}
    within_one = table(figures, district_level="county", industry_level="section", district="siming", industry="I")
    assert cells(within_one, "members_withheld") == {("siming", "I"): (1,)}


def test_enterprises_count_once_in_each_group_when_groups_overlap(figures: Figures) -> None:
    page = table(figures, district_level="county", by="industry_group")
    assert cells(page, "enterprises headcount") == {
        ("huli", "net"): (1, 50),  # E
        ("siming", "info"): (5, 10 + 20 + 30 + 40 + 60),  # A, B, C, D, F
        ("siming", "net"): (2, 10 + 20),  # A; B, below two codes of the group
    }
    assert page["unallocated"] is None
    assert picked(page["total"]["counts"], "enterprises") == (8,)
    assert [row["industry"] for row in page["data"]] == [None] * 3
    assert page["data"][0]["industry_group"]["industries"] == ["64", "641", "86"]


def test_rows_lie_within_a_district_when_asked(figures: Figures) -> None:
    page = table(figures, district_level="street", industry_level="division", within="siming")
    assert list(cells(page)) == [("jialian", "65"), ("wucun", "64"), ("wucun", "65")]
    assert picked(page["total"]["counts"], "enterprises") == (6,)  # A to D, F, H
    assert picked(page["unallocated"]["counts"], "enterprises") == (2,)  # F, H
    itself = table(figures, district_level="county", industry_level="section", within="siming")
    assert cells(itself) == {("siming", "I"): (5,)}
    above = table(figures, district_level="county", industry_level="section", within="wucun")
    assert (above["data"], above["meta"]["rows"]) == ([], 0)
    assert above["unallocated"]["counts"] == above["total"]["counts"]


def test_whom_to_count_and_which_rows_to_list_are_two_things_when_both_name_a_district(figures: Figures) -> None:
    levels = {"district_level": "county", "industry_level": "division"}
    page = table(figures, **levels, district="wucun", within="xiamen")
    assert cells(page) == {("siming", "64"): (2,), ("siming", "65"): (1,)}  # of the county, only those in the street
    assert picked(page["total"]["counts"], "enterprises") == (4,)  # A, B, C, H
    narrower = table(figures, **levels, district="xiamen", within="siming")
    assert cells(narrower) == {("siming", "64"): (2,), ("siming", "65"): (2,)}
    assert picked(narrower["total"]["counts"], "enterprises") == (6,)
    apart = table(figures, **levels, district="huli", within="siming")
    assert apart["data"] == []
    assert set(apart["total"]["counts"].values()) == {0}
    street = table(figures, **levels, district="jiangtou", within="siming")
    nulls = {code for code, count in street["total"]["counts"].items() if count is None}
    assert (nulls, {*street["total"]["counts"].values()}) == ({"members_withheld"}, {0, None})


def test_the_population_is_counted_when_it_is_narrowed(figures: Figures) -> None:
    levels = {"district_level": "street", "industry_level": "division"}
    assert cells(table(figures, **levels, ownership="state")) == {("wucun", "65"): (1,)}  # C
    assert cells(table(figures, **levels, industry="641")) == {("wucun", "64"): (1,)}  # B
    both = table(figures, **levels, basis="registered", industry_group="net")
    assert cells(both) == {("jiangtou", "86"): (1,), ("wucun", "64"): (2,), ("wucun", "86"): (1,)}  # N besides
    twice = table(figures, district_level="county", by="industry_group", industry_group="net")
    assert cells(twice) == {("huli", "net"): (1,), ("siming", "info"): (2,), ("siming", "net"): (2,)}  # 64 is both


def test_cells_are_sorted_by_figures_when_asked_and_ties_by_codes(figures: Figures) -> None:
    levels = {"district_level": "street", "industry_level": "division"}
    by_headcount = table(figures, **levels, sort="headcount", order="desc")
    assert list(cells(by_headcount, "headcount").values()) == [(50,), (40,), (30,), (30,)]
    assert list(cells(by_headcount))[2:] == [("wucun", "64"), ("wucun", "65")]  # 30 each: by industry, ascending
    backwards = table(figures, **levels, order="desc")
    assert list(cells(backwards)) == [("wucun", "65"), ("wucun", "64"), ("jiangtou", "86"), ("jialian", "65")]
    by_coverage = table(figures, **levels, sort="organisation_coverage")
    assert list(cells(by_coverage)) == [("jiangtou", "86"), ("wucun", "65"), ("wucun", "64"), ("jialian", "65")]
    for order in ("asc", "desc"):
        assert list(cells(table(figures, **levels, sort="members_withheld", order=order))) == [  # null everywhere
            ("jialian", "65"), ("jiangtou", "86"), ("wucun", "64"), ("wucun", "65"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"basis": "registered"},
        {"ownership": "private"},
        {"industry_group": "net"},
        {"industry": "I"},
        {"district": "siming"},
    ],
)
def test_cells_and_margins_are_the_lists_of_one_dimension_when_parameters_are_the_same(
    figures: Figures, params: dict[str, str]
) -> None:
    for levels in product(("province", "city", "county", "street", "site"), ("section", "division", "group")):
        district_level, industry_level = levels
        page = table(figures, district_level=district_level, industry_level=industry_level, **params)
        by_district: dict[str, Any] = {}
        for row in page["data"]:
            by_district.setdefault(row["district"]["code"], {})[row["industry"]["code"]] = row
        if "district" not in params:
            for district, found in by_district.items():
                listed = figures.page("industries", level=industry_level, district=district, **params)
                assert found == {
                    row["industry"]["code"]: {**row, "district": found[row["industry"]["code"]]["district"]}
                    | {"industry_group": None}
                    for row in listed["data"]
                }
                margin = figures.one("districts", district, **params)
                for code in CODES:
                    counts = [row["counts"][code] for row in found.values()]
                    rest = listed["unallocated"]["counts"][code]
                    if None not in (*counts, rest):
                        assert sum(counts) + rest == margin["counts"][code]
        for code in CODES:
            rest, counts = page["unallocated"]["counts"][code], [row["counts"][code] for row in page["data"]]
            total = page["total"]["counts"][code]
            assert rest is None if None in (*counts, total) else sum(counts) + rest == total
            assert rest is None or rest >= 0


def test_a_code_is_refused_when_the_snapshot_does_not_know_it(figures: Figures) -> None:
    for name in ("within", "district", "industry", "industry_group"):
        with pytest.raises(InvalidRequest) as refused:
            table(figures, district_level="street", industry_level="division", **{name: "nowhere"})
        assert refused.value.errors[0].place == f"query/{name}"


def test_levels_are_exact_only_when_protected_figures_lack_them(tiny: Tiny) -> None:
    public = tiny.hold(**TABLES).at(anonymous="public")
    assert isinstance(public.asker, Asker)
    reader = Reader(public.asker.settings.snapshots_dir / "public")
    snapshot = reader.shelf.newest().manifest.id
    found = reader.cross_table({"district_level": "street", "industry_level": "division"}, snapshot)
    assert cells(found) == {
        ("jialian", "65"): (1,), ("jiangtou", "86"): (1,), ("wucun", "64"): (2,), ("wucun", "65"): (1,),
    }  # fmt: skip
    assert picked(found["unallocated"]["counts"], "enterprises members_women") == (3, None)
    for levels, pointers in (
        (("site", "division"), ["query/district_level"]),
        (("street", "class"), ["query/industry_level"]),
        (("site", "group"), ["query/district_level", "query/industry_level"]),
    ):
        with pytest.raises(ExactOnly) as refused:
            reader.cross_table({"district_level": levels[0], "industry_level": levels[1]}, snapshot)
        assert [item.place for item in refused.value.errors] == pointers
        assert refused.value.errors[0].allowed
