"""Where a single enterprise or branch is, in the snapshot that answers."""

from bisect import bisect_left
from collections.abc import Iterable

import numpy as np

from app.statistics.aggregates import SubjectNotFound
from app.statistics.branches import absent_branch, one_branch
from app.statistics.enterprises import absent_enterprise, one_enterprise
from app.statistics.question import Subject
from app.store.snapshot import Snapshot

_NEIGHBOURS = 50
"""Enterprises before and after an unknown code, in the order of codes, among which the closest are looked for."""


def own_district(snapshot: Snapshot, subject: Subject, code: str) -> str | None:
    """Return the code of the district that an enterprise or a branch is in; null where it has none.

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
    """Return what is said of an enterprise or a branch that is not there."""
    return (absent_branch if subject is Subject.BRANCHES else absent_enterprise)(snapshot, code)


def codes_near(snapshot: Snapshot, subject: Subject, code: str) -> Iterable[str]:
    """Return the codes among which the closest to an unknown one are looked for: branches all, of enterprises few."""
    if subject is Subject.BRANCHES:
        return snapshot.branch_index
    codes = snapshot.enterprises.arrow("code")
    order = np.argsort(snapshot.enterprise_code_ranks)
    place = bisect_left(order, code.encode(), key=lambda row: codes[int(row)].as_py().encode())
    return snapshot.enterprises.texts_of("code", order[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS])
