"""Which snapshot answers a question."""

from app.errors import ErrorItem, InvalidRequest
from app.statistics.exact_only import refuse_exact_only
from app.statistics.question import Moment, Question
from app.store.manifest import Manifest
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot


def snapshot_for(shelf: Shelf, question: Question) -> Snapshot:
    """Return the snapshot of a question's moment, once it is known to answer such questions.

    Raises
    ------
    SnapshotNotFound, InvalidRequest
        As `snapshot_at` says.
    ExactOnly
        As `refuse_exact_only` says.
    """
    snapshot = snapshot_at(shelf, question.moment)
    refuse_exact_only(snapshot.manifest, question)
    return snapshot


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


def mapped_at(shelf: Shelf, moment: Moment) -> Manifest | None:
    """Return the manifest of a moment's snapshot, if it is mapped already; null otherwise, and where there is none."""
    if moment.snapshot is not None and moment.as_of is not None:
        return None
    for manifest in shelf.all():
        wanted = manifest.as_of <= moment.as_of if moment.as_of is not None else moment.snapshot in {None, manifest.id}
        if wanted:
            return manifest if shelf.is_mapped(manifest) else None
    return None
