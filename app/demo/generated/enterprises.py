"""Generated enterprises: their districts, industries, headcounts and numbers of members."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from app.catalogue.vocabulary import EnterpriseKind
from app.demo.generated.files import (
    NO_DAY,
    UNKNOWN,
    Characters,
    Flags,
    Integers,
    Shares,
    characters,
    day_number,
    days,
    days_between,
    happens,
    numbered,
    pick,
    picks,
    texts,
)
from app.demo.generated.reference import Places, Trades
from app.registry.credit_code import ALPHABET, ORGANISATION_ALPHABET, ORGANISATION_CHECKS, ORGANISATION_WEIGHTS, WEIGHTS

CHUNK = 1 << 17
"""Rows drawn and written at a time."""

MEMBER_RATIO = 0.12
"""Members per employee over all enterprises."""

SIZE_SIGMA = 1.3
"""Standard deviation of the logarithm of headcounts within an industry."""

MOST_STAFF = 50_000
"""Largest headcount, employees."""

KINDS = (
    (EnterpriseKind.ENTERPRISE, "91", 0.95),
    (EnterpriseKind.SOCIAL_ORGANISATION, "52", 0.03),
    (EnterpriseKind.INSTITUTION, "12", 0.02),
)
"""Kinds, the first two characters of their credit codes, and their shares."""


@dataclass(frozen=True)
class Enterprises:
    """One entry per enterprise in every array.

    Parameters
    ----------
    codes
        Credit codes, 18 bytes each.
    kind, place, industry
        Positions in `KINDS`, in the places, in the trades; the last two may be `UNKNOWN`.
    county
        Position in the counties of the places, `UNKNOWN` with the place.
    registered, closed
        Days; `NO_DAY`: no date of registration, and not closed.
    headcount
        Employees.
    members
        Members who work there, or worked there when it closed.
    """

    codes: Characters
    kind: Integers
    place: Integers
    industry: Integers
    county: Integers
    registered: Integers
    closed: Integers
    headcount: Integers
    members: Integers

    def __len__(self) -> int:
        """Return the number of enterprises."""
        return len(self.codes)

    @property
    def is_closed(self) -> Flags:
        """Which are closed."""
        return np.not_equal(self.closed, NO_DAY)


def draw_enterprises(
    count: int, employed: int, places: Places, trades: Trades, rng: np.random.Generator
) -> Enterprises:
    """Draw `count` enterprises with about `employed` members (fewer where a firm is too small for its share)."""
    place = pick(places.shares, count, rng)
    county = places.county[place]
    industry = pick(trades.shares, count, rng)
    kind = pick(np.array([share for _, _, share in KINDS]), count, rng).astype(np.int8)
    headcount = _headcounts(trades.mean_sizes[industry], employed, rng)
    members = _members(headcount, trades.ratios[industry], employed, rng)
    closes = happens(0.06, count, rng)
    codes = _codes(kind, county, places)
    unplaced, unclassified = happens(0.003, count, rng), happens(0.003, count, rng)
    return Enterprises(
        codes=codes,
        kind=kind,
        place=np.where(unplaced, UNKNOWN, place).astype(np.int32),
        industry=np.where(unclassified, UNKNOWN, industry).astype(np.int32),
        county=np.where(unplaced, UNKNOWN, county).astype(np.int32),
        registered=_registered(closes, rng),
        closed=np.where(closes, days_between(date(2016, 3, 1), date(2017, 6, 29), count, rng), NO_DAY).astype(np.int32),
        headcount=headcount,
        members=members,
    )


def enterprise_chunks(enterprises: Enterprises, places: Places, trades: Trades) -> Iterator[dict[str, pa.Array]]:
    """Yield the columns of `enterprises`, chunk by chunk."""
    kinds = [kind for kind, _, _ in KINDS]
    for first in range(0, len(enterprises), CHUNK):
        part = slice(first, first + CHUNK)
        numbers = np.arange(first, min(first + CHUNK, len(enterprises)))
        yield {
            "code": texts(enterprises.codes[part]),
            "name": texts(numbered("单位", numbers, 8)),
            "kind": picks(kinds, enterprises.kind[part]),
            "registered_on": days(enterprises.registered[part]),
            "closed_on": days(enterprises.closed[part]),
            "district_code": picks(places.codes, enterprises.place[part]),
            "industry_code": picks(trades.codes, enterprises.industry[part]),
        }


def _headcounts(means: Shares, employed: int, rng: np.random.Generator) -> Integers:
    """Draw lognormal headcounts, scaled so that the employed members are `MEMBER_RATIO` of all employees."""
    sizes = means * rng.lognormal(-(SIZE_SIGMA**2) / 2, SIZE_SIGMA, len(means))
    factor = employed / MEMBER_RATIO / sizes.sum()
    headcounts: Integers = np.clip(np.rint(sizes * factor), 1, MOST_STAFF).astype(np.int32)
    return headcounts


def _members(headcount: Integers, ratios: Shares, employed: int, rng: np.random.Generator) -> Integers:
    """Distribute the employed members by headcount and industry, unevenly (gamma of shape 2); at most the headcount."""
    weights = headcount * ratios * rng.gamma(2, 0.5, len(headcount))
    return np.minimum(rng.multinomial(employed, weights / weights.sum()), headcount).astype(np.int32)


def _registered(closes: Flags, rng: np.random.Generator) -> Integers:
    """Draw days of registration up to 2016, more late ones; enterprises that close are registered before 2015."""
    first, last = day_number(date(1990, 1, 1)), day_number(date(2016, 12, 31))
    late = first + (last - first) * rng.random(len(closes)) ** 0.5
    early = days_between(date(1990, 1, 1), date(2014, 12, 31), len(closes), rng)
    unknown = happens(0.02, len(closes), rng) & ~closes
    return np.where(unknown, NO_DAY, np.where(closes, early, late)).astype(np.int32)


def _codes(kind: Integers, county: Integers, places: Places) -> Characters:
    """Make valid credit codes of an invented registrar: organisation codes are `G` and a serial number."""
    count = len(kind)
    codes = np.empty((count, 18), dtype=np.uint8)
    codes[:, :2] = characters([authority for _, authority, _ in KINDS])[kind]
    codes[:, 2:8] = characters(places.counties)[county]
    codes[:, 8:16] = _serials(count)
    codes[:, 16] = _checks(codes[:, 8:16], ORGANISATION_ALPHABET, ORGANISATION_WEIGHTS, ORGANISATION_CHECKS)
    codes[:, 17] = _checks(codes[:, :17], ALPHABET, WEIGHTS, ALPHABET)
    return codes


def _serials(count: int) -> Characters:
    """Return serial numbers in the alphabet of credit codes, seven digits after a `G`."""
    alphabet, rest = characters([ALPHABET])[0], np.arange(count)
    serials = np.full((count, 8), ord("G"), dtype=np.uint8)
    for position in range(7, 0, -1):
        rest, digit = np.divmod(rest, len(ALPHABET))
        serials[:, position] = alphabet[digit]
    return serials


def _checks(rows: Characters, alphabet: str, weights: tuple[int, ...], checks: str) -> Characters:
    """Return the check characters of all rows, as `app.registry.credit_code` computes one."""
    values = np.zeros(256, dtype=np.int32)
    values[characters([alphabet])[0]] = np.arange(len(alphabet))
    weighted = np.zeros(len(rows), dtype=np.int32)
    for position, weight in enumerate(weights):
        weighted += values[rows[:, position]] * weight
    check: Characters = characters([checks])[0][-weighted % len(checks)]
    return check
