"""Statistics over HTTP on the public tier, without a key: shapes, paging, files, and what is refused."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from app.api.http.problems import Problem
from app.api.statistics.changes import Changes, ChangesAnswer
from app.api.statistics.models import (
    BreakdownStatisticsPage,
    DistrictStatisticsAnswer,
    DistrictStatisticsPage,
    IndustryGroupStatisticsPage,
    IndustryStatisticsAnswer,
    IndustryStatisticsPage,
)
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.config import Settings
from app.main import create_app
from tests.factories.problems import place_of

STATISTICS = "/v1/statistics"
PROTECTED = {measure.code for measure in MEASURES if not measure.public}
PROTECTED_RATES = {metric.code for metric in METRICS if not metric.public}


@pytest.fixture(scope="module")
def service(siming: Settings) -> Iterator[TestClient]:
    """Give a client without a key of a service on the demonstration whose public tier is on."""
    with TestClient(create_app(siming.model_copy(update={"anonymous": "public"}))) as client:
        yield client


def figures(found: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows of an answer, and its total."""
    data = found["data"] if isinstance(found["data"], list) else [found["data"]]
    return [*data, *([found["total"]] if "total" in found else [])]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/districts", DistrictStatisticsPage),
        ("/districts?parent=350203&sort=women_share&order=desc", DistrictStatisticsPage),
        ("/districts?level=street&industry=I&sort=member_ratio&include_empty=true", DistrictStatisticsPage),
        ("/districts/350203?industry_group=internet", DistrictStatisticsAnswer),
        ("/industries?level=division&district=350203", IndustryStatisticsPage),
        ("/industries/64?basis=operating", IndustryStatisticsAnswer),
        ("/industry-groups?district=350203", IndustryGroupStatisticsPage),
        ("/breakdown?by=street&by=section&district=350203&district=350206", BreakdownStatisticsPage),
        ("/breakdown?by=industry_group&industry=I&industry=64", BreakdownStatisticsPage),
    ],
)
@pytest.mark.parametrize("as_of", ["2017-03-31", "2017-06-30"])
def test_every_public_answer_has_its_documented_shape(
    service: TestClient, path: str, model: type[BaseModel], as_of: str
) -> None:
    joint = "&" if "?" in path else "?"
    answer = service.get(f"{STATISTICS}{path}{joint}as_of={as_of}&fields=all")
    assert answer.status_code == 200, answer.text
    model.model_validate_json(answer.content, strict=True)
    found = answer.json()
    assert found["meta"]["as_of"] == as_of
    assert found["meta"]["disclosure"]["policy"] == "rounded-enterprises"
    for row in figures(found):
        assert {code for code, count in row["counts"].items() if count is None} == PROTECTED
        assert {code for code, rate in row["rates"].items() if rate["status"] == "protected"} == PROTECTED_RATES


def test_public_changes_are_of_the_ratio_alone(service: TestClient) -> None:
    answer = service.get(f"{STATISTICS}/changes?since=2017-03-31&by=division&district=350203")
    found = ChangesAnswer.model_validate_json(answer.content, strict=True)
    assert isinstance(found.data, Changes)
    assert found.data.enterprises is found.data.organised is found.data.members is None
    assert found.data.ratio is not None
    assert abs(found.data.ratio.rate + found.data.ratio.mix - found.data.ratio.difference) <= 1e-12
    ratios = [
        service.get(f"{STATISTICS}/districts/350203?as_of={day}").json()["data"]["rates"]["member_ratio"]["value"]
        for day in ("2017-03-31", "2017-06-30")
    ]
    assert found.data.ratio.difference == ratios[1] - ratios[0]
    refused = service.get(f"{STATISTICS}/changes?since=2017-03-31&by=class")
    assert (refused.status_code, place_of(refused.json()["errors"][0])) == (403, "by")


def test_public_pages_give_the_whole_list_once(service: TestClient) -> None:
    question = f"{STATISTICS}/industries?level=division&sort=members&order=desc"
    whole, pages = service.get(question).json(), []
    url: str | None = f"{question}&limit=7"
    while url is not None:
        answer = service.get(url)
        pages += answer.json()["data"]
        link = answer.headers.get("link")
        url = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    assert pages == whole["data"]
    assert len(pages) > 7


def test_a_public_file_is_the_page_as_rows(service: TestClient) -> None:
    page = service.get(f"{STATISTICS}/districts?parent=350203").json()
    rows = list(csv.DictReader(io.StringIO(service.get(f"{STATISTICS}/districts.csv?parent=350203&totals=true").text)))
    assert [row["members"] for row in rows[:-2]] == [str(row["counts"]["members"]) for row in page["data"]]
    assert rows[-2]["members"] == str(page["total"]["counts"]["members"])
    assert rows[-1]["members"] == str(page["unallocated"]["counts"]["members"])
    assert {row["members_women"] for row in rows} == {""}
    assert [row["women_share_status"] for row in rows] == ["protected"] * (len(rows) - 1) + [""]


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("/districts?basis=registered", ["basis"]),
        ("/districts?level=site&ownership=state&parent=nowhere", ["ownership", "level"]),
        ("/industries.csv?level=class", ["level"]),
        ("/industries/nowhere?size_class=small", ["size_class"]),
        ("/breakdown?by=basis", ["by"]),
        ("/breakdown?by=sector&by=class", ["by", "by"]),
        ("/trends?by=site", ["by"]),
        ("/changes?since=2017-03-31&by=sector", ["by"]),
        ("/districts?sector=public", ["sector"]),
        ("/enterprises", [""]),
        ("/enterprises/any", [""]),
        ("/branches.records", [""]),
    ],
)
def test_a_question_that_needs_exact_figures_is_refused_with_what_can_be_had(
    service: TestClient, path: str, pointers: list[str]
) -> None:
    answer = service.get(f"{STATISTICS}{path}")
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.type) == (403, "/problems/exact-only")
    assert [place_of(item) for item in problem.errors] == pointers
    for item in problem.errors:
        assert bool(item.allowed) == (place_of(item) not in {"sector", "ownership", "size_class"})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/districts?basis=registered&level=nothing", 422),  # malformed before exact-only
        ("/districts?basis=registered&size=5", 422),
        ("/districts?parent=nowhere", 422),
        ("/industries?within=6410", 422),  # a class, which no public tree has
        ("/industries/6410", 404),
        ("/districts/nowhere", 404),
    ],
)
def test_what_no_public_tree_has_is_unknown(service: TestClient, path: str, status: int) -> None:
    assert service.get(f"{STATISTICS}{path}").status_code == status
