"""Measuring: alternating rounds of ours and a rival, work in child processes, one line per figure."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import ParamSpec

Arguments = ParamSpec("Arguments")

RECORD = "ORGCOVERAGE_BENCHMARK_RECORD"
"""Variable with the file to which each figure is added as a line of JSON, if set."""


@dataclass(frozen=True)
class Run:
    """Time and memory of some work.

    Parameters
    ----------
    seconds
        Elapsed time.
    cpu
        CPU time of the process, of those that it started, and, if measured, of the database server, seconds.
    peak
        Peak resident memory of the process, MiB.
    """

    seconds: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Pair:
    """Runs of ours and of a rival, one of each per round."""

    ours: Sequence[Run]
    rival: Sequence[Run]

    @property
    def speed(self) -> float:
        """Our speed relative to the rival's, by elapsed time: median of the rounds."""
        return median(theirs.seconds / own.seconds for own, theirs in zip(self.ours, self.rival, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """The rival's CPU time over ours, median of the rounds; less affected by other load on the machine."""
        return median(theirs.cpu / own.cpu for own, theirs in zip(self.ours, self.rival, strict=True))

    @property
    def peak(self) -> float:
        """Highest peak memory of ours, MiB."""
        return max(run.peak for run in self.ours)


def in_subprocess(work: Callable[Arguments, Run], *args: Arguments.args, **options: Arguments.kwargs) -> Run:
    """Run some work, which measures itself, in a new process, forked from one that has imported what this one has."""
    context = get_context("forkserver")
    context.set_forkserver_preload([name for name in sys.modules if name.startswith(("app.", "benchmarks."))])
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(work, *args, **options).result()


def measured(work: Callable[[], object]) -> Run:
    """Run some work and return its time and memory."""
    started, used = time.perf_counter(), _cpu()
    work()
    return Run(time.perf_counter() - started, _cpu() - used, resident("VmHWM"))


def _cpu() -> float:
    """Return the CPU time of this process and of its children that have ended: large builds have some, seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def shortest(times: int, work: Callable[[], object]) -> float:
    """Return the shortest time of several runs, seconds: the least affected by other load."""
    return min(measured(work).seconds for _ in range(times))


def paired(rounds: int, ours: Callable[[], Run], rival: Callable[[], Run]) -> Pair:
    """Measure a rival and ours alternately."""
    runs = [(rival(), ours()) for _ in range(rounds)]
    return Pair([own for _, own in runs], [theirs for theirs, _ in runs])


def show(what: str, value: float, unit: str, target: str = "") -> None:
    """Print one figure with three significant digits, and its target."""
    digits = next((number for number, least in enumerate((100, 10, 1)) if value >= least), 3)
    print(f"{what:<80} {value:>10,.{digits}f} {unit:<8} {target}".rstrip(), flush=True)
    if path := os.environ.get(RECORD):
        with Path(path).open("a", encoding="utf-8") as record:
            record.write(json.dumps({"what": what, "value": value, "unit": unit, "target": target}) + "\n")


def show_load() -> None:
    """Print the machine's load average of the last minute: whether others used it."""
    show("load average of the machine before", os.getloadavg()[0], "")


def show_pair(what: str, pair: Pair, rival: str, target: str = "") -> None:
    """Print how ours compares with a rival, and the times of both."""
    show(f"{what}: speed over {rival}", pair.speed, "x", target)
    show(f"{what}: CPU time of {rival} over ours", pair.cpu_ratio, "x")
    show(f"{what}: ours", median(run.seconds for run in pair.ours), "s")
    show(f"{what}: {rival}", median(run.seconds for run in pair.rival), "s")


def resident(field: str = "VmRSS", process: int | str = "self") -> float:
    """Return a process's memory, MiB: `VmRSS` (resident), `VmHWM` (peak), `RssAnon` (its own, without mapped files)."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024
