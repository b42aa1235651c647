"""`erase`: members erased for good."""

import sys
from typing import Annotated

import typer

from app.cli.progress import shown
from app.cli.registry import require
from app.cli.trail import audited
from app.config import Settings

_STANDARD_INPUT = "-"


def erase(
    refs: Annotated[
        list[str],
        typer.Argument(
            metavar="REF…",
            help="Pseudonyms of members; - reads them from standard input, one a line.",
            show_default=False,
        ),
    ],
) -> None:
    """Erase members for good: rows, bytes in the database's files, and the way back by an import.

    What a shell is given stays in its history and in the list of processes: `orgcoverage erase -` avoids that.
    """
    from app.jobs.erasure import erase as erase_everywhere  # noqa: PLC0415 - loaded when it runs
    from app.registry.erasure import refuse_unusable  # noqa: PLC0415 - as above

    settings = Settings()
    require(settings)
    wanted = _given(refs)
    for ref in wanted:
        refuse_unusable(ref, "REF")
    with shown("Erasure") as report:
        erase_everywhere(settings, wanted, report)
    audited(settings, "create_erasure")
    typer.echo("Erased: nothing of it is left in the registry, and imports will not bring it back.")


def _given(refs: list[str]) -> list[str]:
    lines = sys.stdin.read().splitlines() if refs == [_STANDARD_INPUT] else refs
    given = [line.strip() for line in lines if line.strip()]
    if not given:
        message = "there is no ref"
        raise typer.BadParameter(message)
    return given
