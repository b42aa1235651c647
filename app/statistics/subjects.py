"""Statistics of single enterprises, and of branches: distinct persons, `own` and `subtree`."""

from bisect import bisect_left
from collections.abc import Iterable
from functools import partial

import numpy as np

from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, ROW_MEASURES
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS
from app.errors import NEIGHBOURS, ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.statistics import sums
from app.statistics.aggregates import SubjectNotFound
from app.statistics.inference import precision_of
from app.statistics.population import node_of, refuse, resolve, unknown_code
from app.statistics.question import Listing, Page, Question, Subject
from app.statistics.rates import Counts
from app.statistics.row_list import Margins, RowList, Side, ordered
from app.store.arrays import Int64
from app.store.snapshot import Mask, Snapshot

_SHOWN = tuple(measure.code for measure in ENTERPRISE_MEASURES)
_ROWS = tuple(measure.code for measure in ROW_MEASURES)
_REGISTER_ONLY = np.array([measure.register_only for measure in ROW_MEASURES])
_PROTECTED = np.zeros(len(_ROWS), bool)
_FLAGS = {
    "organised": "organised",
    "standalone": "standalone",
    "eligible": "eligible",
    "has_members": "enterprises_with_members",
}


def list_enterprises(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the enterprises that a question lists; `total` is the sum of all of them."""
    rows = sums.listed_rows(snapshot, resolve(snapshot, question.population))
    rows = flagged(snapshot, rows, question.listing)
    side = _side(snapshot)
    ranked = ordered(rows, snapshot.enterprise_code_ranks[rows], side, page, precision_of(snapshot.manifest))
    return RowList(snapshot, Subject.ENTERPRISES, ranked, (side,), partial(_margins, snapshot, rows))


def one_enterprise(snapshot: Snapshot, code: str) -> RowList:
    """Return one registered enterprise.

    Raises
    ------
    SubjectNotFound
        No enterprise of this code was in the register on the date.
    """
    row = snapshot.enterprises.row_of("code", code)
    if row is None:
        raise absent_enterprise(snapshot, code)
    return RowList(snapshot, Subject.ENTERPRISES, np.array([row]), (_side(snapshot),))


def absent_enterprise(snapshot: Snapshot, code: str) -> SubjectNotFound:
    """Return the error of an enterprise that is not in the snapshot."""
    detail = say("No enterprise {code!r} in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
    return SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", detail)])


def _side(snapshot: Snapshot) -> Side:
    return Side("", _SHOWN, ENTERPRISE_METRICS, partial(_count, snapshot))


def flagged(snapshot: Snapshot, rows: Int64, listing: Listing) -> Int64:
    """Return the rows whose flags match the listing; unknown matches neither true nor false."""
    for name, column in _FLAGS.items():
        wanted = getattr(listing, name)
        if wanted is not None:
            valid = snapshot.enterprises.valid(column)
            matches = snapshot.enterprises.values(column)[rows] == int(wanted)
            rows = rows[matches if valid is None else matches & valid[rows]]
    return rows


def _count(snapshot: Snapshot, rows: Int64) -> Counts:
    """Return the measures of single enterprises; null: unknown, or not defined for the member source."""
    values = np.stack([snapshot.enterprises.values(code)[rows] for code in _ROWS]).astype(np.int64)
    null = np.zeros(values.shape, bool)
    for line, code in enumerate(_ROWS):
        valid = snapshot.enterprises.valid(code)
        if valid is not None:
            null[line] = ~valid[rows]
    return Counts(_ROWS, values, null, _undefined(snapshot), _PROTECTED)


def _margins(snapshot: Snapshot, rows: Int64) -> Margins:
    summed = sums.add_rows(snapshot, np.sort(rows), _ROWS)
    undefined = _undefined(snapshot)
    return Margins(Counts(_ROWS, summed, np.repeat(undefined[:, None], 1, axis=1), undefined, _PROTECTED))


def _undefined(snapshot: Snapshot) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return _REGISTER_ONLY & (snapshot.manifest.member_source == "returns")


_MEASURES = tuple(measure.code for measure in BRANCH_MEASURES)
_COMPANION = "enterprises_members_unknown"
"""A companion of shares that is always 0 for a branch, whose members are always known."""

_CODES = (*_MEASURES, "members", _COMPANION)
_PARTICIPATING = _MEASURES.index("members_participating")
_NONE = np.zeros(len(_CODES), bool)


def list_branches(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the living branches that a question lists, sorted by the figures of their subtrees."""
    district = question.population.district
    rows = _located(snapshot, _related(snapshot, question.listing, district), district)
    for name in ("kind", "form"):
        wanted = getattr(question.listing, name)
        if wanted is not None:
            rows = rows[np.array([text == wanted for text in snapshot.branches.texts_of(name, rows)], bool)]
    own, subtree = _sides(snapshot)
    rows = ordered(rows, rows, subtree, page, precision_of(snapshot.manifest))
    return RowList(snapshot, Subject.BRANCHES, rows, (own, subtree))


def one_branch(snapshot: Snapshot, code: str) -> RowList:
    """Return one living branch.

    Raises
    ------
    SubjectNotFound
        No branch of this code lived on the date.
    """
    if code not in snapshot.branch_index:
        raise absent_branch(snapshot, code)
    return RowList(snapshot, Subject.BRANCHES, np.array([snapshot.branch_index[code]]), _sides(snapshot))


def absent_branch(snapshot: Snapshot, code: str) -> SubjectNotFound:
    """Return the error of a branch that is not living in the snapshot."""
    detail = say("No living branch {code!r} in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
    return SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", detail)])


def _sides(snapshot: Snapshot) -> tuple[Side, Side]:
    own, subtree = (
        Side(name, _MEASURES, BRANCH_METRICS, partial(_count_branches, snapshot, name)) for name in ("own", "subtree")
    )
    return own, subtree


def _count_branches(snapshot: Snapshot, side: str, rows: Int64) -> Counts:
    values = np.zeros((len(_CODES), len(rows)), np.int64)
    for line, code in enumerate(_MEASURES):
        values[line] = snapshot.branches.values(f"{side}_{code}")[rows]
    values[_CODES.index("members")] = values[_PARTICIPATING]
    return Counts(_CODES, values, np.zeros(values.shape, bool), undefined=_NONE, protected=_NONE)


def refuse_branch(snapshot: Snapshot, name: str, code: str, district: str | None) -> None:
    """Refuse a branch in a parameter that is not living, or not visible to the caller.

    Only codes of the same district are suggested: the caller may not see others.
    """
    located = _located(snapshot, np.arange(len(snapshot.branch_index)), district)
    codes = snapshot.branches.texts("code")
    refuse([unknown_code(name, code, [codes[row] for row in located.tolist()])])


def _related(snapshot: Snapshot, listing: Listing, district: str | None) -> Int64:
    """Return the children of a parent or the subtree of a branch, by nearest living ancestors."""
    if listing.parent is not None and listing.within is not None:
        message = say("parent and within cannot be used together")
        raise InvalidRequest(
            message,
            [
                ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/parent", message),
                ErrorItem(ErrorCode.CONFLICTING_PARAMETERS, "query/within", message),
            ],
        )
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
    """Return which nodes lie in the subtree of a root, including itself."""
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


def own_district(snapshot: Snapshot, subject: Subject, code: str) -> str | None:
    """Return the code of the district of an enterprise or a branch; null if it has none.

    Raises
    ------
    SubjectNotFound
        There is no such enterprise or branch.
    """
    if subject is Subject.BRANCHES:
        row = int(one_branch(snapshot, code).rows[0])
        return snapshot.districts.codes[int(snapshot.branch_districts[row])]
    node = int(snapshot.district_of[int(one_enterprise(snapshot, code).rows[0])])
    return snapshot.districts.codes[node] if node < len(snapshot.districts.codes) else None


def absent(snapshot: Snapshot, subject: Subject, code: str) -> SubjectNotFound:
    """Return the error of an enterprise or a branch that is not in the snapshot."""
    return (absent_branch if subject is Subject.BRANCHES else absent_enterprise)(snapshot, code)


def codes_near(snapshot: Snapshot, subject: Subject, code: str) -> Iterable[str]:
    """Return the codes to search for the closest to an unknown one: all branches, or nearby enterprises."""
    if subject is Subject.BRANCHES:
        return snapshot.branch_index
    codes = snapshot.enterprises.arrow("code")
    order = np.argsort(snapshot.enterprise_code_ranks)
    place = bisect_left(order, code.encode(), key=lambda row: codes[int(row)].as_py().encode())
    return snapshot.enterprises.texts_of("code", order[max(0, place - NEIGHBOURS) : place + NEIGHBOURS])
