"""The quarterly returns of the Siming demonstration: what each enterprise states of itself and of its members."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.catalogue.vocabulary import AffiliationRole, Education, Identity, Ownership, Sex, SizeClass
from app.demo.files import Draws, ReturnRow
from app.demo.siming.enterprises import REPORT_DATES, Enterprise, Story
from app.demo.siming.people import Person, is_open

COLLEGE = frozenset({Education.DOCTORATE, Education.MASTER, Education.BACHELOR, Education.JUNIOR_COLLEGE})
"""Junior college or above."""

YOUNG = 35
"""Oldest age, in years, that counts as young (year of the date less year of birth)."""

ROOMY, SIZEABLE = 8, 60
"""Employees from which a firm has premises of its own, and may be above designated size."""

SIZE_CLASSES = ((300, SizeClass.LARGE), (100, SizeClass.MEDIUM), (20, SizeClass.SMALL), (0, SizeClass.MICRO))
"""Rough classes by the least number of employees; the official ones ask for turnover too."""


@dataclass(frozen=True)
class Habits:
    """What an enterprise's returns have in common.

    Parameters
    ----------
    growth
        Growth of its staff per quarter, 0.01 = 1 %.
    states_parts
        Whether its returns break the members down.
    """

    ownership: str | None
    fixed_premises: bool | None
    above_designated_size: bool | None
    states_industry: bool
    states_parts: bool
    growth: float


def state_returns(enterprises: Sequence[Enterprise], people: Sequence[Person]) -> list[ReturnRow]:
    """Let every enterprise that reports state its returns, always the same.

    The stated counts are those of the register without the withheld, one in eight wrong by one.
    """
    staff_of = _by_enterprise(people)
    return [row for enterprise in enterprises for row in _returns(enterprise, staff_of.get(enterprise.code, []))]


def _by_enterprise(people: Sequence[Person]) -> Mapping[str, list[Person]]:
    """All who ever worked at each enterprise, without the withheld."""
    known: dict[str, list[Person]] = defaultdict(list)
    for person in people:
        if person.member.identity != Identity.WITHHELD:
            for code in {job.enterprise_code for job in person.jobs}:
                known[code].append(person)
    return known


def _returns(enterprise: Enterprise, people: Sequence[Person]) -> list[ReturnRow]:
    draws = Draws(f"siming/returns/{enterprise.code}")
    habits = _habits(enterprise, draws)
    return [_return(enterprise, habits, day, people, draws) for day in enterprise.reports]


def _habits(enterprise: Enterprise, draws: Draws) -> Habits:
    internet, staff = enterprise.sector.internet, enterprise.staff
    other = draws.choice(list(Ownership))
    return Habits(
        ownership=draws.unless(0.01, enterprise.sector.ownership if draws.happens(0.85) else other),
        fixed_premises=draws.unless(0.02, staff >= ROOMY or draws.happens(0.4)),
        above_designated_size=draws.unless(0.02, staff >= SIZEABLE and draws.happens(0.8)),
        states_industry=not draws.happens(0.05),
        states_parts=not draws.happens(0.05),
        growth=draws.gauss(0.02 if internet else 0.004, 0.01),
    )


def _return(enterprise: Enterprise, habits: Habits, day: date, people: Sequence[Person], draws: Draws) -> ReturnRow:
    present = [person for person in people if person.employer_on(day) == enterprise.code]
    members = _stated(len(present), draws)
    headcount = max(_staff(enterprise, habits, day, draws), members + 1)
    parts = _parts(present, members, day) if habits.states_parts else {}
    unknown = enterprise.story is Story.MEMBERS_UNKNOWN
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
        headcount=None if enterprise.story is Story.UNKNOWN_HEADCOUNT else headcount,
        members=None if unknown else members,
        **({} if unknown else parts),
    )


def _staff(enterprise: Enterprise, habits: Habits, day: date, draws: Draws) -> int:
    quarters = max((day - REPORT_DATES[0]).days, 0) / 91
    staff = round(enterprise.staff * math.pow(1 + habits.growth, quarters) * draws.uniform(0.97, 1.03))
    typed_wrongly = enterprise.story is Story.HEADCOUNT_JUMP and day == REPORT_DATES[3]
    return staff * 10 if typed_wrongly else staff


def _stated(members: int, draws: Draws) -> int:
    """Draw the stated number: the true one, or one in eight times one more or less."""
    return max(members + draws.choice((-1, 1)), 0) if draws.happens(1 / 8) else members


def _parts(present: Sequence[Person], members: int, day: date) -> dict[str, int]:
    """Breakdown of the members present, no part above the stated number."""
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
