"""`serve --public-only`: a process that has protected snapshots and nothing else, as an operator runs it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from app.access.keys import KeyRefused
from app.api.http.problems import Problem
from app.config import Settings
from app.main import create_app
from tests.factories.loading import fill
from tests.factories.rounded import Protected, protect, public_settings
from tests.factories.tiny import tiny_registry
from tests.live import answers

pytestmark = pytest.mark.long

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
"""A database that nobody can reach."""

PATIENCE = 60.0

PUBLIC = [
    "/v1/districts",
    "/v1/districts?q=梧村",
    "/v1/districts/siming",
    "/v1/industries?level=division",
    "/v1/industries/64",
    "/v1/industry-groups",
    "/v1/industry-groups/internet",
    "/v1/statistics/districts?parent=siming",
    "/v1/statistics/districts/wucun?industry_group=internet",
    "/v1/statistics/districts.csv",
    "/v1/statistics/districts.geojson?parent=siming",
    "/v1/statistics/industries?level=division&district=siming",
    "/v1/statistics/industries/64",
    "/v1/statistics/industries.records",
    "/v1/statistics/industry-groups",
    "/v1/statistics/industry-groups/internet",
    "/v1/statistics/industry-groups.csv?totals=true",
    "/v1/snapshots",
    "/v1/catalogue",
    "/v1/templates/ledger.xlsx",
    "/healthz",
    "/readyz",
    "/metrics",
    "/",
    "/docs",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/problems/exact-only",
]
"""What answers without anything but protected snapshots."""

EXACT_ONLY = [
    "/v1/enterprises",
    "/v1/enterprises/A",
    "/v1/enterprises/A/returns",
    "/v1/enterprises/A/coverage",
    "/v1/branches",
    "/v1/branches/one",
    "/v1/exports/enterprises.csv",
    "/v1/districts?level=site",
    "/v1/statistics/enterprises",
    "/v1/statistics/enterprises/A",
    "/v1/statistics/enterprises.csv",
    "/v1/statistics/branches",
    "/v1/statistics/branches.records",
    "/v1/statistics/breakdown?by=basis",
    "/v1/statistics/breakdown?by=sector",
    "/v1/statistics/low-membership?by=street",
    "/v1/statistics/districts?basis=registered",
    "/v1/statistics/districts?ownership=private",
]
"""What needs exact figures or the registry, and can be read."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Protected:
    """Give the protected snapshot of a service that has everything."""
    folder = tmp_path_factory.mktemp("full")
    settings = public_settings(f"sqlite+aiosqlite:///{folder / 'registry.sqlite'}", folder)
    shutil.copy(sqlite_template, folder / "registry.sqlite")
    fill(
        settings.registry_url,
        tiny_registry(
            enterprises="code, district_code, industry_code\nA, wucun, 64\nB, jialian, 65\nC, wucun, 86",
            returns="enterprise_code, reported_on, headcount, members\nA, 2017-03-31, 400, 52\nB, 2017-03-31, 90, 7\n"
            "C, 2017-03-31, 35, 3",
            industry_groups="group_code, name_zh, industry_code\ninternet, 互联网, 64\ninternet, 互联网, 86",
            branches="code\none",
            coverage="enterprise_code, branch_code, means\nA, one, standalone",
        ),
    )
    return protect(settings)


@pytest.fixture(scope="module")
def folder(full: Protected, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder that holds nothing but protected snapshots."""
    made = tmp_path_factory.mktemp("alone")
    shutil.copytree(full.folder.parent, made / "snapshots" / "public")
    return made


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[httpx.Client]:
    """Give a client of the service as a process of its own."""
    with served(folder) as address, httpx.Client(base_url=address, timeout=PATIENCE, follow_redirects=True) as client:
        yield client


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run the service on all addresses, which exact figures would forbid; give the one of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATA_DIR": str(folder),
        "ORGCOVERAGE_DATABASE_URL": NOWHERE,
        "ORGCOVERAGE_ROUNDING_KEY_FILE": str(folder / "no-key"),
        "ORGCOVERAGE_ANONYMOUS": "exact",  # must not matter
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--public-only", "--host", "0.0.0.0", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.communicate(timeout=PATIENCE)[1] == b""


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1].decode())
        if answers(address):
            return
        time.sleep(0.05)
    raise AssertionError("the service did not start")


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything in a folder: sizes and times."""
    stats = {path: path.stat() for path in folder.rglob("*")}
    return {str(path.relative_to(folder)): (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def problem(answer: Any, status: int, kind: str) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate_json(answer.content)
    assert found.type == f"/problems/{kind}"
    return found


@pytest.mark.parametrize("path", PUBLIC)
def test_what_everybody_may_have_is_answered_without_a_registry(service: httpx.Client, path: str) -> None:
    answer = service.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.content


@pytest.mark.parametrize("path", [path for path in PUBLIC if path.startswith(("/v1/districts", "/v1/statistics"))])
def test_answers_are_those_of_the_service_that_has_everything(
    service: httpx.Client, full: Protected, path: str
) -> None:
    settings = Settings(_env_file=None, data_dir=full.folder.parents[2], anonymous="public")
    with TestClient(create_app(settings)) as other:
        expected = other.get(path)
    answer = service.get(path)
    assert answer.content == expected.content
    assert answer.headers["etag"].partition("-")[0] == expected.headers["etag"].partition("-")[0]


def test_figures_are_protected_and_say_so(service: httpx.Client, full: Protected) -> None:
    found = service.get("/v1/statistics/districts/siming").json()
    assert found["meta"]["snapshot"] == full.folder.name
    assert found["meta"]["disclosure"]["policy"] == "rounded-enterprises"
    assert found["data"]["counts"]["enterprises"] == 3
    assert found["data"]["counts"]["members"] % 5 in {3, 0}  # A has a branch of its own: 3 and multiples of five
    assert found["data"]["counts"]["members_women"] is None
    assert found["data"]["rates"]["women_share"]["status"] == "protected"


def test_readiness_knows_no_database(service: httpx.Client, full: Protected) -> None:
    assert service.get("/readyz").json() == {
        "status": "ready", "snapshot": full.folder.name, "database": "absent", "is_damaged": False, "damaged": [],
        "replica": None,
    }  # fmt: skip


@pytest.mark.parametrize("path", EXACT_ONLY)
def test_what_needs_exact_figures_is_refused_as_such(service: httpx.Client, path: str) -> None:
    problem(service.get(path), 403, "exact-only")


def test_nothing_fails_whatever_is_asked(service: httpx.Client) -> None:
    names = {"{format}": "csv", "{dataset}": "ledger", "{file}": "favicon.png"}
    refused = 0
    for route in create_app(Settings(_env_file=None)).routes:
        assert isinstance(route, APIRoute)
        path = route.path
        for name, value in names.items():
            path = path.replace(name, value)
        for method in route.methods or ():
            answer = service.request(method, path, json={} if method in {"PUT", "POST"} else None)
            assert answer.status_code < 500, (method, path, answer.text)
            if answer.status_code >= 400:
                refused += 1
                assert answer.headers["content-type"] == "application/problem+json", (method, path)
            if method != "GET":
                problem(answer, 403, "right-missing")
    assert refused > 30


@pytest.mark.parametrize("path", ["/v1/jobs/1", "/v1/imports", "/v1/imports/1/issues", "/v1/keys", "/v1/audit"])
def test_what_belongs_to_writers_is_refused(service: httpx.Client, path: str) -> None:
    problem(service.get(path), 403, "right-missing")


@pytest.mark.parametrize("token", [f"oc_{'0' * 16}_{'A' * 43}", "oc_1_2", "anything"])
@pytest.mark.parametrize("path", ["/v1/statistics/districts", "/v1/enterprises", "/healthz"])
def test_every_key_is_refused(service: httpx.Client, token: str, path: str) -> None:
    found = problem(service.get(path, headers={"Authorization": f"Bearer {token}"}), 401, KeyRefused.code)
    assert token not in found.model_dump_json()


def test_an_address_that_is_not_encoded_is_a_problem(service: httpx.Client) -> None:
    with socket.create_connection((service.base_url.host, service.base_url.port), timeout=PATIENCE) as connection:
        connection.sendall("GET /v1/districts?q=梧村 HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert Problem.model_validate_json(body).type == "/problems/unreadable-request"


def test_nothing_is_written_when_it_has_answered(folder: Path) -> None:
    before = files(folder)
    with served(folder) as address:
        for path in [*PUBLIC, *EXACT_ONLY]:
            httpx.get(f"{address}{path}", timeout=PATIENCE)
        httpx.post(f"{address}/v1/imports?dataset=enterprises", content=b"code,name\nA,a\n", timeout=PATIENCE)
    assert files(folder) == before
    assert {name.split("/")[0] for name in before} == {"snapshots"}


@pytest.mark.parametrize("made", [True, False])
def test_there_is_nothing_to_answer_from_when_the_folder_is_empty(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "data"
    if made:
        (folder / "snapshots" / "public").mkdir(parents=True)
    settings = Settings(_env_file=None, data_dir=folder, database_url=NOWHERE, public_only=True)
    with TestClient(create_app(settings)) as client:
        assert client.get("/healthz").status_code == 200
        problem(client.get("/readyz"), 503, "not-ready")
        for path in ("/v1/districts", "/v1/statistics/districts"):
            problem(client.get(path), 404, "snapshot-not-found")
        assert client.get("/v1/snapshots").json() == {"data": []}
    assert folder.exists() == made


def test_a_snapshot_is_served_when_it_is_copied_while_the_service_runs(full: Protected, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=NOWHERE, public_only=True)
    with TestClient(create_app(settings)) as client:
        problem(client.get("/v1/statistics/districts"), 404, "snapshot-not-found")
        shutil.copytree(full.folder, tmp_path / "snapshots" / "arriving")
        (tmp_path / "snapshots" / "public").mkdir()
        (tmp_path / "snapshots" / "arriving").rename(tmp_path / "snapshots" / "public" / full.folder.name)
        answer = client.get("/v1/statistics/districts")
        assert (answer.status_code, answer.json()["meta"]["snapshot"]) == (200, full.folder.name)
