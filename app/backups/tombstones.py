"""The tombstones that hold when a backup is restored: its own, and those of a later one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow.parquet as pq

from app.backups.archive import Archive
from app.registry.tombstones import Tombstones, proved

_FILE = "registry/tombstone.parquet"
_KEY = "keys/tombstone-key"


@dataclass(frozen=True)
class Union:
    """Tombstones of one or two backups, and the day of each by its digest."""

    tombstones: Tombstones
    days: Mapping[str, date]


def united(archive: Archive, later: Archive | None) -> Union:
    """Return the tombstones of a backup and of a later one together.

    Raises
    ------
    BackupDamaged
        They were made by different keys.
    TombstoneKeyMissing
        A backup has tombstones, and not the key that made them.
    """
    own = _of(archive)
    other = own if later is None else _of(later)
    if later is not None and own.days and other.days and own.tombstones.key != other.tombstones.key:
        raise later.damaged("its tombstones belong to another registry")
    days = {**other.days, **own.days}
    key = own.tombstones.key if own.days else other.tombstones.key
    return Union(Tombstones(key, frozenset(days)), days)


def _of(archive: Archive) -> Union:
    key = _key(archive)
    days = _days(archive)
    if not days:
        return Union(Tombstones(key, frozenset()), days)
    return Union(proved(key, frozenset(days), f"{_KEY} of the backup"), days)


def _key(archive: Archive) -> bytes | None:
    if _KEY not in archive.manifest.files:
        return None
    with archive.open(_KEY) as file:
        try:
            return bytes.fromhex(file.read().decode("ascii"))
        except ValueError:
            return None


def _days(archive: Archive) -> dict[str, date]:
    if _FILE not in archive.manifest.files:  # its schema is older
        return {}
    with archive.open(_FILE) as file:
        rows = pq.read_table(file).to_pylist()
    return {row["digest"]: row["erased_on"] for row in rows}
