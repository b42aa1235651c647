"""Files on their way in: asked how to take them, streamed to disk with a limit, their header inspected."""

import asyncio
import secrets
from datetime import date
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from app.access.principals import Principal
from app.api.auditing import origin_of
from app.api.parameters import QueryOf
from app.api.schemas.jobs import DatasetName
from app.config import Settings
from app.imports.datasets import find_dataset, refuse_narrow
from app.imports.options import ImportMode, ImportOptions, OnError
from app.imports.readers.chunks import inspect
from app.jobs.disks import full_disk_named
from app.jobs.records import ImportRequest, JobRecord, new_record
from app.jobs.supervision import Supervisor
from app.jobs.uploads import PARTIAL, upload_path
from app.snapshots.dates import refuse_future


class ImportAsked(BaseModel):
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
    build: date | None = Field(default=None, description="Then build the snapshot of this date. Absent: none.")


ImportQuery = Annotated[ImportAsked, Depends(QueryOf(ImportAsked))]


async def receive_import(request: Request, asked: ImportAsked) -> JobRecord:
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


def _inspect(path: Path, asked: ImportAsked) -> None:
    keys_only = asked.mode is ImportMode.DELETE
    inspect(path, find_dataset(asked.dataset), ignore_unknown=asked.ignore_unknown, keys_only=keys_only)


def _request(asked: ImportAsked, scope: frozenset[str] | None, size: int) -> ImportRequest:
    options = ImportOptions(asked.mode, asked.on_error, asked.dry_run, asked.ignore_unknown, scope)
    return ImportRequest(asked.dataset.value, options, size, asked.build)
