"""Supervision of jobs by the worker that accepted them: children started, followed, recorded and audited."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
import structlog

from app.access.audit import AuditLog, AuditParameter, AuditRecord, Origin
from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.jobs.records import (
    HEARTBEAT_SECONDS,
    BuildRequest,
    ErasureRequest,
    ImportRequest,
    JobKind,
    JobProblem,
    JobRecord,
    JobState,
    Request,
    interrupted,
    record_path,
    write_record,
)
from app.jobs.steps import EXHAUSTED, UNEXPECTED, Progress
from app.jobs.uploads import forget_jobs, full_disk_named, upload_path

_OPERATIONS: Mapping[JobKind, str] = {
    "import": "create_import",
    "build": "create_snapshot",
    "erasure": "create_erasure",
}


def audit_job(settings: Settings, record: JobRecord, origin: Origin) -> None:
    """Record what became of a job; where the log cannot be written, the service's own log takes the record."""
    told = AuditRecord(
        at=datetime.now(UTC),
        request_id=origin.request_id,
        principal=origin.principal,
        key_id=origin.key_id,
        operation=_OPERATIONS[record.kind],
        parameters=tuple(_parameters(record)),
        status=HTTPStatus.OK if record.problem is None else record.problem.status,
        rows=_rows(record),
    )
    try:
        AuditLog(settings).append(told)
    except OSError:
        structlog.get_logger("orgcoverage.audit").exception("audit record not written", record=told)


def _rows(record: JobRecord) -> int | None:
    done, request = record.imported, record.request
    if done is None or not isinstance(request, ImportRequest):
        return None
    return 0 if request.options.dry_run else done.inserted + done.changed + done.deleted


def _parameters(record: JobRecord) -> Iterator[AuditParameter]:
    request = record.request
    yield AuditParameter("job", record.id)
    if isinstance(request, ImportRequest):
        yield AuditParameter("dataset", request.dataset)
        yield AuditParameter("mode", request.options.mode)
        if request.options.dry_run:
            yield AuditParameter("dry_run", "true")
    if isinstance(request, BuildRequest):
        yield AuditParameter("as_of", request.as_of.isoformat())
    if record.snapshot is not None:
        yield AuditParameter("snapshot", record.snapshot)


_AT_ONCE = 2
"""Children of one worker that run at the same time; the others wait, and registry writers take turns anyway."""

_WRITTEN_SECONDS = 0.3
"""Progress is written to the record at most so often, seconds."""

_LINE_BYTES = 1 << 20
"""Longest line that a child may tell: a problem names up to 500 columns and the choices of each."""

_OUT_OF_LIMITS = {-signal.SIGXCPU, -signal.SIGABRT}
"""How a child ends that reads a workbook and goes beyond its limits of time or memory."""


class TooManyJobs(TemporarilyUnavailable):
    """The worker has as many jobs queued or running as it takes."""

    code = "too-many-jobs"
    title = "Too many jobs"


class TooManyBuilds(TemporarilyUnavailable):
    """The worker has as many builds queued or running as it takes."""

    code = "too-many-builds"
    title = "Too many builds"


class TooManyUploads(TemporarilyUnavailable):
    """The worker receives as many files as it takes at the same time."""

    code = "too-many-uploads"
    title = "Too many uploads"


class Supervisor:
    """Starts jobs and follows them; made and closed with the application."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[asyncio.Task[None], bool] = {}  # whether it builds
        self._arriving = 0
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def require_room(self, *, builds: bool = False) -> None:
        """Refuse if no further job is taken.

        Parameters
        ----------
        builds
            Whether the job is a build, or ends with one.

        Raises
        ------
        TooManyJobs, TooManyBuilds
            As many are queued or running as the settings allow.
        """
        if len(self._running) >= self._settings.jobs_at_once:
            message = f"{len(self._running)} jobs are queued or running here; send it again when one has ended."
            raise TooManyJobs(message)
        if builds and sum(self._running.values()) >= self._settings.builds_at_once:
            message = f"{sum(self._running.values())} builds are queued or running here; ask again when one has ended."
            raise TooManyBuilds(message)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Hold a place for a file while it arrives.

        Raises
        ------
        TooManyUploads
            As many are arriving as the settings allow.
        """
        if self._arriving >= self._settings.uploads_at_once:
            message = f"{self._arriving} files are arriving here; send it again when one is there."
            raise TooManyUploads(message)
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def start(self, record: JobRecord, origin: Origin, given: str = "") -> None:
        """Take a job on: its record is written, and its steps run when it is its turn.

        Parameters
        ----------
        origin
            Who asked for it, for the audit log.
        given
            What its process is told and no record holds: the ref of an erasure.

        Raises
        ------
        DiskFull
            There is no room for the record; the job is not taken, and its file is removed.
        """
        try:
            with full_disk_named():
                self._settings.jobs_dir.mkdir(parents=True, exist_ok=True)
                write_record(self._settings.jobs_dir, record)
        except BaseException:
            upload_path(self._settings, record.id).unlink(missing_ok=True)
            raise
        task = asyncio.create_task(self._supervise(_Job(self._settings, record, origin, given)))
        self._running[task] = _builds(record.request)
        task.add_done_callback(self._running.pop)

    async def close(self) -> None:
        """End all children; their jobs are interrupted."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _supervise(self, job: "_Job") -> None:
        beat = asyncio.create_task(job.beat())
        try:
            async with self._turns:
                await job.run()
        except asyncio.CancelledError:
            job.interrupt()
            raise
        except Exception:  # noqa: BLE001 - the record must say that the job failed, whatever it was
            structlog.get_logger().exception("supervision failed", job=job.record.id)
            await job.finish("failed", UNEXPECTED)
        else:
            await asyncio.to_thread(forget_jobs, self._settings)
        finally:
            beat.cancel()
            upload_path(self._settings, job.record.id).unlink(missing_ok=True)


class _Job:
    """One job under way, and its record as last written."""

    def __init__(self, settings: Settings, record: JobRecord, origin: Origin, given: str) -> None:
        self._settings = settings
        self.record = record
        self._origin = origin
        self._given = given
        self._written = 0.0

    async def run(self) -> None:
        """Run the steps one after the other, until one has a problem."""
        await self._write(msgspec.structs.replace(self.record, state="running", started_at=datetime.now(UTC)))
        for step in self._steps():
            told = await self._step(*step)
            self.record = msgspec.structs.replace(
                self.record,
                imported=told.imported or self.record.imported,
                snapshot=told.snapshot or self.record.snapshot,
            )
            if told.problem is not None:
                await self.finish("failed", told.problem)
                return
        await self.finish("succeeded")

    def _steps(self) -> list[tuple[str, str]]:
        request = self.record.request
        if isinstance(request, BuildRequest):
            return [("build", request.as_of.isoformat())]
        if isinstance(request, ErasureRequest):
            return [("erasure", self.record.id)]
        build = [("build", request.build.isoformat())] if request.build is not None and _builds(request) else []
        return [("import", self.record.id), *build]

    async def _step(self, kind: str, argument: str) -> Progress:
        """Run one child; return the last thing it told, or that it died."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.jobs.steps", kind, argument, env=child_environment(self._settings),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
        )  # fmt: skip
        try:
            await self._give(child)
            last = await self._follow(child)
            return last or Progress(problem=EXHAUSTED if await child.wait() in _OUT_OF_LIMITS else UNEXPECTED)
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    async def _give(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdin is not None
        with suppress(ConnectionError):  # it has died: what it told, or did not, says so
            child.stdin.write(msgspec.json.encode(self._given) + b"\n")
            await child.stdin.drain()

    async def _follow(self, child: asyncio.subprocess.Process) -> Progress | None:
        """Take in what a child tells until it has nothing more to say; return its last word, null if it had none."""
        last = None
        assert child.stdout is not None
        async for line in child.stdout:
            told = msgspec.json.decode(line, type=Progress)
            if told.phase is None:
                last = told
            else:
                await self._progress(told)
        return last

    async def _progress(self, told: Progress) -> None:
        moved = msgspec.structs.replace(self.record, phase=told.phase, done=told.done, total=told.total)
        now = asyncio.get_running_loop().time()
        due = moved.phase != self.record.phase or now - self._written > _WRITTEN_SECONDS
        self.record = moved
        if due:
            self._written = now
            await self._write(moved)

    async def finish(self, state: JobState, problem: JobProblem | None = None) -> None:
        """Write the record for the last time; on a full disk, as soon as there is room: until then the job runs."""
        last = msgspec.structs.replace(self.record, state=state, problem=problem, finished_at=datetime.now(UTC))
        audit_job(self._settings, last, self._origin)
        while True:
            try:
                await self._write(last)
            except OSError:
                structlog.get_logger().exception("record not written", job=last.id)
                await asyncio.sleep(HEARTBEAT_SECONDS)
            else:
                return

    def interrupt(self) -> None:
        """Write the record of a job that ends with its worker."""
        self.record = interrupted(self.record)
        audit_job(self._settings, self.record, self._origin)
        write_record(self._settings.jobs_dir, self.record)

    async def _write(self, record: JobRecord) -> None:
        """Write the record as it is now; disks are slow, so not on the event loop."""
        self.record = record
        await asyncio.to_thread(write_record, self._settings.jobs_dir, record)

    async def beat(self) -> None:
        """Renew the heartbeat until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(FileNotFoundError):
                os.utime(record_path(self._settings.jobs_dir, self.record.id))


def _builds(request: Request) -> bool:
    """Whether a job is a build, or ends with one."""
    if isinstance(request, ImportRequest):
        return request.build is not None and not request.options.dry_run
    return isinstance(request, BuildRequest)


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a child these very settings."""
    given = {f"ORGCOVERAGE_{name.upper()}": str(value) for name, value in settings.model_dump(mode="json").items()
             if isinstance(value, str | int | float)}  # fmt: skip
    return {**os.environ, **given, "ORGCOVERAGE_DATABASE_URL": settings.registry_address}
