"""What becomes of an engine's own errors: those of a full disk are the system's, those of memory say what to raise."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.config import Settings
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
    named = {"build_engine": "spark", "spark_remote": f"sc://{address}/;token=secret"}
    settings = Settings().model_copy(update=named)
    with pytest.raises(EngineUnavailable) as raised, open_engine(settings, tmp_path):
        pass
    message = f"The cluster at {address} (ORGCOVERAGE_SPARK_REMOTE) cannot be used: {reason}."
    assert str(raised.value.detail) == message


SLOW = """
import signal
import sys
from pathlib import Path
from app.config import Settings
from app.snapshots.engines import open_engine

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what is started behind a shell's `&`
try:
    with open_engine(Settings(), Path(sys.argv[1])) as engine:
        print("asked", flush=True)
        engine.METHOD("SELECT count(*) AS found FROM range(1000000000000) AS numbered(x) WHERE hash(x) = 1")
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("asked", ["engine.answer(", 'engine.keep("slow", '])
def test_a_query_ends_when_a_terminal_interrupts_it(tmp_path: Path, asked: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW.replace("engine.METHOD(", asked), tmp_path],
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
