"""Breakdowns: every figure worked by hand, cells against narrower questions, margins, order, states, refusals."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from app.catalogue.measures import MEASURES
from app.errors import InvalidRequest
from app.statistics.as_of import ExactOnly
from tests.factories.asking import Asker, Reader
from tests.factories.tiny import Figures, Tiny, parts, picked
from tests.reference.questions import DIMENSIONS_OF

TABLES = {
    "enterprises": """
        code, kind,                district_code, industry_code, registered_on
        A,    enterprise,          wucun,         64,            2010-01-01
        B,    enterprise,          yunding,       641,           2010-01-01
        C,    enterprise,          yunding,       65,            2010-01-01
        D,    enterprise,          jialian,       65,            2010-01-01
        E,    enterprise,          jiangtou,      86,            2010-01-01
        F,    enterprise,          siming,        I,             2010-01-01
        G,    institution,         ,              86,            2010-01-01
        H,    social_organisation, wucun,         ,              2010-01-01
        N,    enterprise,          wucun,         86,            2010-01-01
    """,
    "returns": """
        enterprise_code, reported_on, headcount, ownership, size_class, fixed_premises, above_designated_size
        A,               2017-03-31,  10,        private,   micro,      true,           false
        B,               2017-03-31,  20,        foreign,   small,      ,
        C,               2017-03-31,  30,        state,     micro,      ,
        D,               2017-03-31,  40,        private,   large,      true,           true
        E,               2017-03-31,  50,        ,          ,           ,
        F,               2017-03-31,  60,        mixed,     ,           ,
        G,               2017-03-31,  70,        ,          ,           ,
        H,               2017-03-31,  80,        ,          ,           ,
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

BY = ("basis", "street", "sector", "county", "section", "ownership", "industry_group", "size_class", "division")


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(**TABLES).at()


def table(figures: Figures, *by: str, **params: Any) -> dict[str, Any]:
    return figures.asker.breakdown({**params, "by": by}, figures.snapshot)


def name_of(row: dict[str, Any], by: str) -> Any:
    """What a row stands for: the code of an object, or a value."""
    value = row[DIMENSIONS_OF[by]]
    return value["code"] if isinstance(value, dict) else value


def cells(page: dict[str, Any], by: tuple[str, ...], measures: str = "enterprises") -> dict[Any, Any]:
    """Measures of each cell by what it stands for, in the order of the page; single ones without their tuples."""
    found = {}
    for row in page["data"]:
        key, values = tuple(name_of(row, one) for one in by), picked(row["counts"], measures)
        found[key if len(key) > 1 else key[0]] = values if len(values) > 1 else values[0]
    return found


def broken_down(figures: Figures, *by: str, measures: str = "enterprises", **params: Any) -> dict[Any, Any]:
    """Measures of each cell of a breakdown."""
    return cells(table(figures, *by, **params), by, measures)


def test_rows_are_the_values_of_a_dimension_when_there_is_one(figures: Figures) -> None:
    counts = "enterprises enterprises_organised headcount members"
    page = table(figures, "street")
    assert cells(page, ("street",), counts) == {
        "jialian": (1, 1, 40, 1),  # D
        "jiangtou": (1, 0, 50, 0),  # E, whose member is withheld
        "wucun": (4, 1, 10 + 20 + 30 + 80, 2 + 1),  # A, H; B and C at its site
    }
    assert picked(page["total"]["counts"], counts) == (8, 2, 360, 4)
    assert picked(page["unallocated"]["counts"], counts) == (2, 0, 60 + 70, 0)  # F is in a county, G nowhere
    ratio = page["data"][2]["rates"]["member_ratio"]
    assert (parts(ratio), ratio["value"]) == ((3, 60 + 80), 3 / 140)
    assert {name for name, value in page["data"][0].items() if value is not None} == {"district", "counts", "rates"}
    assert page["data"][0]["district"] | {"name_en": None} == {
        "code": "jialian", "name_zh": "嘉莲街道", "name_en": None, "level": "street", "parent_code": "siming",
    }  # fmt: skip
    assert (page["meta"]["rows"], page["meta"]["basis"]) == (3, "operating")


@pytest.mark.parametrize(
    ("by", "expected", "rest"),
    [
        ("sector", {"non_public": 3, "social": 1, "public": 2}, 2),  # A, B, D; H; C, G; E unknown, F mixed
        ("ownership", {"state": 1, "private": 2, "foreign": 1, "mixed": 1}, 3),  # C; A, D; B; F; E, G, H unknown
        ("size_class", {"large": 1, "small": 1, "micro": 2}, 4),  # D; B; A, C
        ("enterprise_kind", {"enterprise": 6, "social_organisation": 1, "institution": 1}, 0),
        ("section", {"I": 5, "R": 2}, 1),  # A, B, C, D, F; E, G; H
        ("group", {"641": 1}, 7),  # B: a level is meant exactly
        ("site", {"yunding": 2}, 6),
        ("province", {"fujian": 7}, 1),  # all but G
    ],
)
def test_rows_are_in_the_order_of_the_enumeration_or_of_codes_when_broken_down_by_anything(
    figures: Figures, by: str, expected: dict[str, int], rest: int
) -> None:
    page = table(figures, by)
    assert list(cells(page, (by,)).items()) == list(expected.items())
    assert picked(page["total"]["counts"], "enterprises") == (8,)
    assert picked(page["unallocated"]["counts"], "enterprises") == (rest,)


def test_cells_hold_whoever_is_in_both_when_streets_are_crossed_with_divisions(figures: Figures) -> None:
    counts = "enterprises enterprises_organised headcount members"
    page = table(figures, "street", "division")
    found = cells(page, ("street", "division"), counts)
    assert found == {
        ("jialian", "65"): (1, 1, 40, 1),  # D
        ("jiangtou", "86"): (1, 0, 50, 0),  # E, whose member is withheld
        ("wucun", "64"): (2, 1, 10 + 20, 2 + 1),  # A; B at the site, in a group of the division
        ("wucun", "65"): (1, 0, 30, 0),  # C
    }
    assert list(found) == sorted(found)
    ratio = page["data"][2]["rates"]["member_ratio"]
    assert (parts(ratio), ratio["value"]) == ((3, 30), 3 / 30)
    assert picked(page["total"]["counts"], "enterprises headcount members") == (8, 360, 4)
    # F is on a county and a section, G has no place, H no industry: 60 + 70 + 80
    assert picked(page["unallocated"]["counts"], "enterprises headcount members") == (3, 210, 0)


def test_rows_are_ordered_by_the_first_dimension_then_the_second_when_there_are_two(figures: Figures) -> None:
    assert list(broken_down(figures, "sector", "section").items()) == [
        (("non_public", "I"), 3), (("public", "I"), 1), (("public", "R"), 1),
    ]  # fmt: skip
    turned = table(figures, "section", "sector")
    assert list(cells(turned, ("section", "sector")).items()) == [
        (("I", "non_public"), 3), (("I", "public"), 1), (("R", "public"), 1),
    ]  # fmt: skip
    assert picked(turned["unallocated"]["counts"], "enterprises headcount") == (3, 50 + 60 + 80)  # E, F, H
    backwards = broken_down(figures, "sector", "section", order="desc")
    assert list(backwards) == [("public", "R"), ("public", "I"), ("non_public", "I")]
    sizes = broken_down(figures, "ownership", "size_class")
    assert list(sizes) == [("state", "micro"), ("private", "large"), ("private", "micro"), ("foreign", "small")]


def test_withheld_members_show_by_county_and_section_alone_when_broken_down(figures: Figures) -> None:
    def withheld(*by: str, **params: Any) -> list[int | None]:
        return list(broken_down(figures, *by, measures="members_withheld", **params).values())

    page = table(figures, "county", "section")
    assert cells(page, ("county", "section"), "enterprises members_withheld") == {
        ("huli", "R"): (1, 1), ("siming", "I"): (5, 1),
    }  # fmt: skip
    assert picked(page["total"]["counts"], "members_withheld") == (2,)
    assert picked(page["unallocated"]["counts"], "enterprises members_withheld") == (2, 0)  # G, H
    assert withheld("county") == withheld("section") == [1, 1]
    assert withheld("county", "section", district="siming", industry="I") == [1]
    finer = [("street", "section"), ("county", "division"), ("county", "industry_group"), ("county", "sector")]
    for by in (*finer, ("sector",), ("street",), ("division",), ("industry_group",)):
        found = table(figures, *by)
        assert set(cells(found, by, "members_withheld").values()) == {None}
        assert picked(found["total"]["counts"], "members_withheld") == (2,)
        assert found["unallocated"] is None or picked(found["unallocated"]["counts"], "members_withheld") == (None,)
    for narrowed in ({"sector": "non_public"}, {"basis": "surveyed"}, {"industry_group": "net"}):
        assert set(withheld("county", **narrowed)) == {None}


def test_enterprises_count_once_in_each_group_when_groups_overlap(figures: Figures) -> None:
    page = table(figures, "county", "industry_group")
    assert cells(page, ("county", "industry_group"), "enterprises headcount") == {
        ("huli", "net"): (1, 50),  # E
        ("siming", "info"): (5, 10 + 20 + 30 + 40 + 60),  # A, B, C, D, F
        ("siming", "net"): (2, 10 + 20),  # A; B, below two codes of the group
    }
    assert page["unallocated"] is None
    assert picked(page["total"]["counts"], "enterprises") == (8,)
    assert [row["industry"] for row in page["data"]] == [None] * 3
    assert page["data"][0]["industry_group"]["industries"] == ["64", "641", "86"]
    assert broken_down(figures, "industry_group") == {"info": 5, "net": 4}  # A, B, E, G


def test_each_basis_has_a_row_and_there_is_no_whole_when_broken_down_by_basis(figures: Figures) -> None:
    page = table(figures, "basis")
    assert list(cells(page, ("basis",), "enterprises enterprises_organised members_withheld").items()) == [
        ("registered", (9, 2, 2)), ("operating", (8, 2, 2)), ("surveyed", (2, 1, None)), ("above_size", (1, 1, None)),
    ]  # fmt: skip
    assert (page["total"], page["unallocated"], page["meta"]["basis"]) == (None, None, None)
    crossed = table(figures, "basis", "county")
    assert list(cells(crossed, ("basis", "county"), "enterprises members_withheld").items()) == [
        (("registered", "huli"), (1, 1)), (("registered", "siming"), (7, 1)),
        (("operating", "huli"), (1, 1)), (("operating", "siming"), (6, 1)),
        (("surveyed", "siming"), (2, None)), (("above_size", "siming"), (1, None)),
    ]  # fmt: skip
    assert (crossed["total"], crossed["unallocated"], crossed["meta"]["basis"]) == (None, None, None)
    assert broken_down(figures, "sector", "basis", district="wucun") == {
        ("non_public", "registered"): 2, ("non_public", "operating"): 2, ("non_public", "surveyed"): 1,  # A, B
        ("social", "registered"): 1, ("social", "operating"): 1,  # H
        ("public", "registered"): 1, ("public", "operating"): 1,  # C
    }  # fmt: skip


def test_rows_are_those_of_own_ancestors_when_a_district_lies_below_the_level(figures: Figures) -> None:
    page = table(figures, "county", "division", district="wucun")
    assert cells(page, ("county", "division")) == {("siming", "64"): 2, ("siming", "65"): 1}  # only those in the street
    assert picked(page["total"]["counts"], "enterprises") == (4,)  # A, B, C, H
    assert picked(page["unallocated"]["counts"], "enterprises") == (1,)  # H
    assert broken_down(figures, "city", district="wucun") == {"xiamen": 4}
    assert broken_down(figures, "section", industry="641") == {"I": 1}
    empty = table(figures, "site", district="jiangtou")
    assert (empty["data"], empty["meta"]["rows"]) == ([], 0)
    assert empty["unallocated"]["counts"] == empty["total"]["counts"]
    nothing = table(figures, "street", "division", district="jialian", industry="R")
    assert (nothing["data"], {*nothing["total"]["counts"].values()}) == ([], {0, None})


def test_several_values_mean_any_of_them_and_count_once_when_they_overlap(figures: Figures) -> None:
    assert broken_down(figures, "street", district=["jiangtou", "wucun"]) == {"jiangtou": 1, "wucun": 4}
    nested = table(figures, "street", district=["siming", "wucun", "yunding"])
    alone = table(figures, "street", district="siming")
    for page in (nested, alone):  # a street as one of them: its withheld members cannot be told
        page["total"]["counts"].pop("members_withheld")
        page["total"]["rates"].pop("member_ratio_upper")
        page["unallocated"]["counts"].pop("members_withheld")
    assert nested["data"] == alone["data"]
    assert (nested["total"], nested["unallocated"]) == (alone["total"], alone["unallocated"])
    assert broken_down(figures, "division", industry=["64", "641", "86"]) == {"64": 2, "86": 2}
    assert broken_down(figures, "county", industry_group=["info", "net"]) == {"huli": 1, "siming": 5}
    assert broken_down(figures, "sector", sector=["public", "social"]) == {"social": 1, "public": 2}
    assert broken_down(figures, "street", ownership=["state", "foreign"], size_class=["micro", "large"]) == {"wucun": 1}
    assert broken_down(figures, "county", enterprise_kind=["institution", "social_organisation"]) == {"siming": 1}


def test_withheld_members_are_told_once_when_several_districts_are_counties_or_above(figures: Figures) -> None:
    def withheld(**params: Any) -> int | None:
        (found,) = picked(table(figures, "sector", **params)["total"]["counts"], "members_withheld")
        return int(found) if found is not None else None

    assert withheld(district=["huli", "siming"]) == withheld(district=["siming", "xiamen"]) == 2
    assert withheld(district=["huli", "siming"], industry=["I", "R"]) == 2
    assert withheld(district="huli", industry=["I", "R"]) == 1
    assert withheld(district=["huli", "wucun"]) is None
    assert withheld(industry=["I", "86"]) is None
    assert withheld(sector=["non_public", "social", "public"]) is None


def test_the_population_is_counted_when_it_is_narrowed(figures: Figures) -> None:
    assert broken_down(figures, "street", "division", ownership="state") == {("wucun", "65"): 1}  # C
    assert broken_down(figures, "street", "division", sector="non_public") == {
        ("jialian", "65"): 1, ("wucun", "64"): 2,
    }  # fmt: skip
    assert broken_down(figures, "street", "division", industry="641") == {("wucun", "64"): 1}  # B
    both = broken_down(figures, "street", "division", basis="registered", industry_group="net")
    assert both == {("jiangtou", "86"): 1, ("wucun", "64"): 2, ("wucun", "86"): 1}  # N besides
    twice = broken_down(figures, "county", "industry_group", industry_group="net")
    assert twice == {("huli", "net"): 1, ("siming", "info"): 2, ("siming", "net"): 2}  # 64 is both


def test_cells_are_sorted_by_figures_when_asked_and_ties_by_codes(figures: Figures) -> None:
    by = ("street", "division")
    by_headcount = broken_down(figures, *by, measures="headcount", sort="headcount", order="desc")
    assert list(by_headcount.values()) == [50, 40, 30, 30]
    assert list(by_headcount)[2:] == [("wucun", "64"), ("wucun", "65")]  # 30 each: by industry, ascending
    backwards = broken_down(figures, *by, order="desc")
    assert list(backwards) == [("wucun", "65"), ("wucun", "64"), ("jiangtou", "86"), ("jialian", "65")]
    by_coverage = broken_down(figures, *by, sort="organisation_coverage")
    assert list(by_coverage) == [("jiangtou", "86"), ("wucun", "65"), ("wucun", "64"), ("jialian", "65")]
    for order in ("asc", "desc"):
        assert list(broken_down(figures, *by, sort="members_withheld", order=order)) == [  # null everywhere
            ("jialian", "65"), ("jiangtou", "86"), ("wucun", "64"), ("wucun", "65"),
        ]  # fmt: skip
        ties = broken_down(figures, "sector", sort="members_withheld", order=order)
        assert list(ties) == ["non_public", "social", "public"]  # as declared


def test_states_narrow_the_rows_and_nothing_else_when_asked(figures: Figures) -> None:
    whole = table(figures, "street", sort="dual_reach")
    states = {name_of(row, "street"): row["rates"]["dual_reach"]["status"] for row in whole["data"]}
    # A is not organised, and its members take part nowhere; D is organised, E has no member that can be told
    assert states == {"wucun": "low_base", "jialian": "not_applicable", "jiangtou": "not_applicable"}
    for asked, shown in (("low_base", ["wucun"]), ("not_applicable", ["jialian", "jiangtou"]), ("ok", [])):
        page = table(figures, "street", sort="dual_reach", status=asked)
        assert [name_of(row, "street") for row in page["data"]] == shown
        assert (page["total"], page["unallocated"], page["meta"]["rows"]) == (whole["total"], None, len(shown))
    both = table(figures, "street", sort="dual_reach", status=["low_base", "not_applicable"])
    assert both["data"] == whole["data"]
    for sort in ({}, {"sort": "headcount"}):
        with pytest.raises(InvalidRequest) as refused:
            table(figures, "street", status="ok", **sort)
        assert [item.place for item in refused.value.errors] == ["query/status", "query/sort"]


@pytest.mark.parametrize(
    "params", [{}, {"basis": "registered", "ownership": "private"}, {"industry_group": "net"}, {"district": "siming"}]
)
def test_rows_and_margins_are_the_lists_of_one_dimension_when_parameters_are_the_same(
    figures: Figures, params: dict[str, str]
) -> None:
    levels = {
        "districts": ("province", "city", "county", "street", "site"),
        "industries": ("section", "division", "group", "class"),
    }
    for subject, level in ((subject, level) for subject, known in levels.items() for level in known):
        if subject == "districts" and "district" in params:
            continue
        listed, page = figures.page(subject, level=level, **params), table(figures, level, **params)
        own = DIMENSIONS_OF[level]
        assert [{name: row[name] for name in (own, "counts", "rates")} for row in page["data"]] == listed["data"]
        assert (page["total"], page["unallocated"]) == (listed["total"], listed["unallocated"])
    if "industry_group" not in params:
        groups = figures.page("industry-groups", **params)["data"]
        page = table(figures, "industry_group", **params)
        assert [{name: row[name] for name in ("industry_group", "counts", "rates")} for row in page["data"]] == groups


@pytest.mark.parametrize("params", [{}, {"ownership": ["private", "state"]}])
def test_cells_are_the_rows_of_a_narrower_question_when_there_are_two_dimensions(
    figures: Figures, params: dict[str, str]
) -> None:
    for outer, inner in pairs(params):
        page = table(figures, outer, inner, **params)
        dimension = DIMENSIONS_OF[outer]
        of_outer: dict[Any, list[dict[str, Any]]] = {}
        for row in page["data"]:
            of_outer.setdefault(name_of(row, outer), []).append({**row, dimension: None})
        for value, rows in of_outer.items():
            narrower = table(figures, inner, **params | {dimension: value})
            assert rows == [{**row, dimension: None} for row in narrower["data"]], (outer, inner, value)
        adds_up(page)


def pairs(params: dict[str, str]) -> Iterator[tuple[str, str]]:
    """All pairs of dimensions of different kinds, whose first narrows what is not narrowed yet."""
    for outer, inner in combinations(BY, 2):
        kinds = DIMENSIONS_OF[outer], DIMENSIONS_OF[inner]
        if kinds[0] != kinds[1] and kinds[0] not in params and not ("basis" in kinds and "basis" in params):
            yield outer, inner


def adds_up(page: dict[str, Any]) -> None:
    """Rows and `unallocated` are `total`, where there are both."""
    if page["unallocated"] is None:
        return
    for code in CODES:
        rest, counts = page["unallocated"]["counts"][code], [row["counts"][code] for row in page["data"]]
        total = page["total"]["counts"][code]
        assert rest is None if None in (*counts, total) else sum(counts) + rest == total
        assert rest is None or rest >= 0


def test_a_code_is_refused_when_the_snapshot_does_not_know_it(figures: Figures) -> None:
    for name in ("district", "industry", "industry_group"):
        for given in ("nowhere", ["siming", "64", "net", "nowhere"]):
            with pytest.raises(InvalidRequest) as refused:
                table(figures, "street", "division", **{name: given})
            assert {item.place for item in refused.value.errors} == {f"query/{name}"}
            assert len(refused.value.errors) == (1 if given == "nowhere" else 3)


def test_dimensions_are_exact_only_when_protected_figures_lack_them(tiny: Tiny) -> None:
    public = tiny.hold(**TABLES).at(anonymous="public")
    assert isinstance(public.asker, Asker)
    reader = Reader(public.asker.settings.snapshots_dir / "public")
    snapshot = reader.shelf.newest().manifest.id
    found = reader.breakdown({"by": ("street", "division")}, snapshot)
    assert cells(found, ("street", "division")) == {
        ("jialian", "65"): 1, ("jiangtou", "86"): 1, ("wucun", "64"): 2, ("wucun", "65"): 1,
    }  # fmt: skip
    assert picked(found["unallocated"]["counts"], "enterprises members_women") == (3, None)
    assert cells(reader.breakdown({"by": "industry_group"}, snapshot), ("industry_group",)) == {"info": 5}  # no 641
    for by in ("site", "class", "group", "sector", "ownership", "size_class", "enterprise_kind", "basis"):
        for asked in ((by,), (by, "street" if DIMENSIONS_OF[by] == "industry" else "section")):
            with pytest.raises(ExactOnly) as refused:
                reader.breakdown({"by": asked}, snapshot)
            assert [item.place for item in refused.value.errors] == ["query/by"]
    with pytest.raises(ExactOnly) as refused:
        reader.breakdown({"by": ("site", "group")}, snapshot)
    assert [item.place for item in refused.value.errors] == ["query/by", "query/by"]
    assert all(item.allowed for item in refused.value.errors)
