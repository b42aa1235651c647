"""Jobs that help builds on other machines: they wait for pieces and make them, without registry and database."""

import time
from collections.abc import Callable
from errno import ENOSPC

from app.config import Settings
from app.errors import ServiceError
from app.messages import Message, say
from app.snapshots.folders import build_folder
from app.snapshots.pool import each, processes_of
from app.snapshots.replication.objects import unavailable
from app.snapshots.shared_pieces import SharedPieces, shown_at

_POLL_SECONDS = 1.0

Tell = Callable[[Message], None]


def take_part(settings: Settings, tell: Tell, complain: Callable[[ServiceError], None], *, once: bool) -> None:
    """Make pieces of builds: for ever, or once those that are there.

    What is refused is told once and left alone; a store that is away is waited for.

    Raises
    ------
    ServiceError
        Once, and something is refused, or the store is away.
    """
    settings.snapshots_dir.mkdir(parents=True, exist_ok=True)
    seen, told = set[str](), ""
    if not once:
        tell(say("Waiting for pieces at {address}.", address=settings.shard_folder))
    while True:
        problem = _look(settings, seen, tell)
        if once:
            break
        if problem is not None and str(problem) != told:
            complain(problem)
        told = str(problem)
        time.sleep(_POLL_SECONDS)
    if problem is not None:
        raise problem
    if not seen:
        tell(say("There are no pieces at {address}.", address=settings.shard_folder))


def _look(settings: Settings, seen: set[str], tell: Tell) -> ServiceError | None:
    """Help the builds that were not seen before; return what is refused, or that the store is away."""
    try:
        for pieces in shown_at(settings, seen):
            _help(settings, pieces, tell)
    except OSError as error:
        if error.errno == ENOSPC:
            raise
        return unavailable(settings.shard_folder, error.strerror or type(error).__name__)
    except ServiceError as error:
        return error
    return None


def _help(settings: Settings, pieces: SharedPieces, tell: Tell) -> None:
    """Make those pieces of a build that nobody has claimed."""
    common = pieces.common(settings)
    if common is None:
        return
    numbers = range(len(pieces.work.pieces))
    with build_folder(settings.snapshots_dir) as folder:
        made = each(pieces.make_for_build, (common, folder), numbers, processes_of(settings))
        for number, is_made in zip(numbers, made, strict=True):
            if is_made:
                message = "Piece {piece} of {pieces} of the snapshot of {day} is made."
                tell(say(message, piece=number + 1, pieces=len(numbers), day=pieces.work.as_of))
    pieces.clear_up()
