"""Imports, builds and erasures under way, from their records."""

import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path as FilePath
from typing import Annotated, Any

import msgspec
from fastapi import Path, Request, Response
from pydantic import Field
from starlette.responses import FileResponse

from app.access.principals import Principal
from app.api.http.auditing import audit_details, origin_of
from app.api.http.authorization import ADMIN, WRITE
from app.api.http.models import Closed
from app.api.http.pages import ListParameters
from app.api.http.problems import TYPE_BASE
from app.api.http.routing import XLSX, make_router
from app.api.jobs.models import AcceptedJobAnswer, ErasureBody, JobAnswer
from app.api.registry.models import Day
from app.errors import ErrorItem, InvalidRequest, NotFound
from app.imports.issues import RowIssue
from app.imports.options import ImportResult
from app.jobs.records import (
    JOB_ID,
    BuildRequest,
    ErasureRequest,
    ImportRequest,
    JobNotFound,
    JobProblem,
    JobRecord,
    absent_job,
    new_record,
    read_job,
    remarks_path,
)
from app.registry.erasure import refuse_unusable
from app.snapshots.dates import refuse_future

_NUMBER = re.compile(r"[0-9]{1,5}")

_UNKEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


def accepted(record: JobRecord) -> Response:
    """Return the answer to what starts a job: 202, and where to follow it."""
    headers = {**_UNKEPT, "Location": f"/v1/jobs/{record.id}"}
    return _answer({"data": {"id": record.id, "job_id": record.id}}, 202, headers)


def owner(request: Request) -> str | None:
    """Return the id of the key whose jobs alone a request sees; null where it sees all."""
    principal: Principal = request.state.principal
    return None if principal.scope is None else principal.key_id


def own_job(request: Request, job_id: str) -> JobRecord:
    """Return a job that a request sees; the problems of a file tell what is in it.

    Raises
    ------
    JobNotFound
        There is no such job, or it is of another key and this one covers some districts only.
    """
    record = read_job(request.app.state.settings.jobs_dir, job_id)
    if owner(request) not in {None, record.key_id}:
        raise absent_job(job_id)
    return record


def job_answer(record: JobRecord) -> Response:
    """Return a job; while it is not finished, when to ask again."""
    names = ("id", "kind", "state", "phase", "done", "total", "created_at", "started_at", "finished_at", "snapshot")
    told = {name: getattr(record, name) for name in names}
    headers = _UNKEPT if record.finished else {**_UNKEPT, "Retry-After": "1"}
    return _answer({"data": told | {"problem": _failure(record.problem)}}, headers=headers)


def import_of(record: JobRecord) -> JobRecord:
    """Return a job that is an import.

    Raises
    ------
    JobNotFound
        It is none.
    """
    if record.kind != "import":
        message = f"Job {record.id} is no import."
        raise JobNotFound(message)
    return record


def import_answer(record: JobRecord) -> Response:
    """Return an import."""
    return _answer({"data": _import(import_of(record))})


def import_cursor(asked: ListParameters) -> str | None:
    """Return the id of the import at which the page before ended; null for the first page.

    Raises
    ------
    InvalidRequest
        The cursor is none of these.
    """
    return _cursor(asked, JOB_ID)


def import_page(records: Sequence[JobRecord], asked: ListParameters) -> Response:
    """Return a page of imports, given those from its start on and one more than it holds."""
    listed = records[: asked.limit]
    return _page([_import(record) for record in listed], listed[-1].id if len(records) > asked.limit else None)


def issue_cursor(asked: ListParameters) -> int:
    """Return how many problems there were on the pages before.

    Raises
    ------
    InvalidRequest
        The cursor is no such number.
    """
    return int(_cursor(asked, _NUMBER) or 0)


def issue_page(issues: Sequence[RowIssue], asked: ListParameters, start: int) -> Response:
    """Return a page of an import's problems, given those from its start on and one more than it holds."""
    end = str(start + asked.limit) if len(issues) > asked.limit else None
    return _page([_issue(issue) for issue in issues[: asked.limit]], end)


def _issue(issue: RowIssue) -> dict[str, Any]:
    names = ("row", "column", "header", "value", "severity", "rule", "message")
    return {name: getattr(issue, name) for name in names}


class RemarksNotFound(NotFound):
    """There is no file with remarks: the import has no problems of rows, or its file cannot be read to the end."""

    code = "remarks-not-found"
    title = "No file with remarks"


def remarks_file(jobs_dir: FilePath, job_id: str) -> Response:
    """Return the file of an import with remarks.

    Raises
    ------
    RemarksNotFound
        There is none.
    """
    path = remarks_path(jobs_dir, job_id)
    if not path.exists():
        message = f"Import {job_id} has no file with remarks."
        raise RemarksNotFound(message)
    return FileResponse(path, headers=_UNKEPT, media_type=XLSX, filename=path.name)


def _cursor(asked: ListParameters, form: re.Pattern[str]) -> str | None:
    if asked.cursor is not None and not form.fullmatch(asked.cursor):
        message = "cursor is not a cursor of this list"
        raise InvalidRequest(message, [ErrorItem("query/cursor", message)])
    return asked.cursor


def _page(data: list[dict[str, Any]], end: str | None) -> Response:
    return _answer({"data": data, "next_cursor": end})


def _import(record: JobRecord) -> dict[str, Any]:
    request = record.request
    assert isinstance(request, ImportRequest)
    return {
        "id": record.id,
        "job_id": record.id,
        "dataset": request.dataset,
        **{name: value for name, value in asdict(request.options).items() if name != "scope"},
        "build": request.build,
        "bytes": request.bytes,
        "state": record.state,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "result": None if record.imported is None else _result(record.imported),
        "snapshot": record.snapshot,
        "problem": _failure(record.problem),
    }


def _result(imported: ImportResult) -> dict[str, Any]:
    notes = [str(note) for note in imported.notes]
    return {field.name: getattr(imported, field.name) for field in fields(imported)} | {"notes": notes}


def _failure(problem: JobProblem | None) -> dict[str, Any] | None:
    if problem is None:
        return None
    names = ("title", "status", "detail", "errors")
    return {"type": TYPE_BASE + problem.code, **{name: getattr(problem, name) for name in names}}


def _answer(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers or _UNKEPT, "application/json")


router = make_router("/v1", "jobs")


class SnapshotBody(Closed):
    """Which snapshot to build."""

    as_of: Day = Field(description="Its date; today in the operator's time zone at the latest.")


@router.get("/jobs/{id}", response_model=JobAnswer, dependencies=[WRITE])
async def get_job(request: Request, job_id: Annotated[str, Path(alias="id", description="Id of the job.")]) -> Response:
    """Get the state of an import, build or erasure; while it runs, `Retry-After` says when to ask again."""
    return job_answer(own_job(request, job_id))


@router.post("/snapshots", status_code=202, response_model=AcceptedJobAnswer, dependencies=[WRITE])
async def create_snapshot(request: Request, body: SnapshotBody) -> Response:
    """Build the snapshot of a date from the registry as it is when the job runs; follow the job.

    The same registry, date and settings give the same snapshot, so asking twice does no harm.
    """
    refuse_future(request.app.state.settings, body.as_of, "body/as_of")
    request.app.state.supervisor.require_room(builds=True)
    record = new_record(BuildRequest(body.as_of), request.state.principal.key_id)
    request.app.state.supervisor.start(record, origin_of(request))
    audit_details(request, as_of=body.as_of.isoformat())
    return accepted(record)


erasures = make_router("/v1/erasures", "access", ADMIN)


@erasures.post("", status_code=202, response_model=AcceptedJobAnswer)
async def create_erasure(request: Request, body: ErasureBody) -> Response:
    """Erase a member for good: rows, bytes in the database's files, and the way back by an import; follow the job.

    The job succeeds whether or not the registry knew the ref, and says nothing about it. Published snapshots keep
    their figures. The same again does no harm.
    """
    refuse_unusable(body.ref)
    request.app.state.supervisor.require_room()
    record = new_record(ErasureRequest(), request.state.principal.key_id)
    request.app.state.supervisor.start(record, origin_of(request), body.ref)
    return accepted(record)
