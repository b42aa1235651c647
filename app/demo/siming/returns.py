"""The quarterly returns of the Siming demonstration: what each enterprise states of itself and its members."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.catalogue.vocabulary import AffiliationRole, Education, Identity, Ownership, Sex, SizeClass
from app.demo.files import ReturnRow, SeededRandom
from app.demo.siming.enterprises import REPORT_DATES, Enterprise, Story
from app.demo.siming.people import Person, is_open

COLLEGE = frozenset({Education.DOCTORATE, Education.MASTER, Education.BACHELOR, Education.JUNIOR_COLLEGE})
"""Junior college or above."""

YOUNG = 35
"""Highest age counted as young, years (year of the date less year of birth)."""

ROOMY, SIZEABLE = 8, 60
"""Least headcounts of a firm that always has fixed premises, and that may be above designated size."""

SIZE_CLASSES = ((300, SizeClass.LARGE), (100, SizeClass.MEDIUM), (20, SizeClass.SMALL), (0, SizeClass.MICRO))
"""Rough classes by least headcount; the official ones also use turnover."""


@dataclass(frozen=True)
class Habits:
    """What an enterprise's returns have in common.

    Parameters
    ----------
    growth
        Growth of its staff per quarter, 0.01 = 1 %.
    states_parts
        Whether its returns state breakdowns of the members.
    """

    ownership: str | None
    fixed_premises: bool | None
    above_designated_size: bool | None
    states_industry: bool
    states_parts: bool
    growth: float


def state_returns(enterprises: Sequence[Enterprise], people: Sequence[Person]) -> list[ReturnRow]:
    """Draw the returns of every enterprise that reports, always the same.

    The stated counts are those of the register without withheld identities; one in eight is wrong by one.
    """
    staff_of = _by_enterprise(people)
    return [row for enterprise in enterprises for row in _returns(enterprise, staff_of.get(enterprise.code, []))]


def _by_enterprise(people: Sequence[Person]) -> Mapping[str, list[Person]]:
    """Return all members who ever worked at each enterprise, without withheld identities."""
    known: dict[str, list[Person]] = defaultdict(list)
    for person in people:
        if person.member.identity != Identity.WITHHELD:
            for code in {job.enterprise_code for job in person.jobs}:
                known[code].append(person)
    return known


def _returns(enterprise: Enterprise, people: Sequence[Person]) -> list[ReturnRow]:
    rng = SeededRandom(f"siming/returns/{enterprise.code}")
    habits = _habits(enterprise, rng)
    return [_return(enterprise, habits, day, people, rng) for day in enterprise.reports]


def _habits(enterprise: Enterprise, rng: SeededRandom) -> Habits:
    internet, staff = enterprise.sector.internet, enterprise.staff
    other = rng.choice(list(Ownership))
    return Habits(
        ownership=rng.unless(0.01, enterprise.sector.ownership if rng.happens(0.85) else other),
        fixed_premises=rng.unless(0.02, staff >= ROOMY or rng.happens(0.4)),
        above_designated_size=rng.unless(0.02, staff >= SIZEABLE and rng.happens(0.8)),
        states_industry=not rng.happens(0.05),
        states_parts=not rng.happens(0.05),
        growth=rng.gauss(0.02 if internet else 0.004, 0.01),
    )


def _return(
    enterprise: Enterprise, habits: Habits, day: date, people: Sequence[Person], rng: SeededRandom
) -> ReturnRow:
    present = [person for person in people if person.employer_on(day) == enterprise.code]
    members = _stated(len(present), rng)
    headcount = max(_staff(enterprise, habits, day, rng), members + 1)
    parts = _parts(present, members, day) if habits.states_parts else {}
    unknown = enterprise.story is Story.MEMBERS_UNKNOWN
    no_headcount = enterprise.story is Story.UNKNOWN_HEADCOUNT
    return ReturnRow(
        enterprise_code=enterprise.code,
        reported_on=day,
        district_code=enterprise.place_on(day),
        industry_code=enterprise.row.industry_code if habits.states_industry else None,
        ownership=habits.ownership,
        size_class=next(size for least, size in SIZE_CLASSES if headcount >= least),
        operating=enterprise.story is not Story.DORMANT,
        fixed_premises=habits.fixed_premises,
        above_designated_size=habits.above_designated_size,
        headcount=None if no_headcount else headcount,
        **({} if no_headcount else _parts_of_staff(enterprise, day, headcount, parts)),
        members=None if unknown else members,
        **({} if unknown else parts),
    )


def _staff(enterprise: Enterprise, habits: Habits, day: date, rng: SeededRandom) -> int:
    quarters = max((day - REPORT_DATES[0]).days, 0) / 91
    staff = round(enterprise.staff * math.pow(1 + habits.growth, quarters) * rng.uniform(0.97, 1.03))
    typed_wrongly = enterprise.story is Story.HEADCOUNT_JUMP and day == REPORT_DATES[3]
    return staff * 10 if typed_wrongly else staff


def _parts_of_staff(enterprise: Enterprise, day: date, headcount: int, members: Mapping[str, int]) -> dict[str, int]:
    """Draw the stated parts of the staff, in none of which there are fewer than members; one firm in eight states none.

    From generators of their own, so that all else is drawn as it would be without them.
    """
    own = SeededRandom(f"siming/staff/{enterprise.code}")
    if own.happens(1 / 8):
        return {}
    sector, rng = enterprise.sector, SeededRandom(f"siming/staff/{enterprise.code}/{day}")
    shares = {"under_36": sector.young, "women": sector.women, "college": sector.college}
    parts = {}
    for name, share in shares.items():
        drawn = round(headcount * min(share * own.uniform(0.85, 1.15) * rng.uniform(0.98, 1.02), 1))
        parts[f"headcount_{name}"] = min(max(drawn, members.get(f"members_{name}", 0)), headcount)
    return parts


def _stated(members: int, rng: SeededRandom) -> int:
    """Draw the stated number: the true one, in one of eight cases off by one."""
    return max(members + rng.choice((-1, 1)), 0) if rng.happens(1 / 8) else members


def _parts(present: Sequence[Person], members: int, day: date) -> dict[str, int]:
    """Return the breakdowns of the members present, none above the stated number."""
    known = [person.member for person in present]
    parts = {
        "full_members": sum(m.full_since is not None and m.full_since <= day for m in known),
        "members_dual": sum(_is_dual(person, day) for person in present),
        "members_under_36": sum(m.birth_year is not None and day.year - m.birth_year <= YOUNG for m in known),
        "members_women": sum(m.sex == Sex.FEMALE for m in known),
        "members_college": sum(m.education in COLLEGE for m in known),
        "members_floating": sum(
            m.floating_since is not None and is_open(day, m.floating_since, m.floating_until) for m in known
        ),
    }
    return {name: min(part, members) for name, part in parts.items()}


def _is_dual(person: Person, day: date) -> bool:
    return any(
        row.role == AffiliationRole.SECONDARY and is_open(day, row.start_on, row.end_on) for row in person.affiliations
    )
