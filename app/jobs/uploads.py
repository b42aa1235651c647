"""Uploaded files, removed when their import ends; cleanup of uploads and job records after crashes and retention."""

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
    issues_path,
    job_ids,
    read_job,
    record_path,
    remarks_path,
    settle,
)
from app.messages import say

_FULL = {errno.ENOSPC, errno.EDQUOT}

PARTIAL = ".part"
"""Suffix of a file that is being received."""

REMARKED = ".remarks.xlsx"
"""Suffix of a file with remarks that is being written."""

_ABANDONED_SECONDS = 3600
"""A file that is being received and has not grown for this long is abandoned."""


class DiskFull(TemporarilyUnavailable):
    """The disk of the data folder is full; partly written files are removed."""

    code = "disk-full"
    title = "Disk full"
    retry_after = 60


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Raise `DiskFull` for the system's errors of a full disk or quota; other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        message = say(
            "The disk of the data folder is full; nothing was changed, and partly written files were removed."
        )
        raise DiskFull(message) from error


def upload_path(settings: Settings, job_id: str) -> Path:
    """Return the uploaded file of an import's job."""
    return settings.uploads_dir / job_id


def clean_up_jobs(settings: Settings) -> None:
    """Remove uploads of ended jobs and of abandoned transfers, and expired records; settle interrupted jobs."""
    for job_id in job_ids(settings.jobs_dir):
        settle(settings.jobs_dir, job_id)
    for upload in settings.uploads_dir.glob("*"):
        if _is_abandoned(settings, upload):
            upload.unlink(missing_ok=True)
    remove_expired_jobs(settings)


def remove_expired_jobs(settings: Settings) -> None:
    """Remove the records of jobs that ended before the retention time."""
    oldest = datetime.now(UTC) - timedelta(days=settings.job_retention_days)
    for job_id in job_ids(settings.jobs_dir):
        if job_id < f"{oldest:%Y%m%d%H%M%S}":  # accepted before; its end is in the record
            _remove_if_expired(settings, job_id, oldest)


def remove_remarks(settings: Settings) -> None:
    """Remove the files with remarks of all imports; the lists of problems stay."""
    for copy in settings.jobs_dir.glob(remarks_path(settings.jobs_dir, "*").name):
        copy.unlink(missing_ok=True)


def _is_abandoned(settings: Settings, upload: Path) -> bool:
    try:
        if upload.name.endswith(PARTIAL):
            return abs(_age(upload)) > _ABANDONED_SECONDS
        return read_job(settings.jobs_dir, upload.name).finished
    except JobNotFound:
        return abs(_age(upload)) > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def _age(path: Path) -> float:
    """Return how long ago a file was written, seconds; negative where the clock was set back since."""
    return time.time() - path.stat().st_mtime


def _remove_if_expired(settings: Settings, job_id: str, oldest: datetime) -> None:
    try:
        ended = read_job(settings.jobs_dir, job_id).finished_at
    except JobNotFound:
        return
    if ended is not None and ended < oldest:
        issues_path(settings.jobs_dir, job_id).unlink(missing_ok=True)
        remarks_path(settings.jobs_dir, job_id).unlink(missing_ok=True)
        record_path(settings.jobs_dir, job_id).unlink(missing_ok=True)
