"""Job records: one small file per job, replaced by rename, so that every worker reads all of it or the one before.

The file's modification time is the job's heartbeat: the worker that supervises a job renews it every few seconds.
A job that is not finished and has no heartbeat any more is `interrupted`, whoever looks.
"""

import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from app.errors import NotFound
from app.imports.issues import RowIssue
from app.imports.options import ImportOptions, ImportResult

HEARTBEAT_SECONDS = 2
"""How often the worker that supervises a job renews its heartbeat, seconds."""

HEARTBEAT_LOST_SECONDS = 20
"""A job without a heartbeat for this long, seconds, is interrupted."""

JOB_ID = re.compile(r"[0-9]{14}-[0-9a-f]{16}")
"""Form of a job's id; ids sort by time."""

JobState = Literal["queued", "running", "succeeded", "failed", "interrupted"]
JobKind = Literal["import", "build", "erasure"]


class JobNotFound(NotFound):
    """No job of this id is on record (records are removed after a time)."""

    code = "job-not-found"
    title = "Job not found"


class JobProblem(msgspec.Struct, frozen=True):
    """Why a job failed, as a problem of the API tells it; `errors` are the parts of it that have a place."""

    code: str
    status: int
    title: str
    detail: str
    errors: tuple["JobProblemItem", ...] = ()


class JobProblemItem(msgspec.Struct, frozen=True):
    """One thing that is wrong: where, what, and the choices there are."""

    pointer: str
    message: str
    allowed: tuple[str, ...] = ()


class ImportRequest(msgspec.Struct, frozen=True, tag="import"):
    """What an import was asked to do; `build` is the date of the snapshot to build afterwards, if any."""

    dataset: str
    options: ImportOptions
    bytes: int
    build: date | None = None


class BuildRequest(msgspec.Struct, frozen=True, tag="build"):
    """The date whose snapshot a build makes."""

    as_of: date


class ErasureRequest(msgspec.Struct, frozen=True, tag="erasure"):
    """That a member is erased; who it is stands in no record."""


Request: TypeAlias = ImportRequest | BuildRequest | ErasureRequest


class JobRecord(msgspec.Struct, frozen=True):
    """All that is known of a job.

    Parameters
    ----------
    phase, done, total
        What it is doing, how many units of that are done, of how many (null: not known).
    imported
        What an import did, also where it was refused or its build failed; null before it ended.
    snapshot
        Id of the snapshot that was built, or null.
    problem
        Why it failed or was interrupted; null otherwise.
    key_id
        Of the key that sent it; null where it came without one.
    """

    id: str
    request: Request
    state: JobState
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    phase: str | None = None
    done: int = 0
    total: int | None = None
    imported: ImportResult | None = None
    snapshot: str | None = None
    problem: JobProblem | None = None
    key_id: str | None = None

    @property
    def kind(self) -> JobKind:
        """What it does."""
        return _KINDS[type(self.request)]

    @property
    def finished(self) -> bool:
        """Whether its state is final."""
        return self.state not in {"queued", "running"}


INTERRUPTED = JobProblem(
    code="job-interrupted",
    status=503,
    title="Job interrupted",
    detail="The process ended before the job did. Nothing of the step under way is visible; send it again.",
)


_KINDS: Mapping[type[Request], JobKind] = {ImportRequest: "import", BuildRequest: "build", ErasureRequest: "erasure"}


def new_record(request: Request, key_id: str | None = None) -> JobRecord:
    """Return the record of a job that waits for its turn, under a new id; ids sort by time."""
    now = datetime.now(UTC)
    chance = secrets.token_hex(6)[:11]
    return JobRecord(f"{now:%Y%m%d%H%M%S}-{now.microsecond:05x}{chance}", request, "queued", now, key_id=key_id)


def record_path(jobs_dir: Path, job_id: str) -> Path:
    """Return the file of a job's record."""
    return jobs_dir / f"{job_id}.json"


def issues_path(jobs_dir: Path, job_id: str) -> Path:
    """Return the file of the problems of an import's rows, a JSON object per line."""
    return jobs_dir / f"{job_id}.issues.jsonl"


def remarks_path(jobs_dir: Path, job_id: str) -> Path:
    """Return the workbook of an import's file with remarks."""
    return jobs_dir / f"{job_id}.issues.xlsx"


def write_record(jobs_dir: Path, record: JobRecord) -> None:
    """Put a record in the place of the one before; only the job's supervisor does.

    A final one is on disk when this returns; after a power cut a job under way is interrupted anyway.
    """
    replace_file(record_path(jobs_dir, record.id), msgspec.json.encode(record), durable=record.finished)


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that readers see all of it or what was there before; if `durable`, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_job(jobs_dir: Path, job_id: str) -> JobRecord:
    """Return a job as it stands.

    Raises
    ------
    JobNotFound
        No such job is on record.
    """
    record = _read(record_path(jobs_dir, job_id)) if JOB_ID.fullmatch(job_id) else None
    if record is None:
        raise absent_job(job_id)
    return record


def absent_job(job_id: str) -> JobNotFound:
    """Return what is said of a job that is not there."""
    return JobNotFound(f"There is no job {job_id!r}.")


def list_jobs(
    jobs_dir: Path,
    kind: JobKind | None = None,
    *,
    key_id: str | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> list[JobRecord]:
    """Return jobs, the newest first; those of a key, and before an id, where one is given; at most `limit`."""
    found: list[JobRecord] = []
    for job_id in sorted(job_ids(jobs_dir), reverse=True):
        if limit is not None and len(found) >= limit:
            break
        record = _read(record_path(jobs_dir, job_id)) if before is None or job_id < before else None
        if record is not None and kind in {None, record.kind} and key_id in {None, record.key_id}:
            found.append(record)
    return found


def job_ids(jobs_dir: Path) -> list[str]:
    """Return the ids of all jobs on record, in no order."""
    return [path.stem for path in jobs_dir.glob("*.json") if JOB_ID.fullmatch(path.stem)]


def write_issues(jobs_dir: Path, job_id: str, issues: tuple[RowIssue, ...]) -> None:
    """Write the problems of an import's rows beside its record."""
    replace_file(issues_path(jobs_dir, job_id), b"".join(msgspec.json.encode(issue) + b"\n" for issue in issues))


def read_issues(jobs_dir: Path, job_id: str, *, start: int = 0, limit: int | None = None) -> list[RowIssue]:
    """Return the listed problems of an import's rows from position `start` on; empty while there are none."""
    path = issues_path(jobs_dir, job_id)
    lines = path.read_bytes().splitlines() if path.exists() else []
    stop = None if limit is None else start + limit
    return [msgspec.json.decode(line, type=RowIssue) for line in lines[start:stop]]


def _read(path: Path) -> JobRecord | None:
    try:
        beat = path.stat().st_mtime
        record = msgspec.json.decode(path.read_bytes(), type=JobRecord)
    except (FileNotFoundError, msgspec.DecodeError):  # one that a power cut left empty is as good as none
        return None
    return record if record.finished or not _is_lost(beat) else interrupted(record)


def _is_lost(beat: float) -> bool:
    return datetime.now(UTC) - datetime.fromtimestamp(beat, UTC) > timedelta(seconds=HEARTBEAT_LOST_SECONDS)


def interrupted(record: JobRecord) -> JobRecord:
    """Return the record of a job whose process is gone."""
    return msgspec.structs.replace(
        record, state="interrupted", problem=INTERRUPTED, finished_at=record.finished_at or datetime.now(UTC)
    )
