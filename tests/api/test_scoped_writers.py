"""Writing over HTTP with keys: everything, one county, and what the other county's key may know of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from tests.api.test_imports_api import finished, problem
from tests.factories.bodies import BRANCH, ENTERPRISE
from tests.factories.importing import Registry
from tests.factories.problems import place_of
from tests.factories.two_counties import SCOPE, TWO_COUNTIES

FIRM = ENTERPRISE | {"district_code": "350203008"}


@pytest.fixture
def registry(migrated_url: str, tmp_path: Path) -> Registry:
    made = Registry(migrated_url, tmp_path)
    made.load(TWO_COUNTIES)
    return made


class Caller:
    """A client of the service that sends one key."""

    def __init__(self, client: TestClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        return self._client.request(method, path, headers=self._headers, **sent)

    def get(self, path: str) -> httpx2.Response:
        return self.request("GET", path)

    def put(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        return self.request("PUT", path, json=body)

    def post(self, path: str, content: bytes) -> httpx2.Response:
        return self.request("POST", path, content=content)

    def delete(self, path: str) -> httpx2.Response:
        return self.request("DELETE", path)


@pytest.fixture
def clients(registry: Registry, tmp_path: Path) -> Iterator[dict[str, Caller]]:
    """Give a caller for each key: of the first county, of the second, of everything."""
    settings = Settings(
        _env_file=None, data_dir=tmp_path / "data", database_url=registry.settings.registry_url, anonymous="none"
    )
    scopes = {"first": SCOPE, "second": frozenset({"350206"}), "all": None}
    engine = make_sync_engine(registry.settings.registry_url)
    with write_lock_sync(engine) as connection:
        tokens = {
            name: make_key(connection, NewKey(name, frozenset({Right.WRITE}), scope, 30))[1]
            for name, scope in scopes.items()
        }
    engine.dispose()
    with TestClient(create_app(settings)) as client:
        yield {name: Caller(client, token) for name, token in tokens.items()}


def send(client: Caller, query: str, text: str) -> dict[str, Any]:
    """Send a file and follow its job to the end; return the import, and its problems with it."""
    accepted = client.post(f"/v1/imports?{query}", text.encode())
    assert accepted.status_code == 202, accepted.text
    made = accepted.json()["data"]["id"]
    finished(client, made)
    told: dict[str, Any] = client.get(f"/v1/imports/{made}").json()["data"]
    return told | {"issues": client.get(f"/v1/imports/{made}/issues").json()["data"]}


@pytest.mark.long
def test_file_is_taken_within_the_districts_of_its_key(clients: dict[str, Caller], registry: Registry) -> None:
    text = "code,name,district_code\nin,内二,350203008\nout,外二,350206001\n"
    refused = send(clients["first"], "dataset=enterprises", text)
    [issue] = refused["issues"]
    assert (issue["row"], issue["column"], issue["rule"]) == (3, "code", "outside_scope")
    assert (refused["state"], refused["problem"]["type"]) == ("failed", "/problems/import-rejected")
    assert "350203" not in str({name: value for name, value in refused.items() if name != "issues"})
    assert "scope" not in refused
    skipped = send(clients["second"], "dataset=enterprises&on_error=skip", text)
    assert (skipped["state"], skipped["result"]["changed"], skipped["result"]["errors"]) == ("succeeded", 1, 1)
    names = registry.rows("enterprise", "code", "name")
    assert ("in", "内") in names
    assert ("out", "外二") in names
    assert send(clients["all"], "dataset=enterprises", text)["result"]["changed"] == 1


@pytest.mark.long
def test_rows_inside_go_when_a_file_of_a_key_is_the_whole_truth(clients: dict[str, Caller], registry: Registry) -> None:
    text = "enterprise_code,branch_code,means,start_on\n"
    assert send(clients["first"], "dataset=coverage&mode=replace", text)["result"]["deleted"] == 3
    assert registry.rows("enterprise_coverage", "enterprise_code") == [("out",), ("out",)]
    keys = "code\nheir\nnowhere\n"
    refused = send(clients["first"], "dataset=enterprises&mode=delete", keys)
    assert [(issue["row"], issue["rule"]) for issue in refused["issues"]] == [(3, "outside_scope")]


@pytest.mark.parametrize("dataset", ["districts", "industries", "industry-groups"])
def test_trees_and_groups_are_refused_when_the_key_covers_some_districts(
    clients: dict[str, Caller], registry: Registry, dataset: str
) -> None:
    url, content = f"/v1/imports?dataset={dataset}&dry_run=true", TWO_COUNTIES[dataset].replace(" ", "").encode()
    assert problem(clients["first"].post(url, content), 403).type == "/problems/scope-too-narrow"
    assert clients["first"].get("/v1/imports").json()["data"] == []
    assert clients["all"].post(url, content).status_code == 202
    for method, body in (("PUT", {"level": "street"}), ("PUT", None), ("DELETE", None)):
        answer = clients["first"].request(method, f"/v1/{dataset}/350203008", json=body)
        assert problem(answer, 403).detail == problem(clients["first"].post(url, content), 403).detail
    assert ("350203008",) in registry.rows("district", "code")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/enterprises/out", FIRM), ("/v1/enterprises/went", FIRM), ("/v1/branches/bout", BRANCH)],
)
def test_thing_is_not_found_when_it_is_outside(clients: dict[str, Caller], path: str, body: dict[str, Any]) -> None:
    first = clients["first"]
    code = path.rsplit("/", 1)[1]
    absent = problem(first.get(path.replace(code, "never")), 404).model_dump(exclude={"instance", "request_id"})
    for answer in (first.get(path), first.put(path, body), first.delete(path)):
        told = problem(answer, 404).model_dump(exclude={"instance", "request_id"})
        assert str(told).replace(code, "never") == str(absent)
    assert clients["second"].get(path).status_code == 200


def test_single_changes_are_made_inside_and_refused_outside(clients: dict[str, Caller]) -> None:
    first = clients["first"]
    assert first.put("/v1/enterprises/new", FIRM).status_code == 201
    assert first.put("/v1/enterprises/new", FIRM | {"name": "另"}).status_code == 200
    moved = problem(first.put("/v1/enterprises/new", FIRM | {"district_code": "350206"}), 422)
    assert [(place_of(item), item.message) for item in moved.errors] == [
        ("/district_code", "lies outside the districts of the key")
    ]
    below = problem(first.put("/v1/branches/new", BRANCH | {"parent_code": "bout"}), 422)
    assert [(place_of(item), item.allowed) for item in below.errors] == [("/parent_code", [])]
    assert clients["second"].get("/v1/enterprises/new").status_code == 404
    assert clients["second"].delete("/v1/enterprises/new").status_code == 404
    assert first.delete("/v1/enterprises/new").status_code == 204


def test_imports_are_shown_to_the_key_that_sent_them(clients: dict[str, Caller]) -> None:
    made = send(clients["first"], "dataset=enterprises&dry_run=true", "code,name\nin,内二\n")
    assert [one["id"] for one in clients["first"].get("/v1/imports").json()["data"]] == [made["id"]]
    assert [one["id"] for one in clients["first"].get("/v1/jobs").json()["data"]] == [made["job_id"]]
    for path in ("/v1/imports", "/v1/jobs"):
        assert clients["second"].get(path).json()["data"] == []
    problem(clients["second"].get(f"/v1/imports/{made['id']}/issues"), 404)
    assert [one["id"] for one in clients["all"].get("/v1/imports").json()["data"]] == [made["id"]]
