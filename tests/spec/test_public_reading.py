"""Protected snapshots: what they give is a sum over their places, all else is null and says so, in every format."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from app.api.statistics.models import (
    DistrictStatisticsAnswer,
    DistrictStatisticsPage,
    IndustryGroupStatisticsPage,
    IndustryStatisticsPage,
)
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.errors import InvalidRequest, NotFound
from app.publication import lists
from app.publication.files import FileFormat, FileOptions
from app.publication.lists import list_table
from app.publication.table import TableOptions
from app.statistics.question import ALL_FIGURES, AsOf, Listing, Order, Page, Population, Question, Subject
from app.store.manifest import UNDISCLOSED
from tests.factories.public_snapshots import DISTRICTS, GIVEN, GROUPS, INDUSTRIES, RATES, Place, PublicSnapshot
from tests.factories.tiny import Figures, codes, parts, table

PLACES = """
    district, industry, enterprises, enterprises_organised, enterprises_standalone, members, headcount
    wucun,    64,       6,           2,                     1,                      13,      115
    wucun,    65,       2,           0,                     0,                      0,       0
    wucun,    I,        1,           1,                     0,                      0,       0
    jialian,  64,       40,          3,                     3,                      24,      200
    jialian,  86,       1,           0,                     0,                      0,       0
    siming,   64,       0,           0,                     0,                      5,       35
    siming,   I,        0,           0,                     0,                      0,       30
    siming,   ,         2,           1,                     0,                      10,      45
    jiangtou, 86,       4,           0,                     0,                      5,       60
    huli,     65,       1,           0,                     0,                      0,       0
    ,         64,       3,           1,                     1,                      0,       0
    ,         ,         1,           0,                     0,                      0,       0
"""
"""Firms at their streets, at the nearest above, and nowhere; persons of small ones pooled further up."""

WHOLE = PublicSnapshot(PLACES)
PROTECTED = [measure.code for measure in MEASURES if measure.code not in GIVEN]
PROTECTED_RATES = [metric.code for metric in METRICS if metric.code not in RATES]
NOTHING = dict.fromkeys(("value", "numerator", "denominator", "n_eff", "low", "high")) | {"status": "protected"}

TREES = {"districts": table("districts", DISTRICTS), "industries": table("industries", INDUSTRIES)}
AXIS = {"districts": "districts", "industries": "industries", "district": "districts", "industry": "industries"}
LEVELS = {"districts": ("province", "city", "county", "street"), "industries": ("section", "division")}


@pytest.fixture(scope="module", params=[(), ("xiamen", "siming")], ids=["without cells", "with cells"])
def figures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return PublicSnapshot(PLACES, large=request.param).write(tmp_path_factory.mktemp("public"))


def given(row: dict[str, Any]) -> dict[str, int]:
    return {code: row["counts"][code] for code in GIVEN}


def summed(*conditions: Callable[[Place], bool]) -> dict[str, int]:
    """What the places hold that meet all conditions, added up one by one."""
    total = WHOLE.total(lambda place: all(condition(place) for condition in conditions))
    return {code: total[code] for code in GIVEN}


def below(parameter: str, code: str) -> Callable[[Place], bool]:
    if parameter == "industry_group":
        return lambda place: not set(GROUPS[code]).isdisjoint(place.industries)
    return lambda place: code in getattr(place, AXIS[parameter])


def populations() -> Iterator[dict[str, str]]:
    """Any district or none, with any industry, any group or neither."""
    for district in (None, "xiamen", "siming", "wucun", "huli"):
        where: dict[str, str] = {} if district is None else {"district": district}
        yield where
        yield from (where | {"industry": code} for code in ("I", "64", "R", "86"))
        yield from (where | {"industry_group": code} for code in GROUPS)


def listings(subject: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Every level and parent of a tree, and the codes that it names."""
    for level in LEVELS[subject]:
        yield {"level": level}, [one["code"] for one in TREES[subject] if one["level"] == level]
    for parent in {one["parent_code"] for one in TREES[subject]} - {None}:
        yield {"parent": parent}, [one["code"] for one in TREES[subject] if one["parent_code"] == parent]


@pytest.mark.parametrize("subject", TREES)
def test_rows_and_unallocated_are_the_total_when_places_are_added_up_one_by_one(figures: Figures, subject: str) -> None:
    own, pooled = {"districts": "district", "industries": "industry"}[subject], 0
    for population, (listing, named) in product(populations(), listings(subject)):
        if own in population:
            continue
        page = figures.page(subject, **population, **listing)
        counted = [below(parameter, code) for parameter, code in population.items()]
        rows = {code: summed(below(subject, code), *counted) for code in named}
        assert dict(zip(codes(page), map(given, page["data"]), strict=True)) == {
            code: row for code, row in rows.items() if row["enterprises"]
        }, (population, listing)
        scope = [below(subject, listing["parent"])] if "parent" in listing else []
        total = summed(*scope, *counted)
        assert given(page["total"]) == total, (population, listing)
        rest = {measure: total[measure] - sum(row[measure] for row in rows.values()) for measure in GIVEN}
        assert given(page["unallocated"]) == rest, (population, listing)
        assert min(rest.values()) >= 0
        pooled += rest["members"]
    assert pooled > 0  # some persons show further up than the rows


def test_a_node_shows_what_sits_at_or_below_it_when_pools_show_further_up(figures: Figures) -> None:
    street = given(figures.one("districts", "wucun"))
    assert street == dict(zip(GIVEN, (6 + 2 + 1, 2 + 1, 1, 115, 13, 13, 115), strict=True))
    county = given(figures.one("districts", "siming"))
    assert (county["enterprises"], county["members"]) == (6 + 2 + 1 + 40 + 1 + 2, 13 + 24 + 5 + 10)
    page = figures.page("districts", parent="siming")
    assert page["unallocated"]["counts"]["enterprises"] == 2  # firms that are on the county itself
    assert page["unallocated"]["counts"]["members"] == 5 + 10
    assert page["unallocated"]["counts"]["headcount"] == 35 + 30 + 45


def test_firms_without_a_place_are_in_the_total_when_everything_is_asked(figures: Figures) -> None:
    page = figures.page("districts", level="province")
    assert codes(page) == ["fujian"]
    assert page["unallocated"]["counts"]["enterprises"] == 3 + 1
    assert page["unallocated"]["counts"]["members"] == 0
    page = figures.page("industries", level="section")
    assert page["unallocated"]["counts"]["enterprises"] == 2 + 1
    assert page["unallocated"]["counts"]["members"] == 10


@pytest.mark.parametrize("population", [{}, {"district": "siming"}, {"district": "wucun"}, {"industry": "I"}])
def test_groups_count_each_place_once_when_their_industries_overlap(
    figures: Figures, population: dict[str, str]
) -> None:
    page = figures.page("industry-groups", **population)
    counted = [below(parameter, code) for parameter, code in population.items()]
    rows = {code: summed(below("industry_group", code), *counted) for code in sorted(GROUPS)}
    assert dict(zip(codes(page), map(given, page["data"]), strict=True)) == {
        code: row for code, row in rows.items() if row["enterprises"]
    }
    assert given(page["total"]) == summed(*counted)
    assert page["unallocated"] is None
    if not population:
        for code, row in rows.items():
            assert given(figures.one("industry-groups", code)) == row


def test_what_is_not_public_is_null_and_says_so_when_listed(figures: Figures) -> None:
    assert "headcount_matched_squared" in PROTECTED
    for subject, listing in (("districts", {"parent": "siming"}), ("industries", {"level": "division"})):
        page = figures.page(subject, **listing)
        assert len(page["data"]) >= 2
        for row in (*page["data"], page["total"]):
            assert [code for code, count in row["counts"].items() if count is None] == PROTECTED
            assert {code: row["rates"][code] for code in PROTECTED_RATES} == dict.fromkeys(PROTECTED_RATES, NOTHING)
            assert all(row["rates"][code]["status"] != "protected" for code in RATES)
        rest = page["unallocated"]["counts"]
        assert [code for code, count in rest.items() if count is None] == PROTECTED


def test_facts_about_firms_have_their_rates_when_asked(figures: Figures) -> None:
    rates = figures.rates("districts", "siming")
    firms = 6 + 2 + 1 + 40 + 1 + 2
    assert parts(rates["organisation_coverage"]) == (2 + 1 + 3 + 1, firms)
    assert parts(rates["standalone_rate"]) == (1 + 3, firms)
    assert rates["organisation_coverage"]["status"] == "ok"
    assert figures.rates("districts", "wucun")["standalone_rate"]["status"] == "low_base"  # 9 firms


def test_answers_are_as_the_document_says_when_figures_are_protected(figures: Figures) -> None:
    for model, subject, listing in (
        (DistrictStatisticsPage, "districts", {"level": "street"}),
        (IndustryStatisticsPage, "industries", {"parent": "I"}),
        (IndustryGroupStatisticsPage, "industry-groups", {}),
    ):
        model.model_validate_json(json.dumps(figures.page(subject, **listing)), strict=True)
    asked = figures.asker.one("districts", "siming", {}, figures.snapshot)
    DistrictStatisticsAnswer.model_validate_json(json.dumps(asked), strict=True)


def test_meta_says_how_figures_are_protected_when_asked(figures: Figures) -> None:
    meta = figures.page("districts", level="county")["meta"]
    assert meta["disclosure"] == {"policy": "rounded-enterprises", "version": 1, "b": 5, "hmin": 30}
    assert meta["intra_enterprise_correlation"] == to_builtins(UNDISCLOSED)
    assert (meta["basis"], meta["snapshot"]) == ("operating", figures.snapshot)


@pytest.mark.parametrize("sort", [*PROTECTED, *PROTECTED_RATES])
def test_rows_are_in_the_order_of_codes_when_sorted_by_what_is_protected(figures: Figures, sort: str) -> None:
    for order in ("asc", "desc"):
        assert codes(figures.page("districts", level="street", sort=sort, order=order)) == [
            "jialian",
            "jiangtou",
            "wucun",
        ]


def test_rows_are_sorted_by_public_figures_when_asked(figures: Figures) -> None:
    by_members = codes(figures.page("districts", level="street", sort="members", order="desc"))
    assert by_members == ["jialian", "wucun", "jiangtou"]  # 24, 13, 5
    by_ratio = codes(figures.page("districts", level="street", sort="member_ratio"))
    assert by_ratio == ["jiangtou", "wucun", "jialian"]  # 5/60, 13/115, 24/200


def written(figures: Figures, kind: FileFormat, fields: tuple[str, ...] = ALL_FIGURES) -> bytes:
    when, listing = AsOf(snapshot=figures.snapshot), Listing(parent="siming", include_empty=True)
    question = Question(Subject.DISTRICTS, when, Population(), listing, fields=fields)
    page = Page(order=Order.DESCENDING)
    shown = TableOptions(totals=True)
    answer = lists.file_answer(list_table(figures.asker.source, question, page, shown), FileOptions(kind, shown))
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def test_files_say_the_same_as_the_page_when_figures_are_protected(figures: Figures) -> None:
    page = figures.page("districts", parent="siming", order="desc")
    rows = list(csv.DictReader(io.StringIO(written(figures, FileFormat.CSV).decode())))
    records = json.loads(written(figures, FileFormat.RECORDS))
    assert [row["row"] for row in rows] == [record["row"] for record in records]
    assert [row["row"] for row in rows] == ["subject", "subject", "total", "unallocated"]
    blocks = [*page["data"], page["total"], page["unallocated"]]
    for row, record, block in zip(rows, records, blocks, strict=True):
        flat = dict(block["counts"])
        for code, rate in block.get("rates", {}).items():
            flat |= {f"{code}_{part}".removesuffix("_value"): value for part, value in rate.items()}
        assert {name: record[name] for name in flat} == flat
        assert {name: row[name] for name in flat} == {
            name: "" if value is None else str(value) for name, value in flat.items()
        }
    assert rows[0]["work_coverage_status"] == "protected"
    assert rows[0]["work_coverage"] == rows[0]["members_women"] == ""


def test_a_file_has_empty_columns_when_it_is_asked_for_protected_fields(figures: Figures) -> None:
    text = written(figures, FileFormat.CSV, fields=("members", "members_women", "women_share")).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["members"] for row in rows] == ["13", "24", "52", "15"]
    assert {row["members_women"] for row in rows} == {""}
    assert [row["women_share_status"] for row in rows] == ["protected", "protected", "protected", ""]


@pytest.mark.parametrize("parameter", ["parent", "within"])
def test_a_code_is_unknown_when_only_exact_trees_have_it(figures: Figures, parameter: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        figures.page("industries", **{parameter: "641"})
    assert refused.value.errors[0].place == f"query/{parameter}"
    assert "64" in refused.value.errors[0].suggestions
    with pytest.raises(InvalidRequest):
        figures.page("industries", district="yunding")
    with pytest.raises(NotFound):
        figures.one("districts", "yunding")


def test_zeros_are_given_when_a_public_subject_is_empty(tmp_path: Path) -> None:
    nobody = PublicSnapshot("district, industry, enterprises").write(tmp_path)
    row = nobody.one("districts", "wucun")
    assert given(row) == dict.fromkeys(GIVEN, 0)
    assert {row["rates"][code]["status"] for code in RATES} == {"not_applicable"}
    assert parts(row["rates"]["member_ratio"]) == (0, 0)
    assert row["counts"]["members_women"] is None
    assert nobody.page("districts", level="street")["data"] == []
