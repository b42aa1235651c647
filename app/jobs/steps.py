"""One step of a job, run as a child process: `python -m app.jobs.steps import JOB`, `… build DATE`, `… erasure JOB`.

The child reports progress and result to the worker that supervises it as JSON lines on standard output; it ends when
its standard input closes, so that it never outlives the worker. It loads what its step needs, then reads one line
there, for which a build waits while the import before it runs; it has the ref of an erasure, which neither a record
nor a process list may show. An import does not load DuckDB, nor a build the readers of files.
"""

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from app.config import Settings
from app.errors import Report, ServiceError
from app.imports.options import ImportResult
from app.imports.refusals import FileRefused, FileTooDemanding
from app.jobs.processes import take_memory_from_system
from app.jobs.records import (
    ImportRequest,
    JobProblem,
    JobProblemItem,
    read_job,
    redact_issues,
    remarks_path,
    write_issues,
)
from app.jobs.uploads import REMARKED, clean_up_jobs, full_disk_named, remove_remarks, upload_path
from app.messages import say
from app.observability import configure_logging

if TYPE_CHECKING:
    from app.imports.load import Imported
    from app.snapshots.shared_extracts import KeptExtract

UNEXPECTED = JobProblem(
    "internal", 500, "Internal error", say("An unexpected error occurred; the service's log has the details.")
)
"""The problem of a step that failed with an unexpected error."""


class FirstLine(msgspec.Struct, frozen=True):
    """The first line of a child's standard input: its job, for the log, and the ref of an erasure, else nothing."""

    job: str
    secret: str


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message of a child: its progress (`phase` is set) or its result."""

    phase: str | None = None
    done: int = 0
    total: int | None = None
    imported: ImportResult | None = None
    snapshot: str | None = None
    extracts: tuple[str, ...] = ()
    problem: JobProblem | None = None


def problem_of(error: ServiceError) -> JobProblem:
    """Return an error as the problem of a job."""
    items = tuple(
        JobProblemItem(item.message, item.code, item.place, item.allowed, item.suggestions) for item in error.errors
    )
    return JobProblem(error.code, error.status, error.title, error.detail, items)


EXHAUSTED = problem_of(FileTooDemanding())
"""The problem of a file whose process was ended by the limits of memory or time."""


def erase(settings: Settings, refs: Sequence[str], report: Report) -> "list[KeptExtract]":
    """Erase members: their rows, the deleted bytes, files left by ended imports and builds, and files with remarks.

    Files of running imports and builds are removed when these end; such an import is validated again and refuses the
    refs. Snapshots contain no refs and keep their figures. The extracts that were written before, and are still where
    they were written, are returned: they may hold the members.

    Raises
    ------
    TombstoneKeyMissing, StillBeingRead, DatabaseUnavailable
        As for `erase_members`.
    """
    from app.registry.erasure import erase_members  # noqa: PLC0415 - only an erasure needs it
    from app.snapshots.folders import clean_up_builds  # noqa: PLC0415 - as above
    from app.snapshots.shared_extracts import extracts_left  # noqa: PLC0415 - as above

    clean_up_jobs(settings)
    clean_up_builds(settings)
    redact_issues(settings.jobs_dir, refs)
    remove_remarks(settings)  # a ref may be in a wrong column of theirs too
    erase_members(settings, refs, report)
    return extracts_left(settings)


def main() -> None:
    """Run one step; errors are reported as its result, not raised.

    Signals that a system or a terminal sends to all processes at once are the worker's, which then ends this one.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    channel = io.FileIO(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # other output must not be taken for a message
    configure_logging()
    kind, argument = sys.argv[1:]
    _load(kind)
    told = msgspec.json.decode(_first_line(), type=FirstLine)
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    log = structlog.get_logger().bind(job=told.job, step=kind)
    result = _result(kind, told.secret if kind == "erasure" else argument, partial(_report, channel), log)
    channel.write(msgspec.json.encode(result) + b"\n")


def _load(kind: str) -> None:
    """Load what takes long to load before the turn of the step comes; nothing is read of registry and snapshots."""
    if kind == "import":
        take_memory_from_system()
    if kind != "erasure":
        import_module("app.imports.load" if kind == "import" else "app.snapshots.build")


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            sys.exit(1)
        line += piece
    return line


def _end_with_supervisor() -> None:
    while os.read(0, 1024):  # unbuffered: a buffer's lock would block the interpreter's exit
        pass
    os._exit(1)


def _report(channel: io.FileIO, phase: str, done: int, total: int | None) -> None:
    channel.write(msgspec.json.encode(Progress(phase=phase, done=done, total=total)) + b"\n")


def _result(kind: str, argument: str, report: Report, log: Any) -> Progress:
    step: Callable[[Settings, str, Report], Progress] = {"import": _import, "build": _build, "erasure": _erase}[kind]
    try:
        with full_disk_named():
            return step(Settings(), argument, report)
    except ServiceError as error:
        return Progress(problem=problem_of(error))
    except MemoryError:
        return Progress(problem=EXHAUSTED)
    except Exception:
        log.exception("step failed")
        return Progress(problem=UNEXPECTED)


def _import(settings: Settings, job_id: str, report: Report) -> Progress:
    from app.imports.load import Imported, ImportRejected, import_file  # noqa: PLC0415 - only an import needs it

    request = read_job(settings.jobs_dir, job_id).request
    if not isinstance(request, ImportRequest):
        message = f"job {job_id} is not an import"
        raise TypeError(message)
    problem, is_readable = None, True
    try:
        imported = import_file(settings, request.dataset, upload_path(settings, job_id), request.options, report)
    except ImportRejected as rejected:
        imported, problem = rejected.imported, problem_of(rejected)
    except FileRefused as refused:
        if refused.log is None:
            raise
        imported, problem = Imported.of(refused.log), problem_of(refused)
        is_readable = not isinstance(refused, FileTooDemanding)
    _save_issues(settings, job_id, request, imported, is_readable=is_readable)
    return Progress(imported=imported.result, problem=problem)


def _save_issues(
    settings: Settings, job_id: str, request: ImportRequest, imported: "Imported", *, is_readable: bool
) -> None:
    """Write the row issues and the file with remarks; if that fails, the import's result is still reported."""
    try:
        write_issues(settings.jobs_dir, job_id, imported.issues)
        if imported.issues and is_readable:
            _save_remarks(settings, job_id, request, imported)
    except (OSError, ServiceError, MemoryError):
        structlog.get_logger().exception("row issues not written", job=job_id)


def _save_remarks(settings: Settings, job_id: str, request: ImportRequest, imported: "Imported") -> None:
    """Write the file with remarks beside the job's record; a crash's leftovers are cleaned up with the uploads."""
    from app.imports.datasets import find_dataset  # noqa: PLC0415 - only an import needs it
    from app.imports.remarks import write_remarks  # noqa: PLC0415 - as above

    upload, dataset = upload_path(settings, job_id), find_dataset(request.dataset)
    partial_file = upload.with_name(f"{job_id}{REMARKED}")
    partial_file.touch(mode=0o600)
    counts = imported.result.counts
    try:
        write_remarks(
            upload, partial_file, dataset, request.options, imported.issues, counts, scratch=partial_file.parent
        )
        partial_file.replace(remarks_path(settings.jobs_dir, job_id))
    except FileRefused:  # a file that cannot be read to its end cannot be given back
        structlog.get_logger().info("no file with remarks", job=job_id)
    finally:
        partial_file.unlink(missing_ok=True)


def _build(settings: Settings, day: str, report: Report) -> Progress:
    from app.snapshots.build import build_snapshot  # noqa: PLC0415 - only a build needs it
    from app.snapshots.pool import BuildOutOfMemory  # noqa: PLC0415 - as above

    try:
        return Progress(snapshot=build_snapshot(settings, date.fromisoformat(day), report).id)
    except MemoryError as error:
        raise BuildOutOfMemory(say("The build needs more memory than it may take, or than there is.")) from error


def _erase(settings: Settings, ref: str, report: Report) -> Progress:
    left = erase(settings, [ref], report)
    for kept in left:
        structlog.get_logger().warning("extract may hold the erased", url=kept.url, extracted_at=kept.extracted_at)
    return Progress(extracts=tuple(kept.url for kept in left))


if __name__ == "__main__":
    main()
