"""Workplaces: where the members of a branch with dual affiliation work."""

from dataclasses import dataclass

import numpy as np

from app.catalogue.dimensions import By
from app.catalogue.vocabulary import Workplace
from app.statistics.question import Order, Page, Question
from app.statistics.row_list import order_of, unknown_sort
from app.statistics.subjects import one_branch
from app.store.arrays import Int64, holders
from app.store.snapshot import Snapshot

_PLACES = tuple(map(str, Workplace))


class WorkplacesQuestion(Question, frozen=True):
    """Where the members of a branch and all below it work.

    Parameters
    ----------
    branch
        Code of the branch.
    level
        Level of districts or industries that the rows are of; null: enterprises.
    """

    branch: str | None = None
    level: By | None = None


@dataclass(frozen=True)
class Workplaces:
    """Distinct members who take part in a branch, by where they work.

    Parameters
    ----------
    rows
        Numbers of the enterprises, or nodes of the level, in the order of a page.
    members
        Members of each.
    without_dual
        For enterprises, the open members there who take part in no dual affiliation; null with a level.
    elsewhere, no_employer
        Members who are withheld or work in an enterprise that is not registered, and those who work nowhere; null where
        the branch has no secondary affiliation at or below it.
    unallocated
        With a level, the members in enterprises outside of it; null without one, or as above.
    """

    rows: Int64
    members: Int64
    without_dual: Int64 | None
    elsewhere: int | None
    no_employer: int | None
    unallocated: int | None


def workplaces_in(snapshot: Snapshot, question: WorkplacesQuestion, page: Page) -> Workplaces:
    """Return where the members of a branch work.

    Raises
    ------
    SubjectNotFound
        The branch does not live.
    InvalidRequest
        `sort` is not one of the columns.
    """
    assert question.branch is not None
    one_branch(snapshot, question.branch)
    table, places = snapshot.table("workplaces"), of_branch(snapshot, question.branch)
    if len(places) == 0:
        return Workplaces(places, places, None if question.level else places, None, None, None)
    kinds, members = table.values("place")[places], table.values("members")[places].astype(np.int64)
    beside = {place: int(members[kinds == number].sum()) for number, place in enumerate(_PLACES)}
    inside = kinds == _PLACES.index(Workplace.ENTERPRISE)
    enterprises, counts = table.values("enterprise")[places[inside]].astype(np.int64), members[inside]
    if question.level is None:
        without = snapshot.enterprises.values("members_without_dual", enterprises).astype(np.int64)
        ranks = snapshot.enterprises.ranks("code", enterprises)
        order = _order({"members": counts, "members_without_dual": without}, ranks, page)
        rows, counts, alone, left = enterprises[order], counts[order], without[order], None
    else:
        rows, counts, left = _by_level(snapshot, question.level, enterprises, counts)
        tree = snapshot.districts if question.level.dimension == "district" else snapshot.industries
        order = _order({"members": counts}, tree.code_ranks[rows], page)
        rows, counts, alone = rows[order], counts[order], None
    return Workplaces(rows, counts, alone, beside[Workplace.ELSEWHERE], beside[Workplace.NO_EMPLOYER], left)


def of_branch(snapshot: Snapshot, branch: str) -> Int64:
    """Return the rows of the table that are about a branch."""
    rows = snapshot.table("workplaces").span_of("branch_code", branch)
    return np.arange(rows.start, rows.stop)


def _by_level(snapshot: Snapshot, level: By, enterprises: Int64, members: Int64) -> tuple[Int64, Int64, int]:
    """Return the nodes of a level with somebody, their members, and how many are in none of them."""
    of_district = level.dimension == "district"
    tree = snapshot.districts if of_district else snapshot.industries
    placed = snapshot.district_of if of_district else snapshot.industry_of
    held = holders(tree.ends, np.flatnonzero(tree.of_level(level.value)))[placed(enterprises)]
    rows, place = np.unique(held[held >= 0], return_inverse=True)
    counts = np.zeros(len(rows), np.int64)
    np.add.at(counts, place, members[held >= 0])
    return rows, counts, int(members[held < 0].sum())


def _order(columns: dict[str, Int64], ranks: Int64, page: Page) -> Int64:
    if page.sort == "code":
        return np.argsort(ranks if page.order is Order.ASCENDING else -ranks, kind="stable")
    if page.sort not in columns:
        raise unknown_sort(page.sort, tuple(columns))
    return order_of(columns[page.sort], np.zeros(len(ranks), bool), ranks, page.order)
