"""Breakdowns over HTTP, on the demonstration: shapes, sum law, paging, files, refusals, both tiers."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.http.problems import Problem
from app.api.statistics.models import BreakdownStatisticsPage
from app.catalogue.dimensions import By
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.catalogue.vocabulary import Basis
from app.config import Settings
from app.main import create_app
from tests.factories.problems import place_of

PATH = "/v1/statistics/breakdown"
STREETS = "by=street&by=division&district=350203&fields=all"
GROUPS = "by=street&by=industry_group&fields=all"


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
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    BreakdownStatisticsPage.model_validate_json(answer.content, strict=True)
    parsed: dict[str, Any] = answer.json()
    return parsed


def codes(row: dict[str, Any]) -> tuple[bytes, ...]:
    """The codes of a row, in the order of the dimensions given here."""
    named = (row[name] for name in ("district", "industry", "industry_group"))
    return tuple(one["code"].encode() for one in named if one is not None)


@pytest.mark.parametrize(
    "query",
    [
        "by=county&fields=all",
        "by=division&fields=all&district=350203&district=350206",
        "by=county&by=section&fields=all",
        "by=division&by=province&industry=I&fields=all",
        f"{STREETS}&as_of=2017-03-31",
        f"{STREETS}&industry_group=internet&industry=I&industry=64",
    ],
)
def test_cells_and_unallocated_are_the_total_when_industries_are_disjoint(client: TestClient, query: str) -> None:
    found = ask(client, f"{query}&limit=1000")
    assert found["meta"]["rows"] == len(found["data"]) > 0
    order = slice(None, None, -1 if query.startswith("by=division&by") else 1)
    assert sorted(found["data"], key=lambda row: codes(row)[order]) == found["data"]
    for measure in (one.code for one in MEASURES):
        counts = [row["counts"][measure] for row in found["data"]]
        total, rest = found["total"]["counts"][measure], found["unallocated"]["counts"][measure]
        if None in (*counts, total):
            assert rest is None
        else:
            assert sum(counts) + rest == total
            assert rest >= 0


@pytest.mark.parametrize(
    "filters", ["", "&basis=eligible", "&ownership=private&ownership=state&size_class=small", "&sector=non_public"]
)
def test_rows_are_those_of_one_dimension_when_the_other_is_a_parameter(exact: TestClient, filters: str) -> None:
    cells = ask(exact, f"{STREETS}{filters}&limit=1000")["data"]
    statistics = "/v1/statistics"
    for district in {row["district"]["code"] for row in cells}:
        listed = exact.get(f"{statistics}/industries?level=division&district={district}{filters}&fields=all").json()[
            "data"
        ]
        found = [row for row in cells if row["district"]["code"] == district]
        assert [(row["industry"], row["counts"], row["rates"]) for row in found] == [
            (row["industry"], row["counts"], row["rates"]) for row in listed
        ]
    for industry in {row["industry"]["code"] for row in cells}:
        listed = exact.get(
            f"{statistics}/districts?level=street&within=350203&industry={industry}{filters}&fields=all"
        ).json()
        found = [row for row in cells if row["industry"]["code"] == industry]
        assert [(row["district"], row["counts"], row["rates"]) for row in found] == [
            (row["district"], row["counts"], row["rates"]) for row in listed["data"]
        ]
    total = exact.get(f"{statistics}/districts?within=350203{filters}&fields=all").json()["total"]
    assert ask(exact, f"{STREETS}{filters}")["total"] == total


def test_public_rows_are_those_of_one_dimension_too(quarters: Settings) -> None:
    with TestClient(create_app(quarters)) as public:
        cells = ask(public, f"{STREETS}&limit=1000")["data"]
        for district in sorted({row["district"]["code"] for row in cells})[:4]:
            listed = public.get(f"/v1/statistics/industries?level=division&district={district}&fields=all").json()[
                "data"
            ]
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
    listed = client.get("/v1/statistics/districts?level=street&industry_group=internet&fields=all").json()["data"]
    by_district = {row["district"]["code"]: row for row in listed}
    assert [row["district"]["code"] for row in internet] == list(by_district)
    for row in internet:
        expected = by_district[row["district"]["code"]]
        assert row["rates"]["organisation_coverage"] == expected["rates"]["organisation_coverage"]
        assert row["counts"] == expected["counts"]


@pytest.mark.parametrize("order", ["", "&sort=members&order=desc", "&sort=member_ratio", "&order=desc"])
def test_pages_give_the_whole_breakdown_once(client: TestClient, order: str) -> None:
    whole, pages = ask(client, f"{STREETS}{order}&limit=1000"), []
    url: str | None = f"{PATH}?{STREETS}{order}&limit=17"
    while url is not None:
        answer = client.get(url)
        pages += answer.json()["data"]
        link = answer.headers.get("link")
        url = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    assert pages == whole["data"]
    assert len(pages) > 17


def test_a_cursor_belongs_to_what_it_is_by_and_to_its_figures(exact: TestClient) -> None:
    cursor = exact.get(f"{PATH}?{STREETS}&limit=3").json()["next_cursor"]
    assert exact.get(f"{PATH}?{STREETS}&limit=5&cursor={cursor}").status_code == 200
    turned = "by=division&by=street&district=350203&fields=all"
    further = f"{STREETS}&district=350206"
    for other in (STREETS.replace("division", "section"), turned, STREETS.replace("all", "members"), further):
        answer = exact.get(f"{PATH}?{other}&limit=3&cursor={cursor}")
        assert (answer.status_code, place_of(answer.json()["errors"][0])) == (422, "cursor")


@pytest.mark.parametrize(("query", "column"), [(STREETS, "industry"), (GROUPS, "industry_group")])
def test_a_file_has_the_figures_of_the_page(client: TestClient, query: str, column: str) -> None:
    page = ask(client, f"{query}&limit=1000&sort=members&order=desc")
    answer = client.get(f"{PATH}.csv?{query}&sort=members&order=desc&totals=true")
    assert answer.headers["content-disposition"] == 'attachment; filename="breakdown-2017-09-30.csv"'
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
    header = exact.get(f"{PATH}.csv?{STREETS.replace('all', 'members')}&lang=zh").text.splitlines()[0]
    assert header == "行,行政区划代码,行政区划,行政区划级别,上级行政区划代码,行业代码,行业,行业级别,上级行业代码,党员数"


@pytest.mark.parametrize(
    ("query", "status", "pointers"),
    [
        ("", 422, ["by"]),
        ("by=", 422, ["by"]),
        ("by=branch", 422, ["by"]),
        ("by=street&by=industry", 422, ["by"]),
        ("by=street&by=section&by=sector", 422, ["by"]),
        ("by=street&by=street", 422, ["by"]),
        ("by=street&by=county", 422, ["by"]),
        ("by=section&by=class", 422, ["by"]),
        ("by=basis&basis=operating", 422, ["by", "basis"]),
        ("by=street&by=basis&basis=registered", 422, ["by", "basis"]),
        ("by=street&district=350203&district=350203", 422, ["district"]),
        ("by=street&sector=public&sector=public", 422, ["sector"]),
        ("by=street&sector=all", 422, ["sector"]),
        ("by=street&basis=operating&basis=registered", 422, ["basis"]),
        ("by=street&fields=members&fields=all", 422, ["fields"]),
        ("by=street&fields=members&fields=members", 422, ["fields"]),
        ("by=street&fields=affiliations", 422, ["fields"]),
        ("by=street&status=ok", 422, ["status", "sort"]),
        ("by=street&sort=members&status=ok", 422, ["status", "sort"]),
        ("by=street&sort=member_ratio&status=fine", 422, ["status"]),
        ("by=street&within=350203", 422, ["within"]),
        (f"{STREETS}&parent=350203", 422, ["parent"]),
        (f"{STREETS}&include_empty=true", 422, ["include_empty"]),
        (f"{STREETS}&sort=district", 422, ["sort"]),
        (f"{STREETS}&limit=0", 422, ["limit"]),
        (GROUPS + "&industry=nowhere&district=nowhere", 422, ["district", "industry"]),
        (GROUPS + "&as_of=1999-01-01", 404, ["as_of"]),
    ],
)
def test_what_cannot_be_asked_is_refused(client: TestClient, query: str, status: int, pointers: list[str]) -> None:
    for address in (f"{PATH}?{query}", *([f"{PATH}.csv?{query}"] if "limit" not in query else [])):
        answer = client.get(address)
        assert answer.status_code == status, answer.text
        assert [place_of(error) for error in answer.json()["errors"]] == pointers


def test_a_missing_dimension_is_told_with_all_there_are(client: TestClient) -> None:
    for query in ("", "by=branch"):
        [error] = client.get(f"{PATH}?{query}").json()["errors"]
        assert error["allowed"] == [by.value for by in By]


def test_headline_figures_are_there_when_none_is_asked_for(exact: TestClient) -> None:
    headline = [measure.code for measure in MEASURES if measure.headline]
    everything = [measure.code for measure in MEASURES]
    metrics = [metric.code for metric in METRICS]
    assert 0 < len(headline) < len(everything)
    for query, counts, rates in (
        ("", headline, metrics),
        ("&fields=all", everything, metrics),
        ("&fields=work_coverage&fields=members", ["members"], ["work_coverage"]),
        ("&fields=members_squared", ["members_squared"], []),
        ("&fields=member_ratio", [], ["member_ratio"]),
    ):
        found = ask(exact, f"by=sector&by=section{query}")
        for row in [*found["data"], found["total"]]:
            assert (list(row["counts"]), list(row["rates"])) == (counts, rates)
        assert list(found["unallocated"]["counts"]) == counts
        header = exact.get(f"{PATH}.csv?by=sector&by=section{query}").text.splitlines()[0].split(",")
        assert [name for name in header if name in everything] == counts
        assert [name for name in header if name in metrics] == rates


def test_what_is_asked_for_and_protected_is_null_with_its_state(quarters: Settings) -> None:
    with TestClient(create_app(quarters)) as public:
        found = ask(public, "by=section&fields=members_women&fields=women_share&fields=members")
    for row in found["data"]:
        assert row["counts"]["members_women"] is None
        assert (row["rates"]["women_share"]["value"], row["rates"]["women_share"]["status"]) == (None, "protected")
        assert row["counts"]["members"] is not None


def test_sectors_have_the_official_coverage_when_they_are_the_rows(exact: TestClient) -> None:
    found = ask(exact, "by=sector&fields=enterprises&fields=enterprises_organised&fields=organisation_coverage")
    assert [row["sector"] for row in found["data"]] == ["non_public", "social", "public"]
    official = ask(exact, "by=province&sector=social&sector=non_public&fields=all")["total"]["counts"]
    for measure in ("enterprises", "enterprises_organised"):
        rows = {row["sector"]: row["counts"][measure] for row in found["data"]}
        assert rows["non_public"] + rows["social"] == official[measure]
        assert sum(rows.values()) + found["unallocated"]["counts"][measure] == found["total"]["counts"][measure]


def test_bases_stand_beside_each_other_when_they_are_the_rows(exact: TestClient) -> None:
    found = ask(exact, "by=basis&district=350203&industry_group=internet")
    assert (found["total"], found["unallocated"], found["meta"]["basis"]) == (None, None, None)
    for row in found["data"]:
        one = exact.get(f"/v1/statistics/districts/350203?industry_group=internet&basis={row['basis']}").json()["data"]
        assert (row["counts"], row["rates"]) == (one["counts"], one["rates"])
    assert [row["basis"] for row in found["data"]] == [basis.value for basis in Basis]
    rows = list(csv.DictReader(io.StringIO(exact.get(f"{PATH}.csv?by=basis&totals=true").text)))
    assert [(row["row"], row["basis"]) for row in rows] == [("subject", basis.value) for basis in Basis]


def test_noise_is_kept_out_of_a_ranking_when_its_state_is_asked_for(exact: TestClient) -> None:
    query = "by=street&by=division&sort=member_ratio&order=desc&limit=1000"
    whole, good = ask(exact, query), ask(exact, f"{query}&status=ok")
    kept = [row for row in whole["data"] if row["rates"]["member_ratio"]["status"] == "ok"]
    assert 0 < len(kept) < len(whole["data"])
    assert good["data"] == kept
    assert (good["total"], good["unallocated"], good["meta"]["rows"]) == (whole["total"], None, len(kept))
    rest = ask(exact, f"{query}&status=low_base&status=inconsistent&status=not_applicable&status=unknown")
    assert len(rest["data"]) == len(whole["data"]) - len(kept)
    rows = list(csv.DictReader(io.StringIO(exact.get(f"{PATH}.csv?by=street&sort=member_ratio&status=ok").text)))
    assert {row["member_ratio_status"] for row in rows} == {"ok"}


def test_levels_and_filters_are_exact_only_when_figures_are_protected(quarters: Settings) -> None:
    with TestClient(create_app(quarters)) as public:
        query = "by=site&by=class&basis=registered&ownership=state&sector=public"
        for address in (f"{PATH}?{query}", f"{PATH}.parquet?{query}"):
            answer = public.get(address)
            problem = Problem.model_validate_json(answer.content)
            assert (answer.status_code, problem.type) == (403, "/problems/exact-only")
            assert [(place_of(item), list(item.allowed)) for item in problem.errors] == [
                ("basis", ["operating"]),
                ("sector", []),
                ("ownership", []),
                ("by", ["province", "city", "county", "street"]),
                ("by", ["section", "division"]),
            ]
        for by in ("sector", "basis", "size_class"):
            (item,) = Problem.model_validate_json(public.get(f"{PATH}?by={by}").content).errors
            assert (place_of(item), item.allowed[-1]) == ("by", "industry_group")


def test_an_answer_is_not_sent_again_when_it_is_known(client: TestClient, tier: str) -> None:
    first = client.get(f"{PATH}?{STREETS}")
    again = client.get(f"{PATH}?{STREETS}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"].startswith("public" if tier == "public" else "private")
