"""Files in: sent as the raw body, streamed to disk with a limit, followed as a job."""

import asyncio
import secrets
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.principals import Principal
from app.api.http.auditing import origin_of
from app.api.http.authorization import WRITE
from app.api.http.pages import ListQuery
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, RAW_BODY, make_router
from app.api.jobs.jobs import (
    accepted,
    import_answer,
    import_cursor,
    import_of,
    import_page,
    issue_cursor,
    issue_page,
    own_job,
    owner,
    remarks_file,
)
from app.api.jobs.models import AcceptedJobAnswer, DatasetName, ImportAnswer, ImportId, ImportIssuePage, ImportPage
from app.config import Settings
from app.imports.datasets import find_dataset, refuse_narrow
from app.imports.options import ImportMode, ImportOptions, OnError
from app.imports.readers.file import inspect
from app.jobs.records import ImportRequest, JobRecord, list_jobs, new_record, read_issues
from app.jobs.supervision import Supervisor
from app.jobs.uploads import PARTIAL, full_disk_named, upload_path
from app.snapshots.dates import refuse_future


class ImportParameters(BaseModel):
    """How to take a file."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName = Field(description="What the rows of the file are.")
    mode: ImportMode = Field(
        default=ImportMode.UPSERT,
        description="`upsert`: an absent column keeps what is there, an empty cell sets unknown. `replace`: the file "
        "is the whole truth of its dataset (returns, ledger: of its dates). `delete`: the file holds keys.",
    )
    on_error: OnError = Field(default=OnError.REJECT, description="Whether an error keeps out the file or the row.")
    dry_run: bool = Field(default=False, description="Check everything, write nothing.")
    ignore_unknown: bool = Field(default=False, description="Leave unknown columns out instead of refusing the file.")
    sheet: str | None = Field(
        default=None,
        max_length=100,
        description="Name of the worksheet that is meant. Absent: the one with a known header; 422 if several have.",
    )
    build: date | None = Field(default=None, description="Then build the snapshot of this date. Absent: none.")


ImportQuery = Annotated[ImportParameters, Depends(QueryOf(ImportParameters))]


async def receive_import(request: Request, asked: ImportParameters) -> JobRecord:
    """Take a file from a request's body and start its import.

    Raises
    ------
    ScopeTooNarrow, TooManyJobs, TooManyBuilds, TooManyUploads, DiskFull, FutureDate, HeaderRefused, UnreadableFile
        What shows before anything is queued.
    """
    settings: Settings = request.app.state.settings
    principal: Principal = request.state.principal
    refuse_narrow(find_dataset(asked.dataset), principal.scope)
    if asked.build is not None:
        refuse_future(settings, asked.build, "query/build")
    supervisor: Supervisor = request.app.state.supervisor
    builds = asked.build is not None and not asked.dry_run
    supervisor.require_room(builds=builds)
    with supervisor.receiving():
        partial = await _arrived(request, settings)
    try:
        await asyncio.to_thread(_inspect, partial, asked)
        record = new_record(_request(asked, principal.scope, partial.stat().st_size), principal.key_id)
        supervisor.require_room(builds=builds)
        partial.rename(upload_path(settings, record.id))
    finally:
        partial.unlink(missing_ok=True)
    supervisor.start(record, origin_of(request))
    return record


async def _arrived(request: Request, settings: Settings) -> Path:
    """Stream the body to disk; the file is there when all of it is."""
    settings.uploads_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = settings.uploads_dir / f"{secrets.token_hex(8)}{PARTIAL}"
    try:
        partial.touch(mode=0o600, exist_ok=False)
        with full_disk_named(), partial.open("wb") as file:
            async for piece in request.stream():
                await asyncio.to_thread(file.write, piece)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return partial


def _inspect(path: Path, asked: ImportParameters) -> None:
    keys_only = asked.mode is ImportMode.DELETE
    dataset = find_dataset(asked.dataset)
    inspect(path, dataset, ignore_unknown=asked.ignore_unknown, keys_only=keys_only, sheet=asked.sheet)


def _request(asked: ImportParameters, scope: frozenset[str] | None, size: int) -> ImportRequest:
    options = ImportOptions(asked.mode, asked.on_error, asked.dry_run, asked.ignore_unknown, scope, asked.sheet)
    return ImportRequest(asked.dataset.value, options, size, asked.build)


router = make_router("/v1/imports", "imports")


@router.post("", status_code=202, response_model=AcceptedJobAnswer, openapi_extra=RAW_BODY, dependencies=[WRITE])
async def create_import(request: Request, asked: ImportQuery) -> Response:
    """Send a file (CSV, XLSX or Parquet) as the raw body; follow the job that takes it.

    What the header and the first bytes show is refused at once (422), what shows later makes the job fail with the
    same kind of problem. The same file sent twice changes nothing the second time.
    """
    return accepted(await receive_import(request, asked))


@router.get("", response_model=ImportPage, dependencies=[WRITE])
async def list_imports(request: Request, asked: ListQuery) -> Response:
    """List imports, the newest first; a key that covers some districts is shown those it sent itself."""
    before, jobs_dir = import_cursor(asked), request.app.state.settings.jobs_dir
    listed = partial(list_jobs, jobs_dir, "import", key_id=owner(request), before=before, limit=asked.limit + 1)
    return import_page(await asyncio.to_thread(listed), asked)


@router.get("/{id}", response_model=ImportAnswer, dependencies=[WRITE])
async def get_import(request: Request, import_id: ImportId) -> Response:
    """Get one import: what was sent, and what it did."""
    return import_answer(own_job(request, import_id))


@router.get("/{id}/issues", response_model=ImportIssuePage, dependencies=[WRITE])
async def list_import_issues(request: Request, import_id: ImportId, asked: ListQuery) -> Response:
    """List the problems of an import's rows, by row; `result.counts` of the import counts them by rule and column."""
    start, jobs_dir = issue_cursor(asked), request.app.state.settings.jobs_dir
    record = import_of(own_job(request, import_id))
    return issue_page(read_issues(jobs_dir, record.id, start=start, limit=asked.limit + 1), asked, start)


@router.get("/{id}/issues.xlsx", response_class=Response, responses=FILE_RESPONSE, dependencies=[WRITE])
async def export_import_issues(request: Request, import_id: ImportId) -> Response:
    """Get the file that was sent, with a column of remarks beside each row that has problems, as XLSX.

    Columns that were not taken in are blank, and of datasets that name members there are the remarks alone.
    """
    record = import_of(own_job(request, import_id))
    return remarks_file(request.app.state.settings.jobs_dir, record.id)
