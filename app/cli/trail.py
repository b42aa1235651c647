"""What the audit log is told of commands."""

from datetime import UTC, datetime

import typer

from app.access.audit import AuditLog, AuditParameter, AuditRecord
from app.config import Settings


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
