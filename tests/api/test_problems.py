"""Every error is a problem, says what is wrong, and says nothing of the inside."""

import json
from collections.abc import Callable
from typing import Any, Literal

import httpx2
import pytest
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.api.http.authorization import READ
from app.api.http.problems import Problem
from app.api.http.routing import make_router
from app.errors import Conflict, ErrorCode, ErrorItem, TemporarilyUnavailable
from app.messages import say
from tests.factories.problems import place_of

Shell = Callable[[APIRouter], TestClient]


class Body(BaseModel):
    level: Literal["county", "street"]
    counts: list[int]


@pytest.fixture
def client(shell: Shell) -> TestClient:
    router = make_router("/v1/things", "things", READ)

    @router.put("/{number}")
    async def replace_thing(number: Literal["one", "two"], body: Body) -> None:
        message = say("{other} rows of {dataset} reach beyond its registration", other=3, dataset=say("returns"))
        raise Conflict(say("There is nothing at this path."), [ErrorItem(ErrorCode.CYCLE, "path/number", message)])

    @router.get("/busy")
    async def get_busy() -> None:
        raise TemporarilyUnavailable(say("The registry's database is busy.")) from OSError("secret-address")

    @router.delete("/{number}")
    async def delete_thing(number: str) -> None: ...

    @router.get("/broken")
    async def get_broken() -> None:
        raise KeyError("ref-of-a-member")

    return shell(router)


def item(code: str, message: str, **given: Any) -> dict[str, Any]:
    nowhere: dict[str, Any] = {"parameter": None, "pointer": None, "column": None, "allowed": [], "suggestions": []}
    return {"code": code, "message": message} | nowhere | given


def problem(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    found = Problem.model_validate_json(answer.content, strict=True)
    assert found.status == answer.status_code
    assert found.request_id == answer.headers["x-request-id"]
    return found.model_dump()


def test_a_service_error_is_told_with_its_items(client: TestClient) -> None:
    found = problem(client.put("/v1/things/one", json={"level": "county", "counts": []}))
    assert (found["type"], found["title"], found["status"]) == ("/problems/conflict", "Conflict", 409)
    assert found["instance"] == "/v1/things/one"
    assert found["errors"] == [item("cycle", "3 rows of returns reach beyond its registration", parameter="number")]


def test_all_errors_of_a_body_are_listed(client: TestClient) -> None:
    found = problem(client.put("/v1/things/one", json={"level": "town", "counts": [1, "x"]}))
    assert found["status"] == 422
    allowed = {place_of(error): error["allowed"] for error in found["errors"]}
    assert allowed == {"/level": ["county", "street"], "/counts/1": []}


def test_choices_are_listed_once_when_a_value_is_none_of_them(client: TestClient) -> None:
    answer = client.put("/v1/things/one", json={"level": "town", "counts": []})
    found = problem(answer)
    assert found["detail"] == "body/level: Unknown value."
    assert found["errors"] == [item("invalid_choice", "Unknown value", pointer="/level", allowed=["county", "street"])]
    assert answer.text.count("street") == 1


def test_a_body_that_is_no_json_is_named(client: TestClient) -> None:
    answer = client.put("/v1/things/one", content=b'{"level": ', headers={"Content-Type": "application/json"})
    assert problem(answer)["errors"][0]["pointer"] == ""


def test_a_wrong_value_in_the_path_is_not_found(client: TestClient) -> None:
    found = problem(client.put("/v1/things/three", json={"level": "county", "counts": []}))
    assert found["status"] == 404
    assert found["errors"][0]["allowed"] == ["one", "two"]


def test_an_unknown_path_is_not_found(client: TestClient) -> None:
    assert problem(client.get("/v2"))["type"] == "/problems/not-found"


def test_a_wrong_method_is_told_with_the_right_ones(client: TestClient) -> None:
    answer = client.post("/v1/things/busy")
    assert problem(answer)["type"] == "/problems/method-not-allowed"
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"


def test_a_busy_service_says_when_to_come_back(client: TestClient) -> None:
    answer = client.get("/v1/things/busy")
    assert problem(answer)["status"] == 503
    assert answer.headers["retry-after"] == "5"


def test_an_unexpected_error_tells_nothing_of_itself(client: TestClient) -> None:
    with capture_logs() as logs:
        answer = client.get("/v1/things/broken")
    found = problem(answer)
    assert (found["status"], found["type"]) == (500, "/problems/internal")
    assert "ref-of-a-member" not in answer.text
    assert "ref-of-a-member" not in json.dumps(logs)
    assert [log["error"] for log in logs if log["event"] == "unexpected error"] == ["builtins.KeyError"]
    assert any("get_broken" in frame for log in logs for frame in log.get("frames", ()))


def test_the_type_of_a_problem_leads_to_its_meaning(empty_service: TestClient) -> None:
    found = problem(empty_service.get("/nowhere"))
    meaning = empty_service.get(found["type"]).json()
    assert meaning == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "meaning": "The path names something that does not exist.",
    }


def test_what_is_behind_a_503_is_logged_without_its_message(client: TestClient) -> None:
    with capture_logs() as lines:
        assert client.get("/v1/things/busy").status_code == 503
    [line] = [line for line in lines if line["event"] == "problem"]
    assert (line["code"], line["error"]) == (TemporarilyUnavailable.code, "builtins.OSError")
    assert "secret-address" not in str(line)
