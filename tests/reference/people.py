"""One member as of a date, and the figures of persons of one enterprise from either source."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from tests.reference.as_of import AsOf
from tests.reference.registry import Registry, Row, is_open

COLLEGE = frozenset({"doctorate", "master", "bachelor", "junior_college"})
YOUNG_UNTIL = 35
"""Years between the year of the date and the year of birth."""

Span = tuple[date, date | None]
"""Half-open; None = still open."""


def is_withheld(member: Row) -> bool:
    """A member who does not want to be known at work; no word on it means open."""
    return bool(member["identity"] == "withheld")


def is_full(member: Row, day: date) -> bool:
    """Full since a date that has come; a null date has not happened."""
    return member["full_since"] is not None and bool(member["full_since"] <= day)


def is_floating(member: Row, day: date) -> bool:
    """Official floating status: begun and not ended; a null beginning has not happened."""
    return member["floating_since"] is not None and is_open(member["floating_since"], member["floating_until"], day)


def is_under_36(member: Row, day: date) -> bool | None:
    """Year of the date minus year of birth is at most 35; unknown without a year of birth."""
    return None if member["birth_year"] is None else bool(day.year - member["birth_year"] <= YOUNG_UNTIL)


def is_woman(member: Row) -> bool | None:
    """Unknown where sex is."""
    return None if member["sex"] is None else bool(member["sex"] == "female")


def has_college(member: Row) -> bool | None:
    """Junior college or above; unknown where education is."""
    return None if member["education"] is None else member["education"] in COLLEGE


def properties(when: AsOf) -> dict[str, Callable[[Row], bool | None]]:
    """The parts of the members: measure to what it asks of a member (None: the source does not say)."""
    return {
        "full_members": lambda member: is_full(member, when.as_of),
        "members_dual": lambda member: member["ref"] in when.dual_refs,
        "members_floating": lambda member: is_floating(member, when.as_of),
        "members_under_36": lambda member: is_under_36(member, when.as_of),
        "members_women": is_woman,
        "members_college": has_college,
    }


PARTS = (
    "full_members",
    "members_dual",
    "members_floating",
    "members_under_36",
    "members_women",
    "members_college",
)


@dataclass(frozen=True)
class People:
    """Members of one enterprise or branch: the whole, its parts, and how many are unknown for each part."""

    members: int | None
    parts: dict[str, int | None]
    unknown: dict[str, int | None]

    @property
    def probationary(self) -> int | None:
        """The members who are not full; unknown with either."""
        full = self.parts["full_members"]
        return None if self.members is None or full is None else self.members - full


def people_of_register(when: AsOf, members: Iterable[Row]) -> People:
    """Count persons: a part counts those known to have it, and beside it those not known."""
    persons = list(members)
    answers = {part: [has(person) for person in persons] for part, has in properties(when).items()}
    return People(
        members=len(persons),
        parts={part: answers[part].count(True) for part in PARTS},
        unknown={part: answers[part].count(None) for part in PARTS},
    )


def people_of_return(latest: Row | None) -> People:
    """Take what the return says: a blank whole is unknown, a blank part makes all its members unknown for it."""
    cells = latest or {}
    members = cells.get("members")
    # No members at all states 0 for every part of them.
    parts = {part: 0 if members == 0 else cells.get(part) for part in PARTS}
    blank = {part: members if count is None else 0 for part, count in parts.items()}
    unknown = dict.fromkeys(PARTS) if members is None else blank
    return People(members=members, parts=parts, unknown=unknown)


def joined_up(spans: Iterable[Span]) -> list[Span]:
    """Adjoining employments at one enterprise are one."""
    whole: list[Span] = []
    for start, end in sorted(spans, key=lambda span: span[0]):
        if whole and whole[-1][1] == start:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def overlap(one: Span, other: Span) -> Span | None:
    """The days that two intervals share; None where there are none."""
    start = max(one[0], other[0])
    ends = [end for end in (one[1], other[1]) if end is not None]
    end = min(ends) if ends else None
    return None if end is not None and end <= start else (start, end)


def spells(registry: Registry, member: Row, enterprise: str) -> list[Span]:
    """When a person was a member working at an enterprise: employment and membership together."""
    jobs = [
        (job["start_on"], job["end_on"])
        for job in registry["employments"]
        if job["member_ref"] == member["ref"] and job["enterprise_code"] == enterprise
    ]
    membership = (member["joined_on"], member["left_on"])
    shared = (overlap(job, membership) for job in joined_up(jobs))
    return [spell for spell in shared if spell is not None]
