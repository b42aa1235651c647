"""The monthly returns of the Siming demonstration's branches: how often each met, and how many came.

Most meet every month, some seldom, some tell nothing: an enterprise may be organised by a branch that does not meet.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum

from app.catalogue.vocabulary import BranchKind
from app.demo.files import AffiliationRow, BranchReturnRow, BranchRow, SeededRandom, read_data
from app.demo.siming.people import Person, is_open

MONTHS = tuple(date(year, month, 1) for year in (2015, 2016, 2017) for month in range(1, 13))[9:33]
"""October 2015 to September 2017: the twelve months before the first snapshot, and all until the last."""


class Habit(StrEnum):
    """How often a branch meets; `data/siming_meetings.csv` says it of some, of the others it is drawn."""

    OFTEN = "often"
    MONTHLY = "monthly"
    SELDOM = "seldom"
    SILENT = "silent"


HABITS = {Habit.OFTEN: 0.25, Habit.MONTHLY: 0.5, Habit.SELDOM: 0.15, Habit.SILENT: 0.1}
"""Habits and their shares of the other branches."""

MEETINGS = {Habit.OFTEN: (0.05, 0.35, 0.6), Habit.MONTHLY: (0.1, 0.8, 0.1), Habit.SELDOM: (0.85, 0.15, 0.0)}
"""Probabilities of no meeting, one and two in a month; a silent branch sends no returns."""


def draw_meetings(branches: Sequence[BranchRow], people: Sequence[Person]) -> list[BranchReturnRow]:
    """Draw the returns of all branches of kind `branch`, always the same; the others hold no meetings."""
    members = _affiliations(people)
    habits = {row["branch_code"]: Habit(row["habit"]) for row in read_data("siming_meetings.csv")}
    meeting = [branch for branch in branches if branch.kind == BranchKind.BRANCH]
    return [row for branch in meeting for row in _returns(branch, habits.get(branch.code), members[branch.code])]


def _affiliations(people: Sequence[Person]) -> Mapping[str, list[AffiliationRow]]:
    found: dict[str, list[AffiliationRow]] = defaultdict(list)
    for person in people:
        for row in person.affiliations:
            found[row.branch_code].append(row)
    return found


def _returns(branch: BranchRow, habit: Habit | None, members: Sequence[AffiliationRow]) -> Iterator[BranchReturnRow]:
    rng = SeededRandom(f"siming/meetings/{branch.code}")
    habit = habit or rng.weighted(list(HABITS), list(HABITS.values()))
    if habit is Habit.SILENT:
        return
    first = branch.established_on.replace(day=1) if branch.established_on else MONTHS[0]
    for month in MONTHS:
        if first <= month and (branch.dissolved_on is None or month < branch.dissolved_on):
            yield _return(branch, habit, month, members, rng)


def _return(
    branch: BranchRow, habit: Habit, month: date, members: Sequence[AffiliationRow], rng: SeededRandom
) -> BranchReturnRow:
    meetings = rng.weighted((0, 1, 2), MEETINGS[habit])
    last = month.replace(day=28)
    there = sum(is_open(last, row.start_on, row.end_on) for row in members)
    came = sum(round(there * rng.uniform(0.6, 0.95)) for _ in range(meetings))
    return BranchReturnRow(branch.code, month, meetings, rng.unless(0.05, came))
