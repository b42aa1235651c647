"""Processes that work for another: in order, once each, and never longer than that one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.snapshots.pool import BuildOutOfMemory, each

SLEEPERS = """
import sys, time
from app.snapshots.pool import each
from tests.unit.test_pool import sleep
if __name__ == "__main__":
    list(each(sleep, sys.argv[1], ["one", "two"], 2))
"""


def added(common: int, item: int) -> tuple[int, int]:
    return common + item, os.getpid()


def sleep(folder: str, name: str) -> None:
    (Path(folder) / name).write_text(str(os.getpid()))
    time.sleep(600)


def refused(_common: None, item: int) -> int:
    if item == 1:
        raise ValueError(item)
    return item


def killed(_common: None, item: int) -> int:
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_order_when_several_processes_work(processes: int) -> None:
    found = list(each(added, 10, range(5), processes))
    assert [result for result, _ in found] == [10, 11, 12, 13, 14]
    assert (os.getpid() in {process for _, process in found}) is (processes == 1)


def test_what_one_raises_is_raised_here() -> None:
    with pytest.raises(ValueError, match="1"):
        list(each(refused, None, range(3), 2))


def test_memory_is_named_when_one_is_killed() -> None:
    with pytest.raises(BuildOutOfMemory, match="ORGCOVERAGE_BUILD_PROCESSES=1"):
        list(each(killed, None, range(3), 2))


def test_processes_end_when_the_one_that_they_work_for_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    names, until = [tmp_path / "one", tmp_path / "two"], time.monotonic() + 60
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script, tmp_path], env=environment) as process:
        while not all(name.exists() and name.read_text() for name in names):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        process.kill()
    for name in names:
        while runs(int(name.read_text())):
            assert time.monotonic() < until
            time.sleep(0.05)


def runs(process: int) -> bool:
    try:
        os.kill(process, signal.SIG_DFL)
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    except (ProcessLookupError, FileNotFoundError):
        return False
