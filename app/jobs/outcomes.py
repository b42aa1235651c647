"""What the audit log is told of a job when it has ended."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import structlog

from app.access.audit import AuditLog, AuditParameter, AuditRecord, Origin
from app.config import Settings
from app.jobs.records import BuildRequest, ImportRequest, JobKind, JobRecord

_OPERATIONS: Mapping[JobKind, str] = {
    "import": "create_import",
    "build": "create_snapshot",
    "erasure": "create_erasure",
}


def audit_job(settings: Settings, record: JobRecord, origin: Origin) -> None:
    """Record what became of a job; where the log cannot be written, the service's own log takes the record."""
    told = AuditRecord(
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
        AuditLog(settings).append(told)
    except OSError:
        structlog.get_logger("orgcoverage.audit").exception("audit record not written", record=told)


def _rows(record: JobRecord) -> int | None:
    done, request = record.imported, record.request
    if done is None or not isinstance(request, ImportRequest):
        return None
    return 0 if request.options.dry_run else done.inserted + done.changed + done.deleted


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
