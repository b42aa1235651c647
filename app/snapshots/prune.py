"""Removing old builds; the newest of a date is the record of what was published and is always kept."""

import shutil
from collections import Counter
from datetime import date

from app.config import Settings
from app.snapshots.aside import BUILDING
from app.store.shelf import Shelf


def prune_snapshots(settings: Settings, keep: int) -> list[str]:
    """Remove all but the newest `keep` builds of each date; return the ids removed.

    A folder leaves the listing by one rename before its files go, so that no reader sees half of it.
    """
    root = settings.snapshots_dir / "exact"
    builds: Counter[date] = Counter()
    removed = []
    for manifest in Shelf(root).all():
        builds[manifest.as_of] += 1
        if builds[manifest.as_of] > keep:
            gone = settings.snapshots_dir / f"{BUILDING}pruned-{manifest.id}"
            (root / manifest.id).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            removed.append(manifest.id)
    return removed
