"""Engines that answer the SQL texts over Parquet files: DuckDB in this process, or a cluster by Spark Connect.

None of this code runs in a cluster: it is given texts, reads the extracts where they lie, and writes Parquet files.
"""

import re
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from app.config import Settings, secret_in
from app.errors import TemporarilyUnavailable
from app.messages import Message, say
from app.snapshots.duckdb_engine import Dealing, open_duckdb
from app.snapshots.storage import Storage, open_storage, place_of

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession


_PORT = 15002
"""The port of Spark Connect where the address has none."""

_CONNECT_SECONDS = 10

_ANSWER_SECONDS = 30
"""A server may have to make a session first."""

_KEEPALIVE_MS = 360_000
"""How often a server at work is asked whether it is there; of more than one in five minutes Spark complains."""

_RETRIES = 6
"""How often its client asks again where the connection breaks: for about a minute."""

_RETRIES_AT_FIRST = 3
"""And at first: for about a second, since what answers wrongly then is no server that is at work."""

_IDLE_SECONDS, _GIVEN_UP_SECONDS = 60, 3600
"""After this time without a task at work in a cluster it is told, and given up: a build holds up all others."""

_CAUSES = (
    (r"INVALID_HANDLE|SessionNotSame|session .* is not running", say("its session has expired, or it began anew")),
    ("stopped SparkContext|SparkContext was shut ?down", say("it was stopped")),
    ("OPERATION_CANCELED", say("the query was cancelled there")),
    ("No authentication token", say("it asks for a token (ORGCOVERAGE_SPARK_TOKEN_FILE)")),
    ("UNAUTHENTICATED|PERMISSION_DENIED|Illegal metadata", say("it refuses the token")),
    ("[Tt]ls handshake", say("TLS with it fails, which a token needs")),
    ("UNIMPLEMENTED", say("what answers there does not speak Spark Connect")),
    ("No space left", say("its disk is full")),
    (
        "ExecutorLost|Executor lost|FetchFailed|OutOfMemory|Resources exhausted",
        say("it lost an executor, or its memory did not suffice"),
    ),
    (
        "No FileSystem for scheme|ClassNotFound|NoClassDefFound",
        say("it has nothing for this kind of object store (hadoop-aws, spark.hadoop.fs.s3.impl)"),
    ),
    (
        r"PATH_NOT_FOUND|FAILED_READ_FILE|Mkdirs failed|FileNotFound|No such file|[Pp]ermission denied|Access ?Denied"
        r"|AccessControl|hadoop\.fs\.|[Pp]arquet|[Oo]bject ?[Ss]tore|FileSystem|UnknownHost|Name or service",
        say("it cannot read the extracts, or write to ORGCOVERAGE_SPARK_FOLDER"),
    ),
    (
        "AnalysisException|ParseException",
        say("it lacks a table or column, as where it does not see the extracts, or does not understand the SQL"),
    ),
    ("UNAVAILABLE|DEADLINE", say("the connection broke off")),
)
"""What is behind an error of a cluster, by the first of these words that it has; its own text may hold data."""

_PRINTED = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""Logs of its client, which print the text of an error to this process's own."""

_FRAMES = re.compile(r"^\s+at .*$", re.MULTILINE)
"""Lines of Java's stacks; they name Parquet and file systems whatever has failed."""


class EngineUnavailable(TemporarilyUnavailable):
    """The engine of builds cannot be reached or has failed; nothing is built."""

    code = "engine-unavailable"
    title = "Engine unavailable"


class Engine(Protocol):
    """Tables by name, and texts that are answered from them."""

    def divide(self, dealings: Mapping[str, Dealing], parts: int) -> None:
        """Deal out some tables, and what is kept from now on, unless the engine divides its work by itself."""

    def read(self, name: str, files: Sequence[str]) -> None:
        """Make Parquet files a table."""

    def lend(self, name: str, rows: pa.Table) -> None:
        """Make rows a table."""

    def name(self, name: str, text: str) -> None:
        """Make the answer to a text a table, to be found anew whenever it is read."""

    def answer(self, text: str) -> pa.Table:
        """Answer a text with few rows."""

    def keep(self, name: str, text: str, within: str | None = None, dealing: Dealing | None = None, /) -> None:
        """Answer a text once, and make the answer a table; it goes when the engine is closed.

        `within` a group, the text can be answered for each of its parts, and the answers are all rows.
        """

    def store(self, name: str, text: str, within: str | None = None, /) -> Path:
        """Do so, and return a Parquet file of it here that stays, or the folder of several."""


@contextmanager
def open_engine(settings: Settings, folder: Path) -> Iterator[Engine]:
    """Give the engine of the settings; `folder` is for what it writes.

    Raises
    ------
    EngineUnavailable
        The cluster cannot be reached, refuses, or fails.
    BuildOutOfMemory
        DuckDB is given too little memory.
    OSError
        The disk is full.
    """
    if settings.build_engine == "duckdb":
        with open_duckdb(settings, folder) as here:
            yield here
        return
    shared = open_storage(settings.spark_folder or str(folder), settings.extract_credentials_file)
    with warnings.catch_warnings(), _failures_named(settings.spark_remote):
        warnings.simplefilter("ignore")  # its client's own, of the newest pandas and of what it tries again
        session = _session(settings)
        engine = _Spark(session, shared, folder, place_of(settings) if settings.spark_folder else "build")
        engine.clear()  # of a killed build
        try:
            yield engine
        finally:
            engine.clear()
            session.stop()


class _Spark:
    """A server of Spark Connect: Apache Spark, or Sail."""

    def __init__(self, session: "SparkSession", shared: Storage, folder: Path, place: str) -> None:
        self._session = session
        self._shared = shared
        self._folder = folder
        self._place = place
        self._prefix = f"{place}/{secrets.token_hex(8)}"  # the cluster may still be at work for a killed build

    def divide(self, dealings: Mapping[str, Dealing], parts: int) -> None:
        pass  # a cluster does so by itself

    def read(self, name: str, files: Sequence[str]) -> None:
        self._session.read.parquet(*files).createOrReplaceTempView(name)

    def lend(self, name: str, rows: pa.Table) -> None:
        written, place = self._folder / f"{name}.parquet", f"{self._prefix}/{name}.parquet"
        pq.write_table(rows, written, compression="zstd")
        self._shared.take(place, written)
        self.read(name, [self._shared.address(place)])

    def name(self, name: str, text: str) -> None:
        self._session.sql(text).createOrReplaceTempView(name)

    def answer(self, text: str) -> pa.Table:
        return _plain(self._session.sql(text).toArrow())

    def keep(self, name: str, text: str, _within: str | None = None, _dealing: Dealing | None = None) -> None:
        place = f"{self._prefix}/{name}"
        self._session.sql(text).write.parquet(self._shared.address(place))
        if self._shared.holds(place):
            self.read(name, [self._shared.address(place)])
        else:  # a server may write nothing where there are no rows
            self.name(name, text)

    def store(self, name: str, text: str, _within: str | None = None) -> Path:
        self.keep(name, text)
        target = self._folder / name
        target.mkdir()
        if not self._shared.copy_all(f"{self._prefix}/{name}", target):
            pq.write_table(self.answer(text), target / "none.parquet")
        return target

    def clear(self) -> None:
        """Remove from the shared storage what was written there, by killed builds too."""
        self._shared.remove_all(self._place)


class _Watch:
    """Is told every two seconds how far a cluster is with a query, and tells if it does not work on it."""

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._idle_since: float | None = None
        self._told = False

    def __call__(self, stages: object, inflight_tasks: int, operation_id: object, done: bool) -> None:  # noqa: ARG002, FBT001 - its client calls it so
        if done or inflight_tasks:
            self._idle_since, self._told = None, False
            return
        self._idle_since = self._idle_since or time.monotonic()
        idle = time.monotonic() - self._idle_since
        if idle >= _GIVEN_UP_SECONDS:
            message = "for {number} minutes no executor was at work on a query"
            raise _unavailable(self._remote, say(message, number=_GIVEN_UP_SECONDS // 60))
        if idle >= _IDLE_SECONDS and not self._told:
            self._told = True
            structlog.get_logger().warning("cluster idle", seconds=round(idle))


def _session(settings: Settings) -> "SparkSession":
    remote, address = settings.spark_remote, urlsplit(settings.spark_remote)
    try:  # the client would go on trying for many minutes
        socket.create_connection((address.hostname or "", address.port or _PORT), timeout=_CONNECT_SECONDS).close()
    except socket.gaierror as error:
        raise _unavailable(remote, say("the host is not known")) from error
    except TimeoutError as error:
        raise _unavailable(remote, say("no answer within {number} s", number=_CONNECT_SECONDS)) from error
    except OSError as error:
        raise _unavailable(remote, say("nothing listens there")) from error
    from pyspark.logger import PySparkLogger  # noqa: PLC0415 - of an extra
    from pyspark.sql.connect.client import DefaultChannelBuilder  # noqa: PLC0415 - as above
    from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415 - as above
    from pyspark.sql.connect.session import SparkSession  # noqa: PLC0415 - as above

    for log in _PRINTED:
        PySparkLogger.getLogger(log).disabled = True
    channel = DefaultChannelBuilder(remote)
    channel.setChannelOption("grpc.keepalive_time_ms", _KEEPALIVE_MS)
    if settings.spark_token_file is not None:
        channel.set(channel.PARAM_TOKEN, secret_in(settings.spark_token_file))
    session = SparkSession.builder.channelBuilder(channel).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES_AT_FIRST)])
    _await_answer(session, remote)
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
    session.registerProgressHandler(_Watch(remote))
    return session


def _await_answer(session: "SparkSession", remote: str) -> None:
    """Ask something; what listens but never answers would be waited for without end."""
    answer = Future[object]()

    def ask() -> None:
        try:
            answer.set_result(session.sql("SELECT 1"))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer.result(_ANSWER_SECONDS)
    except Exception as error:
        session.client.close()  # else this process would ask again when it ends
        if not isinstance(error, TimeoutError):
            raise
        raise _unavailable(remote, say("no answer within {number} s", number=_ANSWER_SECONDS)) from error


@contextmanager
def _failures_named(remote: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"pyspark", "grpc"}:
            raise
        raise _unavailable(remote, _cause(error)) from error


def _cause(error: Any) -> Message:
    """Say what is behind an error of the cluster or its client, with its class, and its condition if it has one."""
    condition = error.getCondition() if hasattr(error, "getCondition") else None
    status = error.code() if hasattr(error, "code") else getattr(error, "getGrpcStatusCode", str)()
    text = _FRAMES.sub("", f"{type(error).__name__} {condition} {status} {error}")
    what = next((cause for words, cause in _CAUSES if re.search(words, text)), say("it failed"))
    kind = type(error).__name__.lstrip("_")
    if kind == "UnknownException" and (java := re.match(r"\(([\w.$]+)\) ", str(error))):
        kind = java[1].rpartition(".")[2]
    named = ", ".join(filter(None, [kind, condition]))
    return say("{what} ({error}; its own log says more)", what=what, error=named)


def _unavailable(remote: str, reason: Message) -> EngineUnavailable:
    address = urlsplit(remote).netloc.rpartition("@")[2]  # parameters after it may be a token
    message = say(
        "The cluster at {address} (ORGCOVERAGE_SPARK_REMOTE) cannot be used: {reason}.", address=address, reason=reason
    )
    return EngineUnavailable(message)


def _plain(table: pa.Table) -> pa.Table:
    """Return rows with texts of the usual type; servers send views of texts and long texts."""
    texts = {pa.large_string(), pa.string_view()}
    schema = pa.schema([field.with_type(pa.string()) if field.type in texts else field for field in table.schema])
    return table.cast(schema)
