"""Processes that work for another: in order, once each, and never longer than that one."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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


INTERRUPTED = """
import signal
import sys
from pathlib import Path
from app.snapshots.pool import each
from tests.unit.test_pool import sleep
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what is started behind a shell's `&`
    try:
        Path(sys.argv[1], "begun").touch()
        list(each(sleep, sys.argv[1], ["one", "two", "three"], 2))
    except KeyboardInterrupt:
        sys.exit(130)
"""


AMID_A_BEGINNING = """
import os
import signal
import sys
import threading
import time
from multiprocessing import util
from app.snapshots.pool import each
from tests.unit.test_pool import sleep
def begin_and_interrupt(*given, begin=util.spawnv_passfds, begun=[]):
    process = begin(*given)
    begun.append(process)
    if len(begun) == 3:  # the resource tracker, the first process, and the second, which has not been told anything
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
    return process
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()  # a system gives it what the others let wait
    util.spawnv_passfds = begin_and_interrupt
    try:
        list(each(sleep, sys.argv[1], ["one", "two", "three"], 2))
    except KeyboardInterrupt:
        sys.exit(130)
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


def test_a_thread_may_have_work_done_too() -> None:
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: list(each(added, 10, range(3), 2))).result()
    assert [result for result, _ in found] == [10, 11, 12]


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
    with subprocess.Popen([sys.executable, script, tmp_path], env=environment, stderr=subprocess.PIPE) as process:
        while not all(name.exists() and name.read_text() for name in names):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        process.kill()
        assert process.stderr is not None
        assert process.stderr.read() == b""  # at its end all have ended that write there
    for name in names:
        while runs(int(name.read_text())):
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.mark.parametrize("after", [0, 0.05, 0.1, 0.2, 0.4, None])
def test_nothing_is_printed_when_a_terminal_interrupts_all(tmp_path: Path, after: float | None) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    awaited, until = tmp_path / ("begun" if after is not None else "two"), time.monotonic() + 60
    with subprocess.Popen(
        [sys.executable, script, tmp_path], env=environment, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not awaited.exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(after or 0)
        os.killpg(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (130, b"")


def test_nothing_is_printed_when_an_interrupt_comes_while_a_process_begins(tmp_path: Path) -> None:
    script = tmp_path / "amid.py"
    script.write_text(AMID_A_BEGINNING)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, script, tmp_path], env=environment, stderr=subprocess.PIPE, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, b"")


def runs(process: int) -> bool:
    try:
        os.kill(process, signal.SIG_DFL)
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    except (ProcessLookupError, FileNotFoundError):
        return False
