"""Measuring: rounds in which rivals take turns, work in processes of its own, one line per figure."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import ParamSpec

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class Run:
    """What some work took: seconds, and the peak resident memory of its process, MiB."""

    seconds: float
    peak: float


@dataclass(frozen=True)
class Pair:
    """Runs of ours and of a rival, one of each per round."""

    ours: Sequence[float]
    rival: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times the rival's speed ours is: the median of the rounds."""
        return median(theirs / own for own, theirs in zip(self.ours, self.rival, strict=True))


def apart(work: Callable[Arguments, float], *args: Arguments.args, **options: Arguments.kwargs) -> Run:
    """Do some work, which times itself in seconds, in a fresh process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_run, work, *args, **options).result()


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the seconds of the quickest of several goes: what the work takes when nobody interrupts."""
    return min(timed(work) for _ in range(times))


def paired(rounds: int, ours: Callable[[], float], rival: Callable[[], float]) -> Pair:
    """Measure a rival and ours in turns."""
    runs = [(rival(), ours()) for _ in range(rounds)]
    return Pair([own for _, own in runs], [theirs for theirs, _ in runs])


def show(what: str, value: float, unit: str, target: str = "") -> None:
    """Print one figure, and what it is to reach."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3  # noqa: PLR2004 - three significant digits
    print(f"{what:<76} {value:>9,.{digits}f} {unit:<8} {target}".rstrip(), flush=True)


def show_pair(what: str, pair: Pair, rival: str, target: str = "") -> None:
    """Print how ours compares with a rival, and the times of both."""
    show(f"{what}: speed over {rival}", pair.ratio, "x", target)
    show(f"{what}: ours", median(pair.ours), "s")
    show(f"{what}: {rival}", median(pair.rival), "s")


def resident(field: str = "VmRSS", process: int | str = "self") -> float:
    """Return a line of a process's memory, MiB: `VmRSS`, `VmHWM` (its peak), `RssAnon` (what is its own)."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def _run(work: Callable[..., float], *args: object, **options: object) -> Run:
    return Run(work(*args, **options), resident("VmHWM"))
