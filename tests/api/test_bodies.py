"""Bodies that are not what they claim to be: each a problem that says what to send."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

JSON = {"Content-Type": "application/json"}


def refusal(answer: Any) -> tuple[int, str, str]:
    problem = answer.json()
    return answer.status_code, problem["type"], problem["detail"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "with its Content-Type"),
        ({"Content-Type": "text/plain"}, "not as text/plain"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "not as application/x-www-form-urlencoded"),
    ],
)
def test_the_content_type_is_named_when_json_comes_as_something_else(
    empty_service: TestClient, headers: dict[str, str], said: str
) -> None:
    answer = empty_service.post("/v1/snapshots", content=b'{"as_of": "2017-06-30"}', headers=headers)
    expected = f"The body must be sent as application/json, {said}."
    assert refusal(answer) == (415, "/problems/unsupported-media-type", expected)


@pytest.mark.parametrize("content", ["[]", "3", '"text"', "null"])
def test_an_object_is_asked_for_when_the_body_is_none(empty_service: TestClient, content: str) -> None:
    status, _, detail = refusal(empty_service.post("/v1/snapshots", content=content, headers=JSON))
    assert (status, detail) == (422, "body: Must be a JSON object.") or (content == "null" and status == 422)


@pytest.mark.parametrize(
    ("path", "pointer", "content"),
    [
        ("/v1/keys", "/name", r'{"name": "x\ud800", "rights": ["read"], "districts": null, "days": 3}'),
        ("/v1/keys", "/districts/0", r'{"name": "x", "rights": ["read"], "districts": ["\udfff"], "days": 3}'),
        ("/v1/erasures", "/ref", r'{"ref": "\ud800"}'),
        ("/v1/snapshots", "", r'{"as_of": "2017-06-30", "\ud800": 1}'),
    ],
)
def test_half_a_character_is_refused_when_json_holds_one(
    empty_service: TestClient, path: str, pointer: str, content: str
) -> None:
    answer = empty_service.post(path, content=content, headers=JSON)
    message = f"body{pointer}: holds half of a surrogate pair, which is no character."
    assert refusal(answer) == (422, "/problems/invalid-request", message)


def test_a_whole_character_is_taken_when_it_is_written_as_a_pair(empty_service: TestClient) -> None:
    content = r'{"name": "\ud83d\ude00", "rights": ["read"], "districts": null, "days": 3}'
    assert empty_service.post("/v1/keys", content=content, headers=JSON).status_code == 503  # there is no registry


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity"])
def test_a_coding_is_refused_when_it_is_not_chunked(empty_service: TestClient, coding: str) -> None:
    headers = JSON | {"Transfer-Encoding": coding}
    answer = empty_service.post("/v1/snapshots", content=iter([b"{}"]), headers=headers)
    assert refusal(answer)[:2] == (501, "/problems/unknown-transfer-coding")


@pytest.mark.parametrize("districts", [1000, 1001])
def test_a_list_of_districts_is_refused_when_it_is_too_long(empty_service: TestClient, districts: int) -> None:
    body = {"name": "a", "rights": ["read"], "districts": [str(code) for code in range(districts)], "days": 3}
    assert empty_service.post("/v1/keys", json=body).status_code == (503 if districts == 1000 else 422)
