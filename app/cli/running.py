"""Long commands: their progress, their audit records, and builds in child processes."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib import import_module
from typing import Annotated

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


@contextmanager
def build_beside(settings: Settings, days: Sequence[date]) -> Iterator[Callable[[], None]]:
    """Start a child process that builds the snapshots of some dates once it is told, and loads meanwhile.

    What is yielded tells it, and waits for its end; it exits with 1 if that fails. Untold, the child builds nothing.
    """
    dates = [argument for day in days for argument in ("--as-of", day.isoformat())]
    line = command("app.cli", "snapshot", "build", "--once-told", *dates)
    with subprocess.Popen(line, env=environment(settings), stdin=subprocess.PIPE) as child:  # noqa: S603 - our own

        def build() -> None:
            child.communicate(b"\n")
            if child.returncode:
                raise typer.Exit(1)

        try:
            yield build
        finally:
            child.kill()


def load_and_wait(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    """Load in such a child, and wait until it is told to build; it ends with the command that started it."""
    if wanted:
        import_module("app.snapshots.build")
        said = signal.signal(signal.SIGINT, signal.SIG_DFL)  # the command says what Ctrl-C has ended
        if not sys.stdin.readline():
            raise typer.Exit(1)
        signal.signal(signal.SIGINT, said)


OnceTold = Annotated[bool, typer.Option("--once-told", hidden=True, callback=load_and_wait)]
"""Whether a build waits until it is told, as that of `build_beside`."""


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
