"""Erasing members everywhere: in the registry, and in what broken-off work has left behind."""

from collections.abc import Sequence

from app.config import Settings
from app.jobs.uploads import sweep_jobs
from app.registry.erasure import Report, erase_members
from app.snapshots.aside import sweep


def erase(settings: Settings, refs: Sequence[str], report: Report) -> None:
    """Erase members: rows, bytes, uploaded files and frozen inputs of builds that nobody needs any more.

    Files of imports and builds under way go when these end; such an import is checked again and refuses the refs.
    Snapshots hold no refs and keep their figures.

    Raises
    ------
    TombstoneKeyMissing, StillBeingRead, DatabaseUnavailable
        As for `erase_members`.
    """
    sweep_jobs(settings)
    sweep(settings)
    erase_members(settings, refs, report)
