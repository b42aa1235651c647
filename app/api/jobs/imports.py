"""Imports of files: uploaded as the raw body, streamed to disk within a size limit, run as a job."""

import asyncio
import secrets
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.principals import Principal
from app.api.http.auditing import origin_of
from app.api.http.authorization import WRITE
from app.api.http.pages import ListQuery, decode_cursor
from app.api.http.parameters import QueryOf
from app.api.http.routing import FILE_RESPONSE, RAW_BODY, make_router
from app.api.jobs.jobs import (
    accepted,
    import_answer,
    import_of,
    import_page,
    issue_page,
    own_job,
    owner,
    remarks_file,
)
from app.api.jobs.models import AcceptedJobAnswer, DatasetName, ImportAnswer, ImportId, ImportIssuePage, ImportPage
from app.config import Settings
from app.imports.datasets import find_dataset, refuse_narrow
from app.imports.options import ImportMode, ImportOptions, OnError
from app.jobs.records import ImportRequest, JobRecord, list_jobs, new_record, read_issues
from app.jobs.supervision import Supervisor
from app.jobs.uploads import PARTIAL, full_disk_named, upload_path
from app.registry.territory import require_everything
from app.snapshots.dates import refuse_future


class ImportParameters(BaseModel):
    """How to import a file."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName = Field(description="What the rows of the file are.")
    mode: ImportMode = Field(
        default=ImportMode.UPSERT,
        description="`upsert`: an absent column leaves values as they are, an empty cell sets unknown. `replace`: the "
        "file replaces its whole dataset (returns, ledger: of its dates; branch-returns: of its months). `delete`: the "
        "file holds keys.",
    )
    on_error: OnError = Field(default=OnError.REJECT, description="Whether an error excludes the file or the row.")
    dry_run: bool = Field(default=False, description="Check everything, write nothing.")
    ignore_unknown: bool = Field(default=False, description="Leave unknown columns out instead of refusing the file.")
    sheet: str | None = Field(
        default=None,
        max_length=100,
        description="Name of the worksheet that is meant. Absent: the one with a known header; 422 if several have.",
    )
    build: date | None = Field(
        default=None,
        description="Then build the snapshot of this date; needs a key that covers everything. Absent: none.",
    )


ImportQuery = Annotated[ImportParameters, Depends(QueryOf(ImportParameters))]


async def receive_import(request: Request, query: ImportParameters) -> JobRecord:
    """Receive a file as the body of a request and start its import.

    Raises
    ------
    ScopeTooNarrow, TooManyJobs, TooManyBuilds, TooManyUploads, DiskFull, FutureDate, HeaderRefused, UnreadableFile
        Before anything is queued.
    """
    settings: Settings = request.app.state.settings
    principal: Principal = request.state.principal
    refuse_narrow(find_dataset(query.dataset), principal.scope)
    if query.build is not None:
        require_everything(principal.scope)
        refuse_future(settings, query.build, "query/build")
    supervisor: Supervisor = request.app.state.supervisor
    builds = query.build is not None and not query.dry_run
    supervisor.require_room(builds=builds)
    with supervisor.receiving(principal.key_id):
        partial = await _upload(request, settings)
    try:
        await asyncio.to_thread(_inspect, partial, query)
        record = new_record(_request(query, principal.scope, partial.stat().st_size), principal.key_id)
        supervisor.require_room(builds=builds)
        partial.rename(upload_path(settings, record.id))
    finally:
        partial.unlink(missing_ok=True)
    supervisor.start(record, origin_of(request))
    return record


async def _upload(request: Request, settings: Settings) -> Path:
    """Stream the body to disk; return the complete file, or leave none."""
    partial = settings.uploads_dir / f"{secrets.token_hex(8)}{PARTIAL}"
    try:
        with full_disk_named():
            settings.uploads_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial.touch(mode=0o600, exist_ok=False)
            with partial.open("wb") as file:
                async for piece in request.stream():
                    await asyncio.to_thread(file.write, piece)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return partial


def _inspect(path: Path, query: ImportParameters) -> None:
    from app.imports.readers.file import inspect  # noqa: PLC0415 - only an upload needs the readers

    keys_only = query.mode is ImportMode.DELETE
    dataset = find_dataset(query.dataset)
    inspect(path, dataset, ignore_unknown=query.ignore_unknown, keys_only=keys_only, sheet=query.sheet)


def _request(query: ImportParameters, scope: frozenset[str] | None, size: int) -> ImportRequest:
    options = ImportOptions(query.mode, query.on_error, query.dry_run, query.ignore_unknown, scope, query.sheet)
    return ImportRequest(query.dataset.value, options, size, query.build)


_Start = Annotated[int, msgspec.Meta(ge=0)]
"""Number of problems on the previous pages."""

router = make_router("/v1/imports", "imports")


@router.post("", status_code=202, response_model=AcceptedJobAnswer, openapi_extra=RAW_BODY, dependencies=[WRITE])
async def create_import(request: Request, query: ImportQuery) -> Response:
    """Import a file (CSV, XLSX or Parquet), sent as the raw body; follow the job.

    Errors in the header and the first bytes are answered at once (422), later ones make the job fail with the same kind
    of problem. Sending the same file again changes nothing.
    """
    return accepted(await receive_import(request, query))


@router.get("", response_model=ImportPage, dependencies=[WRITE])
async def list_imports(request: Request, query: ListQuery) -> Response:
    """List imports, the newest first; a key limited to some districts lists only its own."""
    before, jobs_dir = decode_cursor(request, query, str), request.app.state.settings.jobs_dir
    list_imported = partial(list_jobs, jobs_dir, "import", key_id=owner(request), before=before, limit=query.limit + 1)
    return import_page(request, query, await asyncio.to_thread(list_imported))


@router.get("/{id}", response_model=ImportAnswer, dependencies=[WRITE])
async def get_import(request: Request, import_id: ImportId) -> Response:
    """Get one import: what was sent, and what it did."""
    return import_answer(request, own_job(request, import_id))


@router.get("/{id}/issues", response_model=ImportIssuePage, dependencies=[WRITE])
async def list_import_issues(request: Request, import_id: ImportId, query: ListQuery) -> Response:
    """List the problems of an import's rows, by row; `result.counts` of the import counts them by rule and column."""
    start, jobs_dir = decode_cursor(request, query, _Start) or 0, request.app.state.settings.jobs_dir
    record = import_of(own_job(request, import_id))
    return issue_page(request, query, read_issues(jobs_dir, record.id, start=start, limit=query.limit + 1), start)


@router.get("/{id}/issues.xlsx", response_class=Response, responses=FILE_RESPONSE, dependencies=[WRITE])
async def export_import_issues(request: Request, import_id: ImportId) -> Response:
    """Get the file that was sent, with a column of remarks beside each row that has problems, as XLSX.

    Columns that were not taken in are blank, and of datasets that name members there are the remarks alone.
    """
    record = import_of(own_job(request, import_id))
    return remarks_file(request.app.state.settings.jobs_dir, record.id)
