"""Limits for reading a file: memory and processor time of the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.imports.refusals import FileTooDemanding

_LEAST_SECONDS = 300
_BYTES_A_SECOND = 100_000
"""Bytes of a file for each additional second; rows that differ need a tenth of it."""


def cpu_seconds(path: Path) -> int:
    """Return the processor time that importing a file may take."""
    return _LEAST_SECONDS + path.stat().st_size // _BYTES_A_SECOND


@contextmanager
def limited(memory_bytes: int, seconds: int) -> Iterator[None]:
    """Limit the process inside the block; without effect on systems that have no such limits.

    Memory that a pool has allocated already is not counted again: see `jobs.processes.take_memory_from_system`.

    Parameters
    ----------
    memory_bytes
        Memory that it may use in addition, bytes.
    seconds
        Processor time that it may use in addition; beyond, the process is killed by a signal.

    Raises
    ------
    FileTooDemanding
        Memory could not be allocated. If a library cannot handle that, the process is killed by a signal.
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
    except MemoryError as error:
        raise FileTooDemanding from error
    finally:
        for kind, limits in before.items():
            resource.setrlimit(kind, limits)


def _lower(bound: int, soft: int, hard: int) -> int:
    return min([bound, *(limit for limit in (soft, hard) if limit >= 0)])


def _data_bytes() -> int:
    """Return the private memory of the process, as Linux counts it for the limit."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmData:"))
