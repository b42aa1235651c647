"""Statistics of enterprises: their own rows, as the snapshot keeps them."""

from functools import partial

import numpy as np

from app.catalogue.measures import ENTERPRISE_MEASURES, ROW_MEASURES
from app.catalogue.metrics import ENTERPRISE_METRICS
from app.errors import ErrorItem
from app.statistics import sums
from app.statistics.aggregates import SubjectNotFound
from app.statistics.intervals import precision_of
from app.statistics.listed import Listed, Margins, Side, ordered
from app.statistics.question import Listing, Page, Question, Subject
from app.statistics.rates import Counts
from app.statistics.scope import resolve
from app.store.snapshot import Snapshot
from app.store.subtrees import Int64

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


def list_enterprises(snapshot: Snapshot, question: Question, page: Page) -> Listed:
    """Return the enterprises that a question lists; `total` is the sum of all of them."""
    rows = sums.listed_rows(snapshot, resolve(snapshot, question.population))
    rows = flagged(snapshot, rows, question.listing)
    side = _side(snapshot)
    ranked = ordered(rows, snapshot.enterprise_code_ranks[rows], side, page, precision_of(snapshot.manifest))
    return Listed(snapshot, Subject.ENTERPRISES, ranked, (side,), partial(_margins, snapshot, rows))


def one_enterprise(snapshot: Snapshot, code: str) -> Listed:
    """Return one registered enterprise.

    Raises
    ------
    SubjectNotFound
        No enterprise of this code was in the register on the date.
    """
    row = snapshot.enterprises.row_of("code", code)
    if row is None:
        raise absent_enterprise(snapshot, code)
    return Listed(snapshot, Subject.ENTERPRISES, np.array([row]), (_side(snapshot),))


def absent_enterprise(snapshot: Snapshot, code: str) -> SubjectNotFound:
    """Return what is said of an enterprise that is not there."""
    detail = f"No enterprise {code!r} in snapshot {snapshot.manifest.id}."
    return SubjectNotFound(detail, [ErrorItem("path/code", detail)])


def _side(snapshot: Snapshot) -> Side:
    return Side("", _SHOWN, ENTERPRISE_METRICS, partial(_count, snapshot))


def flagged(snapshot: Snapshot, rows: Int64, listing: Listing) -> Int64:
    """Return the rows whose flags are as asked; unknown matches neither."""
    for name, column in _FLAGS.items():
        asked = getattr(listing, name)
        if asked is not None:
            valid = snapshot.enterprises.valid(column)
            matches = snapshot.enterprises.values(column)[rows] == int(asked)
            rows = rows[matches if valid is None else matches & valid[rows]]
    return rows


def _count(snapshot: Snapshot, rows: Int64) -> Counts:
    """Return enterprises' own measures; null is unknown, or not defined by the member source."""
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
