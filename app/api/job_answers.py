"""Answers about jobs and imports, from their records."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec
from fastapi import Response

from app.api.problems import TYPE_BASE
from app.api.registry.asked import PageAsked
from app.errors import ErrorItem, InvalidRequest
from app.imports.issues import RowIssue
from app.jobs.records import ImportRequest, JobNotFound, JobProblem, JobRecord

Item = TypeVar("Item")

_UNKEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


def accepted(record: JobRecord) -> Response:
    """Return the answer to what starts a job: 202, and where to follow it."""
    headers = {**_UNKEPT, "Location": f"/v1/jobs/{record.id}"}
    return _answer({"data": {"id": record.id, "job_id": record.id}}, 202, headers)


def job_answer(record: JobRecord) -> Response:
    """Return a job; while it is not finished, when to ask again."""
    names = ("id", "kind", "state", "phase", "done", "total", "created_at", "started_at", "finished_at", "snapshot")
    fields = {name: getattr(record, name) for name in names}
    headers = _UNKEPT if record.finished else {**_UNKEPT, "Retry-After": "1"}
    return _answer({"data": fields | {"problem": _failure(record.problem)}}, headers=headers)


def import_answer(record: JobRecord) -> Response:
    """Return an import.

    Raises
    ------
    JobNotFound
        The job is no import.
    """
    return _answer({"data": _import(record)})


def import_page(records: Sequence[JobRecord], asked: PageAsked) -> Response:
    """Return a page of imports; its cursor is the id at which the page before ended."""
    if asked.cursor is not None:
        records = [record for record in records if record.id < asked.cursor]
    return _page([_import(record) for record in records[: asked.limit]], records, asked, records_end(records, asked))


def records_end(records: Sequence[JobRecord], asked: PageAsked) -> str:
    """Return the id of the last record of a page."""
    return records[asked.limit - 1].id if len(records) >= asked.limit else ""


def issue_page(issues: Sequence[RowIssue], asked: PageAsked) -> Response:
    """Return a page of an import's problems; its cursor is the number of those before."""
    start = _number(asked.cursor)
    rest = issues[start:]
    return _page(
        [msgspec.structs.asdict(issue) for issue in rest[: asked.limit]], rest, asked, str(start + asked.limit)
    )


def _page(data: list[dict[str, Any]], rest: Sequence[Item], asked: PageAsked, end: str) -> Response:
    cursor = end if len(rest) > asked.limit else None
    return _answer({"data": data, "next_cursor": cursor})


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= len("10000")):
        message = "cursor is not a cursor of this service"
        raise InvalidRequest(message, [ErrorItem("query/cursor", message)])
    return int(cursor)


def _import(record: JobRecord) -> dict[str, Any]:
    request = record.request
    if not isinstance(request, ImportRequest):
        message = f"Job {record.id} is no import."
        raise JobNotFound(message)
    return {
        "id": record.id,
        "job_id": record.id,
        "dataset": request.dataset,
        **asdict(request.options),
        "build": request.build,
        "bytes": request.bytes,
        "state": record.state,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "result": None if record.imported is None else asdict(record.imported),
        "snapshot": record.snapshot,
        "problem": _failure(record.problem),
    }


def _failure(problem: JobProblem | None) -> dict[str, Any] | None:
    if problem is None:
        return None
    fields = ("title", "status", "detail", "errors")
    return {"type": TYPE_BASE + problem.code, **{name: getattr(problem, name) for name in fields}}


def _answer(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers or _UNKEPT, "application/json")
