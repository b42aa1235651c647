"""Removing older builds of each date; states stay."""

import secrets
import shutil
from collections import Counter
from collections.abc import Container
from datetime import date
from pathlib import Path

from app.access.principals import Tier
from app.config import Settings
from app.snapshots.folders import BUILDING
from app.snapshots.moves import moving
from app.snapshots.releases import Folders
from app.snapshots.replication.state import note_change
from app.store.shelf import Shelf, damaged_file


def prune_snapshots(settings: Settings, keep: int) -> list[str]:
    """Remove all but the newest `keep` undamaged builds of each date, exact and protected; return the ids removed.

    Released ones and drafts are counted each for themselves; what was withdrawn stays, so that its id says so. A
    damaged build is not counted. A protected one that an exact one refers to is kept; exact ones are removed first, so
    that none ever refers to a removed one.
    """
    exact, public = Folders(settings, Tier.EXACT), Folders(settings, Tier.PUBLIC)
    with moving(settings):
        note_change(settings)
        return [
            removed
            for first, second in ((exact.released, public.released), (exact.drafts, public.drafts))
            for removed in _prune_both(settings.snapshots_dir, first, second, keep)
        ]


def _prune_both(snapshots_dir: Path, exact: Path, public: Path, keep: int) -> list[str]:
    removed = _prune(snapshots_dir, exact, keep)
    return removed + _prune(snapshots_dir, public, keep, {manifest.public_id for manifest in Shelf(exact).all()})


def _prune(snapshots_dir: Path, root: Path, keep: int, spared: Container[str | None] = ()) -> list[str]:
    """Remove the older builds of one root, except those spared.

    A folder is renamed out of the root before its files are removed, so that no reader sees part of it.
    """
    builds: Counter[date] = Counter()
    removed = []
    for manifest in Shelf(root).all():
        if builds[manifest.as_of] < keep:
            builds[manifest.as_of] += damaged_file(root / manifest.id, manifest) is None
        elif manifest.id not in spared:
            renamed = snapshots_dir / f"{BUILDING}{secrets.token_hex(8)}"
            (root / manifest.id).rename(renamed)
            shutil.rmtree(renamed, ignore_errors=True)
            removed.append(manifest.id)
    return removed
