"""Generated returns: none, one or two per enterprise, with roughly the figures of the register."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from app.catalogue.vocabulary import Ownership, SizeClass
from app.demo.generated.enterprises import CHUNK, Enterprises
from app.demo.generated.files import UNKNOWN, Integers, counts, day_number, days, flags, happens, picks, texts
from app.demo.generated.reference import Places, Trades

EARLY, WHILE_OPEN = date(2016, 6, 30), date(2015, 12, 31)
"""Date of the first of two returns; date of the only return of a closed enterprise."""

LATEST = ((date(2016, 12, 31), 0.15), (date(2017, 3, 31), 0.25), (date(2017, 6, 30), 0.6))
"""Dates of the latest return of an open enterprise, and their shares."""

WITHOUT, WITH_TWO = 0.05, 0.1
"""Shares of enterprises without a return, and with two."""

OWNERSHIP_SHARES = (0.08, 0.03, 0.74, 0.04, 0.04, 0.05, 0.02)
"""Shares of the kinds of ownership, in the order of the enumeration."""

SIZE_BOUNDS = (20, 100, 300)
"""Least headcounts of small, medium and large enterprises (roughly; the official classes also use turnover)."""

SIZEABLE = 50
"""Least headcount of an enterprise above designated size."""

SIZES = (SizeClass.MICRO, SizeClass.SMALL, SizeClass.MEDIUM, SizeClass.LARGE)

PARTS = {
    "full_members": 0.97,
    "members_dual": 0.03,
    "members_under_36": 0.3,
    "members_women": 0.42,
    "members_college": 0.7,
    "members_floating": 0.02,
}
"""Share of the members in each breakdown."""


PARTS_OF_STAFF = {"headcount_under_36": 0.45, "headcount_women": 0.43, "headcount_college": 0.4}
"""Mean share of the employees in each part; firms differ."""


@dataclass(frozen=True)
class Filing:
    """Returns of a chunk: position of the enterprise and day of each."""

    enterprise: Integers
    reported: Integers


def return_chunks(
    enterprises: Enterprises, places: Places, trades: Trades, rng: np.random.Generator
) -> Iterator[dict[str, pa.Array]]:
    """Draw the columns of `returns`, by chunks of enterprises."""
    [of_staff] = rng.spawn(1)
    for first in range(0, len(enterprises), CHUNK):
        index = np.arange(first, min(first + CHUNK, len(enterprises)))
        filing = _file(enterprises, index, rng)
        headcount, members = _stated(enterprises, filing.enterprise, rng)
        place = _place(enterprises, filing, places, trades, rng)
        traits = _traits(headcount, rng)
        people, staff = _people(members, rng), traits["headcount"]
        yield {**place, **traits, **people, **_parts_of_staff(staff, people, of_staff)}


def _file(enterprises: Enterprises, index: Integers, rng: np.random.Generator) -> Filing:
    chance, registered = rng.random(len(index)), enterprises.registered[index]
    latest = rng.choice([day_number(day) for day, _ in LATEST], len(index), p=[share for _, share in LATEST])
    latest = np.where(enterprises.is_closed[index], day_number(WHILE_OPEN), latest)
    reports = chance >= WITHOUT
    twice = (chance >= 1 - WITH_TWO) & ~enterprises.is_closed[index] & (registered <= day_number(EARLY))
    enterprise = np.concatenate([index[twice], index[reports]])
    reported = np.concatenate([np.full(twice.sum(), day_number(EARLY)), latest[reports]])
    return Filing(enterprise, reported)


def _stated(enterprises: Enterprises, index: Integers, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Draw the stated headcount (up to 10 % off) and members (one off in one of six returns)."""
    headcount = np.rint(enterprises.headcount[index] * rng.uniform(0.9, 1.1, len(index))).astype(np.int32)
    wrong = rng.choice([-1, 0, 1], len(index), p=[0.08, 0.84, 0.08])
    members = np.maximum(enterprises.members[index] + wrong, 0)
    return np.maximum(headcount, np.maximum(members, enterprises.members[index])), members


def _place(
    enterprises: Enterprises, filing: Filing, places: Places, trades: Trades, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Return enterprise, date, district and industry; one in twenty leaves the industry blank, as registered."""
    index = filing.enterprise
    industry = np.where(happens(0.05, len(index), rng), UNKNOWN, enterprises.industry[index])
    return {
        "enterprise_code": texts(enterprises.codes[index]),
        "reported_on": days(filing.reported),
        "district_code": picks(places.codes, enterprises.place[index]),
        "industry_code": picks(trades.codes, industry),
    }


def _traits(headcount: Integers, rng: np.random.Generator) -> dict[str, pa.Array]:
    rows = len(headcount)
    ownership = rng.choice(len(OWNERSHIP_SHARES), rows, p=OWNERSHIP_SHARES)
    return {
        "ownership": picks(tuple(Ownership), np.where(happens(0.01, rows, rng), UNKNOWN, ownership)),
        "size_class": picks(SIZES, np.searchsorted(SIZE_BOUNDS, headcount, side="right")),
        "operating": flags(~happens(0.02, rows, rng), ~happens(0.01, rows, rng)),
        "fixed_premises": flags(happens(0.9, rows, rng), ~happens(0.02, rows, rng)),
        "above_designated_size": flags((headcount >= SIZEABLE) & happens(0.7, rows, rng), ~happens(0.02, rows, rng)),
        "headcount": counts(np.where(~happens(0.01, rows, rng), headcount, UNKNOWN)),
    }


def _parts_of_staff(staff: pa.Array, people: dict[str, pa.Array], rng: np.random.Generator) -> dict[str, pa.Array]:
    """Draw the parts of the staff, none below the members in it; none in one of six returns."""
    headcount = np.asarray(staff.fill_null(0))
    known = np.asarray(staff.is_valid()) & ~happens(1 / 6, len(staff), rng)
    parts = {}
    for name, share in PARTS_OF_STAFF.items():
        least = np.asarray(people[name.replace("headcount", "members")].fill_null(0))
        drawn = np.rint(headcount * rng.beta(6 * share, 6 * (1 - share), len(staff))).astype(np.int32)
        parts[name] = counts(np.where(known, np.clip(drawn, np.minimum(least, headcount), headcount), UNKNOWN))
    return parts


def _people(members: Integers, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Draw members and their breakdowns; no breakdowns where members are unknown, and in one of twenty others."""
    known = ~happens(0.03, len(members), rng)
    broken_down = known & ~happens(0.05, len(members), rng)
    parts = {
        name: counts(np.where(broken_down, rng.binomial(members, share), UNKNOWN)) for name, share in PARTS.items()
    }
    return {"members": counts(np.where(known, members, UNKNOWN)), **parts}
