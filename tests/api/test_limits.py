"""What a request may take: bytes, time, places among uploads and builds; and the headers that guard every answer."""

import asyncio
import json
import select
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from app.api.http.authorization import READ
from app.api.http.middleware import PAGE_HEADERS, SECURITY_HEADERS, Service
from app.api.http.problems import Problem, add_problem_handlers
from app.api.http.protocol import HEAD_BYTES
from app.api.http.routing import RAW_BODY, make_router, mount
from app.config import Settings
from app.database.engines import make_engine
from app.database.outages import reading
from app.main import add_middleware, create_app
from app.observability import Metrics
from tests.live import live

ENTERPRISES = "/v1/imports?dataset=enterprises"
LIMIT = 2000
PATIENCE = 30.0


class Body(BaseModel):
    name: str


def things() -> APIRouter:
    """Operations that read bodies, wait, and stream."""
    router = make_router("/v1/things", "things", READ)

    @router.put("/{code}")
    async def replace_thing(code: str, body: Body) -> dict[str, int]:
        return {"size": len(body.name)}

    @router.post("", openapi_extra=RAW_BODY)
    async def create_thing(request: Request) -> Response:
        return Response(json.dumps({"size": sum([len(piece) async for piece in request.stream()])}))

    @router.get("/late")
    async def get_late() -> Response:
        await asyncio.sleep(3600)
        return Response()

    @router.get("/stream")
    async def get_stream() -> Response:
        return StreamingResponse(_slowly())

    @router.get("/stuck")
    async def get_stuck() -> Response:
        return StreamingResponse(_never(), media_type="text/csv")

    return router


async def _slowly() -> AsyncIterator[bytes]:
    for _ in range(4):
        yield b"x"
        await asyncio.sleep(0.5)


async def _never() -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b"x"


def around(router: APIRouter, **settings: Any) -> FastAPI:
    """An application of one router, behind all layers."""
    app = Service(openapi_url=None, redirect_slashes=False)
    mount(app, [router])
    add_problem_handlers(app)
    add_middleware(app, Settings(_env_file=None, **settings), Metrics())
    return app


class Sender:
    """A client that sends what it is told to, when it is told to."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def begin(self, method: str, path: str, *headers: str) -> None:
        """Send all but the body."""
        lines = [f"{method} {path} HTTP/1.1", "Host: here", "Content-Type: application/json", *headers, "", ""]
        self.send("\r\n".join(lines).encode())

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The status, headers and body of the next answer."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, self._file.read(int(headers["content-length"]))

    def answered(self, within: float) -> bool:
        """Whether an answer begins within so many seconds."""
        return bool(select.select([self._socket], [], [], within)[0])

    def ended(self) -> bool:
        """Whether the server has closed the connection."""
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextmanager
def sender(address: str) -> Iterator[Sender]:
    made = Sender(address)
    try:
        yield made
    finally:
        made.close()


def problem(status: int, headers: Any, body: bytes, kind: str) -> Problem:
    found = Problem.model_validate_json(body)
    assert (status, headers["content-type"]) == (found.status, "application/problem+json")
    assert found.type == f"/problems/{kind}"
    assert found.request_id == headers["x-request-id"]
    return found


def operations() -> list[tuple[str, str]]:
    """Every method and path that the service answers, and one that it does not."""
    routes = [route for route in create_app(Settings(_env_file=None)).routes if isinstance(route, APIRoute)]
    known = [(method, route.path) for route in routes for method in sorted(route.methods or ())]
    return [*known, ("GET", "/nowhere"), ("PATCH", "/v1/districts")]


# Size


def test_a_body_that_is_announced_too_large_is_refused_on_every_path(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, body_limit_bytes=LIMIT, upload_limit_bytes=LIMIT)
    checked = 0
    with TestClient(create_app(settings)) as client:
        for method, path in operations():
            answer = client.request(method, path.replace("{", "").replace("}", ""), content=b"x" * (LIMIT + 1))
            found = problem(answer.status_code, answer.headers, answer.content, "content-too-large")
            assert f"{LIMIT:,} bytes" in found.detail
            assert set(SECURITY_HEADERS.items()) <= set(canonical(answer.headers).items())
            checked += 1
    assert checked > 50


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/things/a"), ("POST", "/v1/things")])
def test_the_limit_is_the_last_byte_that_is_taken(
    method: str, path: str, size: int, status: int, announced: bool
) -> None:
    client = TestClient(around(things(), body_limit_bytes=LIMIT, upload_limit_bytes=LIMIT))
    body = b'{"name": "' + b"x" * (size - len('{"name": ""}')) + b'"}'
    content: Any = body if announced else iter([body[: size // 2], body[size // 2 :]])
    answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    if status == 413:
        problem(status, answer.headers, answer.content, "content-too-large")


def test_a_file_has_a_limit_of_its_own() -> None:
    client = TestClient(around(things(), body_limit_bytes=1024, upload_limit_bytes=2 * LIMIT))
    assert client.post("/v1/things", content=b"x" * 2 * LIMIT).json() == {"size": 2 * LIMIT}
    assert client.post("/v1/things/", content=b"x" * 2 * LIMIT).status_code == 413  # another path
    assert client.put("/v1/things", content=b"x" * 2 * LIMIT).status_code == 413  # another method


def test_an_endless_body_is_refused_before_its_end() -> None:
    with live(around(things(), body_limit_bytes=LIMIT)) as address, sender(address) as client:
        client.begin("PUT", "/v1/things/a", "Transfer-Encoding: chunked")
        for _ in range(LIMIT // 100 + 1):
            client.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        problem(*client.answer(), "content-too-large")


def test_an_endless_head_is_refused_before_its_end() -> None:
    with live(around(things())) as address, sender(address) as client:
        begun = b"GET /v1/things/stream HTTP/1.1\r\nHost: here\r\nX-Long: "
        client.send(begun + b"x" * (HEAD_BYTES - len(begun)))
        assert not client.answered(within=0.5)
        client.send(b"x")  # no more: what the server leaves unread makes it reset the connection
        status, headers, body = client.answer()
        problem(status, headers, body, "head-too-large")
        assert (status, canonical(headers)) == (431, SECURITY_HEADERS)
        assert client.ended()


def test_a_long_body_is_not_taken_for_a_head() -> None:
    with live(around(things())) as address, sender(address) as client:
        for _ in range(2):  # both on one connection
            client.begin("POST", "/v1/things", f"Content-Length: {2 * HEAD_BYTES}")
            client.send(b"x" * 2 * HEAD_BYTES)
            assert json.loads(client.answer()[2]) == {"size": 2 * HEAD_BYTES}


@pytest.mark.parametrize("line", ["GET /v1/branches?q=联合 HTTP/1.1", "no request", "GET / HTTP/1.1\r\nno header"])
def test_what_is_no_request_is_a_guarded_problem(line: str) -> None:
    with live(around(things())) as address, sender(address) as client:
        client.send(f"{line}\r\n\r\n".encode())
        status, headers, body = client.answer()
        found = problem(status, headers, body, "unreadable-request")
        assert (status, canonical(headers), headers["cache-control"]) == (400, SECURITY_HEADERS, "no-store")
        assert "percent-encoded" in found.detail
        assert client.ended()


# Time


@pytest.mark.long
def test_a_body_that_stops_is_refused_and_the_connection_closed() -> None:
    app = around(things(), body_seconds=1)
    with live(app) as address:
        for method, path in [("PUT", "/v1/things/a"), ("POST", "/v1/things")]:
            for announced in ["Content-Length: 500", "Transfer-Encoding: chunked"]:
                with sender(address) as client:
                    client.begin(method, path, announced)
                    if announced.startswith("Content"):
                        client.send(b'{"name"')
                    status, headers, body = client.answer()
                    found = problem(status, headers, body, "body-too-slow")
                    assert (status, headers["connection"], client.ended()) == (408, "close", True)
                    assert found.detail.startswith("7 bytes" if announced.startswith("Content") else "0 bytes")


def drip(address: str, path: str, pieces: int) -> tuple[int, dict[str, str], bytes]:
    """Send a body, 20 bytes each fifth of a second, until there is an answer; return it."""
    with sender(address) as client:
        client.begin("POST", path, f"Content-Length: {pieces * 20}")
        for _ in range(pieces):
            if client.answered(within=0.2):
                break
            client.send(b"x" * 20)
        return client.answer()


@pytest.mark.long
def test_a_body_may_take_longer_when_it_keeps_coming() -> None:
    with live(around(things(), body_seconds=1, body_bytes_per_second=20)) as address:
        status, _, body = drip(address, "/v1/things", 10)  # two seconds; each piece is worth another one
    assert (status, json.loads(body)) == (200, {"size": 200})


def test_a_body_that_only_drips_is_refused() -> None:
    with live(around(things(), body_seconds=1, body_bytes_per_second=1000)) as address:
        problem(*drip(address, "/v1/things", 10), "body-too-slow")  # two seconds; all of it is worth a fifth of one


@pytest.mark.long
def test_an_answer_that_does_not_begin_is_given_up() -> None:
    with live(around(things(), answer_seconds=1)) as address:
        for path in ("late", "stuck"):  # what is compressed begins with its first piece
            with sender(address) as client:
                client.begin("GET", f"/v1/things/{path}", "Accept-Encoding: gzip")
                status, headers, body = client.answer()
            problem(status, headers, body, "answer-too-late")
            assert (status, int(headers["retry-after"]) > 0) == (503, True)


def test_an_answer_that_has_begun_takes_its_time() -> None:
    client = TestClient(around(things(), answer_seconds=1))
    assert client.get("/v1/things/stream").content == b"xxxx"  # two seconds


@pytest.mark.long
def test_the_arrival_of_a_body_does_not_count_as_time_for_the_answer() -> None:
    with live(around(things(), answer_seconds=1)) as address:
        assert drip(address, "/v1/things", 10)[0] == 200  # two seconds


def slow_query(engine: AsyncEngine) -> APIRouter:
    router = make_router("/v1/things", "things", READ)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n"
    asked = "SELECT pg_sleep(60)" if engine.dialect.name == "postgresql" else endless

    @router.get("/late")
    async def get_late() -> Response:
        async with reading(engine) as connection:
            while True:
                await connection.execute(sqlalchemy.text(asked))

    @router.get("/quick")
    async def get_quick() -> Response:
        async with reading(engine) as connection:
            await connection.execute(sqlalchemy.text("SELECT 1"))
        assert isinstance(engine.pool, QueuePool)
        return Response(str(engine.pool.checkedout()))

    return router


@pytest.mark.long
def test_the_connection_is_free_again_when_an_answer_was_given_up(migrated_url: str) -> None:
    engine = make_engine(migrated_url)
    with live(around(slow_query(engine), answer_seconds=1)) as address:
        for _ in range(2):
            with sender(address) as client:
                client.begin("GET", "/v1/things/late")
                problem(*client.answer(), "answer-too-late")
                client.begin("GET", "/v1/things/quick")
                assert client.answer()[2] == b"0"


# How much at once


@pytest.fixture
def settings(migrated_sqlite_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        database_url=migrated_sqlite_url,
        uploads_at_once=1,
        builds_at_once=1,
        body_seconds=2,
    )


def test_a_file_is_refused_when_enough_are_arriving(settings: Settings) -> None:
    content = b"code,name\nA,a\n"
    with live(create_app(settings)) as address, sender(address) as first, sender(address) as second:
        first.begin("POST", ENTERPRISES, f"Content-Length: {len(content)}")
        first.send(content[:5])
        wait(lambda: any(settings.uploads_dir.glob("*.part")))
        second.begin("POST", ENTERPRISES, f"Content-Length: {len(content)}")
        second.send(content)
        status, headers, body = second.answer()
        problem(status, headers, body, "too-many-uploads")
        assert (status, int(headers["retry-after"]) > 0) == (503, True)
        first.send(content[5:])
        assert first.answer()[0] == 202
        second.begin("POST", ENTERPRISES, f"Content-Length: {len(content)}")
        second.send(content)
        assert second.answer()[0] == 202


@pytest.mark.long
def test_a_place_is_free_again_when_a_file_came_too_slowly(settings: Settings) -> None:
    content = b"code,name\nA,a\n"
    with live(create_app(settings)) as address, sender(address) as first, sender(address) as second:
        first.begin("POST", ENTERPRISES, "Content-Length: 500")
        problem(*first.answer(), "body-too-slow")
        assert list(settings.uploads_dir.iterdir()) == []
        second.begin("POST", ENTERPRISES, f"Content-Length: {len(content)}")
        second.send(content)
        assert second.answer()[0] == 202


def wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.long
def test_a_build_is_refused_when_enough_are_queued_and_an_import_is_not(settings: Settings) -> None:
    content = b"code,name\nA,a\n"
    with TestClient(create_app(settings)) as client:
        assert client.post("/v1/snapshots", json={"as_of": "2017-06-30"}).status_code == 202
        refused = [
            client.post("/v1/snapshots", json={"as_of": "2017-06-30"}),
            client.post(f"{ENTERPRISES}&build=2017-06-30", content=content),
        ]
        for answer in refused:
            found = problem(answer.status_code, answer.headers, answer.content, "too-many-builds")
            assert (found.status, int(answer.headers["retry-after"]) > 0) == (503, True)
        assert client.post(ENTERPRISES, content=content).status_code == 202
        assert client.post(f"{ENTERPRISES}&build=2017-06-30&dry_run=true", content=content).status_code == 202
        wait(lambda: client.post("/v1/snapshots", json={"as_of": "2017-06-30"}).status_code == 202)


# Headers


def canonical(headers: Any) -> dict[str, str]:
    """The headers of an answer under the names that we write."""
    given = {name.lower(): value for name, value in headers.items()}
    return {name: given[name.lower()] for name in SECURITY_HEADERS if name.lower() in given}


def test_the_policy_lets_a_page_load_nothing_and_nobody_frame_it() -> None:
    assert SECURITY_HEADERS["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert SECURITY_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"
    assert PAGE_HEADERS["X-Frame-Options"] == "DENY"
    assert PAGE_HEADERS["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "is_page"),
    [("/dashboard", True), ("/docs", True), ("/v1/catalogue", False), ("/dashboard/main.js", False)],
)
def test_pages_alone_have_what_pages_alone_need(service: TestClient, path: str, is_page: bool) -> None:
    given = service.get(path).headers
    assert {name: given[name] for name in PAGE_HEADERS if name in given} == (PAGE_HEADERS if is_page else {})


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/statistics/districts", {}, 200),
        ("GET", "/v1/statistics/districts", {"If-None-Match": "*"}, 304),
        ("HEAD", "/v1/statistics/districts", {}, 200),
        ("GET", "/v1/statistics/districts.csv", {}, 200),
        ("GET", "/v1/statistics/districts", {"Authorization": "Bearer none"}, 401),
        ("GET", "/v1/statistics/districts/none", {}, 404),
        ("GET", "/nowhere", {}, 404),
        ("PATCH", "/v1/districts", {}, 405),
        ("GET", "/v1/statistics/districts?size=5", {}, 422),
        ("GET", "/healthz", {}, 200),
        ("GET", "/metrics", {}, 200),
        ("GET", "/openapi.json", {}, 200),
        ("OPTIONS", "/v1/districts", {"Origin": "https://dash.example", "Access-Control-Request-Method": "GET"}, 200),
        ("OPTIONS", "/v1/districts", {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}, 400),
    ],
)
def test_every_answer_is_guarded(
    service: TestClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    for _ in range(2):  # the second may come from memory
        answer = service.request(method, path, headers=headers)
        assert answer.status_code == status
        assert canonical(answer.headers) == SECURITY_HEADERS


def test_the_page_of_the_documentation_is_guarded_by_a_policy_of_its_own(service: TestClient) -> None:
    answer = service.get("/docs")
    others = {name: value for name, value in SECURITY_HEADERS.items() if name != "Content-Security-Policy"}
    assert others.items() <= canonical(answer.headers).items()
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith("default-src 'self'")


def test_a_failure_in_front_of_the_routes_is_a_guarded_problem() -> None:
    app = around(things())  # without a keyring, on which the layer that authenticates will stumble
    answer = TestClient(app).get("/v1/things/late", headers={"Authorization": "Bearer oc_1_2"})
    problem(answer.status_code, answer.headers, answer.content, "internal")
    assert (answer.status_code, canonical(answer.headers)) == (500, SECURITY_HEADERS)
