"""Targets over HTTP: shape, pages, files, what is refused, and what each tier lists."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.statistics.targets import TargetsPage
from app.config import Settings
from app.main import create_app
from tests.api.test_answer_cache import bearer, key_of
from tests.factories.problems import place_of

TARGETS = "/v1/statistics/targets"


@pytest.fixture(scope="module")
def public(siming: Settings) -> Iterator[TestClient]:
    """Give a client of a service whose public tier is on."""
    with TestClient(create_app(siming.model_copy(update={"anonymous": "public"}))) as client:
        yield client


def asked(client: TestClient, query: str = "", **headers: str) -> dict[str, Any]:
    answer = client.get(f"{TARGETS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    TargetsPage.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


def test_the_demonstration_has_targets_in_every_state_when_it_is_asked(service: TestClient) -> None:
    page = asked(service, "district=350203")
    assert {row["state"] for row in page["data"]} == {"met", "short", "cannot_tell"}
    assert page["meta"]["basis"] is None
    assert page["meta"]["rows"] == len(page["data"])
    due_today = [row for row in page["data"] if row["due_on"] == page["meta"]["as_of"]]
    assert [row["days_left"] for row in due_today] == [0]
    for row in page["data"]:
        rate, target = row["current"], row["value"]
        if row["missing"] is not None:
            assert (rate["numerator"] + row["missing"]) / rate["denominator"] >= target - 1e-12
            assert (row["state"] == "met") == (row["missing"] == 0)
        assert row["target"].split("/")[:3] == [row["metric"], row["basis"], row["due_on"]]
        assert "示例" in row["source"]


def test_the_figure_is_that_of_the_lists_when_the_same_is_asked_there(service: TestClient) -> None:
    for row in asked(service, "district=350203")["data"]:
        scope = {name: row[name]["code"] for name in ("district", "industry", "industry_group") if row[name]}
        query = "&".join(f"{name}={code}" for name, code in scope.items())
        sector = f"&sector={row['sector']}" if row["sector"] else ""
        path = f"/v1/statistics/breakdown?by=county&basis={row['basis']}&fields={row['metric']}&{query}{sector}"
        assert service.get(path).json()["total"]["rates"][row["metric"]] == row["current"]


def test_pages_hold_every_target_once_when_they_are_followed(service: TestClient) -> None:
    whole, found, cursor = asked(service)["data"], [], ""
    while True:
        page = asked(service, f"limit=7{cursor}")
        found += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == whole
    assert len({row["target"] for row in whole}) == len(whole) > 14


def test_a_file_has_the_same_targets_when_it_is_written(service: TestClient) -> None:
    rows = asked(service, "state=short")["data"]
    text = service.get(f"{TARGETS}.csv?state=short").text
    flat = list(csv.DictReader(io.StringIO(text)))
    assert [row["target"] for row in flat] == [row["target"] for row in rows]
    for row, served in zip(flat, rows, strict=True):
        district = (served["district"] or {"code": ""})["code"]
        rate = served["current"]
        assert (row["value"], row["district_code"]) == (repr(served["value"]), district)
        assert (row["current"], row["current_numerator"]) == (repr(rate["value"]), str(rate["numerator"]))
        assert (row["current_status"], row["missing"]) == (rate["status"], str(served["missing"]))
    chinese = next(csv.DictReader(io.StringIO(service.get(f"{TARGETS}.csv?state=short&lang=zh").text)))
    assert (chinese["指标"], chinese["口径"], chinese["完成情况"]) == ("组织覆盖率", "在营单位", "未完成")


def test_a_cube_has_a_category_for_each_target_when_it_is_json_stat(service: TestClient) -> None:
    rows = asked(service)["data"]
    cube = service.get(f"{TARGETS}.jsonstat").json()
    assert cube["id"] == ["target", "metric"]
    assert cube["dimension"]["target"]["category"]["index"] == [row["target"] for row in rows]
    figures = cube["dimension"]["metric"]["category"]["index"]
    assert cube["value"][figures.index("value")] == rows[0]["value"]
    assert cube["size"] == [len(rows), len(figures)]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("state=done", "state"),
        ("state=met&state=met", "state"),
        ("due_from=2017-13-01", "due_from"),
        ("district=nowhere", "district"),
        ("industry_group=nothing", "industry_group"),
        ("sector=private", "sector"),
        ("basis=registered", "basis"),
        ("fields=members", "fields"),
        ("sort=value", "sort"),
    ],
)
def test_a_question_is_refused_when_a_parameter_is_wrong(service: TestClient, query: str, place: str) -> None:
    answer = service.get(f"{TARGETS}?{query}")
    assert answer.status_code == 422
    assert [place_of(error) for error in answer.json()["errors"]] == [place]


def test_only_public_targets_are_listed_when_there_is_no_key(public: TestClient) -> None:
    page = asked(public, "due_from=2017-01-01")
    assert page["meta"]["disclosure"]["policy"] == "rounded-enterprises"
    named = {(row["metric"], row["basis"], row["sector"]) for row in page["data"]}
    assert named == {("organisation_coverage", "operating", None), ("member_ratio", "operating", None)}
    assert len(page["data"]) == 12
    refused = public.get(f"{TARGETS}?sector=non_public")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "exact-only")


def test_exact_targets_are_listed_when_a_scoped_key_asks_inside(public: TestClient, siming: Settings) -> None:
    key = bearer(key_of(siming, frozenset({"350203008"})))
    inside = asked(public, "district=350203008", **key)
    assert inside["meta"]["disclosure"]["policy"] == "none"
    assert [(row["metric"], row["sector"]) for row in inside["data"]] == [
        ("organisation_coverage", None),
        ("establishment_rate", "non_public"),
    ]
    beyond = asked(public, "district=350203", **key)
    assert beyond == asked(public, "district=350203")
