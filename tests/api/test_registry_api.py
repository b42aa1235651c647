"""The registry over HTTP: lists, single things, single changes and exports, on both engines."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from app.api.registry import models as schemas
from app.api.registry.exports import RegistryFile
from app.config import Settings
from app.main import create_app
from app.registry.export import EXPORTS
from tests.factories import bodies
from tests.factories.problems import place_of
from tests.factories.small_registry import SMALL_REGISTRY, fill

DISTRICT = bodies.DISTRICT | {"name_zh": "湖里区", "parent_code": "3502"}


@pytest.fixture
def client(migrated_url: str, tmp_path: Path) -> Iterator[TestClient]:
    fill(migrated_url)
    with TestClient(create_app(Settings(data_dir=tmp_path / "data", database_url=migrated_url))) as made:
        yield made


def codes(client: TestClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [row["code"] for row in answer.json()["data"]]


def problems(answer: Any) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return sorted(place_of(error) for error in answer.json()["errors"])


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/districts", schemas.DistrictPage),
        ("/v1/districts/350203", schemas.DistrictAnswer),
        ("/v1/industries", schemas.IndustryPage),
        ("/v1/industries/641", schemas.IndustryAnswer),
        ("/v1/industry-groups", schemas.IndustryGroupPage),
        ("/v1/industry-groups/internet", schemas.IndustryGroupAnswer),
        ("/v1/enterprises", schemas.EnterprisePage),
        ("/v1/enterprises/A", schemas.EnterpriseAnswer),
        ("/v1/enterprises/A/returns", schemas.EnterpriseReturnPage),
        ("/v1/enterprises/A/coverage", schemas.EnterpriseCoveragePage),
        ("/v1/branches", schemas.BranchPage),
        ("/v1/branches/J", schemas.BranchAnswer),
    ],
)
def test_answer_is_as_documented_when_read(client: TestClient, path: str, model: type) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    TypeAdapter(model).validate_json(answer.content, strict=True)
    assert answer.json().keys() <= {"data", "next_cursor"}
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_recorded_values_are_given_when_read(client: TestClient) -> None:
    assert client.get("/v1/districts/云顶").json() == {"data": SMALL_REGISTRY["district"][5]}
    returned = client.get("/v1/enterprises/A/returns?limit=1").json()
    assert returned["data"][0] == {**SMALL_REGISTRY["enterprise_return"][1], "reported_on": "2016-12-31"}
    assert client.get("/v1/industry-groups/internet").json()["data"]["industries"] == ["64", "65"]


def test_rows_are_chosen_when_parameters_are_given(client: TestClient) -> None:
    assert codes(client, "/v1/districts?level=street&q=梧村") == ["350203008"]
    assert codes(client, "/v1/districts?parent=350203") == ["350203008", "350203009"]
    assert codes(client, "/v1/industries?level=division") == ["64", "65"]
    assert codes(client, "/v1/branches?parent=J") == ["F1"]
    assert codes(client, "/v1/enterprises?q=%20乙 ") == ["B"]
    assert codes(client, "/v1/industry-groups?q=100%25") == ["internet"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/districts?q=350", "code"),
        ("/v1/enterprises/A/returns", "reported_on"),
        ("/v1/enterprises/A/coverage", "means"),
    ],
)
def test_pages_hold_every_row_once_when_walked_through(client: TestClient, path: str, key: str) -> None:
    whole = client.get(path).json()
    assert whole["next_cursor"] is None
    joint = "&" if "?" in path else "?"
    address = f"{path}{joint}limit=1"
    walked = []
    while address:
        answer = client.get(address)
        walked += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
        assert ("next" in answer.links) == (cursor is not None)
        address = answer.links["next"]["url"] if cursor else ""
    assert walked == whole["data"]
    assert len(walked) > 2
    assert key in walked[0]


def test_cursor_is_refused_when_it_is_of_another_question(client: TestClient) -> None:
    cursor = client.get("/v1/districts?q=350&limit=1").json()["next_cursor"]
    assert client.get(f"/v1/districts?q=350&limit=1000&cursor={cursor}").status_code == 200
    for path in (
        f"/v1/districts?limit=1&cursor={cursor}",
        f"/v1/enterprises?q=350&limit=1&cursor={cursor}",
        f"/v1/enterprises/A/returns?cursor={cursor}",
        "/v1/districts?cursor=梧",
        "/v1/districts?cursor=x",
        "/v1/districts?cursor=",
        "/v1/enterprises/A/coverage?cursor=WyIiLFsiMjAxNy0wMS0wMSIsIlx1MDAwMCIsIiJdXQ",
    ):
        answer = client.get(path)
        assert (path, answer.status_code, problems(answer)) == (path, 422, ["cursor"])


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("/v1/districts?level=hamlet&limit=0&colour=red", ["colour", "level", "limit"]),
        ("/v1/districts?q=%00", ["q"]),
        ("/v1/districts?q=%20", ["q"]),
        ("/v1/districts?parent=350204", ["parent"]),
        ("/v1/districts?parent=%00", ["parent"]),
        ("/v1/industry-groups?parent=64", ["parent"]),
        ("/v1/enterprises/A/returns?q=2017", ["q"]),
    ],
)
def test_question_is_refused_when_it_is_wrong(client: TestClient, path: str, pointers: list[str]) -> None:
    answer = client.get(path)
    assert (answer.status_code, problems(answer)) == (422, pointers)


def test_closest_codes_are_offered_when_a_parent_is_unknown(client: TestClient) -> None:
    assert "350203" in client.get("/v1/districts?parent=350204").json()["errors"][0]["suggestions"]


@pytest.mark.parametrize(
    "path",
    [
        *("districts/0", "industries/%00", "industry-groups/..", "enterprises/a", f"branches/{65 * 'x'}"),
        *("enterprises/a/returns", "enterprises/%00/coverage", "exports/members.csv"),
    ],
)
def test_nothing_is_found_when_the_path_names_nothing(client: TestClient, path: str) -> None:
    assert client.get(f"/v1/{path}").status_code == 404


def test_district_is_created_changed_and_deleted_when_asked(client: TestClient) -> None:
    path = "/v1/districts/350206"
    created = client.put(path, json=DISTRICT)
    assert (created.status_code, created.headers["location"]) == (201, path)
    assert created.json() == {"data": {"code": "350206", **DISTRICT}}
    assert client.get(path).json() == created.json()
    again = client.put(path, json=DISTRICT)
    assert (again.status_code, again.json()) == (200, created.json())
    changed = client.put(path, json={**DISTRICT, "name_en": " Huli "})
    assert (changed.status_code, changed.json()["data"]["name_en"]) == (200, "Huli")
    gone = client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("industries/642", bodies.INDUSTRY | {"level": "group", "parent_code": "64"}),
        ("industry-groups/media", bodies.INDUSTRY_GROUP),
        ("enterprises/D 1", bodies.ENTERPRISE | {"registered_on": "2017-01-01", "closed_on": "2018-01-01"}),
        ("branches/组", bodies.BRANCH | {"district_code": "云顶", "established_on": "2017-06-01"}),
    ],
)
def test_thing_is_as_documented_when_new(client: TestClient, path: str, body: dict[str, Any]) -> None:
    created = client.put(f"/v1/{path}", json=body)
    assert created.status_code == 201
    found = client.get(created.headers["location"])
    assert found.json() == created.json()
    assert body.items() <= found.json()["data"].items()
    assert client.put(f"/v1/{path}", json=body).status_code == 200
    assert client.delete(created.headers["location"]).status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        ("districts/1", {}, ["/level", "/name_en", "/name_zh", "/parent_code"]),
        (
            "districts/1",
            {**DISTRICT, "level": "x", "code": "1", "name_en": ""},
            ["/code", "/level", "/name_en"],
        ),
        ("districts/1", {**DISTRICT, "name_zh": "a\0"}, ["/name_zh"]),
        ("districts/1", {**DISTRICT, "parent_code": "\0"}, ["/parent_code"]),
        ("districts/1", {**DISTRICT, "name_zh": "\ud800"}, ["/name_zh"]),
        ("districts/" + "x" * 65, DISTRICT, ["code"]),
        ("districts/350203", {**DISTRICT, "level": "city", "parent_code": "3502"}, ["/level"]),
        ("industry-groups/g", bodies.INDUSTRY_GROUP | {"industries": []}, ["/industries"]),
        (
            "industry-groups/g",
            bodies.INDUSTRY_GROUP | {"industries": ["0", "64", "64"]},
            ["/industries/0", "/industries/1", "/industries/2"],
        ),
        (
            "enterprises/E",
            bodies.ENTERPRISE | {"registered_on": 0, "closed_on": "20170630"},
            ["/closed_on", "/registered_on"],
        ),
        (
            "enterprises/E",
            bodies.ENTERPRISE | {"registered_on": "2017-02-29", "kind": None},
            ["/kind", "/registered_on"],
        ),
        ("enterprises/A", bodies.ENTERPRISE | {"supersedes": "C"}, ["/supersedes"]),
        (
            "branches/B",
            bodies.BRANCH | {"dual_affiliation": 1},
            ["/dual_affiliation"],
        ),
        ("branches/F1", bodies.BRANCH, ["/dual_affiliation"]),
        ("branches/B", [], [""]),
    ],
)
def test_change_is_refused_with_all_that_is_wrong(
    client: TestClient, path: str, body: Any, pointers: list[str]
) -> None:
    answer = client.put(f"/v1/{path}", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (answer.status_code, problems(answer)) == (422, pointers)


def test_deletion_says_what_refers_to_it_when_refused(client: TestClient) -> None:
    answer = client.delete("/v1/branches/F1")
    assert answer.status_code == 409
    assert [error["message"] for error in answer.json()["errors"]] == [
        "branch-returns refer to it: 2 rows (2017-05-01, 2017-06-01)",
        "coverage refer to it: 1 rows (A)",
        "affiliations refer to it: 2 rows",
    ]
    assert client.get("/v1/branches/F1").status_code == 200


@pytest.mark.parametrize("body", [bodies.DISTRICT, bodies.ENTERPRISE, bodies.BRANCH, bodies.INDUSTRY_GROUP])
def test_change_empties_nothing_when_a_field_is_left_out(client: TestClient, body: dict[str, Any]) -> None:
    paths = ("districts/350203", "enterprises/A", "branches/J", "industry-groups/internet")
    [path] = [path for path in paths if client.get(f"/v1/{path}").json()["data"].keys() - {"code"} == body.keys()]
    before = client.get(f"/v1/{path}").json()
    for left_out in body:
        rest = {name: value for name, value in before["data"].items() if name not in ("code", left_out)}
        answer = client.put(f"/v1/{path}", json=rest)
        assert (answer.status_code, problems(answer)) == (422, [f"/{left_out}"])
    assert client.get(f"/v1/{path}").json() == before


def test_change_is_made_when_it_is_of_what_was_seen(client: TestClient) -> None:
    path = "/v1/districts/350203"
    seen = client.get(path).headers["etag"]
    body = DISTRICT | {"name_zh": "思明"}
    assert client.put(path, json=body, headers={"If-Match": f'"other", {seen}'}).status_code == 200
    late = client.put(path, json=body | {"name_zh": "别名"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "/problems/precondition-failed")
    assert client.delete("/v1/districts/350203008", headers={"If-Match": seen}).status_code == 412
    assert client.get(path).json()["data"]["name_zh"] == "思明"
    assert client.put(path, json=body, headers={"If-Match": "*"}).status_code == 200
    weak = f"W/{client.get(path).headers['etag']}"
    assert client.put(path, json=body, headers={"If-Match": weak}).status_code == 412
    assert client.put(path, json=body).status_code == 200


@pytest.mark.long
def test_change_is_made_when_it_is_of_what_was_seen_compressed(client: TestClient) -> None:
    path = "/v1/industry-groups/all"
    members = [f"64{number:03}" for number in range(300)]
    for code in members:
        assert client.put(f"/v1/industries/{code}", json=bodies.INDUSTRY | {"level": "class"}).status_code == 201
    body = bodies.INDUSTRY_GROUP | {"industries": members}
    assert client.put(path, json=body).status_code == 201
    seen = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert seen.headers["etag"].endswith('-gzip"')
    assert client.put(path, json=body, headers={"If-Match": seen.headers["etag"]}).status_code == 200
    assert client.delete(path, headers={"If-Match": seen.headers["etag"]}).status_code == 204


@pytest.mark.parametrize("tag", ["*", '"x"'])
def test_change_is_refused_when_what_it_is_of_is_not_there(client: TestClient, tag: str) -> None:
    path = "/v1/districts/350206"
    assert client.put(path, json=DISTRICT, headers={"If-Match": tag}).status_code == 412
    assert client.delete(path, headers={"If-Match": tag}).status_code == 412
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("dataset", EXPORTS)
def test_export_is_a_csv_file_when_asked(client: TestClient, dataset: str) -> None:
    answer = client.get(f"/v1/exports/{dataset}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{dataset}.csv"'
    assert len(list(csv.DictReader(io.StringIO(answer.text, newline="")))) > 0


def test_connection_is_free_again_when_only_the_headers_are_asked(client: TestClient) -> None:
    engine = client.app.state.engine  # type: ignore[attr-defined]  # a FastAPI application
    for _ in range(20):
        head = client.head("/v1/exports/enterprises.csv")
        assert (head.status_code, head.content) == (200, b"")
    assert engine.pool.checkedout() == 0


@pytest.mark.anyio
async def test_pieces_are_closed_when_the_reader_goes_away() -> None:
    closed = []

    async def pieces() -> Any:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    async def send(message: Any) -> None:
        if message.get("body"):
            raise OSError("gone")

    others = pieces()
    await anext(others)
    with pytest.raises(OSError, match="gone"):
        await RegistryFile(b"first", others, "x.csv").stream_response(send)
    assert closed == [True]


@pytest.mark.parametrize("path", ["districts", "enterprises/A", "exports/returns.csv"])
def test_database_is_said_to_be_missing_when_it_was_not_migrated(empty_service: TestClient, path: str) -> None:
    answer = empty_service.get(f"/v1/{path}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "orgcoverage migrate" in answer.json()["detail"]
    assert empty_service.put("/v1/districts/1", json=DISTRICT).status_code == 503
