"""Supervision of jobs by the worker that accepted them: runs child processes, writes records and the audit log."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime

import msgspec
import structlog

from app.access.audit import Origin
from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.jobs.accounting import account_for_end, log_start
from app.jobs.processes import command, environment
from app.jobs.records import (
    HEARTBEAT_SECONDS,
    BuildRequest,
    ErasureRequest,
    ImportRequest,
    JobProblem,
    JobRecord,
    JobState,
    Request,
    interrupted,
    record_path,
    write_record,
)
from app.jobs.steps import EXHAUSTED, UNEXPECTED, FirstLine, Progress
from app.jobs.uploads import full_disk_named, remove_expired_jobs, upload_path
from app.messages import say
from app.observability import Metrics
from app.snapshots.folders import clean_up_builds

_AT_ONCE = 2
"""Jobs of one worker that run at the same time; others are queued, and the write lock serializes writers anyway."""

_WRITTEN_SECONDS = 0.3
"""Least time between two records of progress, seconds."""

_LINE_BYTES = 1 << 20
"""Longest message of a child, 1 MiB: a problem names up to 500 columns and the allowed values of each."""

_OUT_OF_LIMITS = {-signal.SIGXCPU, -signal.SIGABRT}
"""Exit codes of a child that exceeds its limits of time or memory while reading a workbook."""


class TooManyJobs(TemporarilyUnavailable):
    """The worker's limit of queued and running jobs is reached."""

    code = "too-many-jobs"
    title = "Too many jobs"


class TooManyBuilds(TemporarilyUnavailable):
    """The worker's limit of queued and running builds is reached."""

    code = "too-many-builds"
    title = "Too many builds"


class TooManyUploads(TemporarilyUnavailable):
    """The worker's limit of files received at the same time is reached."""

    code = "too-many-uploads"
    title = "Too many uploads"


class Supervisor:
    """Runs jobs; opened and closed with the application."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._running: dict[asyncio.Task[None], bool] = {}  # whether the job builds a snapshot
        self._arriving = Counter[str | None]()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def require_room(self, *, builds: bool = False) -> None:
        """Refuse a job beyond the limits.

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
            message = say(
                "{number} jobs are queued or running; try again when one has ended.", number=len(self._running)
            )
            raise TooManyJobs(message)
        if builds and sum(self._running.values()) >= self._settings.builds_at_once:
            message = say(
                "{number} builds are queued or running; try again when one has ended.",
                number=sum(self._running.values()),
            )
            raise TooManyBuilds(message)

    @contextmanager
    def receiving(self, key_id: str | None) -> Iterator[None]:
        """Count a file of a key (null: of callers without one) while it is received.

        Raises
        ------
        TooManyUploads
            As many are being received as the settings allow.
        """
        if self._arriving.total() >= self._settings.uploads_at_once:
            message = say(
                "{number} files are being received; try again when one has arrived.", number=self._arriving.total()
            )
            raise TooManyUploads(message)
        if self._arriving[key_id] >= self._settings.uploads_per_key:
            message = say(
                "{number} files of this key are being received; try again when one has arrived.",
                number=self._arriving[key_id],
            )
            raise TooManyUploads(message)
        self._arriving[key_id] += 1
        try:
            yield
        finally:
            self._arriving[key_id] -= 1
            self._arriving += Counter()  # forgets keys without files

    def start(self, record: JobRecord, origin: Origin, secret: str = "") -> None:
        """Queue a job: write its record, and run its steps as soon as a slot is free.

        Parameters
        ----------
        origin
            Who sent it, for the audit log.
        secret
            Passed to the child process, never recorded: the ref of an erasure.

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
        task = asyncio.create_task(self._supervise(_Job(self._settings, self._metrics, record, origin, secret)))
        self._running[task] = _builds(record.request)
        task.add_done_callback(self._running.pop)

    async def close(self) -> None:
        """Kill all child processes; their jobs are interrupted."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _supervise(self, job: "_Job") -> None:
        beat = asyncio.create_task(job.beat())
        try:
            async with self._slots:
                await job.run()
        except asyncio.CancelledError:
            job.interrupt()
            raise
        except Exception:  # noqa: BLE001 - every failure must reach the job's record
            structlog.get_logger().exception("supervision failed", job=job.record.id)
            await job.finish("failed", UNEXPECTED)
        else:
            await asyncio.to_thread(remove_expired_jobs, self._settings)
        finally:
            beat.cancel()
            upload_path(self._settings, job.record.id).unlink(missing_ok=True)


class _Job:
    """A running job and its current record."""

    def __init__(self, settings: Settings, metrics: Metrics, record: JobRecord, origin: Origin, secret: str) -> None:
        self._settings = settings
        self._metrics = metrics
        self.record = record
        self._origin = origin
        self._secret = secret
        self._written = 0.0
        self._exit: int | None = None  # of the last child

    async def run(self) -> None:
        """Run the steps in order until one has a problem."""
        await self._write(msgspec.structs.replace(self.record, state="running", started_at=datetime.now(UTC)))
        log_start(self.record)
        problem = await self._run_steps()
        await self.finish("succeeded" if problem is None else "failed", problem)

    async def _run_steps(self) -> JobProblem | None:
        """Run the steps in children that all start at once: a build loads (70 MiB) while the import before it runs."""
        async with AsyncExitStack() as running:
            for child in [await running.enter_async_context(self._child(*step)) for step in self._steps()]:
                result = await self._step(child)
                self.record = msgspec.structs.replace(
                    self.record,
                    imported=result.imported or self.record.imported,
                    snapshot=result.snapshot or self.record.snapshot,
                    extracts=result.extracts,
                )
                if result.problem is not None:
                    return result.problem
        return None

    def _steps(self) -> list[tuple[str, str]]:
        request = self.record.request
        if isinstance(request, BuildRequest):
            return [("build", request.as_of.isoformat())]
        if isinstance(request, ErasureRequest):
            return [("erasure", self.record.id)]
        build = [("build", request.build.isoformat())] if request.build is not None and _builds(request) else []
        return [("import", self.record.id), *build]

    @asynccontextmanager
    async def _child(self, kind: str, argument: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start the child process of a step, which begins with its first line, and kill it at the end of the block."""
        child = await asyncio.create_subprocess_exec(
            *command("app.jobs.steps", kind, argument), env=environment(self._settings),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
        )  # fmt: skip
        try:
            yield child
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            if kind == "build":  # a killed one leaves its folder, and may have filled the disk with it
                await asyncio.to_thread(clean_up_builds, self._settings)

    async def _step(self, child: asyncio.subprocess.Process) -> Progress:
        """Let a child run its step; return its result, or a problem if the process died."""
        await self._send_secret(child)
        if (result := await self._follow(child)) is None:
            self._exit = await child.wait()
        else:  # a child that has sent its result has nothing left to do
            self._exit = 0
            with suppress(ProcessLookupError):
                child.kill()
        return result or Progress(problem=EXHAUSTED if self._exit in _OUT_OF_LIMITS else UNEXPECTED)

    async def _send_secret(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdin is not None
        with suppress(ConnectionError):  # the child has died, which `_step` reports
            child.stdin.write(msgspec.json.encode(FirstLine(self.record.id, self._secret)) + b"\n")
            await child.stdin.drain()

    async def _follow(self, child: asyncio.subprocess.Process) -> Progress | None:
        """Read the messages of a child until it ends, record its progress; return its result, null if it sent none."""
        result = None
        assert child.stdout is not None
        async for line in child.stdout:
            message = msgspec.json.decode(line, type=Progress)
            if message.phase is None:
                result = message
            else:
                await self._progress(message)
        return result

    async def _progress(self, progress: Progress) -> None:
        record = msgspec.structs.replace(self.record, phase=progress.phase, done=progress.done, total=progress.total)
        now = asyncio.get_running_loop().time()
        due = record.phase != self.record.phase or now - self._written > _WRITTEN_SECONDS
        self.record = record
        if due:
            self._written = now
            await self._write(record)

    async def finish(self, state: JobState, problem: JobProblem | None = None) -> None:
        """Write the final record; retried while the disk is full, and until then the job counts as running."""
        last = msgspec.structs.replace(self.record, state=state, problem=problem, finished_at=datetime.now(UTC))
        self._account_for(last)
        upload_path(self._settings, last.id).unlink(missing_ok=True)  # before the record says that the job has ended
        while True:
            try:
                await self._write(last)
            except OSError:
                structlog.get_logger().exception("record not written", job=last.id)
                await asyncio.sleep(HEARTBEAT_SECONDS)
            else:
                return

    def interrupt(self) -> None:
        """Record that the job ended with its worker."""
        self.record = interrupted(self.record)
        self._account_for(self.record)
        write_record(self._settings.jobs_dir, self.record)

    def _account_for(self, record: JobRecord) -> None:
        account_for_end(self._settings, self._metrics, record, self._origin, self._exit)

    async def _write(self, record: JobRecord) -> None:
        """Write the record in a thread, since a slow disk would block the event loop.

        Only the last one must be written: a job goes on while the disk has no room to say how far it is.
        """
        self.record = record
        try:
            await asyncio.to_thread(write_record, self._settings.jobs_dir, record)
        except OSError:
            if record.finished:
                raise
            structlog.get_logger().warning("progress not written", job=record.id, exc_info=True)

    async def beat(self) -> None:
        """Renew the heartbeat until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(FileNotFoundError):
                os.utime(record_path(self._settings.jobs_dir, self.record.id))


def _builds(request: Request) -> bool:
    """Say whether a job is a build or ends with one."""
    if isinstance(request, ImportRequest):
        return request.build is not None and not request.options.dry_run
    return isinstance(request, BuildRequest)
