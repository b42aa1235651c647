"""Supervision of jobs by the worker that accepted them: children started, followed, written down."""

import asyncio
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import structlog

from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.jobs.records import (
    HEARTBEAT_SECONDS,
    BuildRequest,
    ImportRequest,
    JobRecord,
    interrupted,
    record_path,
    write_record,
)
from app.jobs.steps import UNEXPECTED, Told
from app.jobs.uploads import upload_path

_AT_ONCE = 2
"""Children of one worker that run at the same time; the others wait, and registry writers take turns anyway."""

_WRITTEN_SECONDS = 0.3
"""Progress is written to the record at most so often, seconds."""


class TooManyJobs(TemporarilyUnavailable):
    """The worker has as many jobs queued or running as it takes."""

    code = "too-many-jobs"
    title = "Too many jobs"


class Supervisor:
    """Starts jobs and follows them; made and closed with the application."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def require_room(self) -> None:
        """Refuse if no further job is taken.

        Raises
        ------
        TooManyJobs
            As many are queued or running as the settings allow.
        """
        if len(self._running) >= self._settings.jobs_at_once:
            message = f"{len(self._running)} jobs are queued or running here; send it again when one has ended."
            raise TooManyJobs(message)

    def start(self, record: JobRecord) -> None:
        """Take a job on: its record is written, and its steps run when it is its turn."""
        self._settings.jobs_dir.mkdir(parents=True, exist_ok=True)
        write_record(self._settings.jobs_dir, record)
        task = asyncio.create_task(self._supervise(record))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """End all children; their jobs are interrupted."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _supervise(self, record: JobRecord) -> None:
        job = _Job(self._settings, record)
        beat = asyncio.create_task(job.beat())
        try:
            async with self._turns:
                await job.run()
        except asyncio.CancelledError:
            job.write(interrupted(job.record))
            raise
        except Exception:  # noqa: BLE001 - the record must say that the job failed, whatever it was
            structlog.get_logger().exception("supervision failed", job=record.id)
            job.finish("failed", problem=UNEXPECTED)
        finally:
            beat.cancel()
            upload_path(self._settings, record.id).unlink(missing_ok=True)


class _Job:
    """One job under way, and its record as last written."""

    def __init__(self, settings: Settings, record: JobRecord) -> None:
        self._settings = settings
        self.record = record
        self._written = 0.0

    async def run(self) -> None:
        """Run the steps one after the other, until one has a problem."""
        self.write(msgspec.structs.replace(self.record, state="running", started_at=datetime.now(UTC)))
        for step in self._steps():
            told = await self._step(*step)
            self.record = msgspec.structs.replace(
                self.record,
                imported=told.imported or self.record.imported,
                snapshot=told.snapshot or self.record.snapshot,
            )
            if told.problem is not None:
                self.finish("failed", problem=told.problem)
                return
        self.finish("succeeded")

    def _steps(self) -> list[tuple[str, str]]:
        request = self.record.request
        if isinstance(request, BuildRequest):
            return [("build", request.as_of.isoformat())]
        build = [("build", request.build.isoformat())] if _builds(request) and request.build else []
        return [("import", self.record.id), *build]

    async def _step(self, kind: str, argument: str) -> Told:
        """Run one child; return the last thing it told, or that it died."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.jobs.steps", kind, argument,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=_environment(self._settings),
        )  # fmt: skip
        try:
            return await self._follow(child)
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    async def _follow(self, child: asyncio.subprocess.Process) -> Told:
        if child.stdout is None:
            return Told(problem=UNEXPECTED)
        last = Told(problem=UNEXPECTED)
        async for line in child.stdout:
            told = msgspec.json.decode(line, type=Told)
            if told.phase is None:
                last = told
            else:
                self._progress(told)
        return last

    def _progress(self, told: Told) -> None:
        due = told.phase != self.record.phase
        self.record = msgspec.structs.replace(self.record, phase=told.phase, done=told.done, total=told.total)
        now = asyncio.get_running_loop().time()
        if due or now - self._written > _WRITTEN_SECONDS:
            self._written = now
            self.write(self.record)

    def write(self, record: JobRecord) -> None:
        """Write the record as it is now."""
        self.record = record
        write_record(self._settings.jobs_dir, record)

    def finish(self, state: str, **changes: object) -> None:
        """Write the record for the last time."""
        self.write(msgspec.structs.replace(self.record, state=state, finished_at=datetime.now(UTC), **changes))

    async def beat(self) -> None:
        """Renew the heartbeat until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(FileNotFoundError):
                os.utime(record_path(self._settings.jobs_dir, self.record.id))


def _builds(request: ImportRequest) -> bool:
    return request.build is not None and not request.options.dry_run


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a child these very settings."""
    given = {f"ORGCOVERAGE_{name.upper()}": str(value) for name, value in settings.model_dump(mode="json").items()
             if isinstance(value, str | int | float)}  # fmt: skip
    return {**os.environ, **given, "ORGCOVERAGE_DATABASE_URL": settings.registry_url}
