"""Statistics of branches: distinct persons, everybody; `own` and `subtree`."""

from functools import partial

import numpy as np

from app.catalogue.measures import BRANCH_MEASURES
from app.catalogue.metrics import BRANCH_METRICS
from app.errors import ErrorItem, InvalidRequest
from app.statistics.aggregates import SubjectNotFound
from app.statistics.intervals import precision_of
from app.statistics.listed import Listed, Side, ordered
from app.statistics.question import Listing, Page, Question, Subject
from app.statistics.rates import Counts
from app.statistics.scope import node_of, refuse, unknown_code
from app.store.snapshot import Mask, Snapshot
from app.store.subtrees import Int64

_MEASURES = tuple(measure.code for measure in BRANCH_MEASURES)
_COMPANION = "enterprises_members_unknown"
"""A companion of shares that has no meaning on a branch, whose members are always known: 0."""

_CODES = (*_MEASURES, "members", _COMPANION)
_PARTICIPATING = _MEASURES.index("members_participating")
_NONE = np.zeros(len(_CODES), bool)


def list_branches(snapshot: Snapshot, question: Question, page: Page) -> Listed:
    """Return the living branches that a question lists, sorted by the figures of their subtrees."""
    district = question.population.district
    rows = _located(snapshot, _related(snapshot, question.listing, district), district)
    for name in ("kind", "form"):
        asked = getattr(question.listing, name)
        if asked is not None:
            rows = rows[np.array([text == asked for text in snapshot.branches.texts_of(name, rows)], bool)]
    own, subtree = _sides(snapshot)
    rows = ordered(rows, rows, subtree, page, precision_of(snapshot.manifest))
    return Listed(snapshot, Subject.BRANCHES, rows, (own, subtree))


def one_branch(snapshot: Snapshot, code: str) -> Listed:
    """Return one living branch.

    Raises
    ------
    SubjectNotFound
        No branch of this code lived on the date.
    """
    if code not in snapshot.branch_index:
        raise absent_branch(snapshot, code)
    return Listed(snapshot, Subject.BRANCHES, np.array([snapshot.branch_index[code]]), _sides(snapshot))


def absent_branch(snapshot: Snapshot, code: str) -> SubjectNotFound:
    """Return what is said of a branch that does not live."""
    detail = f"No living branch {code!r} in snapshot {snapshot.manifest.id}."
    return SubjectNotFound(detail, [ErrorItem("path/code", detail)])


def _sides(snapshot: Snapshot) -> tuple[Side, Side]:
    own, subtree = (
        Side(name, _MEASURES, BRANCH_METRICS, partial(_count, snapshot, name)) for name in ("own", "subtree")
    )
    return own, subtree


def _count(snapshot: Snapshot, side: str, rows: Int64) -> Counts:
    values = np.zeros((len(_CODES), len(rows)), np.int64)
    for line, code in enumerate(_MEASURES):
        values[line] = snapshot.branches.values(f"{side}_{code}")[rows]
    values[_CODES.index("members")] = values[_PARTICIPATING]
    return Counts(_CODES, values, np.zeros(values.shape, bool), undefined=_NONE, protected=_NONE)


def refuse_branch(snapshot: Snapshot, name: str, code: str, district: str | None) -> None:
    """Refuse a branch in a parameter that does not live, or is as good as not there to whoever asks.

    Those of the district are offered: who asks about a district may not see others.
    """
    located = _located(snapshot, np.arange(len(snapshot.branch_index)), district)
    codes = snapshot.branches.texts("code")
    refuse([unknown_code(name, code, [codes[row] for row in located.tolist()])])


def _related(snapshot: Snapshot, listing: Listing, district: str | None) -> Int64:
    """Return the branches below a parent or within a subtree, by their nearest living ancestors."""
    if listing.parent is not None and listing.within is not None:
        message = "parent and within cannot be used together"
        raise InvalidRequest(message, [ErrorItem("query/parent", message), ErrorItem("query/within", message)])
    for name in ("parent", "within"):
        code = getattr(listing, name)
        if code is not None and code not in snapshot.branch_index:
            refuse_branch(snapshot, name, code, district)
    parents = snapshot.branch_parents
    if listing.parent is not None:
        return np.flatnonzero(parents == snapshot.branch_index[listing.parent])
    if listing.within is not None:
        return np.flatnonzero(_descends(parents, snapshot.branch_index[listing.within]))
    return np.arange(len(parents))


def _descends(parents: Int64, root: int) -> Mask:
    """Return which nodes lie in the subtree of a root, itself included."""
    inside = np.zeros(len(parents) + 1, bool)
    inside[root] = True
    while True:
        grown = inside[:-1] | inside[parents]
        if (grown == inside[:-1]).all():
            return grown
        inside[:-1] = grown


def _located(snapshot: Snapshot, rows: Int64, district: str | None) -> Int64:
    if district is None:
        return rows
    node = node_of(snapshot.districts, district, "district")
    places = snapshot.branch_districts[rows]
    located: Int64 = rows[(places >= node) & (places < snapshot.districts.ends[node])]
    return located
