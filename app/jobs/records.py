"""Job records: one small file per job, replaced by rename, so that every worker reads a whole record, new or old.

The file's modification time is the job's heartbeat: the worker that supervises a job renews it every two seconds. An
unfinished job whose heartbeat is lost is read as `interrupted` by every worker.
"""

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from app.catalogue.codes import fold_width
from app.errors import ErrorCode, ErrorItem, NotFound
from app.imports.issues import RowIssue
from app.imports.options import ImportOptions, ImportResult
from app.messages import Message, say, verbatim

HEARTBEAT_SECONDS = 2
"""How often the worker that supervises a job renews its heartbeat, seconds."""

HEARTBEAT_LOST_SECONDS = 20
"""A job without a heartbeat for this long, seconds, is interrupted."""

JOB_ID = re.compile(r"[0-9]{14}-[0-9a-f]{16}")
"""Format of a job's id; ids sort by time."""

JobState = Literal["queued", "running", "succeeded", "failed", "interrupted"]
JobKind = Literal["import", "build", "erasure"]


class JobNotFound(NotFound):
    """No job has this id; records are removed after the retention time."""

    code = "job-not-found"
    title = "Job not found"


class JobProblem(msgspec.Struct, frozen=True):
    """Why a job failed, as a problem of the API; records of earlier versions have texts, in English, for messages."""

    code: str
    status: int
    title: str
    detail: Message | str
    errors: tuple["JobProblemItem", ...] = ()


class JobProblemItem(msgspec.Struct, frozen=True):
    """One error, as in an `ErrorItem`."""

    message: Message | str
    code: str = ErrorCode.INVALID_VALUE.value
    place: str = ""
    allowed: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()

    @property
    def item(self) -> ErrorItem:
        """The same as an item of an error."""
        return ErrorItem(self.code, self.place, as_message(self.message), self.allowed, self.suggestions)


def as_message(text: Message | str) -> Message:
    """Return a message; a text of an earlier version as one that is the same in both languages."""
    return text if isinstance(text, Message) else verbatim(text)


class ImportRequest(msgspec.Struct, frozen=True, tag="import"):
    """An import; `build` is the date of the snapshot to build afterwards, null: none."""

    dataset: str
    options: ImportOptions
    bytes: int
    build: date | None = None


class BuildRequest(msgspec.Struct, frozen=True, tag="build"):
    """A build of the snapshot of a date."""

    as_of: date


class ErasureRequest(msgspec.Struct, frozen=True, tag="erasure"):
    """An erasure of a member, whose ref is in no record."""


Request: TypeAlias = ImportRequest | BuildRequest | ErasureRequest


class JobRecord(msgspec.Struct, frozen=True):
    """The state of a job.

    Parameters
    ----------
    phase, done, total
        Current phase, units done in it, and their total (null: not known).
    imported
        Result of an import, also where it was rejected or its build failed; null before it ended.
    snapshot
        Id of the snapshot built; null: none.
    problem
        Why it failed or was interrupted; null otherwise.
    key_id
        Id of the key that sent it; null: sent without a key.
    extracts
        Where extracts may still hold whom an erasure is of.
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
    extracts: tuple[str, ...] = ()

    @property
    def kind(self) -> JobKind:
        """Kind of the job."""
        return _KINDS[type(self.request)]

    @property
    def finished(self) -> bool:
        """Whether its state is final."""
        return self.state not in {"queued", "running"}


INTERRUPTED = JobProblem(
    code="job-interrupted",
    status=503,
    title="Job interrupted",
    detail=say("The process ended before the job was finished. Nothing of its current step was saved; send it again."),
)

_KINDS: Mapping[type[Request], JobKind] = {ImportRequest: "import", BuildRequest: "build", ErasureRequest: "erasure"}


def new_record(request: Request, key_id: str | None = None) -> JobRecord:
    """Return the record of a queued job with a new id."""
    now = datetime.now(UTC)
    suffix = secrets.token_hex(6)[:11]
    return JobRecord(f"{now:%Y%m%d%H%M%S}-{now.microsecond:05x}{suffix}", request, "queued", now, key_id=key_id)


def interrupted(record: JobRecord) -> JobRecord:
    """Return the record of a job whose process has died."""
    return msgspec.structs.replace(
        record, state="interrupted", problem=INTERRUPTED, finished_at=record.finished_at or datetime.now(UTC)
    )


def record_path(jobs_dir: Path, job_id: str) -> Path:
    """Return the file of a job's record."""
    return jobs_dir / f"{job_id}.json"


def issues_path(jobs_dir: Path, job_id: str) -> Path:
    """Return the file of an import's row issues, one JSON object per line."""
    return jobs_dir / f"{job_id}.issues.jsonl"


def remarks_path(jobs_dir: Path, job_id: str) -> Path:
    """Return the workbook of an import's file with remarks."""
    return jobs_dir / f"{job_id}.issues.xlsx"


def write_record(jobs_dir: Path, record: JobRecord) -> None:
    """Replace the record of a job; only its supervisor does.

    A final record is synced to disk; after a power cut an unfinished job is interrupted anyway.
    """
    replace_file(record_path(jobs_dir, record.id), msgspec.json.encode(record), durable=record.finished)


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file by rename, so that readers see the whole new or old content; if `durable`, synced to disk."""
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
    """Return the current record of a job.

    Raises
    ------
    JobNotFound
        There is no such job.
    """
    record = _read(record_path(jobs_dir, job_id)) if JOB_ID.fullmatch(job_id) else None
    if record is None:
        raise absent_job(job_id)
    return record


def absent_job(job_id: str) -> JobNotFound:
    """Return the error for a job that was not found."""
    return JobNotFound(say("There is no job {job_id!r}.", job_id=job_id))


def list_jobs(
    jobs_dir: Path,
    kind: str | None = None,
    state: str | None = None,
    *,
    key_id: str | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> list[JobRecord]:
    """Return jobs, the newest first, at most `limit`; optionally of one kind, state or key, or before an id."""
    found: list[JobRecord] = []
    for job_id in sorted(job_ids(jobs_dir), reverse=True):
        if limit is not None and len(found) >= limit:
            break
        record = _read(record_path(jobs_dir, job_id)) if before is None or job_id < before else None
        if record is None or kind not in {None, record.kind} or state not in {None, record.state}:
            continue
        if key_id in {None, record.key_id}:
            found.append(record)
    return found


def job_ids(jobs_dir: Path) -> list[str]:
    """Return the ids of all jobs, unordered."""
    return [path.stem for path in jobs_dir.glob("*.json") if JOB_ID.fullmatch(path.stem)]


def write_issues(jobs_dir: Path, job_id: str, issues: tuple[RowIssue, ...]) -> None:
    """Write the row issues of an import beside its record."""
    replace_file(issues_path(jobs_dir, job_id), b"".join(msgspec.json.encode(issue) + b"\n" for issue in issues))


def read_issues(jobs_dir: Path, job_id: str, *, start: int = 0, limit: int | None = None) -> list[RowIssue]:
    """Return the listed row issues of an import from position `start` on; empty if there are none."""
    path = issues_path(jobs_dir, job_id)
    lines = path.read_bytes().splitlines() if path.exists() else []
    stop = None if limit is None else start + limit
    return [msgspec.json.decode(line, type=RowIssue) for line in lines[start:stop]]


def redact_issues(jobs_dir: Path, refs: Sequence[str]) -> None:
    """Remove the values that hold one of these refs from the issues of all imports: a ref may be in a wrong column."""
    pattern = re.compile("|".join(rf"(?<![\w-]){re.escape(ref)}(?![\w-])" for ref in refs))

    def redact(issue: RowIssue) -> RowIssue:
        holds_ref = issue.value is not None and pattern.search(fold_width(issue.value))
        return msgspec.structs.replace(issue, value=None) if holds_ref else issue

    for job_id in job_ids(jobs_dir):
        issues = read_issues(jobs_dir, job_id)
        redacted = tuple(redact(issue) for issue in issues)
        if redacted != tuple(issues):
            write_issues(jobs_dir, job_id, redacted)


def _read(path: Path) -> JobRecord | None:
    try:
        beat = path.stat().st_mtime
        record = msgspec.json.decode(path.read_bytes(), type=JobRecord)
    except (FileNotFoundError, msgspec.DecodeError):  # a power cut may leave an empty file
        return None
    return record if record.finished or not _is_lost(beat) else interrupted(record)


def settle(jobs_dir: Path, job_id: str) -> None:
    """Write that a job without a heartbeat is interrupted; one of the future is renewed, as the clock was set back."""
    path = record_path(jobs_dir, job_id)
    try:
        beat, record = path.stat().st_mtime, msgspec.json.decode(path.read_bytes(), type=JobRecord)
    except (FileNotFoundError, msgspec.DecodeError):  # as for `_read`
        return
    if record.finished:
        return
    if _is_lost(beat):
        write_record(jobs_dir, interrupted(record))
    elif beat - datetime.now(UTC).timestamp() > HEARTBEAT_SECONDS:
        os.utime(path)


def _is_lost(beat: float) -> bool:
    return datetime.now(UTC) - datetime.fromtimestamp(beat, UTC) > timedelta(seconds=HEARTBEAT_LOST_SECONDS)
