"""Files sent to be imported: on disk from their arrival to the end of their import, no longer."""

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.jobs.records import (
    JobNotFound,
    interrupted,
    issues_path,
    job_ids,
    read_job,
    record_path,
    remarks_path,
    write_record,
)

_FULL = {errno.ENOSPC, errno.EDQUOT}


class DiskFull(TemporarilyUnavailable):
    """There is no room left in the data folder; what was half written is removed."""

    code = "disk-full"
    title = "Disk full"
    retry_after = 60


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn what the system raises when no room is left into `DiskFull`; other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        message = "No room is left in the data folder; nothing was taken, and what had arrived is removed."
        raise DiskFull(message) from error


PARTIAL = ".part"
"""Suffix of a file that is still arriving."""

REMARKED = ".remarks.xlsx"
"""Suffix of the file that is being made to be given back with remarks."""

_ABANDONED_SECONDS = 3600
"""A file that is still arriving and has not grown for so long is not arriving any more."""


def upload_path(settings: Settings, job_id: str) -> Path:
    """Return the file that an import's job reads."""
    return settings.uploads_dir / job_id


def sweep_jobs(settings: Settings) -> None:
    """Remove what nobody needs any more: uploads of ended jobs and of broken-off transfers, records of long ago."""
    for job_id in job_ids(settings.jobs_dir):
        try:
            _settle(settings, job_id)
        except JobNotFound:
            continue
    for upload in settings.uploads_dir.glob("*"):
        if _is_abandoned(settings, upload):
            upload.unlink(missing_ok=True)
    forget_jobs(settings)


def forget_jobs(settings: Settings) -> None:
    """Remove the records of jobs that ended longer ago than the settings say."""
    oldest = datetime.now(UTC) - timedelta(days=settings.job_retention_days)
    for job_id in job_ids(settings.jobs_dir):
        if job_id < f"{oldest:%Y%m%d%H%M%S}":  # accepted before; when it ended is in its record
            _forget(settings, job_id, oldest)


def forget_remarks(settings: Settings) -> None:
    """Remove every copy of a file that was given back with remarks; the lists of problems stay."""
    for copy in settings.jobs_dir.glob(remarks_path(settings.jobs_dir, "*").name):
        copy.unlink(missing_ok=True)


def _settle(settings: Settings, job_id: str) -> None:
    """Write down that a job without a heartbeat is interrupted."""
    record = read_job(settings.jobs_dir, job_id)
    if record.state == "interrupted":
        write_record(settings.jobs_dir, interrupted(record))


def _forget(settings: Settings, job_id: str, oldest: datetime) -> None:
    try:
        ended = read_job(settings.jobs_dir, job_id).finished_at
    except JobNotFound:
        return
    if ended is not None and ended < oldest:
        issues_path(settings.jobs_dir, job_id).unlink(missing_ok=True)
        remarks_path(settings.jobs_dir, job_id).unlink(missing_ok=True)
        record_path(settings.jobs_dir, job_id).unlink(missing_ok=True)


def _is_abandoned(settings: Settings, upload: Path) -> bool:
    try:
        if upload.name.endswith(PARTIAL):
            return time.time() - upload.stat().st_mtime > _ABANDONED_SECONDS
        return read_job(settings.jobs_dir, upload.name).finished
    except JobNotFound:
        return time.time() - upload.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False
