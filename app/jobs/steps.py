"""One step of a job, run as a child process: `python -m app.jobs.steps import JOB`, `… build DATE`, `… erasure JOB`.

The child reports its progress to the worker that supervises it, as JSON lines on its standard output; it ends when its
standard input closes, so that it never outlives that worker. The one line that it is given there is what neither a
record nor a list of processes may show: the ref of an erasure, else nothing.
"""

import io
import os
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog

from app.config import Settings
from app.errors import Report, ServiceError
from app.imports.options import ImportResult
from app.jobs.records import ImportRequest, JobProblem, JobProblemItem, read_job, remarks_path, write_issues
from app.jobs.uploads import REMARKED, forget_remarks, full_disk_named, sweep_jobs, upload_path
from app.observability import configure_logging
from app.registry.erasure import erase_members
from app.snapshots.folders import sweep

if TYPE_CHECKING:
    from app.imports.load import Imported


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a child tells: how far it is, or what came of it."""

    phase: str | None = None
    done: int = 0
    total: int | None = None
    imported: ImportResult | None = None
    snapshot: str | None = None
    problem: JobProblem | None = None


UNEXPECTED = JobProblem(
    "internal", 500, "Internal error", "Something went wrong that nobody foresaw; the log says more."
)
"""The problem of a step that failed in a way nobody foresaw."""

EXHAUSTED = JobProblem(
    "file-too-demanding",
    422,
    "File too demanding",
    "Reading the file takes more time or memory than one file may; nothing of it was taken. Send it as CSV.",
)
"""The problem of a file that does not fit the limits of its process."""


def problem_of(error: ServiceError) -> JobProblem:
    """Return an error as a job's record keeps it."""
    items = tuple(JobProblemItem(item.pointer, item.message, item.allowed) for item in error.errors)
    return JobProblem(error.code, error.status, error.title, error.detail, items)


def main() -> None:
    """Run one step; whatever becomes of it is told, not raised."""
    channel = io.FileIO(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anything else prints must not be taken for the step's word
    configure_logging()
    given = msgspec.json.decode(_first_line(), type=str)
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    kind, argument = sys.argv[1:]
    told = _outcome(kind, given if kind == "erasure" else argument, partial(_report, channel))
    channel.write(msgspec.json.encode(told) + b"\n")


def _outcome(kind: str, argument: str, report: Report) -> Progress:
    step: Callable[[Settings, str, Report], Progress] = {"import": _import, "build": _build, "erasure": _erase}[kind]
    try:
        with full_disk_named():
            return step(Settings(), argument, report)
    except ServiceError as error:
        return Progress(problem=problem_of(error))
    except MemoryError:
        return Progress(problem=EXHAUSTED)
    except Exception:  # noqa: BLE001 - whatever it is, the job must say that it failed
        structlog.get_logger().exception("step failed", step=kind)
        return Progress(problem=UNEXPECTED)


def _import(settings: Settings, job_id: str, report: Report) -> Progress:
    from app.imports.load import Imported, ImportRejected, import_file  # noqa: PLC0415 - a build does without
    from app.imports.refusals import FileRefused  # noqa: PLC0415 - as above

    request = read_job(settings.jobs_dir, job_id).request
    if not isinstance(request, ImportRequest):
        message = f"job {job_id} is no import"
        raise TypeError(message)
    problem = None
    try:
        imported = import_file(settings, request.dataset, upload_path(settings, job_id), request.options, report)
    except ImportRejected as rejected:
        imported, problem = rejected.imported, problem_of(rejected)
    except FileRefused as refused:
        if refused.log is None:
            raise
        imported, problem = Imported.of(refused.log), problem_of(refused)
    _keep(settings, job_id, request, imported)
    return Progress(imported=imported.result, problem=problem)


def _keep(settings: Settings, job_id: str, request: ImportRequest, imported: "Imported") -> None:
    """Write down the problems of rows; where that fails, what was done is told all the same."""
    try:
        write_issues(settings.jobs_dir, job_id, imported.issues)
        if imported.issues:
            _keep_remarks(settings, job_id, request, imported)
    except (OSError, ServiceError):
        structlog.get_logger().exception("problems of rows not kept", job=job_id)


def _keep_remarks(settings: Settings, job_id: str, request: ImportRequest, imported: "Imported") -> None:
    """Keep the file with remarks beside the job's record, for nobody else to read; what is half written is swept."""
    from app.imports.datasets import find_dataset  # noqa: PLC0415 - a build does without
    from app.imports.refusals import FileRefused  # noqa: PLC0415 - as above
    from app.imports.remarks import write_remarks  # noqa: PLC0415 - as above

    upload, dataset = upload_path(settings, job_id), find_dataset(request.dataset)
    made = upload.with_name(f"{job_id}{REMARKED}")
    made.touch(mode=0o600)
    try:
        write_remarks(
            upload, made, dataset, request.options, imported.issues, imported.result.counts, scratch=made.parent
        )
        made.replace(remarks_path(settings.jobs_dir, job_id))
    except FileRefused:  # what cannot be read to its end cannot be given back
        structlog.get_logger().info("no file with remarks", job=job_id)
    finally:
        made.unlink(missing_ok=True)


def _build(settings: Settings, day: str, report: Report) -> Progress:
    from app.snapshots.build import build_snapshot  # noqa: PLC0415 - an import does without

    return Progress(snapshot=build_snapshot(settings, date.fromisoformat(day), report).id)


def _erase(settings: Settings, ref: str, report: Report) -> Progress:

    erase(settings, [ref], report)
    return Progress()


def _report(channel: io.FileIO, phase: str, done: int, total: int | None) -> None:
    channel.write(msgspec.json.encode(Progress(phase=phase, done=done, total=total)) + b"\n")


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            sys.exit(1)
        line += piece
    return line


def _end_with_supervisor() -> None:
    while os.read(0, 1024):  # unbuffered: a buffer's lock would be in the way when the interpreter ends
        pass
    os._exit(1)


def erase(settings: Settings, refs: Sequence[str], report: Report) -> None:
    """Erase members: rows, bytes, files that were uploaded or given back, and frozen inputs that nobody needs any more.

    Files of imports and builds under way go when these end; such an import is checked again and refuses the refs.
    Snapshots hold no refs and keep their figures.

    Raises
    ------
    TombstoneKeyMissing, StillBeingRead, DatabaseUnavailable
        As for `erase_members`.
    """
    sweep_jobs(settings)
    forget_remarks(settings)
    sweep(settings)
    erase_members(settings, refs, report)


if __name__ == "__main__":
    main()
