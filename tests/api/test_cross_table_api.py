"""Cross tables over HTTP, on the demonstration: shapes, sum law, paging, files, refusals, both tiers."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.http.problems import Problem
from app.api.statistics.cross_table import CrossTableStatisticsPage
from app.catalogue.measures import MEASURES
from app.config import Settings
from app.main import create_app
from tests.factories.problems import place_of

TABLE = "/v1/statistics/table"
STREETS = "district_level=street&industry_level=division&within=350203"
GROUPS = "district_level=street&by=industry_group"


@pytest.fixture(scope="module", params=["exact", "public"])
def tier(request: pytest.FixtureRequest) -> str:
    """Give what is answered without a key."""
    tier: str = request.param
    return tier


@pytest.fixture(scope="module")
def client(quarters: Settings, tier: str) -> Iterator[TestClient]:
    with TestClient(create_app(quarters.model_copy(update={"anonymous": tier}))) as service:
        yield service


@pytest.fixture(scope="module")
def exact(quarters: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(quarters.model_copy(update={"anonymous": "exact"}))) as service:
        yield service


def ask(client: TestClient, query: str) -> dict[str, Any]:
    answer = client.get(f"{TABLE}?{query}")
    assert answer.status_code == 200, answer.text
    CrossTableStatisticsPage.model_validate_json(answer.content, strict=True)
    parsed: dict[str, Any] = answer.json()
    return parsed


def codes(row: dict[str, Any]) -> tuple[bytes, bytes]:
    beside = row["industry"] or row["industry_group"]
    return row["district"]["code"].encode(), beside["code"].encode()


@pytest.mark.parametrize(
    "query",
    [
        "district_level=county&industry_level=section",
        "district_level=province&industry_level=division&industry=I",
        f"{STREETS}&as_of=2017-03-31",
        f"{STREETS}&industry_group=internet&district=350200",
    ],
)
def test_cells_and_unallocated_are_the_total_when_industries_are_disjoint(client: TestClient, query: str) -> None:
    found = ask(client, f"{query}&limit=1000")
    assert found["meta"]["rows"] == len(found["data"]) > 0
    assert sorted(found["data"], key=codes) == found["data"]
    for measure in (one.code for one in MEASURES):
        counts = [row["counts"][measure] for row in found["data"]]
        total, rest = found["total"]["counts"][measure], found["unallocated"]["counts"][measure]
        if None in (*counts, total):
            assert rest is None
        else:
            assert sum(counts) + rest == total
            assert rest >= 0


@pytest.mark.parametrize("filters", ["", "&basis=eligible", "&ownership=private&size_class=small"])
def test_rows_are_those_of_one_dimension_when_the_other_is_a_parameter(exact: TestClient, filters: str) -> None:
    cells = ask(exact, f"{STREETS}{filters}&limit=1000")["data"]
    statistics = "/v1/statistics"
    for district in {row["district"]["code"] for row in cells}:
        listed = exact.get(f"{statistics}/industries?level=division&district={district}{filters}").json()["data"]
        found = [row for row in cells if row["district"]["code"] == district]
        assert [(row["industry"], row["counts"], row["rates"]) for row in found] == [
            (row["industry"], row["counts"], row["rates"]) for row in listed
        ]
    for industry in {row["industry"]["code"] for row in cells}:
        listed = exact.get(f"{statistics}/districts?level=street&within=350203&industry={industry}{filters}").json()
        found = [row for row in cells if row["industry"]["code"] == industry]
        assert [(row["district"], row["counts"], row["rates"]) for row in found] == [
            (row["district"], row["counts"], row["rates"]) for row in listed["data"]
        ]
    total = exact.get(f"{statistics}/districts?within=350203{filters}").json()["total"]
    assert ask(exact, f"{STREETS}{filters}")["total"] == total


def test_public_rows_are_those_of_one_dimension_too(quarters: Settings) -> None:
    with TestClient(create_app(quarters)) as public:
        cells = ask(public, f"{STREETS}&limit=1000")["data"]
        for district in sorted({row["district"]["code"] for row in cells})[:4]:
            listed = public.get(f"/v1/statistics/industries?level=division&district={district}").json()["data"]
            found = [row for row in cells if row["district"]["code"] == district]
            assert [(row["industry"], row["counts"], row["rates"]) for row in found] == [
                (row["industry"], row["counts"], row["rates"]) for row in listed
            ]


def test_groups_overlap_when_they_are_the_columns(client: TestClient) -> None:
    found = ask(client, f"{GROUPS}&limit=1000")
    assert found["unallocated"] is None
    assert {row["industry"] for row in found["data"]} == {None}
    assert sorted(found["data"], key=codes) == found["data"]
    internet = [row for row in found["data"] if row["industry_group"]["code"] == "internet"]
    listed = client.get("/v1/statistics/districts?level=street&industry_group=internet").json()["data"]
    by_district = {row["district"]["code"]: row for row in listed}
    assert [row["district"]["code"] for row in internet] == list(by_district)
    for row in internet:
        expected = by_district[row["district"]["code"]]
        assert row["rates"]["organisation_coverage"] == expected["rates"]["organisation_coverage"]
        assert row["counts"] == expected["counts"]


@pytest.mark.parametrize("order", ["", "&sort=members&order=desc", "&sort=member_ratio", "&order=desc"])
def test_pages_give_the_whole_table_once(client: TestClient, order: str) -> None:
    whole, pages = ask(client, f"{STREETS}{order}&limit=1000"), []
    url: str | None = f"{TABLE}?{STREETS}{order}&limit=17"
    while url is not None:
        answer = client.get(url)
        pages += answer.json()["data"]
        link = answer.headers.get("link")
        url = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    assert pages == whole["data"]
    assert len(pages) > 17


def test_a_cursor_belongs_to_its_levels(exact: TestClient) -> None:
    cursor = exact.get(f"{TABLE}?{STREETS}&limit=3").json()["next_cursor"]
    other = STREETS.replace("division", "section")
    answer = exact.get(f"{TABLE}?{other}&limit=3&cursor={cursor}")
    assert (answer.status_code, place_of(answer.json()["errors"][0])) == (422, "cursor")


@pytest.mark.parametrize(("query", "column"), [(STREETS, "industry"), (GROUPS, "industry_group")])
def test_a_file_has_the_figures_of_the_page(client: TestClient, query: str, column: str) -> None:
    page = ask(client, f"{query}&limit=1000&sort=members&order=desc")
    answer = client.get(f"{TABLE}.csv?{query}&sort=members&order=desc&totals=true")
    assert answer.headers["content-disposition"] == 'attachment; filename="table-2017-09-30.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    margins = ["total", "unallocated"] if page["unallocated"] else ["total"]
    assert [row["row"] for row in rows] == ["subject"] * len(page["data"]) + margins
    for row, expected in zip(rows, page["data"], strict=False):
        assert (row["district_code"], row[f"{column}_code"]) == (
            expected["district"]["code"],
            expected[column]["code"],
        )
        assert int(row["members"]) == expected["counts"]["members"]
        assert row["member_ratio_status"] == expected["rates"]["member_ratio"]["status"]
    assert int(rows[len(page["data"])]["members"]) == page["total"]["counts"]["members"]
    parents = ["district_parent_code", *(["industry_parent_code"] if column == "industry" else [])]
    assert [name for name in rows[0] if name.endswith("_code")] == [
        *("district_code", parents[0], f"{column}_code"),
        *parents[1:],
    ]


def test_a_file_has_labels_when_a_language_is_asked_for(exact: TestClient) -> None:
    header = exact.get(f"{TABLE}.csv?{STREETS}&lang=zh&fields=members").text.splitlines()[0]
    assert header == "行,行政区划代码,行政区划,行政区划级别,上级行政区划代码,行业代码,行业,行业级别,上级行业代码,党员数"


@pytest.mark.parametrize(
    ("query", "status", "pointers"),
    [
        ("industry_level=section", 422, ["district_level"]),
        ("district_level=street", 422, ["industry_level", "by"]),
        ("district_level=street&industry_level=section&by=industry_group", 422, ["industry_level", "by"]),
        ("district_level=section&industry_level=street", 422, ["district_level", "industry_level"]),
        (f"{GROUPS}s", 422, ["by"]),
        (f"{STREETS}&parent=350203", 422, ["parent"]),
        (f"{STREETS}&include_empty=true", 422, ["include_empty"]),
        (f"{STREETS}&sort=district", 422, ["sort"]),
        (f"{STREETS}&limit=0", 422, ["limit"]),
        (GROUPS + "&within=nowhere", 422, ["within"]),
        (GROUPS + "&industry=nowhere&district=nowhere", 422, ["district", "industry"]),
        (GROUPS + "&as_of=1999-01-01", 404, ["as_of"]),
    ],
)
def test_what_cannot_be_asked_is_refused(client: TestClient, query: str, status: int, pointers: list[str]) -> None:
    for address in (f"{TABLE}?{query}", *([f"{TABLE}.csv?{query}"] if "limit" not in query else [])):
        answer = client.get(address)
        assert answer.status_code == status, answer.text
        assert [place_of(error) for error in answer.json()["errors"]] == pointers


def test_a_missing_level_is_told_with_all_there_are(client: TestClient) -> None:
    [error] = client.get(f"{TABLE}?industry_level=section").json()["errors"]
    assert error["allowed"] == ["province", "city", "county", "street", "site"]


def test_levels_and_filters_are_exact_only_when_figures_are_protected(quarters: Settings) -> None:
    with TestClient(create_app(quarters)) as public:
        query = "district_level=site&industry_level=class&basis=registered&ownership=state"
        for address in (f"{TABLE}?{query}", f"{TABLE}.parquet?{query}"):
            answer = public.get(address)
            problem = Problem.model_validate_json(answer.content)
            assert (answer.status_code, problem.type) == (403, "/problems/exact-only")
            allowed = {place_of(item): list(item.allowed) for item in problem.errors}
            assert allowed == {
                "basis": ["operating"],
                "ownership": [],
                "district_level": ["province", "city", "county", "street"],
                "industry_level": ["section", "division"],
            }


def test_an_answer_is_not_sent_again_when_it_is_known(client: TestClient, tier: str) -> None:
    first = client.get(f"{TABLE}?{STREETS}")
    again = client.get(f"{TABLE}?{STREETS}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"].startswith("public" if tier == "public" else "private")
