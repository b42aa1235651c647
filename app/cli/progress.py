"""Progress of long work: a bar on a terminal, a line per phase elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

Report = Callable[[str, int, int | None], None]
"""Called with a phase, the steps done, and the steps in all (null: not known)."""


@contextmanager
def shown(title: str) -> Iterator[Report]:
    """Give a function that shows how far some work is."""
    if sys.stderr.isatty():
        with _bar(title) as report:
            yield report
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    from rich.console import Console  # noqa: PLC0415 - loaded only where there is a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def report(phase: str, done: int, total: int | None) -> None:
            progress.update(task, description=f"{title}: {phase}", completed=done, total=total)

        yield report


def _lines(title: str) -> Report:
    seen: list[str] = []

    def report(phase: str, _done: int, _total: int | None) -> None:
        if phase not in seen:
            seen.append(phase)
            typer.echo(f"{title}: {phase}", err=True)

    return report
