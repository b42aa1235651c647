"""Which snapshot answers a question."""

from app.errors import ErrorItem, InvalidRequest
from app.statistics.question import Moment
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot


def snapshot_at(shelf: Shelf, moment: Moment) -> Snapshot:
    """Return the snapshot of a moment: of its id, the newest at or before its date, or the newest.

    Raises
    ------
    SnapshotNotFound
        There is none.
    InvalidRequest
        Id and date are both given and the date would pick a snapshot of another date.
    """
    if moment.snapshot is None:
        return shelf.newest() if moment.as_of is None else shelf.at(moment.as_of)
    named = shelf.get(moment.snapshot)
    if moment.as_of is not None and shelf.at(moment.as_of).manifest.as_of != named.manifest.as_of:
        message = f"snapshot {moment.snapshot} is not of the date that as_of={moment.as_of} picks"
        raise InvalidRequest(message, [ErrorItem("query/snapshot", message)])
    return named
