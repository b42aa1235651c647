"""Where pushing and replicating stand: small files in the data folder, which the service tells of and never writes."""

import time
from enum import StrEnum
from pathlib import Path

import msgspec

from app.access.principals import Tier
from app.config import Settings
from app.errors import Conflict
from app.messages import say
from app.snapshots.replication.index import Places
from app.snapshots.replication.objects import addresses

_UNPUSHED = "unpushed"
"""File that is there while something that is published here may not be in the store."""

_PUSHED = "pushed.json"
_REPLICA = "replica.json"


class StoreState(StrEnum):
    """How a replica last found its store."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


class FolderOfReplica(Conflict):
    """The folder of snapshots is filled from a store; snapshots are built, released and withdrawn where that is."""

    code = "folder-of-replica"
    title = "Folder of a replica"


class Pushed(msgspec.Struct, frozen=True):
    """What this folder has last pushed of a tier.

    Parameters
    ----------
    sequence, places
        The list's sequence then, and what was in the folder.
    offered
        What was in the folder when it was tried since: the list may have it, if no answer came.
    """

    sequence: int = 0
    places: Places = {}
    offered: Places = {}


class Replica(msgspec.Struct, frozen=True):
    """What a replica's folder is.

    Parameters
    ----------
    store
        How it last found the store.
    sequences
        Sequence of each tier's list that the folder equals.
    at
        When it last knew itself to be equal to the store, seconds since 1970 by its own clock; null: not yet.
    """

    store: StoreState
    sequences: dict[Tier, int]
    at: float | None

    @property
    def behind_seconds(self) -> float | None:
        """How long ago it last knew itself to be equal to the store; null: not yet."""
        return None if self.at is None else max(round(time.time() - self.at, 3), 0)


def refuse_replica(settings: Settings) -> None:
    """Refuse to change snapshots that come from a store.

    Raises
    ------
    FolderOfReplica
        They do.
    """
    if is_replica(settings):
        raise FolderOfReplica(say("Snapshots in this folder come from a store, and are not changed here."))


def note_change(settings: Settings) -> None:
    """Note, before snapshots are changed here, that there is something to push; errors as for `refuse_replica`."""
    refuse_replica(settings)
    if addresses(settings) and not is_unpushed(settings):
        (settings.data_dir / _UNPUSHED).touch()


def is_unpushed(settings: Settings) -> bool:
    """Say whether something published here may not be in the store."""
    return (settings.data_dir / _UNPUSHED).exists()


def unpushed_seconds(settings: Settings) -> float:
    """Return for how long something published here has not been in the store, seconds; 0: all is there."""
    try:
        return max(time.time() - (settings.data_dir / _UNPUSHED).stat().st_mtime, 0)
    except FileNotFoundError:
        return 0


def note_all_pushed(settings: Settings) -> None:
    """Note that everything is in the store."""
    (settings.data_dir / _UNPUSHED).unlink(missing_ok=True)


def read_pushed(settings: Settings) -> dict[Tier, Pushed]:
    """Return what was last pushed of each tier; what cannot be read was not."""
    try:
        return msgspec.json.decode((settings.data_dir / _PUSHED).read_bytes(), type=dict[Tier, Pushed])
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def write_pushed(settings: Settings, pushed: dict[Tier, Pushed]) -> None:
    """Note what was pushed."""
    _write(settings.data_dir / _PUSHED, pushed)


def is_replica(settings: Settings) -> bool:
    """Say whether the folder is a replica's, also where what it is cannot be read."""
    return (settings.data_dir / _REPLICA).exists()


def read_replica(settings: Settings) -> Replica | None:
    """Return what the replica is; null: the folder is none."""
    try:
        return msgspec.json.decode((settings.data_dir / _REPLICA).read_bytes(), type=Replica)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_replica(settings: Settings, replica: Replica) -> None:
    """Note what the replica is."""
    _write(settings.data_dir / _REPLICA, replica)


def _write(path: Path, content: object) -> None:
    written = path.with_suffix(".new")
    written.write_bytes(msgspec.json.encode(content))
    written.replace(path)
