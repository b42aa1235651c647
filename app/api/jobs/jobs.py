"""Jobs: imports, builds and erasures, from their records."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Path, Request, Response
from pydantic import Field
from starlette.responses import FileResponse

from app.access.principals import Principal
from app.api.http.auditing import audit_details, origin_of
from app.api.http.authorization import ADMIN, WRITE, WRITE_EVERYWHERE
from app.api.http.language import language_of
from app.api.http.models import Closed
from app.api.http.pages import JSON, ListParameters, decode_cursor, page_of
from app.api.http.parameters import QueryOf
from app.api.http.problems import TYPE_BASE, item_of
from app.api.http.routing import XLSX, make_router
from app.api.jobs.models import AcceptedJobAnswer, ErasureBody, JobAnswer, JobKind, JobPage, JobState
from app.api.registry.models import Day
from app.errors import NotFound
from app.imports.issues import RowIssue
from app.imports.options import ImportResult
from app.jobs import records
from app.jobs.records import (
    BuildRequest,
    ErasureRequest,
    ImportRequest,
    JobNotFound,
    JobProblem,
    JobRecord,
    absent_job,
    as_message,
    new_record,
    read_job,
    remarks_path,
)
from app.messages import Language, say
from app.registry.erasure import refuse_unusable
from app.snapshots.dates import refuse_future

_NO_STORE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


def accepted(record: JobRecord) -> Response:
    """Return the answer to a request that starts a job: 202, with the location of what it makes, else of the job."""
    collection = "imports" if record.kind == "import" else "jobs"
    headers = {**_NO_STORE, "Location": f"/v1/{collection}/{record.id}"}
    return _answer({"data": {"id": record.id, "job_id": record.id}}, 202, headers)


def owner(request: Request) -> str | None:
    """Return the id of the key if only its own jobs are visible to the caller; null: all are."""
    principal: Principal = request.state.principal
    return None if principal.scope is None else principal.key_id


def own_job(request: Request, job_id: str) -> JobRecord:
    """Return a job that is visible to the caller; the problems of a file show what is in it.

    Raises
    ------
    JobNotFound
        There is no such job, or it belongs to another key and this one is limited to some districts.
    """
    record = read_job(request.app.state.settings.jobs_dir, job_id)
    if owner(request) not in {None, record.key_id}:
        raise absent_job(job_id)
    return record


def job_answer(request: Request, record: JobRecord) -> Response:
    """Return a job; until it is finished, with `Retry-After`."""
    language = language_of(request.scope)
    return _answer({"data": _job(record, language)}, headers=_in(language) | _until_finished(record))


def job_page(request: Request, query: ListParameters, found: Sequence[JobRecord]) -> Response:
    """Return a page of jobs, given its rows and, if there is a next page, one more."""
    return _page_of_records(request, query, found, _job)


def import_of(record: JobRecord) -> JobRecord:
    """Return a job that is an import.

    Raises
    ------
    JobNotFound
        It is not an import.
    """
    if record.kind != "import":
        message = say("Job {id} is not an import.", id=record.id)
        raise JobNotFound(message)
    return record


def import_answer(request: Request, record: JobRecord) -> Response:
    """Return an import; until it is finished, with `Retry-After`."""
    language = language_of(request.scope)
    return _answer({"data": _import(import_of(record), language)}, headers=_in(language) | _until_finished(record))


def import_page(request: Request, query: ListParameters, found: Sequence[JobRecord]) -> Response:
    """Return a page of imports, given its rows and, if there is a next page, one more."""
    return _page_of_records(request, query, found, _import)


def issue_page(request: Request, query: ListParameters, issues: Sequence[RowIssue], start: int) -> Response:
    """Return a page of an import's problems, given its rows and, if there is a next page, one more."""
    end = start + query.limit if len(issues) > query.limit else None
    return _page(request, query, [_issue(issue, language_of(request.scope)) for issue in issues[: query.limit]], end)


class RemarksNotFound(NotFound):
    """There is no file with remarks.

    No row has problems, the file cannot be read to its end, or an erasure has removed it.
    """

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
        message = say("Import {job_id} has no file with remarks.", job_id=job_id)
        raise RemarksNotFound(message)
    return FileResponse(path, headers=_NO_STORE, media_type=XLSX, filename=path.name)


def _page_of_records(
    request: Request,
    query: ListParameters,
    found: Sequence[JobRecord],
    shown: Callable[[JobRecord, Language], dict[str, Any]],
) -> Response:
    listed = found[: query.limit]
    end = listed[-1].id if len(found) > query.limit else None
    language = language_of(request.scope)
    return _page(request, query, [shown(record, language) for record in listed], end)


def _page(request: Request, query: ListParameters, data: list[dict[str, Any]], end: object) -> Response:
    content, links = page_of(request, query, data, end)
    return Response(content, headers=_in(language_of(request.scope)) | links, media_type=JSON)


def _issue(issue: RowIssue, language: Language) -> dict[str, Any]:
    names = ("row", "column", "header", "value", "severity", "rule", "suggestions")
    return {name: getattr(issue, name) for name in names} | {"message": issue.told.said(language)}


def _until_finished(record: JobRecord) -> dict[str, str]:
    return {} if record.finished else {"Retry-After": "1"}


def _job(record: JobRecord, language: Language) -> dict[str, Any]:
    names = ("id", "kind", "state", "phase", "done", "total", "created_at", "started_at", "finished_at", "snapshot",
             "extracts")  # fmt: skip
    return {name: getattr(record, name) for name in names} | {"problem": _failure(record.problem, language)}


def _import(record: JobRecord, language: Language) -> dict[str, Any]:
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
        "result": None if record.imported is None else _result(record.imported, language),
        "snapshot": record.snapshot,
        "problem": _failure(record.problem, language),
    }


def _result(imported: ImportResult, language: Language) -> dict[str, Any]:
    notes = [note.said(language) for note in imported.notes]
    return {field.name: getattr(imported, field.name) for field in fields(imported)} | {"notes": notes}


def _failure(problem: JobProblem | None, language: Language) -> dict[str, Any] | None:
    if problem is None:
        return None
    return {
        "type": TYPE_BASE + problem.code,
        "title": say(problem.title).said(language),
        "status": problem.status,
        "detail": as_message(problem.detail).said(language),
        "errors": [item_of(part.item, language) for part in problem.errors],
    }


def _in(language: Language) -> dict[str, str]:
    """Return the headers of an answer with messages in a language."""
    return {**_NO_STORE, "Content-Language": language, "Vary": "Authorization, Accept-Language"}


def _answer(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers or _NO_STORE, JSON)


router = make_router("/v1", "jobs")


class SnapshotBody(Closed):
    """Which snapshot to build."""

    as_of: Day = Field(description="Its date; today in the operator's time zone at the latest.")


class JobParameters(ListParameters):
    """Which jobs."""

    kind: JobKind | None = Field(default=None, description="Jobs of this kind. Absent: of all.")
    state: JobState | None = Field(default=None, description="Jobs in this state. Absent: in all.")


@router.get("/jobs", response_model=JobPage, dependencies=[WRITE])
async def list_jobs(request: Request, query: Annotated[JobParameters, Depends(QueryOf(JobParameters))]) -> Response:
    """List imports, builds and erasures, the newest first; a key limited to some districts lists only its own."""
    before, jobs_dir = decode_cursor(request, query, str), request.app.state.settings.jobs_dir
    listed = partial(records.list_jobs, jobs_dir, query.kind, query.state, key_id=owner(request), before=before)
    return job_page(request, query, await asyncio.to_thread(listed, limit=query.limit + 1))


@router.get("/jobs/{id}", response_model=JobAnswer, dependencies=[WRITE])
async def get_job(request: Request, job_id: Annotated[str, Path(alias="id", description="Id of the job.")]) -> Response:
    """Get the state of an import, build or erasure; while it runs, `Retry-After` says when to poll again."""
    return job_answer(request, own_job(request, job_id))


@router.post("/snapshots", status_code=202, response_model=AcceptedJobAnswer, dependencies=[WRITE_EVERYWHERE])
async def create_snapshot(request: Request, body: SnapshotBody) -> Response:
    """Build the snapshot of a date from the registry as it is when the job runs; follow the job.

    The same registry, date and settings give the same snapshot, so repeating the request is harmless. A snapshot is of
    everything: it needs a key that covers everything.
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
    """Erase a member for good: rows and bytes in the database's files; later imports cannot restore it; follow the job.

    The job succeeds whether or not the registry has the ref, and does not tell. Published snapshots keep their figures.
    Repeating the request is harmless.
    """
    refuse_unusable(body.ref)
    request.app.state.supervisor.require_room()
    record = new_record(ErasureRequest(), request.state.principal.key_id)
    request.app.state.supervisor.start(record, origin_of(request), body.ref)
    return accepted(record)
