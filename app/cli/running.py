"""Long work on the command line: its progress, its audit record, and builds in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import typer

from app.access.audit import AuditLog, AuditParameter, AuditRecord
from app.config import Settings
from app.errors import Report
from app.jobs.processes import command, environment


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


def audited(settings: Settings, operation: str, rows: int | None = None, **parameters: str) -> None:
    """Record that a command did something; where the log cannot be written, say so: it is done all the same.

    Parameters
    ----------
    operation
        The operationId of the same over HTTP, or one of those that only commands do.
    rows
        Rows that were changed; null: not counted.
    parameters
        Codes, ids, dates and choices; never a ref or a path.
    """
    given = tuple(AuditParameter(name, value) for name, value in parameters.items())
    record = AuditRecord(at=datetime.now(UTC), operation=operation, parameters=given, rows=rows)
    try:
        AuditLog(settings).append(record)
    except OSError as error:
        typer.echo(f"The audit log was not written: {error.strerror}", err=True)


def build_apart(settings: Settings, days: Sequence[date]) -> None:
    """Build the snapshots of some dates in another process; end with 1 where that fails."""
    dates = [word for day in days for word in ("--as-of", day.isoformat())]
    finished = subprocess.run(  # noqa: S603 - our own command, dates only
        command("app.cli", "snapshot", "build", *dates), env=environment(settings), check=False
    )
    if finished.returncode:
        raise typer.Exit(1)
