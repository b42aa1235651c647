"""The invented members of the Siming demonstration: opaque refs, where they work and where they formally belong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.catalogue.vocabulary import AffiliationRole, CoverageMeans, Identity, Sex
from app.demo.files import AffiliationRow, CoverageRow, Draws, EmploymentRow, MemberRow, read_data
from app.demo.siming.enterprises import Enterprise, Story

LAST_DAY = date(2017, 9, 30)
"""Nothing happens after the last return."""

RESIDENTS = 85
"""Members without an employer; some of them left one during the year."""

YOUNGER = 40
"""Age below which members have more education, in years."""

WITHHELD = 12
"""Members who do not want to be known at work."""


@dataclass(frozen=True)
class Person:
    """A member and all dated rows about the member."""

    member: MemberRow
    jobs: tuple[EmploymentRow, ...] = ()
    affiliations: tuple[AffiliationRow, ...] = ()

    def belongs_on(self, day: date) -> bool:
        """Whether the membership is open on a day."""
        return is_open(day, self.member.joined_on, self.member.left_on)

    def employer_on(self, day: date) -> str | None:
        """Code of the enterprise where the member works on a day, as a member; null if nowhere."""
        if not self.belongs_on(day):
            return None
        return next((job.enterprise_code for job in self.jobs if is_open(day, job.start_on, job.end_on)), None)


@dataclass(frozen=True)
class Camp:
    """Enterprises between which people change, and the habits of those who work there.

    Parameters
    ----------
    age, spread
        Mean and standard deviation of their ages in 2017, in years.
    changes
        Share who changed to their employer during the year.
    floating
        Share of official floating status.
    homes
        Chance of each kind of home branch: residential, talent centre, elsewhere; the rest belong nowhere on record.
    """

    enterprises: tuple[Enterprise, ...]
    age: float
    spread: float
    changes: float
    floating: float
    homes: tuple[float, float, float]


def is_open(day: date, start_on: date, end_on: date | None) -> bool:
    """Whether a half-open interval holds a day; a null end is open."""
    return start_on <= day and (end_on is None or day < end_on)


def draw_people(enterprises: Sequence[Enterprise], workplaces: Mapping[str, CoverageRow]) -> list[Person]:
    """Draw all members, always the same, sorted by their refs so that the order tells nothing.

    Parameters
    ----------
    enterprises
        All of them.
    workplaces
        Per organised enterprise its organisation coverage.
    """
    draws = Draws("siming/people")
    refs = _refs(draws)
    young, others = _camps(enterprises)
    employed = [
        _employee(next(refs), enterprise, camp, workplaces.get(enterprise.code), draws)
        for camp in (young, others)
        for enterprise in camp.enterprises
        for _ in range(enterprise.members)
    ]
    residents = [_resident(next(refs), others if nth % 3 else young, nth, draws) for nth in range(RESIDENTS)]
    return sorted([*_withhold(employed, draws), *residents], key=lambda person: person.member.ref)


def _refs(draws: Draws) -> Iterator[str]:
    """Pseudonyms that say nothing and never repeat."""
    taken: set[str] = set()
    while True:
        ref = f"p-{draws.getrandbits(40):010x}"
        if ref not in taken:
            taken.add(ref)
            yield ref


def _camps(enterprises: Sequence[Enterprise]) -> tuple[Camp, Camp]:
    internet = tuple(e for e in enterprises if e.sector.internet)
    others = tuple(e for e in enterprises if not e.sector.internet)
    return (
        Camp(internet, age=29, spread=4, changes=0.14, floating=0.07, homes=(0.5, 0.25, 0.15)),
        Camp(others, age=41, spread=9, changes=0.05, floating=0.02, homes=(0.72, 0.1, 0.1)),
    )


def _employee(ref: str, enterprise: Enterprise, camp: Camp, workplace: CoverageRow | None, draws: Draws) -> Person:
    member = _member(ref, round(min(max(draws.gauss(camp.age, camp.spread), 22), 59)), camp.floating, draws)
    jobs = _jobs(ref, enterprise, camp, draws)
    home = _home(camp, draws)
    elsewhere = workplace is not None and workplace.means != CoverageMeans.STANDALONE
    if workplace is None or workplace.branch_code is None or (elsewhere and draws.happens(0.3)):
        return Person(member, jobs, _stays(member, home))
    since = max(jobs[-1].start_on, workplace.start_on, member.joined_on)
    return Person(member, jobs, _transfers(member, home, workplace.branch_code, since))


def _resident(ref: str, camp: Camp, nth: int, draws: Draws) -> Person:
    """Draw a member without an employer: every second one left an enterprise during the year."""
    residential = replace(camp, homes=(1.0, 0.0, 0.0))
    if nth % 2:
        member = _member(ref, draws.randint(60, 84), 0, draws)
        return Person(member, (), _stays(member, _home(residential, draws)))
    member = _member(ref, draws.randint(25, 58), camp.floating, draws)
    employer = _settled(camp, draws)
    end_on = draws.day(date(2016, 10, 5), date(2017, 9, 20))
    start_on = end_on - timedelta(days=draws.randint(90, 1500))
    first = max(start_on, employer.row.registered_on or start_on)
    job = EmploymentRow(ref, employer.code, first, end_on)
    return Person(member, (job,) if first < end_on else (), _stays(member, _home(residential, draws)))


def _member(ref: str, age: int, floating: float, draws: Draws) -> MemberRow:
    """Attributes of a member of that age in 2017; a few are unknown, a few left during the year."""
    birth_year = 2017 - age
    year = birth_year + draws.randint(19, min(age - 1, 34))
    recent = draws.happens(0.03)
    first, last = (date(2016, 7, 1), date(2017, 8, 31)) if recent else (date(year, 1, 4), date(year, 12, 28))
    joined_on = draws.day(first, last)
    full_since = date(joined_on.year + 1, joined_on.month, min(joined_on.day, 28))
    left_on = draws.unless(0.994, draws.day(date(2016, 10, 1), date(2017, 9, 1)))
    since, until = _floating(draws) if draws.happens(floating) else (None, None)
    return MemberRow(
        ref=ref,
        joined_on=joined_on,
        full_since=full_since if full_since <= LAST_DAY else None,
        left_on=left_on if left_on and left_on > joined_on else None,
        birth_year=draws.unless(0.04, birth_year),
        sex=draws.unless(0.02, Sex.FEMALE if draws.happens(0.42) else Sex.MALE),
        education=_education(age, draws),
        identity=Identity.OPEN,
        floating_since=since,
        floating_until=until,
    )


def _education(age: int, draws: Draws) -> str | None:
    rows = read_data("siming_education.csv")
    column = "younger_weight" if age < YOUNGER else "older_weight"
    return draws.weighted([row["education"] for row in rows], [float(row[column]) for row in rows]) or None


def _floating(draws: Draws) -> tuple[date, date | None]:
    since = draws.day(date(2015, 3, 1), date(2017, 5, 31))
    return since, draws.unless(0.6, since + timedelta(days=draws.randint(200, 500)))


def _jobs(ref: str, enterprise: Enterprise, camp: Camp, draws: Draws) -> tuple[EmploymentRow, ...]:
    """Draw the employment at an enterprise, and for those who changed during the year the one before."""
    registered_on = enterprise.row.registered_on or date(2010, 1, 1)
    current = EmploymentRow(ref, enterprise.code, _start(registered_on, draws), enterprise.row.closed_on)
    changed_on = draws.day(date(2016, 8, 15), date(2017, 9, 12))
    before = _settled(camp, draws)
    began_on = max(changed_on - timedelta(days=draws.randint(120, 1400)), before.row.registered_on or registered_on)
    settled = enterprise.story is Story.NONE and before.code != enterprise.code
    if not draws.happens(camp.changes) or not settled or not registered_on <= changed_on or began_on >= changed_on:
        return (current,)
    return (EmploymentRow(ref, before.code, began_on, changed_on), replace(current, start_on=changed_on))


def _settled(camp: Camp, draws: Draws) -> Enterprise:
    """Draw an enterprise that does nothing odd."""
    return draws.choice([e for e in camp.enterprises if e.story is Story.NONE and e.reports])


def _start(registered_on: date, draws: Draws) -> date:
    """Most began before the first quarter, one in fourteen later."""
    first = max(registered_on, date(2006, 1, 1))
    if first > date(2016, 7, 31):
        return first + timedelta(days=draws.randrange(30))
    if draws.happens(1 / 14):
        return draws.day(date(2016, 9, 1), date(2017, 5, 20))
    return draws.day(first, date(2016, 8, 31))


def _home(camp: Camp, draws: Draws) -> str | None:
    """Draw the branch where a member formally belongs, outside work; null for some."""
    kinds = ("residential", "talent", "elsewhere")
    kind = draws.weighted((*kinds, None), (*camp.homes, 1 - sum(camp.homes)))
    homes = [row["branch_code"] for row in read_data("siming_homes.csv") if row["home"] == kind]
    return draws.choice(homes) if homes else None


def _stays(member: MemberRow, home: str | None) -> tuple[AffiliationRow, ...]:
    if home is None:
        return ()
    return (AffiliationRow(member.ref, home, AffiliationRole.PRIMARY, member.joined_on),)


def _transfers(member: MemberRow, home: str | None, branch_code: str, since: date) -> tuple[AffiliationRow, ...]:
    """Give a formal place at work, and before it the one at home."""
    at_work = AffiliationRow(member.ref, branch_code, AffiliationRole.PRIMARY, since)
    before = tuple(replace(row, end_on=since) for row in _stays(member, home) if row.start_on < since)
    return (*before, at_work)


def _withhold(employed: Sequence[Person], draws: Draws) -> list[Person]:
    """Make some withheld, three of four among those who come first: members at internet firms."""
    young = int(len(employed) * 0.2)
    chosen = {*draws.sample(range(young), WITHHELD * 3 // 4), *draws.sample(range(young, len(employed)), WITHHELD // 4)}
    return [
        replace(person, member=replace(person.member, identity=Identity.WITHHELD)) if nth in chosen else person
        for nth, person in enumerate(employed)
    ]
