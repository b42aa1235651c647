"""Limits on a process while it reads what strangers made."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited(memory_bytes: int, seconds: int) -> Iterator[None]:
    """Bound what the process may do inside the block; where the system has no such limits, nothing is bound.

    The process ends by a signal or a failed allocation where it goes beyond: for processes that do one job.

    Parameters
    ----------
    memory_bytes
        Memory it may take on top of what it has.
    seconds
        Processor time it may use on top of what it has used.
    """
    try:
        import resource  # noqa: PLC0415  # not on every system
    except ImportError:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    bounds = {
        resource.RLIMIT_DATA: _data_bytes() + memory_bytes,
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + seconds,
    }
    before = {kind: resource.getrlimit(kind) for kind in bounds}
    try:
        for kind, bound in bounds.items():
            resource.setrlimit(kind, (_lower(bound, *before[kind]), before[kind][1]))
        yield
    finally:
        for kind, limits in before.items():
            resource.setrlimit(kind, limits)


def _lower(bound: int, soft: int, hard: int) -> int:
    return min([bound, *(limit for limit in (soft, hard) if limit >= 0)])


def _data_bytes() -> int:
    """Return the private memory of the process, as Linux counts it for the limit."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmData:"))
