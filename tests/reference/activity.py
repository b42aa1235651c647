"""Which branches meet: what their returns of the last twelve months add up to."""

from tests.reference.as_of import AsOf
from tests.reference.registry import at_or_below


def subtree(when: AsOf, branch: str) -> set[str]:
    """The living branches at or below a branch, also those below branches that do not live."""
    return at_or_below(when.all_branches, branch) & set(when.branches)


def activity_counts(when: AsOf, branches: set[str]) -> dict[str, int | None]:
    """What the returns of some branches state together: null where none of them states it."""
    months = [month for branch in branches for month in when.months[branch]]
    return {
        "meetings": stated_sum([month["meetings"] for month in months]),
        "attendances": stated_sum([month["attendances"] for month in months]),
    }


def stated_sum(counts: list[int | None]) -> int | None:
    """The sum of what is stated; null where nothing is."""
    stated = [count for count in counts if count is not None]
    return sum(stated) if stated else None


def meets_enough(when: AsOf, branch: str) -> bool | None:
    """Whether a branch held the meetings that make it active; null without a return in the window."""
    meetings = activity_counts(when, {branch})["meetings"]
    return None if meetings is None else meetings >= when.thresholds.active_branch_meetings


def is_active(when: AsOf, branch: str) -> bool | None:
    """A branch by its own meetings; a committee or general branch by those of kind branch below it, or its own."""
    if when.branches[branch]["kind"] == "branch":
        return meets_enough(when, branch)
    below = [meets_enough(when, one) for one in of_kind_branch(when, subtree(when, branch))]
    if True in below or meets_enough(when, branch):
        return True
    return None if None in below or not below else False


def of_kind_branch(when: AsOf, branches: set[str]) -> set[str]:
    """Those that hold meetings."""
    return {code for code in branches if when.branches[code]["kind"] == "branch"}


def subtree_activity(when: AsOf, branches: set[str]) -> dict[str, int | None]:
    """The branches of a subtree that hold meetings, and how many of them are active, or nobody knows."""
    answers = [meets_enough(when, branch) for branch in of_kind_branch(when, branches)]
    return {
        "branches": len(answers),
        "branches_active": answers.count(True),
        "branches_activity_unknown": answers.count(None),
    }


OF_SUBTREE = ("branches", "branches_active", "branches_activity_unknown")
"""Figures of a branch and all below it, not defined of the branch itself."""
