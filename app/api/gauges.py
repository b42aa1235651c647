"""What the service is like at the moment, as metrics: jobs, snapshots, the database, the disk, the newest return."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access.principals import Tier
from app.config import Settings
from app.database.tables import METADATA
from app.jobs.records import JobKind, JobNotFound, JobRecord, JobState, job_ids, read_job
from app.snapshots.replication.objects import addresses
from app.snapshots.replication.state import read_replica, unpushed_seconds
from app.store.shelf import Shelf

_RETURN_SECONDS = 900
"""How long the date of the newest return is kept, since looking for it reads all returns."""

_LOOKING_SECONDS = 5.0
"""How long it is looked for."""

_UNFINISHED: tuple[JobState, ...] = ("queued", "running")


class Gauges:
    """Looks at the data folder and the registry when metrics are asked for; what cannot change is looked at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._finished: dict[str, tuple[JobKind, JobState]] = {}
        self._newest_return: date | None = None
        self._looked_at: float | None = None

    def of_folder(self, shelves: Mapping[Tier, Shelf]) -> list[Metric]:
        """Return what the data folder shows; reads files."""
        return [*self._of_jobs(), *_of_snapshots(shelves), self._of_disk(), *self._of_store()]

    async def of_returns(self, engine: AsyncEngine | None) -> list[Metric]:
        """Return the age of the newest return; nothing where it is not known."""
        if engine is not None and (self._looked_at is None or time.monotonic() - self._looked_at > _RETURN_SECONDS):
            self._looked_at = time.monotonic()
            await self._look_for_return(engine)
        if self._newest_return is None:
            return []
        age = (self._settings.today() - self._newest_return).days
        return [_gauge("newest_return_age_days", "Days since the day of the newest return.", age)]

    async def _look_for_return(self, engine: AsyncEngine) -> None:
        day = METADATA.tables["enterprise_return"].c.reported_on
        newest = select(func.max(day)).where(day <= self._settings.today())
        try:
            async with asyncio.timeout(_LOOKING_SECONDS), engine.connect() as connection:
                self._newest_return = (await connection.execute(newest)).scalar_one()
        except (SQLAlchemyError, OSError, TimeoutError):
            self._looked_at = None if self._newest_return is None else self._looked_at

    def _of_jobs(self) -> Iterator[Metric]:
        unfinished = list(self._unfinished())
        number = Counter(self._finished.values()) + Counter((record.kind, record.state) for record in unfinished)
        jobs = _family("jobs", "Jobs whose records are kept, by kind and state.", "kind", "state")
        age = _family("job_age_seconds", "Age of the oldest job that has not ended; 0: none.", "kind", "state")
        now = datetime.now(UTC)
        for kind in get_args(JobKind):
            for state in get_args(JobState):
                jobs.add_metric([kind, state], number[kind, state])
            for state in _UNFINISHED:
                ages = [
                    now - record.created_at for record in unfinished if (record.kind, record.state) == (kind, state)
                ]
                age.add_metric([kind, state], max((it.total_seconds() for it in ages), default=0))
        yield jobs
        yield age

    def _unfinished(self) -> Iterator[JobRecord]:
        """Yield the records of jobs that have not ended; of others keep kind and state, which stay."""
        there = job_ids(self._settings.jobs_dir)
        self._finished = {job: self._finished[job] for job in there if job in self._finished}
        for job in there:
            if job not in self._finished:
                try:
                    record = read_job(self._settings.jobs_dir, job)
                except JobNotFound:  # removed meanwhile
                    continue
                if record.finished:
                    self._finished[job] = (record.kind, record.state)
                else:
                    yield record

    def _of_store(self) -> Iterator[Metric]:
        if addresses(self._settings) and not self._settings.public_only:
            meaning = "For how long something published here has not been in the store, seconds; 0: all is there."
            yield _gauge("store_unpushed_seconds", meaning, unpushed_seconds(self._settings))
        replica = read_replica(self._settings)
        if replica is not None and replica.behind_seconds is not None:
            meaning = "How long ago this folder was last known to equal the store, seconds."
            yield _gauge("replica_behind_seconds", meaning, replica.behind_seconds)

    def _of_disk(self) -> Metric:
        folder = self._settings.data_dir
        free = shutil.disk_usage(folder if folder.exists() else folder.absolute().parent).free
        return _gauge("data_free_bytes", "Free space where the data folder is, bytes.", free)


def database_gauge(*, is_up: bool) -> Metric:
    """Return whether the registry's database answers."""
    return _gauge("database_up", "Whether the registry's database answers (1) or not (0).", is_up)


def _of_snapshots(shelves: Mapping[Tier, Shelf]) -> Iterator[Metric]:
    number = _family("snapshots", "Snapshots that are served.", "tier")
    damaged = _family("snapshots_damaged", "Snapshots that are not served, since their files are damaged.", "tier")
    age = _family("snapshot_age_seconds", "Time since the newest snapshot was built, seconds.", "tier")
    as_of = _family("snapshot_as_of_age_days", "Days since the date of the newest snapshot.", "tier")
    now = datetime.now(UTC)
    for tier, shelf in shelves.items():
        manifests = shelf.all()
        number.add_metric([tier], len(manifests))
        damaged.add_metric([tier], len(shelf.damaged))
        for manifest in manifests[:1]:
            built = max(datetime.fromisoformat(it.built_at) for it in manifests)
            age.add_metric([tier], (now - built).total_seconds())
            as_of.add_metric([tier], (now.date() - manifest.as_of).days)
    yield from (number, damaged, age, as_of)


def draft_gauges(shelf: Shelf) -> Iterator[Metric]:
    """Return how many drafts wait, the newest of their date and newer than what is released of it, and since when."""
    newest = {draft.as_of: draft for draft in reversed(shelf.drafts.all())}
    released = {manifest.as_of: manifest.recency for manifest in reversed(shelf.all())}
    waiting = [draft for day, draft in newest.items() if day not in released or draft.recency > released[day]]
    ages = [(datetime.now(UTC) - datetime.fromisoformat(draft.built_at)).total_seconds() for draft in waiting]
    yield _gauge("drafts", "Dates whose newest build waits to be released.", len(ages))
    yield _gauge(
        "draft_age_seconds", "Time since the oldest of these was built, seconds; 0: none.", max(ages, default=0)
    )


def _family(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"orgcoverage_{name}", meaning, labels=labels)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"orgcoverage_{name}", meaning, value=value)
