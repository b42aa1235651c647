"""Work on many things in processes of this machine, which end with this one however it ends."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from typing import Any, TypeVar

from app.config import Settings
from app.errors import ServiceError
from app.messages import say

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")


class BuildOutOfMemory(ServiceError):
    """A build needs more memory than there is, or than it may take; nothing is built."""

    code = "build-out-of-memory"
    title = "Build out of memory"


def processes_of(settings: Settings) -> int:
    """Return how many processes, or threads of one, a build uses: as many as this one may use cores, if none is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return settings.build_processes or cores or 1


def each(
    work: Callable[[Common, Item], Result], common: Common, items: Sequence[Item], processes: int
) -> Iterator[Result]:
    """Yield what a function of a module returns for each item, in their order; what all have in common is sent once.

    With one process, or for one item, it runs here.

    Raises
    ------
    BuildOutOfMemory
        One of the processes was killed; systems do that where there is too little memory.
    """
    if min(processes, len(items)) <= 1:
        for item in items:
            yield work(common, item)
        return
    workers, others = min(processes, len(items)), active_children()
    sys.warnoptions.append(_NO_WARNING)
    executor = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (_Work(work, common),))
    try:
        with _signals_held_back():
            results = executor.map(_do, items)  # begins all processes, which have the signals held back too
        yield from results
    except BrokenProcessPool as error:
        message = say(
            "A process of the build was killed, most likely for lack of memory; ORGCOVERAGE_BUILD_PROCESSES={number} "
            "would need less.",
            number=max(workers // 2, 1),
        )
        raise BuildOutOfMemory(message) from error
    except BaseException:  # nobody wants the rest
        for process in set(active_children()) - set(others):
            process.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let signals to this process wait meanwhile, also those that a system gives to another of its threads."""
    waiting = list[int]()
    handled = _OF_THE_PARENT if threading.current_thread() is threading.main_thread() else ()  # no other one may
    handlers = {number: signal.signal(number, lambda one, _: waiting.append(one)) for number in handled}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for held in waiting:
            signal.raise_signal(held)


_OF_THE_PARENT = (signal.SIGTERM, signal.SIGINT)
"""Signals that a system or a terminal sends to all processes at once; they are for the one that began the others."""

_NO_WARNING = "ignore:resource_tracker:UserWarning"
"""For the process that clears up after killed ones: it says so on their standard error."""


@dataclass(frozen=True)
class _Work:
    function: Callable[[Any, Any], Any]
    common: Any


_given: list[_Work] = []


def _begin(work: _Work) -> None:
    """Begin a process, whose signals are held back until here."""
    for number in _OF_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _given.append(work)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _do(item: Any) -> Any:
    [work] = _given
    return work.function(work.common, item)
