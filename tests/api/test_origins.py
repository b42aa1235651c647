"""What web pages may do where everything is answered without a key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.http.problems import Problem
from app.config import Settings
from app.main import create_app

OURS = "http://127.0.0.1:8000"
CHANGE = "/v1/snapshots"


def problem(answer: Any, status: int) -> Problem:
    assert answer.status_code == status
    return Problem.model_validate_json(answer.content)


@pytest.fixture
def settings(migrated_sqlite_url: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data", database_url=migrated_sqlite_url, hosts=())


@pytest.fixture
def page(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"hosts": ("coverage.example",)})), base_url=OURS) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/imports?dataset=enterprises"), ("PUT", "/v1/branches/B"), ("POST", CHANGE)]
)
def test_a_change_is_refused_when_a_page_of_another_origin_sends_it(
    page: TestClient, headers: dict[str, str], method: str, path: str
) -> None:
    answer = page.request(method, path, headers=headers, content=b"code,name\nA,B\n")
    assert problem(answer, 403).type == "/problems/foreign-origin"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": OURS}, {"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
)
def test_a_change_is_taken_when_no_foreign_page_sends_it(page: TestClient, headers: dict[str, str]) -> None:
    assert page.post(CHANGE, headers=headers, json={"as_of": "2017-06-30"}).status_code == 202


def test_a_page_of_an_allowed_origin_may_change_when_the_operator_names_it(settings: Settings) -> None:
    allowed = settings.model_copy(update={"cors_origins": ("https://dash.example",)})
    with TestClient(create_app(allowed), base_url=OURS) as client:
        headers = {"Origin": "https://dash.example", "Sec-Fetch-Site": "cross-site"}
        assert client.post(CHANGE, headers=headers, json={"as_of": "2017-06-30"}).status_code == 202


@pytest.mark.parametrize("host", ["rebound.example", "192.168.1.20:8000", "", "localhost.elsewhere.example"])
@pytest.mark.parametrize("path", ["/v1/enterprises", "/dashboard", "/healthz"])
def test_nothing_is_answered_when_the_host_is_neither_loopback_nor_named(
    page: TestClient, host: str, path: str
) -> None:
    assert problem(page.get(path, headers={"Host": host}), 421).type == "/problems/unknown-host"


def test_an_answer_asked_before_is_refused_too_when_the_host_is_not_known(page: TestClient) -> None:
    path = "/v1/catalogue"
    assert [page.get(path).status_code for _ in range(2)] == [200, 200]
    problem(page.get(path, headers={"Host": "rebound.example"}), 421)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1",
        "127.8.8.8:1",
        "[::1]:8000",
        "coverage.example",
        "coverage.EXAMPLE:443",
    ],
)
def test_everything_is_answered_when_the_host_is_loopback_or_named(page: TestClient, host: str) -> None:
    assert page.get("/v1/enterprises", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(("anonymous", "refusal"), [("none", 401), ("public", 403)])
def test_hosts_play_no_part_when_little_is_answered_without_a_key(
    settings: Settings, anonymous: str, refusal: int
) -> None:
    with TestClient(create_app(settings.model_copy(update={"anonymous": anonymous})), base_url=OURS) as client:
        assert client.get("/healthz", headers={"Host": "anything.example"}).status_code == 200
        assert client.post(CHANGE, headers={"Origin": "http://elsewhere.example"}, json={}).status_code == refusal
