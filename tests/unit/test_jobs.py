"""Records of jobs as files: whole or not there, with a heartbeat, swept when nobody needs them."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from app import main
from app.config import Settings
from app.imports.issues import Rule, row_issue
from app.imports.options import ImportMode, ImportOptions, ImportResult, OnError
from app.jobs.records import (
    HEARTBEAT_LOST_SECONDS,
    BuildRequest,
    ImportRequest,
    JobNotFound,
    JobProblem,
    JobProblemItem,
    JobRecord,
    JobState,
    issues_path,
    list_jobs,
    new_record,
    read_issues,
    read_job,
    record_path,
    redact_issues,
    write_issues,
    write_record,
)
from app.jobs.uploads import PARTIAL, DiskFull, clean_up_jobs, full_disk_named, upload_path
from app.messages import say

IMPORT = ImportRequest("members", ImportOptions(ImportMode.REPLACE, OnError.SKIP, dry_run=True), 123, date(2017, 6, 30))
DAY = 86400


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(_env_file=None, data_dir=tmp_path)
    made.jobs_dir.mkdir()
    made.uploads_dir.mkdir()
    return made


def written(settings: Settings, state: JobState = "running", *, age: float = 0, number: int = 0) -> JobRecord:
    """Write a record whose heartbeat, or end, was so many seconds ago."""
    ended = None if state in {"queued", "running"} else datetime.now(UTC) - timedelta(seconds=age)
    record = msgspec.structs.replace(
        new_record(IMPORT), state=state, id=f"201706300000{number:02}-{number:016x}", finished_at=ended
    )
    write_record(settings.jobs_dir, record)
    aged(record_path(settings.jobs_dir, record.id), age)
    return record


def aged(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_record_reads_as_written_when_it_has_everything(settings: Settings) -> None:
    item = JobProblemItem(say("unknown column {column}", column="x"), "unknown_column", "column/x", (), ("code",))
    full = JobRecord(
        new_record(IMPORT).id,
        IMPORT,
        "failed",
        datetime.now(UTC),
        datetime.now(UTC),
        datetime.now(UTC),
        "writing",
        7,
        9,
        ImportResult(1, 2, 3, 4, 5, 6, ("20170630-0123456789abcdef",), "register"),
        "20170630-0123456789abcdef",
        JobProblem("header-refused", 422, "Unusable header", "It does not fit.", (item,)),
    )
    write_record(settings.jobs_dir, full)
    assert read_job(settings.jobs_dir, full.id) == full
    assert (full.kind, full.finished) == ("import", True)
    assert new_record(BuildRequest(date(2017, 6, 30))).kind == "build"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_job_is_interrupted_when_its_heartbeat_is_lost(settings: Settings, state: JobState) -> None:
    alive = written(settings, state, age=HEARTBEAT_LOST_SECONDS - 5)
    assert read_job(settings.jobs_dir, alive.id).state == state
    lost = written(settings, state, age=HEARTBEAT_LOST_SECONDS + 1, number=1)
    seen = read_job(settings.jobs_dir, lost.id)
    assert (seen.state, seen.problem and seen.problem.code) == ("interrupted", "job-interrupted")
    assert seen.finished_at is not None


def test_finished_job_stays_as_it_is_when_it_is_old(settings: Settings) -> None:
    done = written(settings, "succeeded", age=DAY)
    assert read_job(settings.jobs_dir, done.id) == done


@pytest.mark.parametrize(
    "job_id",
    ["20170630000000-0000000000000000", "../secret", "", "x" * 300, "２0170630000000-0000000000000000"],
)
def test_job_is_not_found_when_it_has_no_record(settings: Settings, job_id: str) -> None:
    (settings.data_dir / "secret.json").write_text("{}", encoding="utf-8")
    with pytest.raises(JobNotFound):
        read_job(settings.jobs_dir, job_id)


def test_jobs_are_listed_newest_first_when_paged(settings: Settings) -> None:
    records = [written(settings, "succeeded", number=number) for number in range(5)]
    build = new_record(BuildRequest(date(2017, 6, 30)))
    write_record(settings.jobs_dir, build)
    assert list_jobs(settings.jobs_dir)[0] == build
    assert list_jobs(settings.jobs_dir, "import") == records[::-1]
    assert list_jobs(settings.jobs_dir, "import", limit=2) == [records[4], records[3]]
    assert list_jobs(settings.jobs_dir, "import", before=records[3].id, limit=2) == [records[2], records[1]]
    assert list_jobs(settings.data_dir / "nowhere") == []


def test_problems_of_rows_are_read_from_any_place_when_there_are_many(settings: Settings) -> None:
    record = written(settings)
    assert read_issues(settings.jobs_dir, record.id) == []
    issues = tuple(
        row_issue(row, "code", f"值\n{row}", Rule.UNKNOWN_CODE, "is not in districts") for row in range(2, 12)
    )
    write_issues(settings.jobs_dir, record.id, issues)
    assert tuple(read_issues(settings.jobs_dir, record.id)) == issues
    assert tuple(read_issues(settings.jobs_dir, record.id, start=8, limit=5)) == issues[8:]


def test_nothing_is_left_beside_a_record_when_it_is_replaced(settings: Settings) -> None:
    for state in ("queued", "running", "succeeded"):
        written(settings, state)
    assert [path.name for path in settings.jobs_dir.iterdir()] == ["20170630000000-0000000000000000.json"]


def test_leftovers_go_and_the_rest_stays_when_swept(settings: Settings) -> None:
    alive, lost = written(settings, "running"), written(settings, "running", age=60, number=1)
    done, old = written(settings, "succeeded", number=2), written(settings, "failed", age=31 * DAY, number=3)
    write_issues(settings.jobs_dir, old.id, ())
    for record in (alive, lost, done):
        upload_path(settings, record.id).write_bytes(b"x")
    arriving, abandoned = (settings.uploads_dir / f"{name}{PARTIAL}" for name in ("new", "old"))
    arriving.write_bytes(b"x")
    abandoned.write_bytes(b"x")
    aged(abandoned, 2 * 3600)
    clean_up_jobs(settings)
    assert {path.name for path in settings.uploads_dir.iterdir()} == {alive.id, arriving.name}
    assert {record.id for record in list_jobs(settings.jobs_dir)} == {alive.id, lost.id, done.id}
    assert not issues_path(settings.jobs_dir, old.id).exists()
    # What was found out is written down, and stays so when the clock goes on.
    raw = msgspec.json.decode(record_path(settings.jobs_dir, lost.id).read_bytes(), type=JobRecord)
    assert raw.state == "interrupted"


def test_record_is_kept_as_long_as_set_when_swept(settings: Settings) -> None:
    younger, older = written(settings, "succeeded", age=6 * DAY), written(settings, "succeeded", age=8 * DAY, number=1)
    broken_off = written(settings, "interrupted", age=8 * DAY, number=2)
    clean_up_jobs(settings)  # 30 days; what is found out of a job again and again makes it no younger
    assert len(list_jobs(settings.jobs_dir)) == 3
    clean_up_jobs(settings.model_copy(update={"job_retention_days": 7}))
    assert [record.id for record in list_jobs(settings.jobs_dir)] == [younger.id]
    assert not any(record_path(settings.jobs_dir, record.id).exists() for record in (older, broken_off))


def test_cleanup_is_quiet_when_there_are_no_folders(tmp_path: Path) -> None:
    clean_up_jobs(Settings(_env_file=None, data_dir=tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_full_disk_is_named_and_other_errors_are_not() -> None:
    with pytest.raises(DiskFull), full_disk_named():
        raise OSError(28, "No space left on device")
    with pytest.raises(PermissionError), full_disk_named():
        raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("value", "stays"),
    [
        ("m-17", False),
        ("甲 m-17", False),
        ("m-17;m-18", False),
        ("ｍ－１７", False),
        ("m-170", True),
        ("xm-17", True),
        (None, True),
    ],
)
def test_a_ref_in_a_wrong_column_goes_from_the_issues_when_it_is_erased(
    settings: Settings, value: str | None, *, stays: bool
) -> None:
    record = written(settings, "failed")
    issue = row_issue(2, "enterprise_code", value, Rule.UNKNOWN_CODE, "is not in enterprises")
    write_issues(settings.jobs_dir, record.id, (issue,))
    redact_issues(settings.jobs_dir, ["m-17", "m.18"])
    assert read_issues(settings.jobs_dir, record.id)[0].value == (value if stays else None)


def test_a_heartbeat_counts_from_now_when_it_is_of_the_future(settings: Settings) -> None:
    job = written(settings, age=-DAY)
    arriving = settings.uploads_dir / f"old{PARTIAL}"
    arriving.touch()
    aged(arriving, -DAY)
    clean_up_jobs(settings)
    assert record_path(settings.jobs_dir, job.id).stat().st_mtime <= time.time()
    assert read_job(settings.jobs_dir, job.id).state == "running"
    assert not arriving.exists()


def test_what_killed_workers_left_goes_while_the_service_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "_CLEAN_UP_SECONDS", 0.01)
    with TestClient(main.create_app(settings)):
        lost = written(settings, age=HEARTBEAT_LOST_SECONDS + 1)
        upload_path(settings, lost.id).write_bytes(b"x")
        deadline = time.monotonic() + 30
        while upload_path(settings, lost.id).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
