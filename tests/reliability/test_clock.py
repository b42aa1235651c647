"""A clock that is set back: what was written before, with times of the future, hides nothing that is written after."""

import os
import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from app.access.audit import AuditLog, AuditQuestion, AuditRecord
from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.jobs.records import HEARTBEAT_LOST_SECONDS, BuildRequest, new_record, read_job, record_path, write_record
from app.jobs.uploads import PARTIAL
from app.snapshots.build import build_snapshot
from tests.factories.importing import TREES, Registry
from tests.reliability.service import Service, ended_job, served, until

pytestmark = pytest.mark.long

AS_OF = date(2017, 6, 30)

BACK = timedelta(days=40)
"""By how much the clock is set back: into another month."""


class Before(datetime):
    """The clock before it was set back."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a datetime of the ordinary class
        return datetime.now(tz) + BACK


def written_before(path: Path) -> None:
    """Give a file the time that it would have if it had been written before the clock was set back."""
    then = time.time() + BACK.total_seconds()
    os.utime(path, (then, then))


def test_the_newer_snapshot_answers_when_the_clock_was_set_back(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(migrated_url, tmp_path)
    registry.load(TREES, {"enterprises": "code,name,district_code\nA,甲,350203008", "returns": _returns(10)})
    with monkeypatch.context() as before:
        before.setattr("app.snapshots.folders.datetime", Before)
        build_snapshot(registry.settings, AS_OF, lambda *_: None)
    with served(registry.settings, 2) as service:
        assert _headcounts(service) == {10}
        for headcount in (20, 30):
            registry.load({"returns": _returns(headcount)})
            job = service.ask("POST", "/v1/snapshots", {"as_of": AS_OF.isoformat()}).json()["data"]["job_id"]
            assert ended_job(service.address, job)["state"] == "succeeded"
            assert _headcounts(service) == {headcount}


def _returns(headcount: int) -> str:
    return f"enterprise_code,reported_on,headcount,members\nA,2017-03-31,{headcount},2"


def _headcounts(service: Service) -> set[int]:
    """Return what is answered, on connections enough to reach every worker."""
    answers = [service.ask("GET", "/v1/statistics/districts/350203") for _ in range(20)]
    return {answer.json()["data"]["counts"]["headcount"] for answer in answers}


def test_a_job_under_way_goes_on_and_a_dead_one_is_interrupted_when_the_clock_was_set_back(siming: Settings) -> None:
    dead = msgspec.structs.replace(new_record(BuildRequest(AS_OF)), state="running")
    siming.jobs_dir.mkdir(mode=0o700, exist_ok=True)
    write_record(siming.jobs_dir, dead)
    written_before(record_path(siming.jobs_dir, dead.id))
    siming.uploads_dir.mkdir(mode=0o700, exist_ok=True)
    abandoned = siming.uploads_dir / f"abandoned{PARTIAL}"
    abandoned.touch()
    written_before(abandoned)
    with served(siming, 2) as service:
        assert not abandoned.exists()
        job = service.ask("POST", "/v1/snapshots", {"as_of": AS_OF.isoformat()}).json()["data"]["job_id"]
        until(lambda: read_job(siming.jobs_dir, job).state == "running", "the build does not start")
        written_before(record_path(siming.jobs_dir, job))
        assert ended_job(service.address, job)["state"] == "succeeded"
        beat = record_path(siming.jobs_dir, dead.id).stat().st_mtime
        assert beat <= time.time(), "it counts as running until the clock is there again"
        lost = beat - HEARTBEAT_LOST_SECONDS
        os.utime(record_path(siming.jobs_dir, dead.id), (lost, lost))
        assert ended_job(service.address, dead.id)["state"] == "interrupted"


def test_keys_are_good_and_can_be_revoked_when_the_clock_was_set_back(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data", anonymous="none")
    engine = make_sync_engine(migrated_url)
    new_key = NewKey("operator", frozenset({Right.ADMIN}), None, 30)
    with monkeypatch.context() as before, write_lock_sync(engine) as connection:
        before.setattr("app.access.keys.datetime", Before)
        _, old = make_key(connection, new_key)
    with write_lock_sync(engine) as connection:
        _, new = make_key(connection, new_key)
    engine.dispose()
    with served(settings, 2) as service:
        assert _statuses(service, old) == _statuses(service, new) == {HTTPStatus.OK}
        gone = service.ask("DELETE", f"/v1/keys/{old.split('_')[1]}", Authorization=f"Bearer {new}")
        assert gone.status == HTTPStatus.NO_CONTENT
        until(lambda: _statuses(service, old) == {HTTPStatus.UNAUTHORIZED}, "a revoked key is taken")
        assert _statuses(service, new) == {HTTPStatus.OK}


def _statuses(service: Service, token: str) -> set[int]:
    """Return how a key is answered, on connections enough to reach every worker."""
    return {service.ask("GET", "/v1/keys", Authorization=f"Bearer {token}").status for _ in range(20)}


def test_every_record_of_the_audit_log_is_read_once_when_the_clock_was_set_back(tmp_path: Path) -> None:
    log = AuditLog(Settings(_env_file=None, data_dir=tmp_path))
    now = datetime.now(UTC)
    for number, at in enumerate((now, now + BACK, now, now + BACK, now)):
        log.append(AuditRecord(at=at, operation=f"{number}"))
    found: list[str | None] = []
    end = None
    while not found or end is not None:
        page = log.read(AuditQuestion(), 2, end)
        found += [record.operation for record in page.records]
        end = page.end
    assert sorted(found, key=str) == list("01234")
