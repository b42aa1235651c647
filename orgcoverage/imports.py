"""Imports followed to their end, and their progress on standard error."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ISSUE_KINDS = {
    "row": "Int64", "column": "str", "header": "str", "value": "str", "severity": "", "rule": "str", "message": "str",
    "suggestions": "str",
}  # fmt: skip
"""Columns of problems of rows, with their types; empty: told by the name."""

_BAR_WIDTH = 30
"""Characters of a bar."""

Job = Mapping[str, Any]


def follow(
    ask: Callable[[], tuple[Job, float | None]], pause: Callable[[float], object], *, title: str, shown: bool
) -> None:
    """Ask for a job until it has ended, and show its progress if `shown`.

    Parameters
    ----------
    ask
        Returns the job, and in how many seconds to ask again; null: it has ended.
    pause
        What waits, given seconds.
    title
        What is imported.
    """
    with _progress(title) if shown else _silence() as show:
        while True:
            job, again = ask()
            show(job)
            if again is None:
                return
            pause(again)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[Job], None]]:
    """Give what shows a job: a bar on a terminal, cleared in the end; else a line per phase."""
    screen = sys.stderr
    if not screen.isatty():
        phases: set[str | None] = {None}

        def tell(job: Job) -> None:
            if job["phase"] not in phases:
                phases.add(job["phase"])
                print(f"{title}: {job['phase']}", file=screen)

        yield tell
        return
    try:
        yield lambda job: print(f"\r\x1b[K{title}: {_bar(job)}", end="", file=screen, flush=True)
    finally:
        print("\r\x1b[K", end="", file=screen, flush=True)


@contextmanager
def _silence() -> Iterator[Callable[[Job], None]]:
    yield lambda _job: None


def _bar(job: Job) -> str:
    phase = job["phase"] or job["state"]
    if not job["total"]:
        return f"{phase} {job['done']:,}" if job["done"] else phase
    filled = min(_BAR_WIDTH * job["done"] // job["total"], _BAR_WIDTH)
    return f"{phase} {'█' * filled}{'·' * (_BAR_WIDTH - filled)} {job['done']:,}/{job['total']:,}"
