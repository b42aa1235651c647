"""The invented enterprises of the Siming demonstration: sectors, districts, headcounts, and special cases (stories)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from math import log

from app.demo.files import EnterpriseRow, SeededRandom, read_data
from app.registry.credit_code import ALPHABET, check_character, organisation_check_character

REPORT_DATES = (
    date(2016, 9, 30),
    date(2016, 12, 31),
    date(2017, 3, 31),
    date(2017, 6, 30),
    date(2017, 9, 30),
)
"""Quarter ends on which the enterprises file their returns."""

DISTRICT = "350203"
"""Siming, the district of the demonstration (GB/T 2260)."""

INTERNET_GROUP = "internet"
"""Code of the industry group that the demonstration is about."""


class Story(StrEnum):
    """A special case of an enterprise; `data/siming_stories.csv` assigns them."""

    NONE = ""
    UNKNOWN_HEADCOUNT = "unknown_headcount"
    MEMBERS_UNKNOWN = "members_unknown"
    STALE_RETURN = "stale_return"
    WRONG_CHECK = "wrong_check"
    HEADCOUNT_JUMP = "headcount_jump"
    MOVES = "moves"
    CLOSES = "closes"
    OPENS = "opens"
    UNCLASSIFIED = "unclassified"
    UNPLACED = "unplaced"
    DORMANT = "dormant"


@dataclass(frozen=True)
class Sector:
    """A sector of invented enterprises.

    Parameters
    ----------
    enterprises, silent
        Number of enterprises that file returns, and of further ones that never did.
    median_headcount
        Median headcount, employees; headcounts are lognormal.
    member_ratio
        Intended members per employee, 0 to 1.
    joins
        Probability that a member who works there joins the joint committee, 0 to 1.
    young, women, college
        Shares of the employees who are up to 35, are women, went to college, 0 to 1.
    """

    industry_code: str
    kind: str
    authority: str
    label: str
    enterprises: int
    silent: int
    median_headcount: float
    member_ratio: float
    ownership: str
    joins: float
    young: float
    women: float
    college: float
    internet: bool


@dataclass(frozen=True)
class Enterprise:
    """An invented enterprise, with data for the other files.

    Parameters
    ----------
    row
        Its row in the register.
    place, moves_to
        District of its returns; district of its returns from 2017-06-30 on, if different.
    staff, members
        Employees at its first return; intended number of members.
    reports
        Dates of its returns; empty if it never filed one.
    """

    row: EnterpriseRow
    sector: Sector
    place: str | None
    staff: int
    members: int
    reports: tuple[date, ...]
    story: Story = Story.NONE
    moves_to: str | None = None

    @property
    def code(self) -> str:
        """Its code in the register."""
        return self.row.code

    def place_on(self, day: date) -> str | None:
        """District in a return of that day; null if the enterprise never states it."""
        return self.moves_to if self.moves_to and day >= REPORT_DATES[3] else self.place


def draw_enterprises() -> list[Enterprise]:
    """Draw all enterprises, always the same, in the order of their sectors."""
    rng = SeededRandom("siming/enterprises")
    names, stories = _names(rng), _stories()
    enterprises: list[Enterprise] = []
    for sector in _sectors():
        for nth in range(1, sector.enterprises + sector.silent + 1):
            drawn = _draw(sector, f"厦门{next(names)}{sector.label}（示例）", len(enterprises) + 1, rng)
            silent = nth > sector.enterprises
            story, district = stories.get((sector.industry_code, nth), (Story.NONE, None))
            enterprises.append(_apply_story(replace(drawn, reports=()) if silent else drawn, story, district))
    return enterprises


def credit_code(authority: str, serial: int) -> str:
    """Return a valid invented credit code: registered in Siming, organisation code `DEM` and a serial number."""
    organisation = f"DEM{serial:05d}"
    code17 = f"{authority}{DISTRICT}{organisation}{organisation_check_character(organisation)}"
    return code17 + check_character(code17)


def _sectors() -> list[Sector]:
    internet = tuple(
        row["industry_code"] for row in read_data("industry_groups.csv") if row["group_code"] == INTERNET_GROUP
    )
    return [
        Sector(
            industry_code=row["industry_code"],
            kind=row["kind"],
            authority=row["authority"],
            label=row["label"],
            enterprises=int(row["enterprises"]),
            silent=int(row["silent"]),
            median_headcount=float(row["median_headcount"]),
            member_ratio=float(row["member_ratio"]),
            ownership=row["ownership"],
            joins=float(row["joins"]),
            young=float(row["young"]),
            women=float(row["women"]),
            college=float(row["college"]),
            internet=row["industry_code"].startswith(internet),
        )
        for row in read_data("siming_sectors.csv")
    ]


def _names(rng: SeededRandom) -> Iterator[str]:
    """Return two-character names, each once; the combinations are invented."""
    rows = read_data("siming_names.csv")
    first, second = ([row["character"] for row in rows if row["position"] == position] for position in "12")
    pairs = [a + b for a in first for b in second if a != b]
    rng.shuffle(pairs)
    return iter(pairs)


def _stories() -> dict[tuple[str, int], tuple[Story, str | None]]:
    return {
        (row["industry_code"], int(row["nth"])): (Story(row["story"]), row["district_code"] or None)
        for row in read_data("siming_stories.csv")
    }


def _draw(sector: Sector, name: str, serial: int, rng: SeededRandom) -> Enterprise:
    registered_on = _registered_on(sector, rng)
    place = _place(sector, rng)
    staff = min(max(round(rng.lognormvariate(log(sector.median_headcount), 0.75)), 4), 420)
    if registered_on > REPORT_DATES[0]:
        staff = max(staff // 2, 4)  # new enterprises are small
    row = EnterpriseRow(
        code=credit_code(sector.authority, serial),
        name=name,
        kind=sector.kind,
        registered_on=registered_on,
        district_code=place,
        industry_code=sector.industry_code,
    )
    return Enterprise(row, sector, place, staff, _members(sector, staff, rng), _reports(registered_on, rng))


def _registered_on(sector: Sector, rng: SeededRandom) -> date:
    """Draw the registration: internet firms are young, one in ten is after the first quarter; all before 2017-02-16."""
    if not sector.internet:
        return rng.day(date(1996, 1, 1), date(2015, 12, 31))
    if rng.happens(0.1):
        return rng.day(date(2016, 10, 10), date(2017, 2, 15))
    return rng.day(date(2009, 1, 1), date(2016, 6, 30))


def _place(sector: Sector, rng: SeededRandom) -> str:
    rows = read_data("siming_places.csv")
    column = "internet_weight" if sector.internet else "other_weight"
    weights = [float(row[column]) for row in rows]
    return rng.weighted([row["district_code"] for row in rows], weights)


def _members(sector: Sector, staff: int, rng: SeededRandom) -> int:
    """Draw the number of members: over-dispersed between firms (gamma of shape 2), at most half of the staff."""
    expected = staff * sector.member_ratio * rng.gammavariate(2, 0.5)
    return min(int(expected + rng.random()), staff // 2)


def _reports(registered_on: date, rng: SeededRandom) -> tuple[date, ...]:
    """Return the quarter ends since registration; one enterprise in sixteen misses one of them after its first."""
    dates = [day for day in REPORT_DATES if day >= registered_on]
    if len(dates) > 1 and rng.happens(1 / 16):
        del dates[rng.randrange(1, len(dates))]
    return tuple(dates)


def _apply_story(enterprise: Enterprise, story: Story, district_code: str | None) -> Enterprise:
    """Apply a special case to an enterprise; those of figures are applied to its returns."""
    row, reports, place = enterprise.row, enterprise.reports, enterprise.place
    match story:
        case Story.WRONG_CHECK:
            wrong = ALPHABET[(ALPHABET.index(row.code[-1]) + 1) % len(ALPHABET)]
            row = replace(row, code=row.code[:-1] + wrong)
        case Story.UNCLASSIFIED:
            row = replace(row, industry_code=None)
        case Story.UNPLACED:
            row, place = replace(row, district_code=None), None
        case Story.STALE_RETURN:
            reports = (date(2015, 6, 30),)
        case Story.CLOSES:
            row, reports = replace(row, closed_on=date(2017, 5, 31)), REPORT_DATES[:3]
        case Story.OPENS:
            row, reports = replace(row, registered_on=date(2017, 4, 12)), REPORT_DATES[3:]
        case Story.HEADCOUNT_JUMP | Story.MOVES:
            reports = REPORT_DATES
        case _:
            pass
    return replace(enterprise, row=row, reports=reports, place=place, story=story, moves_to=district_code)
