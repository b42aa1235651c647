"""What the audit log tells of requests, and what it never holds."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from app.api.audit import AuditRecordPage
from app.api.http.auditing import RECORDED, WITHHELD
from app.api.http.authorization import query_names
from app.api.http.problems import Problem
from app.config import Settings
from app.main import create_app
from app.snapshots.build import build_snapshot
from tests.api.test_imports_api import finished
from tests.factories.bodies import ENTERPRISE
from tests.factories.loading import fill
from tests.factories.problems import place_of
from tests.factories.worked_example import AS_OF, COUNTY, STREET, A, J, worked_example

NAMING = (
    "/v1/enterprises",
    "/v1/branches",
    "/v1/exports",
    *(
        f"/v1/statistics/{name}"
        for name in (
            "enterprises",
            "branches",
            "establishment-gaps",
            "establishment-proposals",
            "dual-affiliation",
            "data-quality",
        )
    ),
)
"""Where single enterprises or branches are shown."""


def routes(settings: Settings) -> list[APIRoute]:
    return [route for route in create_app(settings).routes if isinstance(route, APIRoute)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """Give a data folder with the worked example and its snapshot; only to be copied."""
    folder = tmp_path_factory.mktemp("worked")
    settings = Settings(_env_file=None, data_dir=folder, anonymous="exact")
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    fill(settings.registry_url, worked_example())
    build_snapshot(settings, AS_OF, lambda _phase, _done, _total: None)
    return folder


@pytest.fixture
def settings(filled: Path, tmp_path: Path) -> Settings:
    folder = tmp_path / "data"
    _copy(filled, folder)
    return Settings(_env_file=None, data_dir=folder, anonymous="exact")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as made:
        yield made


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / path.relative_to(source)).write_bytes(path.read_bytes())


def written(settings: Settings) -> list[dict[str, Any]]:
    """All records of this month as they stand in the file, the oldest first."""
    path = settings.audit_dir / f"{datetime.now(UTC):%Y-%m}.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def told(settings: Settings) -> list[tuple[str, int, int | None]]:
    return [(record["operation"], record["status"], record["rows"]) for record in written(settings)]


def given(record: dict[str, Any]) -> dict[str, str]:
    return {parameter["name"]: parameter["value"] for parameter in record["parameters"]}


ONE = {"branch", "enterprise"}


def audited_by(route: APIRoute) -> tuple[str, ...] | None:
    found: tuple[str, ...] | None = getattr(route.endpoint, "audited_by", None)
    return found


def test_every_change_and_every_naming_read_is_audited_when_compared(tmp_path: Path) -> None:
    operations = [route for route in routes(Settings(_env_file=None, data_dir=tmp_path)) if route.include_in_schema]
    reads = [route for route in operations if route.methods == {"GET"}]
    always = {route.name for route in reads if route.path.startswith(NAMING)}
    assert {route.name for route in reads if audited_by(route) == ()} == always
    of_one = {route.name for route in reads if ONE & {*query_names(route.dependant)}}
    assert {route.name for route in reads if audited_by(route)} == of_one - always
    assert all({*(audited_by(route) or ())} in (set(), ONE) for route in reads)


def test_every_parameter_of_an_audited_operation_is_recorded_or_withheld_when_compared(tmp_path: Path) -> None:
    for route in routes(Settings(_env_file=None, data_dir=tmp_path)):
        if route.methods != {"GET"} or audited_by(route) is not None:
            names = {*query_names(route.dependant), *(field.alias for field in route.dependant.path_params)}
            assert names <= RECORDED | WITHHELD, route.name


def test_reads_are_told_with_their_rows_when_enterprises_and_branches_are_shown(
    client: TestClient, settings: Settings
) -> None:
    for path in (
        "/v1/enterprises?limit=2",
        f"/v1/enterprises/{A}",
        f"/v1/enterprises/{A}/returns",
        f"/v1/branches?parent={J}",
        f"/v1/statistics/enterprises?district={STREET}&sort=headcount",
        f"/v1/statistics/branches/{J}",
        "/v1/exports/enterprises.csv",
        "/v1/statistics/enterprises.csv",
        f"/v1/statistics/trends?enterprise={A}&fields=member_ratio",
        f"/v1/statistics/trends.csv?branch={J}",
    ):
        assert client.get(path).status_code == 200, path
    assert told(settings) == [
        ("list_enterprises", 200, 2),
        ("get_enterprise", 200, 1),
        ("list_enterprise_returns", 200, 1),
        ("list_branches", 200, 2),
        ("list_enterprise_statistics", 200, 2),
        ("get_branch_statistics", 200, 1),
        ("export_dataset", 200, None),
        ("export_enterprise_statistics", 200, None),
        ("list_trend_statistics", 200, 1),
        ("export_trend_statistics", 200, None),
    ]
    records = written(settings)
    assert given(records[1]) == {"code": A}
    assert given(records[4]) == {"district": STREET, "sort": "headcount"}
    assert given(records[6]) == {"dataset": "enterprises"}
    assert given(records[8]) == {"enterprise": A, "fields": "member_ratio"}
    assert given(records[9]) == {"format": "csv", "branch": J}
    assert {record["principal"] for record in records} == {"everybody"}
    assert {record["key_id"] for record in records} == {None}


def test_nothing_is_told_when_statistics_of_districts_are_read(client: TestClient, settings: Settings) -> None:
    for path in (
        f"/v1/statistics/districts/{STREET}",
        "/v1/statistics/districts.csv",
        f"/v1/statistics/industries?district={COUNTY}",
        "/v1/statistics/breakdown?by=basis",
        f"/v1/statistics/trends?district={COUNTY}",
        "/v1/districts",
        "/v1/snapshots",
        "/healthz",
    ):
        assert client.get(path).status_code == 200, path
    assert not settings.audit_dir.exists()


def test_read_is_told_when_it_is_a_head_or_not_modified(client: TestClient, settings: Settings) -> None:
    tag = client.head(f"/v1/enterprises/{A}").headers["etag"]
    assert client.get(f"/v1/enterprises/{A}", headers={"If-None-Match": tag}).status_code == 304
    assert told(settings) == [("get_enterprise", 200, 1), ("get_enterprise", 304, 1)]


def test_nothing_is_told_when_nothing_is_shown_or_changed(client: TestClient, settings: Settings) -> None:
    assert client.get("/v1/enterprises/a1").status_code == 404
    assert client.get("/v1/enterprises?limit=0").status_code == 422
    assert client.delete(f"/v1/enterprises/{A}").status_code == 409
    assert client.put(f"/v1/enterprises/{A}", json={}).status_code == 422
    assert told(settings) == []


def test_single_changes_are_told_with_what_they_changed(client: TestClient, settings: Settings) -> None:
    body = ENTERPRISE | {"name": "新"}
    for _ in range(2):
        client.put("/v1/enterprises/NEW", json=body)
    client.delete("/v1/enterprises/NEW")
    assert told(settings) == [
        ("replace_enterprise", 201, 1),
        ("replace_enterprise", 200, 0),
        ("delete_enterprise", 204, 1),
    ]
    assert [given(record) for record in written(settings)] == [{"code": "NEW"}] * 3


@pytest.mark.long
def test_job_is_told_twice_when_it_is_accepted_and_when_it_has_ended(client: TestClient, settings: Settings) -> None:
    answer = client.post("/v1/imports?dataset=members&on_error=skip", content=b"ref,joined_on\nx1,2010-01-01\nx2,?\n")
    finished(client, answer.json()["data"]["job_id"])
    refused = client.post("/v1/imports?dataset=members", content=b"ref,joined_on\nx3,?\n")
    finished(client, refused.json()["data"]["job_id"])
    built = client.post("/v1/snapshots", json={"as_of": AS_OF.isoformat()})
    finished(client, built.json()["data"]["job_id"])
    assert told(settings) == [
        ("create_import", 202, None), ("create_import", 200, 1),
        ("create_import", 202, None), ("create_import", 422, 0),
        ("create_snapshot", 202, None), ("create_snapshot", 200, None),
    ]  # fmt: skip
    accepted, ended, *_, snapshot = written(settings)
    assert accepted["request_id"] == ended["request_id"] == answer.headers["x-request-id"]
    assert given(accepted) == {"dataset": "members", "on_error": "skip"}
    assert given(ended) == {"job": answer.json()["data"]["job_id"], "dataset": "members", "mode": "upsert"}
    assert given(snapshot)["as_of"] == AS_OF.isoformat()
    assert ended["principal"] == "everybody"


def test_neither_token_nor_ref_nor_search_is_told_whatever_is_sent(client: TestClient, settings: Settings) -> None:
    client.get("/v1/enterprises?q=searched-for")
    for path in ("/v1/enterprises/typed-here", "/v1/enterprises?typed-here=1", f"/v1/enterprises/{A}?typed-here"):
        client.get(path, headers={"Authorization": "Bearer oc_0123456789abcdef_" + "5e" * 32})
        client.get(path)
    job = client.post("/v1/erasures", json={"ref": "a1"}).json()["data"]["job_id"]
    finished(client, job)
    content = b"".join(path.read_bytes() for path in settings.audit_dir.iterdir())
    for secret in (b"searched-for", b"typed-here", b"oc_", b"5e5e", b'"a1"'):
        assert secret not in content
    assert [record["operation"] for record in written(settings)][-2:] == ["create_erasure", "create_erasure"]
    assert given(written(settings)[-1]) == {"job": job}


def test_refusal_is_told_when_a_key_is_bad_or_a_right_is_missing(settings: Settings) -> None:
    public = settings.model_copy(update={"anonymous": "public"})
    with TestClient(create_app(public)) as client:
        assert client.get("/v1/districts", headers={"Authorization": "Bearer nonsense"}).status_code == 401
        assert client.get("/v1/audit").status_code == 403
        assert client.head("/v1/audit").status_code == 403
        assert client.post("/v1/erasures", json={"ref": "a1"}).status_code == 403
    assert [(record["operation"], record["status"], record["principal"]) for record in written(settings)] == [
        (None, 401, None),
        ("list_audit_records", 403, "public"),
        ("list_audit_records", 403, "public"),
        ("create_erasure", 403, "public"),
    ]
    assert [given(record) for record in written(settings)] == [{}] * 4


def test_refusals_do_not_fill_the_disk_when_there_are_many(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.http.auditing.time.monotonic", lambda: 0.0)
    with TestClient(create_app(settings)) as client:
        for _ in range(105):
            client.get("/v1/districts", headers={"Authorization": "Bearer nonsense"})
    assert len(written(settings)) == 100


def test_reads_are_refused_and_changes_go_on_when_the_log_cannot_be_written(
    client: TestClient, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.audit_dir.write_text("in the way", encoding="utf-8")
    for path in (f"/v1/enterprises/{A}", "/v1/exports/enterprises.csv", "/v1/statistics/enterprises.csv"):
        answer = client.get(path)
        problem = Problem.model_validate_json(answer.content)
        assert (answer.status_code, problem.type, answer.headers["retry-after"]) == (503, "/problems/not-audited", "60")
        assert "示例甲公司" not in answer.text
    assert client.get(f"/v1/statistics/districts/{STREET}").status_code == 200
    assert client.put("/v1/enterprises/NEW", json=ENTERPRISE).status_code == 201
    assert "audit record not written" in capsys.readouterr().out


def test_file_is_the_owners_alone_when_written(client: TestClient, settings: Settings) -> None:
    client.get(f"/v1/enterprises/{A}")
    [path] = settings.audit_dir.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.audit_dir.stat().st_mode) == 0o700
    assert path.stat().st_size > 0


def listed(client: TestClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/v1/audit{query}")
    assert answer.status_code == 200, answer.text
    AuditRecordPage.model_validate_json(answer.content)
    page: dict[str, Any] = answer.json()
    return page


def test_records_are_listed_newest_first_when_asked(client: TestClient, settings: Settings) -> None:
    for number in range(1, 6):
        client.get(f"/v1/enterprises?limit={number}")
    client.get(f"/v1/enterprises/{A}")
    assert listed(client)["data"] == written(settings)[::-1]
    assert listed(client)["next_cursor"] is None
    first = listed(client, "?operation=list_enterprises&limit=2")
    assert [given(record)["limit"] for record in first["data"]] == ["5", "4"]
    client.get("/v1/enterprises?limit=6")  # what is written meanwhile moves nothing
    second = listed(client, f"?operation=list_enterprises&limit=2&cursor={first['next_cursor']}")
    third = listed(client, f"?operation=list_enterprises&limit=2&cursor={second['next_cursor']}")
    assert [given(record)["limit"] for record in second["data"] + third["data"]] == ["3", "2", "1"]
    assert third["next_cursor"] is None


def test_records_are_chosen_by_day_and_key_when_asked(client: TestClient) -> None:
    client.get(f"/v1/enterprises/{A}")
    today = datetime.now(UTC).date().isoformat()
    assert len(listed(client, f"?from={today}&to={today}")["data"]) == 1
    assert listed(client, "?from=2100-01-01")["data"] == []
    assert listed(client, "?to=2016-12-31")["data"] == []
    assert listed(client, "?key_id=0123456789abcdef")["data"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("operation=list_enterprise", "operation"),
        ("from=today", "from"),
        ("to=20170630", "to"),
        ("from=2017-06-30&to=2017-06-29", "from"),
        ("cursor=x", "cursor"),
        ("first=2017-06-30", "first"),
    ],
)
def test_question_is_refused_when_it_is_wrong(client: TestClient, query: str, pointer: str) -> None:
    answer = client.get(f"/v1/audit?{query}")
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, place_of(problem.errors[0])) == (422, pointer)


def test_log_is_for_administrators_when_there_are_rights(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"anonymous": "public"}))) as client:
        assert client.get("/v1/audit").status_code == 403
