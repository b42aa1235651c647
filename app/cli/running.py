"""Long commands: their progress, their audit records, and builds in child processes."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import typer

from app.access.audit import AuditLog, AuditParameter, AuditRecord
from app.cli.words import tell, told
from app.config import Settings
from app.errors import Report
from app.jobs.processes import command, environment
from app.messages import Message, say


@contextmanager
def show_progress(title: Message) -> Iterator[Report]:
    """Open a progress display: a bar on a terminal, else one line per phase, on standard error."""
    if sys.stderr.isatty():
        with _bar(told(title)) as report:
            yield report
    else:
        yield _lines(told(title))


def write_audit_record(settings: Settings, operation: str, rows: int | None = None, **parameters: str) -> None:
    """Write what a command did to the audit log; if that fails, print a warning, since it is already done.

    Parameters
    ----------
    operation
        The operationId of the same operation over HTTP, or a name of the command line's own.
    rows
        Number of rows changed; null: not counted.
    parameters
        Codes, ids, dates and choices; never a ref or a path.
    """
    values = tuple(AuditParameter(name, value) for name, value in parameters.items())
    record = AuditRecord(at=datetime.now(UTC), operation=operation, parameters=values, rows=rows)
    try:
        AuditLog(settings).append(record)
    except OSError as error:
        tell("The audit log cannot be written: {reason}", err=True, reason=error.strerror or str(error))


def build_in_subprocess(settings: Settings, days: Sequence[date]) -> None:
    """Build the snapshots of some dates in a child process; exit with 1 if that fails."""
    dates = [argument for day in days for argument in ("--as-of", day.isoformat())]
    finished = subprocess.run(  # noqa: S603 - our own command, dates only
        command("app.cli", "snapshot", "build", *dates), env=environment(settings), check=False
    )
    if finished.returncode:
        raise typer.Exit(1)


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    from rich.console import Console  # noqa: PLC0415 - loaded only on a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def report(phase: str, done: int, total: int | None) -> None:
            progress.update(task, description=_of_phase(title, phase), completed=done, total=total)

        yield report


def _of_phase(title: str, phase: str) -> str:
    kind, _, name = phase.partition(" ")
    message = say("table {name}", name=name) if kind == _TABLE else say(phase)
    return told("{title}: {phase}", title=title, phase=message)


_TABLE = "table"
"""How the phases of a backup begin that are one table each."""


def _lines(title: str) -> Report:
    seen: list[str] = []

    def report(phase: str, _done: int, _total: int | None) -> None:
        if phase not in seen:
            seen.append(phase)
            typer.echo(_of_phase(title, phase), err=True)

    return report
