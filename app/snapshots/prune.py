"""Removing old builds; the newest whole one of a date is the record of what was published and is always kept."""

import shutil
from collections import Counter
from datetime import date

from app.config import Settings
from app.snapshots.aside import BUILDING
from app.store.shelf import Shelf, damaged_table


def prune_snapshots(settings: Settings, keep: int) -> list[str]:
    """Remove all but the newest `keep` whole builds of each date; return the ids removed.

    A damaged build does not count as one that is kept. A folder leaves the listing by one rename before its files go,
    so that no reader sees half of it.
    """
    root = settings.snapshots_dir / "exact"
    builds: Counter[date] = Counter()
    removed = []
    for manifest in Shelf(root).all():
        if builds[manifest.as_of] < keep:
            builds[manifest.as_of] += damaged_table(root / manifest.id, manifest) is None
        else:
            gone = settings.snapshots_dir / f"{BUILDING}pruned-{manifest.id}"
            (root / manifest.id).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            removed.append(manifest.id)
    return removed
