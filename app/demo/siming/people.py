"""The invented members of the Siming demonstration: pseudonyms, employments and primary affiliations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.catalogue.vocabulary import AffiliationRole, CoverageMeans, Identity, Sex
from app.demo.files import AffiliationRow, CoverageRow, EmploymentRow, MemberRow, SeededRandom, read_data
from app.demo.siming.enterprises import Enterprise, Story

LAST_DAY = date(2017, 9, 30)
"""Date of the last return; no date is later."""

RESIDENTS = 85
"""Members without an employer; some of them left one during the year."""

YOUNGER = 40
"""Age below which members have more education, years."""

WITHHELD = 12
"""Members whose identity is withheld at work."""


@dataclass(frozen=True)
class Person:
    """A member with all employments and affiliations."""

    member: MemberRow
    jobs: tuple[EmploymentRow, ...] = ()
    affiliations: tuple[AffiliationRow, ...] = ()

    def belongs_on(self, day: date) -> bool:
        """Say whether the membership is open on a day."""
        return is_open(day, self.member.joined_on, self.member.left_on)

    def employer_on(self, day: date) -> str | None:
        """Return the code of the member's employer on a day; null: none, or no open membership."""
        if not self.belongs_on(day):
            return None
        return next((job.enterprise_code for job in self.jobs if is_open(day, job.start_on, job.end_on)), None)


@dataclass(frozen=True)
class Cohort:
    """Enterprises between which members change, and statistics of the members who work there.

    Parameters
    ----------
    age, spread
        Mean and standard deviation of their ages in 2017, years.
    changes
        Share of members who changed to their employer during the year.
    floating
        Share of members with official floating status.
    homes
        Probability of each kind of home branch: residential, talent centre, elsewhere; the rest have none.
    """

    enterprises: tuple[Enterprise, ...]
    age: float
    spread: float
    changes: float
    floating: float
    homes: tuple[float, float, float]


def is_open(day: date, start_on: date, end_on: date | None) -> bool:
    """Say whether a half-open interval contains a day; a null end is open."""
    return start_on <= day and (end_on is None or day < end_on)


def draw_people(enterprises: Sequence[Enterprise], workplaces: Mapping[str, CoverageRow]) -> list[Person]:
    """Draw all members, always the same, sorted by ref so that the order reveals nothing.

    Parameters
    ----------
    enterprises
        All of them.
    workplaces
        Organisation coverage by enterprise code.
    """
    rng = SeededRandom("siming/people")
    refs = _pseudonyms(rng)
    young, others = _cohorts(enterprises)
    employed = [
        _employee(next(refs), enterprise, cohort, workplaces.get(enterprise.code), rng)
        for cohort in (young, others)
        for enterprise in cohort.enterprises
        for _ in range(enterprise.members)
    ]
    residents = [_resident(next(refs), others if nth % 3 else young, nth, rng) for nth in range(RESIDENTS)]
    return sorted([*_withhold(employed, rng), *residents], key=lambda person: person.member.ref)


def _pseudonyms(rng: SeededRandom) -> Iterator[str]:
    """Draw distinct random pseudonyms."""
    taken: set[str] = set()
    while True:
        ref = f"p-{rng.getrandbits(40):010x}"
        if ref not in taken:
            taken.add(ref)
            yield ref


def _cohorts(enterprises: Sequence[Enterprise]) -> tuple[Cohort, Cohort]:
    internet = tuple(e for e in enterprises if e.sector.internet)
    others = tuple(e for e in enterprises if not e.sector.internet)
    return (
        Cohort(internet, age=29, spread=4, changes=0.14, floating=0.07, homes=(0.5, 0.25, 0.15)),
        Cohort(others, age=41, spread=9, changes=0.05, floating=0.02, homes=(0.72, 0.1, 0.1)),
    )


def _employee(
    ref: str, enterprise: Enterprise, cohort: Cohort, workplace: CoverageRow | None, rng: SeededRandom
) -> Person:
    member = _member(ref, round(min(max(rng.gauss(cohort.age, cohort.spread), 22), 59)), cohort.floating, rng)
    jobs = _jobs(ref, enterprise, cohort, rng)
    home = _home(cohort, rng)
    elsewhere = workplace is not None and workplace.means != CoverageMeans.STANDALONE
    if workplace is None or workplace.branch_code is None or (elsewhere and rng.happens(0.3)):
        return Person(member, jobs, _stays(member, home))
    since = max(jobs[-1].start_on, workplace.start_on, member.joined_on)
    return Person(member, jobs, _transfers(member, home, workplace.branch_code, since))


def _resident(ref: str, cohort: Cohort, nth: int, rng: SeededRandom) -> Person:
    """Draw a member without an employer: every second one left an enterprise during the year."""
    residential = replace(cohort, homes=(1.0, 0.0, 0.0))
    if nth % 2:
        member = _member(ref, rng.randint(60, 84), 0, rng)
        return Person(member, (), _stays(member, _home(residential, rng)))
    member = _member(ref, rng.randint(25, 58), cohort.floating, rng)
    employer = _settled(cohort, rng)
    end_on = rng.day(date(2016, 10, 5), date(2017, 9, 20))
    start_on = end_on - timedelta(days=rng.randint(90, 1500))
    first = max(start_on, employer.row.registered_on or start_on)
    job = EmploymentRow(ref, employer.code, first, end_on)
    return Person(member, (job,) if first < end_on else (), _stays(member, _home(residential, rng)))


def _member(ref: str, age: int, floating: float, rng: SeededRandom) -> MemberRow:
    """Draw the attributes of a member of that age in 2017; a few are unknown, a few members left during the year."""
    birth_year = 2017 - age
    year = birth_year + rng.randint(19, min(age - 1, 34))
    recent = rng.happens(0.03)
    first, last = (date(2016, 7, 1), date(2017, 8, 31)) if recent else (date(year, 1, 4), date(year, 12, 28))
    joined_on = rng.day(first, last)
    full_since = date(joined_on.year + 1, joined_on.month, min(joined_on.day, 28))
    left_on = rng.unless(0.994, rng.day(date(2016, 10, 1), date(2017, 9, 1)))
    since, until = _floating(rng) if rng.happens(floating) else (None, None)
    return MemberRow(
        ref=ref,
        joined_on=joined_on,
        full_since=full_since if full_since <= LAST_DAY else None,
        left_on=left_on if left_on and left_on > joined_on else None,
        birth_year=rng.unless(0.04, birth_year),
        sex=rng.unless(0.02, Sex.FEMALE if rng.happens(0.42) else Sex.MALE),
        education=_education(age, rng),
        identity=Identity.OPEN,
        floating_since=since,
        floating_until=until,
    )


def _education(age: int, rng: SeededRandom) -> str | None:
    rows = read_data("siming_education.csv")
    column = "younger_weight" if age < YOUNGER else "older_weight"
    return rng.weighted([row["education"] for row in rows], [float(row[column]) for row in rows]) or None


def _floating(rng: SeededRandom) -> tuple[date, date | None]:
    since = rng.day(date(2015, 3, 1), date(2017, 5, 31))
    return since, rng.unless(0.6, since + timedelta(days=rng.randint(200, 500)))


def _jobs(ref: str, enterprise: Enterprise, cohort: Cohort, rng: SeededRandom) -> tuple[EmploymentRow, ...]:
    """Draw the employment at an enterprise, and an earlier one for those who changed during the year."""
    registered_on = enterprise.row.registered_on or date(2010, 1, 1)
    current = EmploymentRow(ref, enterprise.code, _start(registered_on, rng), enterprise.row.closed_on)
    changed_on = rng.day(date(2016, 8, 15), date(2017, 9, 12))
    before = _settled(cohort, rng)
    began_on = max(changed_on - timedelta(days=rng.randint(120, 1400)), before.row.registered_on or registered_on)
    settled = enterprise.story is Story.NONE and before.code != enterprise.code
    if not rng.happens(cohort.changes) or not settled or not registered_on <= changed_on or began_on >= changed_on:
        return (current,)
    return (EmploymentRow(ref, before.code, began_on, changed_on), replace(current, start_on=changed_on))


def _settled(cohort: Cohort, rng: SeededRandom) -> Enterprise:
    """Draw an enterprise that is no special case."""
    return rng.choice([e for e in cohort.enterprises if e.story is Story.NONE and e.reports])


def _start(registered_on: date, rng: SeededRandom) -> date:
    """Draw the start of an employment: before the first quarter, for one in fourteen later."""
    first = max(registered_on, date(2006, 1, 1))
    if first > date(2016, 7, 31):
        return first + timedelta(days=rng.randrange(30))
    if rng.happens(1 / 14):
        return rng.day(date(2016, 9, 1), date(2017, 5, 20))
    return rng.day(first, date(2016, 8, 31))


def _home(cohort: Cohort, rng: SeededRandom) -> str | None:
    """Draw the home branch of a member, outside work; null for some."""
    kinds = ("residential", "talent", "elsewhere")
    kind = rng.weighted((*kinds, None), (*cohort.homes, 1 - sum(cohort.homes)))
    homes = [row["branch_code"] for row in read_data("siming_homes.csv") if row["home"] == kind]
    return rng.choice(homes) if homes else None


def _stays(member: MemberRow, home: str | None) -> tuple[AffiliationRow, ...]:
    if home is None:
        return ()
    return (AffiliationRow(member.ref, home, AffiliationRole.PRIMARY, member.joined_on),)


def _transfers(member: MemberRow, home: str | None, branch_code: str, since: date) -> tuple[AffiliationRow, ...]:
    """Return the primary affiliation at work, and before it the one at home."""
    at_work = AffiliationRow(member.ref, branch_code, AffiliationRole.PRIMARY, since)
    before = tuple(replace(row, end_on=since) for row in _stays(member, home) if row.start_on < since)
    return (*before, at_work)


def _withhold(employed: Sequence[Person], rng: SeededRandom) -> list[Person]:
    """Withhold the identity of some, three of four among the first fifth: members at internet firms."""
    young = int(len(employed) * 0.2)
    chosen = {*rng.sample(range(young), WITHHELD * 3 // 4), *rng.sample(range(young, len(employed)), WITHHELD // 4)}
    return [
        replace(person, member=replace(person.member, identity=Identity.WITHHELD)) if nth in chosen else person
        for nth, person in enumerate(employed)
    ]
