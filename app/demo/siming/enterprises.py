"""The invented enterprises of the Siming demonstration: sectors, places, sizes, and the odd ones of its stories."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from math import log

from app.demo.files import Draws, EnterpriseRow, read_data
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
"""Code of the industry group that the story is about."""


class Story(StrEnum):
    """What is odd about an enterprise; `data/siming_stories.csv` says which enterprises."""

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
    """One line of invented enterprises.

    Parameters
    ----------
    enterprises, silent
        How many file returns, and how many more are registered and never did.
    median_headcount
        Median of their sizes, in employees; sizes are lognormal.
    member_ratio
        Members per employee aimed at, 0 to 1.
    joins
        Chance that a member who works there joins the joint committee, 0 to 1.
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
    internet: bool


@dataclass(frozen=True)
class Enterprise:
    """An invented enterprise and what the other files need to know of it.

    Parameters
    ----------
    row
        Its row in the register.
    place, moves_to
        District of its returns; that of its returns from 2017-06-30 on, if another.
    staff, members
        Employees at its first return; members aimed at.
    reports
        Dates of its returns; none if it never filed one.
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
        """District that a return of that day states; null where the enterprise never says."""
        return self.moves_to if self.moves_to and day >= REPORT_DATES[3] else self.place


def draw_enterprises() -> list[Enterprise]:
    """Draw all enterprises, always the same, in the order of their sectors."""
    draws = Draws("siming/enterprises")
    names, stories = _names(draws), _stories()
    enterprises: list[Enterprise] = []
    for sector in _sectors():
        for nth in range(1, sector.enterprises + sector.silent + 1):
            drawn = _draw(sector, f"厦门{next(names)}{sector.label}（示例）", len(enterprises) + 1, draws)
            silent = nth > sector.enterprises
            story, district = stories.get((sector.industry_code, nth), (Story.NONE, None))
            enterprises.append(_tell(replace(drawn, reports=()) if silent else drawn, story, district))
    return enterprises


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
            internet=row["industry_code"].startswith(internet),
        )
        for row in read_data("siming_sectors.csv")
    ]


def _names(draws: Draws) -> Iterator[str]:
    """Two-character names, each once; the combinations are invented."""
    rows = read_data("siming_names.csv")
    first, second = ([row["character"] for row in rows if row["position"] == position] for position in "12")
    pairs = [a + b for a in first for b in second if a != b]
    draws.shuffle(pairs)
    return iter(pairs)


def _stories() -> dict[tuple[str, int], tuple[Story, str | None]]:
    return {
        (row["industry_code"], int(row["nth"])): (Story(row["story"]), row["district_code"] or None)
        for row in read_data("siming_stories.csv")
    }


def _draw(sector: Sector, name: str, serial: int, draws: Draws) -> Enterprise:
    registered_on = _registered_on(sector, draws)
    place = _place(sector, draws)
    staff = min(max(round(draws.lognormvariate(log(sector.median_headcount), 0.75)), 4), 420)
    if registered_on > REPORT_DATES[0]:
        staff = max(staff // 2, 4)  # newcomers start small
    row = EnterpriseRow(
        code=credit_code(sector.authority, serial),
        name=name,
        kind=sector.kind,
        registered_on=registered_on,
        district_code=place,
        industry_code=sector.industry_code,
    )
    return Enterprise(row, sector, place, staff, _members(sector, staff, draws), _reports(registered_on, draws))


def credit_code(authority: str, serial: int) -> str:
    """Make up a valid credit code: registered in Siming, organisation code `DEM` and a serial."""
    organisation = f"DEM{serial:05d}"
    code17 = f"{authority}{DISTRICT}{organisation}{organisation_check_character(organisation)}"
    return code17 + check_character(code17)


def _registered_on(sector: Sector, draws: Draws) -> date:
    """Internet firms are young, one in ten began after the first quarter; all before 2017-02-16."""
    if not sector.internet:
        return draws.day(date(1996, 1, 1), date(2015, 12, 31))
    if draws.happens(0.1):
        return draws.day(date(2016, 10, 10), date(2017, 2, 15))
    return draws.day(date(2009, 1, 1), date(2016, 6, 30))


def _place(sector: Sector, draws: Draws) -> str:
    rows = read_data("siming_places.csv")
    column = "internet_weight" if sector.internet else "other_weight"
    weights = [float(row[column]) for row in rows]
    return draws.weighted([row["district_code"] for row in rows], weights)


def _members(sector: Sector, staff: int, draws: Draws) -> int:
    """Members vary more than chance from firm to firm (gamma of shape 2), and are at most half of the staff."""
    expected = staff * sector.member_ratio * draws.gammavariate(2, 0.5)
    return min(int(expected + draws.random()), staff // 2)


def _reports(registered_on: date, draws: Draws) -> tuple[date, ...]:
    """Quarter ends since registration; one enterprise in sixteen misses one of them after its first."""
    dates = [day for day in REPORT_DATES if day >= registered_on]
    if len(dates) > 1 and draws.happens(1 / 16):
        del dates[draws.randrange(1, len(dates))]
    return tuple(dates)


def _tell(enterprise: Enterprise, story: Story, district_code: str | None) -> Enterprise:
    """Make an ordinary enterprise the one of a story; stories about figures are told by its returns."""
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
