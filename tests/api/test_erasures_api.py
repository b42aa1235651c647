"""Erasing a member over HTTP and on the command line: nothing of the ref is left in any file, nothing says it."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.http.problems import Problem
from app.api.jobs import models as schemas
from app.cli.commands import main
from app.config import Settings
from app.database.migrations import upgrade
from app.jobs.records import ErasureRequest, interrupted, new_record, write_record
from app.jobs.uploads import upload_path
from app.main import create_app
from app.snapshots.shared_extracts import write_extract
from tests.api.test_imports_api import finished, send
from tests.factories.importing import PEOPLE, TREES, Registry
from tests.factories.problems import place_of

pytestmark = pytest.mark.long

REF = "ref-that-is-nowhere-else"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(_env_file=None, data_dir=tmp_path / "data", anonymous="exact")
    upgrade(made.registry_url)
    Registry(made.registry_url, tmp_path).load(TREES, PEOPLE)
    return made


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as made:
        yield made


def erase(client: TestClient, ref: str) -> dict[str, Any]:
    answer = client.post("/v1/erasures", json={"ref": ref})
    assert answer.status_code == 202, answer.text
    job = schemas.AcceptedJobAnswer.model_validate_json(answer.content).data.job_id
    assert answer.headers["location"] == f"/v1/jobs/{job}"
    return finished(client, job)


def holding(folder: Path, ref: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if ref.encode() in path.read_bytes()]


def take_in(client: TestClient) -> None:
    """Send everything about the member, build a snapshot, and send once more what is refused at the member's row."""
    send(client, "/v1/imports?dataset=members", f"ref,joined_on\n{REF},2010-07-01\n")
    send(
        client,
        "/v1/imports?dataset=employments",
        f"member_ref,enterprise_code,start_on\n{REF},A,2011-01-01\nm1,A,2011-01-01\n",
    )
    send(
        client,
        "/v1/imports?dataset=affiliations",
        f"member_ref,branch_code,role,start_on\n{REF},R,primary,2011-01-01\n",
    )
    refused = send(client, "/v1/imports?dataset=members", f"ref,joined_on\n{REF},nonsense\n")
    assert refused["state"] == "failed"
    client.get(f"/v1/imports/{refused['id']}/issues")
    built = client.post("/v1/snapshots", json={"as_of": "2017-06-30"}).json()["data"]["job_id"]
    assert finished(client, built)["state"] == "succeeded"


def test_no_file_holds_the_ref_when_a_member_is_erased_while_the_service_runs(
    client: TestClient, settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    take_in(client)
    assert [name.partition("-")[0] for name in holding(settings.data_dir, REF)][:1] == ["registry.sqlite"]
    done = erase(client, REF)
    assert (done["state"], done["kind"], done["problem"], done["snapshot"]) == ("succeeded", "erasure", None, None)
    assert holding(settings.data_dir, REF) == []
    registry = Registry(settings.registry_url, tmp_path)
    assert registry.rows("member", "ref") == [("m1",), ("m2",), ("m3",)]
    assert (registry.rows("employment", "member_ref"), registry.rows("affiliation", "member_ref")) == ([("m1",)], [])
    again = send(client, "/v1/imports?dataset=members", f"ref,joined_on\n{REF},2010-07-01\n")
    assert again["state"] == "failed"
    [issue] = client.get(f"/v1/imports/{again['id']}/issues").json()["data"]
    assert (issue["row"], issue["column"], issue["rule"], issue["value"]) == (2, "ref", "erased_ref", None)
    assert holding(settings.data_dir, REF) == []
    assert REF not in "".join(capfd.readouterr())


def test_extracts_that_may_hold_the_ref_are_named_when_a_member_is_erased(
    client: TestClient, settings: Settings
) -> None:
    assert erase(client, "m1")["extracts"] == []
    url = str(settings.data_dir / "extract")
    write_extract(settings, url, lambda *_: None)
    assert erase(client, "m2")["extracts"] == [url]
    shutil.rmtree(url)
    assert erase(client, "m2")["extracts"] == []


def test_figures_stay_when_a_member_of_a_published_snapshot_is_erased(client: TestClient) -> None:
    take_in(client)
    path = "/v1/statistics/enterprises/A?as_of=2017-06-30"
    before = client.get(path).json()["data"]
    assert before["counts"]["members"] == 2
    erase(client, REF)
    assert client.get(path).json()["data"] == before
    built = client.post("/v1/snapshots", json={"as_of": "2017-06-30"}).json()["data"]["job_id"]
    finished(client, built)
    assert client.get(path).json()["data"]["counts"]["members"] == 2 - 1


def test_job_says_the_same_when_the_ref_is_unknown(client: TestClient) -> None:
    known, unknown = erase(client, "m1"), erase(client, "nobody")
    varying = ("id", "created_at", "started_at", "finished_at")
    assert {name: value for name, value in known.items() if name not in varying} == {
        name: value for name, value in unknown.items() if name not in varying
    }


@pytest.mark.parametrize("ref", ["", "   ", "a/b", "..", "x" * 65, "a\x00b", "a\nb"])
def test_ref_is_refused_and_not_repeated_when_it_cannot_be_one(
    client: TestClient, settings: Settings, ref: str
) -> None:
    answer = client.post("/v1/erasures", json={"ref": ref})
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, [place_of(item) for item in problem.errors]) == (422, ["/ref"])
    assert not ref.strip(" .") or ref not in answer.json()["detail"]
    assert not settings.jobs_dir.exists()


def test_ref_with_half_a_character_is_refused_when_sent(client: TestClient) -> None:
    answer = client.post("/v1/erasures", content=b'{"ref": "\\ud800"}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_job_fails_and_says_why_when_the_key_is_lost(client: TestClient, settings: Settings) -> None:
    erase(client, "m1")
    settings.tombstone_key_path.unlink()
    failed = erase(client, "m2")
    assert (failed["state"], failed["problem"]["type"]) == ("failed", "/problems/tombstone-key-missing")


def test_uploads_of_dead_jobs_go_when_a_member_is_erased(client: TestClient, settings: Settings) -> None:
    settings.uploads_dir.mkdir()
    settings.jobs_dir.mkdir()
    dead = interrupted(new_record(ErasureRequest()))
    write_record(settings.jobs_dir, dead)
    upload_path(settings, dead.id).write_text(f"ref,joined_on\n{REF},2010-07-01\n", encoding="utf-8")
    left = settings.snapshots_dir / ".building-0123456789abcdef"
    left.mkdir(parents=True)
    (left / "member.parquet").write_bytes(REF.encode())
    erase(client, REF)
    assert holding(settings.data_dir, REF) == []


def test_record_says_only_that_there_was_an_erasure_when_it_is_done(client: TestClient, settings: Settings) -> None:
    erase(client, REF)
    [path] = settings.jobs_dir.iterdir()
    assert REF not in path.read_text()
    assert '"request":{"type":"erasure"}' in path.read_text()


def command(monkeypatch: pytest.MonkeyPatch, settings: Settings, *words: str, given: str = "") -> int | str | None:
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr("sys.argv", ["orgcoverage", *words])
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_members_are_erased_when_the_command_is_given_several(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, settings, "erase", "m1", "nobody") == 0
    assert command(monkeypatch, settings, "erase", "-", given=" m2 \n\n") == 0
    registry = Registry(settings.registry_url, tmp_path)
    assert registry.rows("member", "ref") == [("m3",)]
    assert len(registry.rows("tombstone", "digest")) == 4  # m1, m2, nobody, and what proves the key
    said = capsys.readouterr()
    assert all(ref not in said.out + said.err for ref in ("m1", "m2", "nobody"))
    [log] = settings.audit_dir.iterdir()
    assert [line.count('"operation":"create_erasure"') for line in log.read_text().splitlines()] == [1, 1]
    assert "m1" not in log.read_text()


@pytest.mark.parametrize(("words", "code"), [(("-",), 2), (("a/b",), 1), (("m1", ".."), 1)])
def test_nothing_is_erased_when_the_command_is_given_what_is_no_ref(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
) -> None:
    assert command(monkeypatch, settings, "erase", *words) == code
    registry = Registry(settings.registry_url, tmp_path)
    assert (len(registry.rows("member", "ref")), registry.rows("tombstone", "digest")) == (3, [])
