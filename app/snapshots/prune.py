"""Removing old builds; the newest whole one of a date is the record of what was published and is always kept."""

import secrets
import shutil
from collections import Counter
from collections.abc import Container
from datetime import date
from pathlib import Path

from app.access.principals import Tier
from app.config import Settings
from app.snapshots.aside import BUILDING
from app.store.shelf import Shelf, damaged_table


def prune_snapshots(settings: Settings, keep: int) -> list[str]:
    """Remove all but the newest `keep` whole builds of each date, exact and protected ones; return the ids removed.

    A damaged build does not count as one that is kept. A protected one that an exact one names stays with it: exact
    ones go first, so that none ever names what is gone.
    """
    exact, public = settings.snapshots_dir / Tier.EXACT, settings.snapshots_dir / Tier.PUBLIC
    removed = _prune(exact, keep)
    return removed + _prune(public, keep, {manifest.public_id for manifest in Shelf(exact).all()})


def _prune(root: Path, keep: int, spared: Container[str | None] = ()) -> list[str]:
    """Remove the older builds of one root, but for those spared.

    A folder leaves the listing by one rename before its files go, so that no reader sees half of it.
    """
    builds: Counter[date] = Counter()
    removed = []
    for manifest in Shelf(root).all():
        if builds[manifest.as_of] < keep:
            builds[manifest.as_of] += damaged_table(root / manifest.id, manifest) is None
        elif manifest.id not in spared:
            gone = root.parent / f"{BUILDING}{secrets.token_hex(8)}"
            (root / manifest.id).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            removed.append(manifest.id)
    return removed
