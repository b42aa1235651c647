"""Files in: sent as the raw body, followed as a job, every problem of every row told."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import Path, Request, Response

from app.api.admission import WRITE
from app.api.arrivals import ImportQuery, receive_import
from app.api.job_answers import (
    accepted,
    import_answer,
    import_cursor,
    import_of,
    import_page,
    issue_cursor,
    issue_page,
    own_job,
    owner,
)
from app.api.registry.asked import PageQuery
from app.api.routes import RAW_BODY, make_router
from app.api.schemas.jobs import AcceptedJobAnswer, ImportAnswer, ImportIssuePage, ImportPage
from app.jobs.records import list_jobs, read_issues

router = make_router("/v1/imports", "imports")

ImportId = Annotated[str, Path(alias="id", description="Id of the import.")]


@router.post("", status_code=202, response_model=AcceptedJobAnswer, openapi_extra=RAW_BODY, dependencies=[WRITE])
async def create_import(request: Request, asked: ImportQuery) -> Response:
    """Send a file (CSV, XLSX or Parquet) as the raw body; follow the job that takes it.

    What the header and the first bytes show is refused at once (422), what shows later makes the job fail with the
    same kind of problem. The same file sent twice changes nothing the second time.
    """
    return accepted(await receive_import(request, asked))


@router.get("", response_model=ImportPage, dependencies=[WRITE])
async def list_imports(request: Request, asked: PageQuery) -> Response:
    """List imports, the newest first; a key that covers some districts is shown those it sent itself."""
    before, jobs_dir = import_cursor(asked), request.app.state.settings.jobs_dir
    listed = partial(list_jobs, jobs_dir, "import", key_id=owner(request), before=before, limit=asked.limit + 1)
    return import_page(await asyncio.to_thread(listed), asked)


@router.get("/{id}", response_model=ImportAnswer, dependencies=[WRITE])
async def get_import(request: Request, import_id: ImportId) -> Response:
    """Get one import: what was sent, and what it did."""
    return import_answer(own_job(request, import_id))


@router.get("/{id}/issues", response_model=ImportIssuePage, dependencies=[WRITE])
async def list_import_issues(request: Request, import_id: ImportId, asked: PageQuery) -> Response:
    """List the problems of an import's rows, by row."""
    start, jobs_dir = issue_cursor(asked), request.app.state.settings.jobs_dir
    record = import_of(own_job(request, import_id))
    return issue_page(read_issues(jobs_dir, record.id, start=start, limit=asked.limit + 1), asked, start)
