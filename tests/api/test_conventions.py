"""What every operation has in common: HEAD, parameters, validators, compression, headers, rights."""

import gzip
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Annotated

import pytest
import zstandard
from fastapi import APIRouter, Depends, FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from app.api.http.authorization import OPEN, READ, RightNotDeclared, refuse_undeclared
from app.api.http.pages import validated
from app.api.http.parameters import QueryOf
from app.api.http.problems import Problem
from app.api.http.routing import make_router, mount
from tests.factories.problems import place_of

Shell = Callable[[APIRouter], TestClient]

JSON = {"Content-Type": "application/json"}

LARGE = b'{"text": "' + b"x" * 5000 + b'"}'


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True)

    colour: Colour = Field(default=Colour.RED, description="A colour.")
    limit: int = Field(default=10, ge=1, le=100, description="Rows.")
    wide: bool | None = Field(default=None, description="Whether.")
    fields: tuple[Colour, ...] = Field(default=(), description="Colours.")


class Body(BaseModel):
    name: str


@pytest.fixture
def client(shell: Shell) -> TestClient:
    router = make_router("/v1/things", "things", READ)

    @router.get("")
    async def list_things(asked: Annotated[Asked, Depends(QueryOf(Asked))]) -> Asked:
        return asked

    @router.get("/large")
    async def get_large() -> Response:
        return validated(LARGE, public=True)

    @router.get("/stream")
    async def get_stream() -> Response:
        return StreamingResponse(_endless(), media_type="text/csv", headers={"ETag": '"stream"'})

    @router.put("/{code}")
    async def replace_thing(code: str, body: Body) -> dict[str, str]:
        return {"code": code, "name": body.name}

    return shell(router)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 1000


def test_head_has_the_headers_of_get_and_no_body(client: TestClient) -> None:
    head, get = client.head("/v1/things/large"), client.get("/v1/things/large")
    assert head.status_code == 200
    assert head.content == b""
    ignored = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in get.headers.items() if k not in ignored
    }


def test_head_ends_when_the_answer_is_an_endless_stream(client: TestClient) -> None:
    assert client.head("/v1/things/stream").content == b""


def test_a_stream_is_not_modified_when_its_tag_is_known(client: TestClient) -> None:
    answer = client.get("/v1/things/stream", headers={"If-None-Match": '"stream"', "Accept-Encoding": "identity"})
    assert (answer.status_code, answer.content) == (304, b"")


def test_head_of_a_path_that_takes_no_get_is_refused(client: TestClient) -> None:
    answer = client.head("/v1/things/a")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "PUT", b"")


def test_defaults_answer_when_no_parameter_is_given(client: TestClient) -> None:
    assert client.get("/v1/things").json() == {"colour": "red", "limit": 10, "wide": None, "fields": []}


def test_parameters_are_read_when_given(client: TestClient) -> None:
    answer = client.get("/v1/things?colour=blue&limit=5&wide=true&fields=red&fields=blue")
    assert answer.json() == {"colour": "blue", "limit": 5, "wide": True, "fields": ["red", "blue"]}


def test_everything_wrong_is_listed_when_several_parameters_are_wrong(client: TestClient) -> None:
    answer = client.get("/v1/things?colour=green&limit=1000000000&size=3&wide=perhaps&limit=2")
    assert answer.status_code == 422
    errors = {place_of(error): error["allowed"] for error in answer.json()["errors"]}
    assert errors == {
        "size": ["colour", "limit", "wide", "fields", "lang"],
        "colour": ["red", "blue"],
        "limit": [],
        "wide": ["true", "false"],
    }


def test_a_parameter_given_twice_is_refused_when_it_is_not_a_list(client: TestClient) -> None:
    answer = client.get("/v1/things?colour=red&colour=blue")
    assert answer.status_code == 422
    assert place_of(answer.json()["errors"][0]) == "colour"


def test_an_unknown_parameter_is_refused_when_the_route_takes_none(client: TestClient) -> None:
    answer = client.put("/v1/things/a?b=1", json={"name": "n"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "code": "unknown_parameter", "parameter": "b", "pointer": None, "column": None,
            "message": "Unknown parameter", "allowed": ["lang"], "suggestions": [],
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("accepted", "encoding", "decode"),
    [
        ("zstd, gzip", "zstd", lambda body: zstandard.ZstdDecompressor().decompress(body)),
        ("gzip", "gzip", gzip.decompress),
        ("identity", None, lambda body: body),
        ("gzip;q=0", None, lambda body: body),
    ],
)
def test_each_encoding_has_its_own_tag(
    client: TestClient, accepted: str, encoding: str | None, decode: Callable[[bytes], bytes]
) -> None:
    with client.stream("GET", "/v1/things/large", headers={"Accept-Encoding": accepted}) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    assert decode(body) == LARGE
    assert answer.headers["vary"] == "Authorization, Accept-Encoding, Origin"
    assert answer.headers["etag"].endswith(f'-{encoding}"') == (encoding is not None)
    again = client.get(
        "/v1/things/large",
        headers={"Accept-Encoding": accepted, "If-None-Match": f'"other", W/{answer.headers["etag"]}'},
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    assert {"cache-control", "vary"} <= again.headers.keys()
    assert "content-type" not in again.headers


def test_a_tag_of_another_encoding_is_not_enough(client: TestClient) -> None:
    tag = client.get("/v1/things/large", headers={"Accept-Encoding": "gzip"}).headers["etag"]
    answer = client.get("/v1/things/large", headers={"Accept-Encoding": "zstd", "If-None-Match": tag})
    assert answer.status_code == 200


def test_a_small_answer_is_not_compressed(client: TestClient) -> None:
    assert "content-encoding" not in client.get("/v1/things", headers={"Accept-Encoding": "zstd"}).headers


def test_security_headers_are_sent_with_every_answer(client: TestClient) -> None:
    for path in ("/v1/things", "/nowhere"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")


def test_configured_origins_may_read_tag_and_link(client: TestClient) -> None:
    answer = client.get("/v1/things", headers={"Origin": "https://dash.example"})
    assert answer.headers["access-control-allow-origin"] == "https://dash.example"
    assert {"ETag", "Link"} <= set(answer.headers["access-control-expose-headers"].split(", "))
    stranger = client.get("/v1/things", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_a_preflight_is_refused_as_a_problem_when_the_origin_is_another(client: TestClient) -> None:
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "PATCH"}
    answer = client.options("/v1/things", headers=asked)
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.type) == (400, "/problems/preflight-refused")
    assert problem.detail.endswith("refused: origin, method.")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_is_answered_when_the_origin_is_configured(client: TestClient) -> None:
    asked = {"Origin": "https://dash.example", "Access-Control-Request-Method": "PUT"}
    assert client.options("/v1/things", headers=asked).status_code == 200


def test_the_request_id_of_the_caller_is_kept_when_it_is_well_formed(client: TestClient) -> None:
    assert client.get("/v1/things", headers={"X-Request-ID": "trace-0001"}).headers["x-request-id"] == "trace-0001"
    assert client.get("/v1/things", headers={"X-Request-ID": "a b"}).headers["x-request-id"] != "a b"


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    announced = client.put("/v1/things/a", content=b'{"name": "' + b"x" * 2**20 + b'"}', headers=JSON)
    unannounced = client.put("/v1/things/a", content=iter([b'{"name": "', b"x" * 2**20, b'"}']), headers=JSON)
    for answer in (announced, unannounced):
        assert answer.status_code == 413
        assert answer.json()["type"] == "/problems/content-too-large"


def test_a_route_without_a_right_does_not_start() -> None:
    router = make_router("/v1/things", "things")

    @router.get("")
    async def list_things() -> None: ...

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    mount(app, [router])
    with pytest.raises(RightNotDeclared, match="/v1/things"):
        refuse_undeclared(app)


def test_a_route_with_two_rights_does_not_start() -> None:
    router = make_router("/v1/things", "things", READ)

    @router.get("", dependencies=[OPEN])
    async def list_things() -> None: ...

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    mount(app, [router])
    with pytest.raises(RightNotDeclared, match="/v1/things"):
        refuse_undeclared(app)
