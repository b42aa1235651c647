"""What becomes of an engine's own errors: those of a full disk are the system's, those of memory say what to raise."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import duckdb
import pyarrow as pa
import pytest

from app.config import Settings
from app.snapshots.duckdb_engine import Dealing
from app.snapshots.engines import EngineUnavailable, open_engine
from app.snapshots.pool import BuildOutOfMemory


def test_the_systems_error_is_raised_when_the_disk_is_full(tmp_path: Path) -> None:
    (tmp_path / "one.parquet").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as raised, open_engine(Settings(), tmp_path) as engine:
        engine.store("one", "SELECT 1 AS one")
    assert raised.value.errno == errno.ENOSPC


def test_the_setting_is_named_when_its_memory_does_not_suffice(tmp_path: Path) -> None:
    settings = Settings(build_memory="32MB")
    with pytest.raises(BuildOutOfMemory, match="ORGCOVERAGE_BUILD_MEMORY=32MB"), open_engine(settings, tmp_path) as it:
        it.answer("SELECT list(number) AS numbers FROM range(20000000) AS numbered(number)")


@pytest.mark.parametrize(
    ("address", "reason"), [("127.0.0.1:1", "nothing listens there"), ("no.such.invalid", "the host is not known")]
)
def test_the_address_and_its_setting_are_named_when_no_cluster_is_there(
    tmp_path: Path, address: str, reason: str
) -> None:
    named = {"build_engine": "spark", "spark_remote": f"sc://{address}/;user_id=secret"}
    settings = Settings().model_copy(update=named)
    with pytest.raises(EngineUnavailable) as raised, open_engine(settings, tmp_path):
        pass
    message = f"The cluster at {address} (ORGCOVERAGE_SPARK_REMOTE) cannot be used: {reason}."
    assert str(raised.value.detail) == message


def test_no_more_parts_are_begun_when_one_fails(tmp_path: Path) -> None:
    failing = (
        "SELECT CASE WHEN hash(code) % 50 = 0 THEN error('the first part fails') ELSE code END, slow FROM thing "
        "CROSS JOIN (SELECT sum(hash(number)) AS slow FROM range(2000000) AS numbered(number)) AS slowly WHERE slow > 0"
    )
    with open_engine(Settings(build_processes=2), tmp_path) as engine:
        engine.lend("thing", pa.table({"code": [str(number) for number in range(5000)]}))
        engine.divide({"thing": Dealing("thing", "code")}, 50)
        with pytest.raises(duckdb.InvalidInputException, match="the first part fails"):
            engine.store("answer", failing, "thing")
    assert len(list((tmp_path / "answer").iterdir())) < 40  # of 49 that do not fail


JOB = "Job aborted due to stage failure: Task 0 in stage 2.0 failed 4 times, most recent failure: Lost task 0.3 "
FRAMES = """
\tat org.apache.hadoop.fs.FileSystem.create(FileSystem.java:1234)
\tat org.apache.spark.sql.execution.datasources.parquet.ParquetOutputWriter.<init>(ParquetOutputWriter.scala:36)
"""


class Failed(Exception):
    """An error of the client of Spark Connect, with what Apache Spark 4.2 says, shortened."""

    __module__ = "pyspark.errors.exceptions.connect"

    def __init__(self, condition: str | None, text: str) -> None:
        super().__init__(text)
        self._condition = condition

    def getCondition(self) -> str | None:  # noqa: N802 - its name there
        return self._condition


@pytest.mark.parametrize(
    ("condition", "text", "cause"),
    [
        (
            "RESPONSE_ALREADY_RECEIVED",
            "INVALID_HANDLE.SESSION_NOT_FOUND on the server but responses were already received from it.",
            "its session has expired, or it began anew",
        ),
        (None, "(java.lang.IllegalStateException) Cannot call methods on a stopped SparkContext.", "it was stopped"),
        (None, "Job 3 cancelled because SparkContext was shut down", "it was stopped"),
        (
            "TASK_WRITE_FAILED",
            "[TASK_WRITE_FAILED] Task failed while writing rows to file:/shared/m1. SQLSTATE: 58030"
            f"{FRAMES}Caused by: org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device",
            "its disk is full",
        ),
        (
            None,
            f"{JOB}(TID 232) (127.0.0.1 executor 0): java.io.IOException: No space left on device{FRAMES}",
            "its disk is full",
        ),
        ("OPERATION_CANCELED", "[OPERATION_CANCELED] Operation has been canceled.", "the query was cancelled there"),
        (
            None,
            f'(org.apache.hadoop.fs.UnsupportedFileSystemException) No FileSystem for scheme "s3"{FRAMES}',
            "it has nothing for this kind of object store (hadoop-aws, spark.hadoop.fs.s3.impl)",
        ),
        (
            None,
            "(java.lang.RuntimeException) java.lang.ClassNotFoundException: org.apache.hadoop.fs.s3a.S3AFileSystem",
            "it has nothing for this kind of object store (hadoop-aws, spark.hadoop.fs.s3.impl)",
        ),
        (
            None,
            f"(java.nio.file.AccessDeniedException) s3://m1: getFileStatus on s3://m1: Forbidden{FRAMES}",
            "it cannot read the extracts, or write to ORGCOVERAGE_SPARK_FOLDER",
        ),
        (
            None,
            "(org.apache.hadoop.fs.s3a.AWSClientIOException) getFileStatus on s3://m1: Connection refused",
            "it cannot read the extracts, or write to ORGCOVERAGE_SPARK_FOLDER",
        ),
        (
            None,
            f"{JOB}(TID 4) (127.0.0.1 executor 1): ExecutorLostFailure (executor 1 exited caused by one of the running "
            "tasks) Reason: Command exited with code 137",
            "it lost an executor, or its memory did not suffice",
        ),
        (
            None,
            f"{JOB}(TID 6) (127.0.0.1 executor 2): java.lang.OutOfMemoryError: Java heap space",
            "it lost an executor, or its memory did not suffice",
        ),
        (
            "PATH_NOT_FOUND",
            "[PATH_NOT_FOUND] Path does not exist: file:/shared/m1. SQLSTATE: 42K03",
            "it cannot read the extracts, or write to ORGCOVERAGE_SPARK_FOLDER",
        ),
        (
            "FAILED_READ_FILE.FILE_NOT_EXIST",
            "[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file file:///shared/m1. SQLSTATE: KD001",
            "it cannot read the extracts, or write to ORGCOVERAGE_SPARK_FOLDER",
        ),
        (
            None,
            f"{JOB}(TID 30) (127.0.0.1 executor 1): java.io.IOException: Mkdirs failed to create file:/shared/m1",
            "it cannot read the extracts, or write to ORGCOVERAGE_SPARK_FOLDER",
        ),
        ("CAST_INVALID_INPUT", f"[CAST_INVALID_INPUT] The value 'm1' of the type cannot be cast.{FRAMES}", "it failed"),
    ],
)
def test_the_cause_is_told_without_data_when_apache_spark_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, condition: str | None, text: str, cause: str
) -> None:
    def failing(_remote: str) -> NoReturn:
        raise Failed(condition, text)

    monkeypatch.setattr("app.snapshots.engines._session", failing)
    settings = Settings().model_copy(update={"build_engine": "spark", "spark_remote": "sc://spark.example"})
    with pytest.raises(EngineUnavailable) as raised, open_engine(settings, tmp_path):
        pass
    named = ", ".join(filter(None, ["Failed", condition]))
    message = "The cluster at spark.example (ORGCOVERAGE_SPARK_REMOTE) cannot be used: "
    assert str(raised.value.detail) == f"{message}{cause} ({named}; its own log says more)."


SLOW = """
import signal
import sys
from pathlib import Path
import pyarrow as pa
from app.config import Settings
from app.snapshots.duckdb_engine import Dealing
from app.snapshots.engines import open_engine

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what is started behind a shell's `&`
try:
    with open_engine(Settings(build_processes=2), Path(sys.argv[1])) as engine:
        engine.lend("thing", pa.table({"code": ["1", "2", "3"]}))
        engine.divide({"thing": Dealing("thing", "code")}, 50)
        print("asked", flush=True)
        engine.METHOD("SELECT count(*) AS found FROM range(1000000000000) AS numbered(x) WHERE hash(x) = 1"MORE)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ("engine.answer(", ""),
        ('engine.keep("slow", ', ""),
        ('engine.keep("slow", ', ', "thing", Dealing("slow", "found")'),
    ],
)
def test_a_query_ends_when_a_terminal_interrupts_it(tmp_path: Path, asked: str, more: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW.replace("engine.METHOD(", asked).replace("MORE", more), tmp_path],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (130, b"")
    assert list(tmp_path.iterdir()) == []
