"""The private folders of builds under way, and what killed builds left of theirs.

Apart from the build itself, so that a process which only answers can sweep without loading what builds.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from app.config import Settings

BUILDING = ".building-"
"""Prefix of the folders of builds under way; what is left of a killed one is swept at the next start."""

HELD = ".held"
"""Suffix of the lock file beside such a folder; the system releases it when the process dies."""


@contextmanager
def aside(parent: Path) -> Iterator[Path]:
    """Give a private folder beside the snapshots, held by this process, gone at the end whatever happens.

    The lock is there before the folder, so that no sweep takes a folder that is just being made for a dead one's.
    """
    folder = parent / f"{BUILDING}{secrets.token_hex(8)}"
    held = folder.with_suffix(HELD)
    with FileLock(held):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            held.unlink(missing_ok=True)


def sweep(settings: Settings) -> None:
    """Remove what killed builds left behind; a build under way holds its folder's lock."""
    for folder in settings.snapshots_dir.glob(f"{BUILDING}*"):
        held = folder.with_suffix(HELD)
        try:
            with FileLock(held, timeout=0):
                shutil.rmtree(held.with_suffix(""), ignore_errors=True)
                held.unlink(missing_ok=True)
        except Timeout:
            continue
