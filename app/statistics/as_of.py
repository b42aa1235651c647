"""The choice of the snapshot that answers a question, and the refusal of questions that it cannot answer."""

from collections.abc import Iterator

from app.catalogue.dimensions import ATTRIBUTES, By
from app.catalogue.vocabulary import Basis
from app.errors import ErrorCode, ErrorItem, InvalidRequest, ServiceError
from app.messages import say, together
from app.statistics.question import AsOf, Population, Question, Subject
from app.store.manifest import Capabilities, Manifest
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot

_TREES_AND_GROUPS = frozenset({"district", "industry", "industry_group"})
"""Dimensions that figures of every tier have."""


class ExactOnly(ServiceError):
    """Protected figures do not answer this question; `errors` lists what they do answer."""

    code = "exact-only"
    status = 403
    title = "Exact figures only"


def refuse_exact_only(manifest: Manifest, question: Question) -> None:
    """Refuse a question that the capabilities of a snapshot do not cover, whatever its codes.

    Raises
    ------
    ExactOnly
        The snapshot lacks something; every such part is listed, with the available choices.
    """
    can = manifest.capabilities
    problems = [
        *_operation(can, question),
        *_basis(can, question.population),
        *_filters(can, question.population),
        *_dimensions(can, question),
        *_levels(can, question),
    ]
    if problems:
        raise ExactOnly(together([problem.message for problem in problems]), problems)


def _operation(can: Capabilities, question: Question) -> Iterator[ErrorItem]:
    if question.analysis is not None and question.analysis not in can.analyses:
        yield ErrorItem(
            ErrorCode.EXACT_ONLY,
            "path",
            say("{analysis} is available in exact figures only", analysis=question.analysis),
            can.analyses,
        )
    elif question.subject not in can.subjects:
        yield ErrorItem(
            ErrorCode.EXACT_ONLY,
            question.named_by(),
            say("{subject} are available in exact figures only", subject=question.subject),
            can.subjects,
        )


def _basis(can: Capabilities, population: Population) -> Iterator[ErrorItem]:
    if population.basis not in can.bases:
        yield ErrorItem(
            ErrorCode.EXACT_ONLY,
            "query/basis",
            say("basis {basis} is available in exact figures only", basis=population.basis),
            can.bases,
        )


def _filters(can: Capabilities, population: Population) -> Iterator[ErrorItem]:
    for dimension in ATTRIBUTES:
        name = dimension.code
        if getattr(population, name) and name not in can.filters:
            message = say("the filter {name} is available in exact figures only", name=name)
            yield ErrorItem(ErrorCode.EXACT_ONLY, f"query/{name}", message, can.filters)


def _dimensions(can: Capabilities, question: Question) -> Iterator[ErrorItem]:
    """Yield the dimensions that rows cannot be by; levels of trees are judged as levels."""
    choices = (*can.district_levels, *can.industry_levels, By.INDUSTRY_GROUP.value)
    for by in question.by:
        is_missing = len(can.bases) < len(Basis) if by is By.BASIS else by.value not in can.filters
        if by.dimension not in _TREES_AND_GROUPS and is_missing:
            message = say("by={by} is available in exact figures only", by=by.value)
            yield ErrorItem(ErrorCode.EXACT_ONLY, "query/by", message, choices)


def _levels(can: Capabilities, question: Question) -> Iterator[ErrorItem]:
    choices = {Subject.DISTRICTS: can.district_levels, Subject.INDUSTRIES: can.industry_levels}
    for name, tree, level in question.levels():
        levels = choices.get(tree, ())
        if level is not None and level not in levels:
            yield ErrorItem(
                ErrorCode.EXACT_ONLY,
                f"query/{name}",
                say("{tree} of level {level} are available in exact figures only", tree=tree, level=level),
                levels,
            )


def snapshot_for(shelf: Shelf, question: Question) -> Snapshot:
    """Return the snapshot that answers a question.

    Raises
    ------
    SnapshotNotFound, InvalidRequest
        See `snapshot_at`.
    ExactOnly
        See `refuse_exact_only`.
    """
    snapshot = snapshot_at(shelf, question.when)
    refuse_exact_only(snapshot.manifest, question)
    return snapshot


def snapshot_at(shelf: Shelf, when: AsOf) -> Snapshot:
    """Return the snapshot of this id, else the newest at or before this date, else the newest.

    Raises
    ------
    SnapshotNotFound
        There is none.
    InvalidRequest
        Id and date are both given, and the date selects a snapshot of another date.
    """
    if when.snapshot is None:
        return shelf.newest() if when.as_of is None else shelf.at(when.as_of)
    named = shelf.get(when.snapshot)
    if when.as_of is not None and shelf.at(when.as_of).manifest.as_of != named.manifest.as_of:
        message = say(
            "snapshot {snapshot} is not of the date that {as_of} picks", snapshot=when.snapshot, as_of=when.as_of
        )
        raise InvalidRequest(message, [ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/snapshot", message)])
    return named


def mapped_at(shelf: Shelf, when: AsOf) -> Manifest | None:
    """Return the manifest of the snapshot that `snapshot_at` would return; null unless it is mapped already."""
    if when.snapshot is not None and when.as_of is not None:
        return None
    for manifest in shelf.all():
        wanted = manifest.as_of <= when.as_of if when.as_of is not None else when.snapshot in {None, manifest.id}
        if wanted:
            return manifest if shelf.is_mapped(manifest) else None
    return None
