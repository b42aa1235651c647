"""Structured logs, request ids and Prometheus metrics.

Never logged: paths, queries and messages of unexpected errors, since each may contain codes, refs or counts.
"""

import asyncio
import logging
import re
import secrets
import sys
import traceback
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, count
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import msgspec
import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID_HEADER = b"x-request-id"

UNMATCHED = "unmatched"
"""Route label of a request that no route matches: its path is the caller's text and would make endless labels."""

ABORTED = "aborted"
"""Status label in metrics of a request whose caller disconnected before an answer began; null in the log."""

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request being answered, part of all its log lines; null outside of requests."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

_encoder = msgspec.json.Encoder()

_process = secrets.token_hex(6)
"""Prefix of generated request ids, so that no two processes generate the same."""

_numbers = count()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of the histogram of durations: from a cached answer to a large file."""


_JOB_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)

JobResult = Literal["succeeded", "refused", "failed", "interrupted"]
"""How a job ended: `refused` where what was sent is to blame, `failed` where the service is."""


class RequestLine(msgspec.Struct, frozen=True, gc=False):
    """The log line of a request; encoded directly, since structlog takes 15 µs longer."""

    method: str
    route: str
    status: int | None
    bytes: int
    milliseconds: float
    request_id: str
    at: datetime
    event: str = "request"
    level: str = "info"


@dataclass
class _Durations:
    """How many durations are within each of `_SECONDS` and not the one before, or beyond all; their sum, seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_SECONDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Add one."""
        self.counts[bisect_left(_SECONDS, seconds)] += 1
        self.total += seconds


class Metrics:
    """The Prometheus metrics of one application, in their own registry, so that applications do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.jobs_ended = Counter(
            "orgcoverage_jobs_ended",
            "Jobs that ended, by result: succeeded, refused (what was sent), failed (the service), interrupted.",
            ("kind", "result"),
            registry=self.registry,
        )
        self.job_seconds = Histogram(
            "orgcoverage_job_seconds",
            "Time from a job's start to its end, seconds.",
            ("kind",),
            buckets=_JOB_SECONDS,
            registry=self.registry,
        )
        self.figures = CollectorRegistry()
        self.import_rows = Counter(
            "orgcoverage_import_rows",
            "Rows of imports: inserted, changed, unchanged, deleted; refused: errors of rows.",
            ("dataset", "outcome"),
            registry=self.figures,
        )
        # Plain numbers: the locks of counters would take a third of the time of a cached answer.
        self.cache_hits = self.cache_misses = 0
        self._requests: dict[tuple[str, str, str], int] = defaultdict(int)
        self._durations: dict[tuple[str, str], _Durations] = defaultdict(_Durations)

    def count(self, line: RequestLine) -> None:
        """Count one request and its duration."""
        self._requests[line.method, line.route, ABORTED if line.status is None else str(line.status)] += 1
        self._durations[line.method, line.route].add(line.milliseconds / 1000)

    def count_job(self, kind: str, result: JobResult, seconds: float) -> None:
        """Count the end of a job, and how long it ran."""
        self.jobs_ended.labels(kind, result).inc()
        self.job_seconds.labels(kind).observe(seconds)

    def count_rows(self, dataset: str, rows: Mapping[str, int]) -> None:
        """Count the rows of an import by what was done with them."""
        for outcome, number in rows.items():
            self.import_rows.labels(dataset, outcome).inc(number)

    def render(self, now: Iterable[Metric] = (), *, with_figures: bool = True) -> bytes:
        """Return all metrics in the Prometheus text format.

        Parameters
        ----------
        now
            What is so at the moment, beside what was counted.
        with_figures
            Whether the caller may know how many rows came in.
        """
        moment = CollectorRegistry()
        moment.register(_Moment([*now, self._answered(), self._lasted(), self._cache()]))
        registries = [self.registry, moment, *([self.figures] if with_figures else [])]
        return b"".join(map(generate_latest, registries))

    def _answered(self) -> Metric:
        answered = CounterMetricFamily(
            "orgcoverage_http_requests",
            "Requests answered, by method, route template and status.",
            labels=("method", "route", "status"),
        )
        for labels, number in self._requests.items():
            answered.add_metric(labels, number)
        return answered

    def _lasted(self) -> Metric:
        lasted = HistogramMetricFamily(
            "orgcoverage_http_request_seconds",
            "Time from the request's first byte to the answer's last, seconds.",
            labels=("method", "route"),
        )
        for labels, durations in self._durations.items():
            bounds = map(floatToGoString, (*_SECONDS, inf))
            lasted.add_metric(labels, [*zip(bounds, accumulate(durations.counts), strict=True)], durations.total)
        return lasted

    def _cache(self) -> Metric:
        asked = CounterMetricFamily(
            "orgcoverage_answer_cache",
            "Questions of which answers are cached, hit or miss.",
            labels=["result"],
        )
        asked.add_metric(["hit"], self.cache_hits)
        asked.add_metric(["miss"], self.cache_misses)
        return asked


class _Moment(Collector):
    """Families of metrics made for one answer."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


class RequestAccounting:
    """ASGI middleware: gives each request an id, counts and times it, and writes its one log line.

    A well-formed `X-Request-ID` of the caller is used; the id is sent back, and is part of all log lines of the request
    and of `scope["state"]["request_id"]`.
    """

    def __init__(self, app: Application, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        self._finished: list[tuple[str, str, int | None, int, float, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass unchanged."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        header = (REQUEST_ID_HEADER, request_id.encode())
        status: int | None = None
        size = 0

        async def counting_send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            else:
                size += len(message.get("body", b""))
            await send(message)

        token = REQUEST_ID.set(request_id)
        try:
            await self.app(scope, receive, counting_send)
        finally:
            REQUEST_ID.reset(token)
            self._finish(scope, request_id, status, size, perf_counter() - started)

    def _finish(self, scope: Scope, request_id: str, status: int | None, size: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._finished.append((method, route, status, size, int(seconds * 1e6) / 1000, request_id))
        if len(self._finished) == 1:
            asyncio.get_running_loop().call_soon(self._account)

    def _account(self) -> None:
        """Count and log the requests that ended in one iteration of the event loop: cheaper together."""
        ended, self._finished = self._finished, []
        now = datetime.now(UTC)
        finished = [RequestLine(*line, now) for line in ended]
        for line in finished:
            self.metrics.count(line)
        # One write, so that no other line gets in between.
        sys.stdout.buffer.write(b"".join([_encoder.encode(line) + b"\n" for line in finished]))
        sys.stdout.buffer.flush()


def configure_logging() -> None:
    """Send all logs of this process, including those of libraries, to standard output, one JSON object per line."""
    shared: list[structlog.typing.Processor] = [
        _add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _add_failure,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=lambda *args, **kw: _json(*args, **kw).decode()),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    _silence_uvicorn()


def _silence_uvicorn() -> None:
    """Keep uvicorn from logging on its own: its access log contains paths, its tracebacks contain messages."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"


def failure(error: BaseException) -> dict[str, Any]:
    """Return what may be logged of an error: its type and stack frames, never its message.

    A message may contain a ref or a count.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "frames": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _add_request_id(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    request_id = REQUEST_ID.get()
    return event if request_id is None else {"request_id": request_id, **event}


def _add_failure(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    return {**event, **failure(error)} if isinstance(error, BaseException) else event


def _json(event: structlog.typing.EventDict, **_options: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER and _REQUEST_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    return f"{_process}{next(_numbers):08x}"
