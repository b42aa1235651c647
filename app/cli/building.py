"""Building snapshots from a process that has the registry open: always in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date

import typer

from app.config import Settings


def build_apart(settings: Settings, days: Sequence[date]) -> None:
    """Build the snapshots of some dates in another process; end with 1 where that fails."""
    dates = [word for day in days for word in ("--as-of", day.isoformat())]
    finished = subprocess.run(  # noqa: S603 - our own command, dates only
        [sys.executable, "-m", "app.cli", "snapshot", "build", *dates], env=environment(settings), check=False
    )
    if finished.returncode:
        raise typer.Exit(1)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a process the same registry, data folder and openness."""
    return {
        **os.environ,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir.absolute()),
        "ORGCOVERAGE_DATABASE_URL": settings.registry_address,
        "ORGCOVERAGE_ANONYMOUS": settings.anonymous,
    }
