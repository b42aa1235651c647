"""The private folders of builds under way, and what killed builds left of theirs.

Apart from the build itself, so that a process which only answers can sweep without loading what builds.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from app.config import Settings

BUILDING = ".building-"
"""Prefix of the folders of builds under way; what is left of a killed one is swept at the next start."""

HELD = ".held"
"""The lock file of such a folder; the system releases it when the process dies."""


@contextmanager
def aside(parent: Path) -> Iterator[Path]:
    """Give a private folder beside the snapshots, held by this process, gone at the end whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix=BUILDING, dir=parent))
    with FileLock(folder / HELD):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(settings: Settings) -> None:
    """Remove what killed builds left behind; a build under way holds its folder's lock."""
    for folder in settings.snapshots_dir.glob(f"{BUILDING}*"):
        try:
            with FileLock(folder / HELD, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, FileNotFoundError):
            continue
