"""Records of the start and end of a job: the service's log, the audit log, metrics."""

import signal
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog

from app.access.audit import AuditLog, AuditParameter, AuditRecord, Origin
from app.config import Settings
from app.jobs.records import BuildRequest, ImportRequest, JobKind, JobRecord
from app.observability import JobResult, Metrics

_OPERATIONS: Mapping[JobKind, str] = {
    "import": "create_import",
    "build": "create_snapshot",
    "erasure": "create_erasure",
}

_LOG = "orgcoverage.jobs"

_KILLED = {
    signal.SIGKILL: "out of memory?",
    signal.SIGXCPU: "the limit of processor time",
    signal.SIGABRT: "memory that was not given?",
}
"""The usual causes of the signals that end a job."""


def log_start(record: JobRecord) -> None:
    """Log that a job has started, and how long it waited."""
    waited = _seconds(record.created_at, record.started_at)
    structlog.get_logger(_LOG).info("job started", **_what(record), waited_seconds=waited)


def account_for_end(
    settings: Settings, metrics: Metrics, record: JobRecord, origin: Origin, exit_code: int | None
) -> None:
    """Log, count and audit the end of a job.

    Parameters
    ----------
    exit_code
        Of its last process, negative if killed by a signal; null: no process, or interrupted.
    """
    result = result_of(record)
    seconds = _seconds(record.started_at, record.finished_at)
    log = structlog.get_logger(_LOG)
    {"failed": log.error, "succeeded": log.info}.get(result, log.warning)(
        "job ended", **_what(record), result=result, seconds=seconds, **_outcome(record), **_exit(exit_code)
    )
    metrics.count_job(record.kind, result, seconds)
    if isinstance(record.request, ImportRequest) and record.imported is not None:
        metrics.count_rows(record.request.dataset, _counts(record))
    _audit(settings, record, origin)


def result_of(record: JobRecord) -> JobResult:
    """Return how a job ended: `refused` if the caller's input is the cause, `failed` if the service is."""
    if record.state == "failed" and record.problem is not None:
        return "refused" if record.problem.status < HTTPStatus.INTERNAL_SERVER_ERROR else "failed"
    return "interrupted" if record.state == "interrupted" else "succeeded"


def _what(record: JobRecord) -> Mapping[str, Any]:
    request = record.request
    dataset = {"dataset": request.dataset} if isinstance(request, ImportRequest) else {}
    return {"job": record.id, "kind": record.kind, **dataset}


def _outcome(record: JobRecord) -> Mapping[str, Any]:
    problem = {} if record.problem is None else {"problem": record.problem.code}
    if record.imported is None:
        return problem
    return {**problem, "rows": _rows(record), "errors": record.imported.errors}


def _exit(code: int | None) -> Mapping[str, Any]:
    if code is None or code >= 0:
        return {"exit": code}
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    why = f", {_KILLED[signal.Signals(-code)]}" if -code in _KILLED else ""
    return {"exit": code, "signal": -code, "reason": f"killed by signal {-code} ({name}){why}"}


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return 0.0 if start is None else round(((end or datetime.now(UTC)) - start).total_seconds(), 3)


def _counts(record: JobRecord) -> Mapping[str, int]:
    """Return the rows of an import by what was done with them; none for a dry run or a refused file."""
    done, request = record.imported, record.request
    assert done is not None
    assert isinstance(request, ImportRequest)
    taken = 0 if request.options.dry_run else 1
    rows = {"inserted": done.inserted, "changed": done.changed, "unchanged": done.unchanged, "deleted": done.deleted}
    return {**{name: number * taken for name, number in rows.items()}, "refused": done.errors}


def _audit(settings: Settings, record: JobRecord, origin: Origin) -> None:
    """Write the outcome of a job to the audit log; if that fails, to the service's log."""
    outcome = AuditRecord(
        at=datetime.now(UTC),
        request_id=origin.request_id,
        principal=origin.principal,
        key_id=origin.key_id,
        operation=_OPERATIONS[record.kind],
        parameters=tuple(_parameters(record)),
        status=HTTPStatus.OK if record.problem is None else record.problem.status,
        rows=_rows(record),
    )
    try:
        AuditLog(settings).append(outcome)
    except OSError:
        structlog.get_logger("orgcoverage.audit").exception("audit record not written", record=outcome)


def _parameters(record: JobRecord) -> Iterator[AuditParameter]:
    request = record.request
    yield AuditParameter("job", record.id)
    if isinstance(request, ImportRequest):
        yield AuditParameter("dataset", request.dataset)
        yield AuditParameter("mode", request.options.mode)
        if request.options.dry_run:
            yield AuditParameter("dry_run", "true")
    if isinstance(request, BuildRequest):
        yield AuditParameter("as_of", request.as_of.isoformat())
    if record.snapshot is not None:
        yield AuditParameter("snapshot", record.snapshot)


def _rows(record: JobRecord) -> int | None:
    done, request = record.imported, record.request
    if done is None or not isinstance(request, ImportRequest):
        return None
    return 0 if request.options.dry_run else done.inserted + done.changed + done.deleted
