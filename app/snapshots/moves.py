"""Moving snapshots between folders: all of it is done, or none.

Whatever is to move is first put together in a private folder, with a list of the renames that are to be made; a rename
of this folder decides that they are. From then on every holder of the lock begins by making those that a killed process
left, in the same order. A rename is made if its source is gone, or what it takes away has arrived.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.messages import say
from app.snapshots.folders import build_folder, sync

MOVE_LOCK = ".release.lock"
"""Lock file of whoever puts snapshots into their folders, or takes them out."""

MOVING = ".moving"
"""Folder of moves that are decided, and perhaps not all made."""

_LIST = "moves.json"


class StillMoving(TemporarilyUnavailable):
    """Snapshots are being published, released, withdrawn, pruned or backed up; nothing was changed."""

    code = "snapshots-busy"
    title = "Snapshots busy"


class Moves:
    """Renames of files and folders, made in this order, and what they put in place."""

    def __init__(self, snapshots_dir: Path, folder: Path) -> None:
        self._snapshots_dir = snapshots_dir
        self._folder = folder
        self._staged = 0
        self._listed: list[tuple[str, str]] = []

    def stage(self) -> Path:
        """Return a new path in the private folder, for what is to be put in place, or taken away."""
        self._staged += 1
        return self._folder / f"{self._staged}"

    def move(self, source: Path, target: Path) -> None:
        """Add the rename of a file or folder, staged or in place."""
        self._listed.append((self._name(source), self._name(target)))

    def remove(self, folder: Path) -> None:
        """Add the removal of a folder, if it exists: a rename; its files are removed last."""
        if folder.exists():
            self.move(folder, self.stage())

    def decide(self) -> None:
        """Write down what is to be done, and do it; a full disk shows before anything is moved."""
        for _, target in self._listed:
            if not target.startswith(MOVING):
                (self._snapshots_dir / target).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / _LIST).write_bytes(msgspec.json.encode(self._listed))
        for path in (*self._folder.rglob("*"), self._folder):
            sync(path)
        self._folder.rename(self._snapshots_dir / MOVING)
        sync(self._snapshots_dir)
        _make(self._snapshots_dir)

    def _name(self, path: Path) -> str:
        """Return a path below the folder of snapshots, as it is once the moves are decided."""
        if path.is_relative_to(self._folder):
            return f"{MOVING}/{path.relative_to(self._folder)}"
        return str(path.relative_to(self._snapshots_dir))


@contextmanager
def moving(settings: Settings, seconds: float = -1) -> Iterator[None]:
    """Hold the lock of the folders of snapshots, after what a killed process left is done.

    Parameters
    ----------
    seconds
        How long to wait for it; negative: for ever.

    Raises
    ------
    StillMoving
        Somebody else holds it for longer.
    """
    if not settings.snapshots_dir.is_dir():  # nothing was ever built
        yield
        return
    lock = FileLock(settings.snapshots_dir / MOVE_LOCK)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as busy:
        message = say("Snapshots are being published, released, withdrawn, pruned or backed up; ask again soon.")
        raise StillMoving(message) from busy
    try:
        _make(settings.snapshots_dir)
        yield
    finally:
        lock.release()


@contextmanager
def new_moves(settings: Settings) -> Iterator[Moves]:
    """Give a list of moves to fill and decide; for the holder of the lock."""
    with build_folder(settings.snapshots_dir) as folder:
        yield Moves(settings.snapshots_dir, folder)


def finish_moves(settings: Settings) -> None:
    """Make the moves that a killed process left."""
    if (settings.snapshots_dir / MOVING).exists():
        with moving(settings):
            pass


def _make(snapshots_dir: Path) -> None:
    """Make the moves that are decided, those of them that are not made, and remove what they took away."""
    folder = snapshots_dir / MOVING
    if not folder.exists():
        return
    if (folder / _LIST).exists():
        listed = msgspec.json.decode((folder / _LIST).read_bytes(), type=list[tuple[str, str]])
        for source, target in listed:
            _move(snapshots_dir / source, snapshots_dir / target, takes_away=target.startswith(MOVING))
        (folder / _LIST).unlink()
    shutil.rmtree(folder)


def _move(source: Path, target: Path, *, takes_away: bool) -> None:
    if source.exists() and not (takes_away and target.exists()):
        source.rename(target)
        sync(source.parent)
    if target.parent.exists():
        sync(target.parent)
        os.utime(target.parent.parent)  # so that readers of the folder notice a file replaced in one of its folders
