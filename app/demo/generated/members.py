"""Generated members, chunk by chunk: attributes, employments, primary and secondary affiliations."""

from dataclasses import dataclass
from datetime import date
from math import gcd

import numpy as np
import pyarrow as pa

from app.catalogue.vocabulary import AffiliationRole, Identity, Sex
from app.demo.files import read_data
from app.demo.generated.branches import Branches, pick_branch
from app.demo.generated.enterprises import Enterprises
from app.demo.generated.files import (
    NO_DAY,
    UNKNOWN,
    Characters,
    Flags,
    Integers,
    counts,
    day_number,
    days,
    days_between,
    happens,
    numbered,
    picks,
    rows_of,
    texts,
)

GENERATED_DATE = date(2017, 6, 30)
"""Date of generated registries; no membership or employment begins after it."""

DUAL_SHARE = 0.03
"""Share of members with a secondary affiliation."""

STEP = 2_654_435_761
"""A prime: multiples of it modulo the number of refs visit each ref once (unless it divides their number)."""


@dataclass(frozen=True)
class Population:
    """Data for drawing all chunks of members.

    Parameters
    ----------
    count
        Number of members.
    bounds
        Members who work at each enterprise or an earlier one, cumulative.
    assigned
        Position of the branch of each enterprise, `UNKNOWN` if it is not organised.
    functional
        Positions of all branches for dual affiliation.
    """

    count: int
    enterprises: Enterprises
    bounds: Integers
    branches: Branches
    assigned: Integers
    functional: Integers


@dataclass(frozen=True)
class Chunk:
    """Some members: their refs, employers (`UNKNOWN`: none), days of joining and of starting at the employer."""

    refs: Characters
    employer: Integers
    joined: Integers
    started: Integers

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.refs)


def gather_population(count: int, enterprises: Enterprises, branches: Branches, assigned: Integers) -> Population:
    """Return the data for drawing chunks of members."""
    position = np.arange(len(branches))
    functional = position[position >= branches.functional[branches.county]]
    return Population(count, enterprises, np.cumsum(enterprises.members), branches, assigned, functional)


def draw_chunk(
    population: Population, first: int, end: int, rng: np.random.Generator
) -> tuple[Chunk, dict[str, pa.Array]]:
    """Draw the members numbered `first` to before `end`; return the chunk and its columns of `members`."""
    number = np.arange(first, end)
    employer = np.searchsorted(population.bounds, number, side="right")
    employer = np.where(employer < len(population.bounds), employer, UNKNOWN)
    refs = _refs(number, population.count)
    birth_year, joined = _lives(len(number), rng)
    chunk = Chunk(refs, employer, joined, _started(population.enterprises, employer, rng))
    return chunk, {"ref": texts(refs), **_dates(joined, rng), **_attributes(birth_year, rng)}


def employment_columns(
    population: Population, chunk: Chunk, rng: np.random.Generator
) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """Draw the columns of `employments`: at the employer, and for some at an earlier one."""
    enterprises, has = population.enterprises, chunk.employer != UNKNOWN
    employer, started, refs = chunk.employer[has], chunk.started[has], chunk.refs[has]
    leaves = happens(0.03, len(employer), rng)
    left = started + 1 + np.floor((day_number(GENERATED_DATE) - started) * rng.random(len(employer))).astype(np.int64)
    closed = enterprises.closed[employer]
    ended = np.where(closed != NO_DAY, closed, np.where(leaves, left, NO_DAY))
    before = rng.integers(0, len(enterprises), len(employer))
    began = np.maximum(started - rng.integers(100, 1500, len(employer)), enterprises.registered[before])
    open_then = (enterprises.closed[before] == NO_DAY) | (started <= enterprises.closed[before])
    changed = happens(0.08, len(employer), rng) & open_then & (began < started) & (before != employer)
    return (
        _employments(refs, enterprises, employer, started, ended),
        _employments(refs[changed], enterprises, before[changed], began[changed], started[changed]),
    )


def affiliation_columns(
    population: Population, chunk: Chunk, rng: np.random.Generator
) -> tuple[dict[str, pa.Array], ...]:
    """Draw the columns of `affiliations`: current primary ones, earlier primary ones, secondary ones."""
    branches, rows = population.branches, len(chunk)
    county = _home_county(population, chunk, rng)
    home = pick_branch(branches.residential[county], branches.functional[county], rng)
    at_work = np.where(chunk.employer == UNKNOWN, UNKNOWN, population.assigned[chunk.employer])
    moves = (at_work != UNKNOWN) & happens(0.85, rows, rng)
    since = np.where(moves, np.maximum(chunk.joined, chunk.started), chunk.joined)
    belongs = ~happens(0.03, rows, rng)
    before = moves & belongs & (chunk.joined < since) & happens(0.5, rows, rng)
    never = np.full(rows, NO_DAY)
    primary = _affiliations(population, chunk, np.where(moves, at_work, home), since, never, belongs)
    earlier = _affiliations(population, chunk, home, chunk.joined, since, before)
    return primary, earlier, _dual(population, chunk, county, rng)


def _refs(number: Integers, count: int) -> Characters:
    """Return distinct refs, in another order than the employers."""
    step = next(step for step in range(STEP, STEP + count + 1) if gcd(step, count) == 1)
    return numbered("m", number * step % count, 10)


def _lives(rows: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Draw birth years and days of joining: at the age of 19 to 35, one in sixty since 2016."""
    age = np.clip(np.rint(rng.normal(42, 12, rows)), 21, 85).astype(np.int64)
    at = np.minimum(rng.integers(19, 35, rows, endpoint=True), age - 1)
    day = (2017 - age + at - 1970) * 365.2425 + rng.uniform(0, 365, rows)
    recent = days_between(date(2016, 1, 1), GENERATED_DATE, rows, rng)
    joined = np.where(happens(1 / 60, rows, rng), recent, np.minimum(day, day_number(date(2017, 5, 31))))
    return 2017 - age, joined.astype(np.int64)


def _dates(joined: Integers, rng: np.random.Generator) -> dict[str, pa.Array]:
    rows, last = len(joined), day_number(GENERATED_DATE)
    left = rng.integers(day_number(date(2014, 1, 1)), last, rows, endpoint=True)
    leaves = happens(0.02, rows, rng) & (left > joined)
    since = days_between(date(2015, 1, 1), date(2017, 5, 31), rows, rng)
    floats = happens(0.02, rows, rng)
    returns = floats & happens(0.4, rows, rng)
    until = since + rng.integers(180, 700, rows)
    return {
        "joined_on": days(joined),
        "full_since": days(np.where(joined + 365 <= last, joined + 365, NO_DAY)),
        "left_on": days(np.where(leaves, left, NO_DAY)),
        "floating_since": days(np.where(floats, since, NO_DAY)),
        "floating_until": days(np.where(returns, until, NO_DAY)),
    }


def _attributes(birth_year: Integers, rng: np.random.Generator) -> dict[str, pa.Array]:
    rows = len(birth_year)
    education = read_data("siming_education.csv")
    weights = np.array([float(row["older_weight"]) for row in education])
    learned = rng.choice(len(weights), rows, p=weights / weights.sum())
    unknown = [nth for nth, row in enumerate(education) if not row["education"]]
    return {
        "birth_year": counts(np.where(happens(0.02, rows, rng), UNKNOWN, birth_year)),
        "sex": picks(
            (Sex.FEMALE, Sex.MALE),
            np.where(happens(0.01, rows, rng), UNKNOWN, np.where(happens(0.42, rows, rng), 0, 1)),
        ),
        "education": picks(
            [row["education"] for row in education], np.where(np.isin(learned, unknown), UNKNOWN, learned)
        ),
        "identity": picks((Identity.OPEN, Identity.WITHHELD), happens(0.005, rows, rng).astype(np.int32)),
    }


def _started(enterprises: Enterprises, employer: Integers, rng: np.random.Generator) -> Integers:
    """Draw the start of employment, more late ones, while the employer is registered."""
    first = np.maximum(enterprises.registered[employer], day_number(date(2000, 1, 1)))
    closed = enterprises.closed[employer]
    last = np.where(closed == NO_DAY, day_number(GENERATED_DATE), closed) - 1
    started = first + np.floor((last - first) * rng.random(len(employer)) ** 0.7)
    return np.where(employer == UNKNOWN, NO_DAY, started).astype(np.int64)


def _employments(
    refs: Characters, enterprises: Enterprises, employer: Integers, start: Integers, end: Integers
) -> dict[str, pa.Array]:
    return {
        "member_ref": texts(refs),
        "enterprise_code": texts(enterprises.codes[employer]),
        "start_on": days(start),
        "end_on": days(end),
    }


def _home_county(population: Population, chunk: Chunk, rng: np.random.Generator) -> Integers:
    """Draw the county of residence: the employer's if it has residential branches, else that of any branch."""
    branches = population.branches
    anywhere = branches.county[rng.integers(0, len(branches), len(chunk))]
    known = population.enterprises.county[chunk.employer]
    inhabited = (branches.functional > branches.residential)[known]
    return np.where((chunk.employer != UNKNOWN) & (known != UNKNOWN) & inhabited, known, anywhere)


def _dual(population: Population, chunk: Chunk, county: Integers, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Draw secondary affiliations with a functional branch of the county, or of any if it has none."""
    branches, rows = population.branches, len(chunk)
    nearby = pick_branch(branches.functional[county], branches.end[county], rng)
    functional = population.functional
    anywhere = rng.choice(functional, rows) if len(functional) else nearby
    has_nearby = branches.end[county] > branches.functional[county]
    start = np.maximum(days_between(date(2016, 3, 1), GENERATED_DATE, rows, rng), chunk.joined)
    end = np.where(happens(0.05, rows, rng), start + rng.integers(20, 200, rows), NO_DAY)
    joins = happens(DUAL_SHARE, rows, rng) & (len(functional) > 0)
    return _affiliations(
        population, chunk, np.where(has_nearby, nearby, anywhere), start, end, joins, AffiliationRole.SECONDARY
    )


def _affiliations(
    population: Population,
    chunk: Chunk,
    branch: Integers,
    start: Integers,
    end: Integers,
    chosen: Flags,
    role: AffiliationRole = AffiliationRole.PRIMARY,
) -> dict[str, pa.Array]:
    return {
        "member_ref": texts(chunk.refs[chosen]),
        "branch_code": rows_of(population.branches.codes, branch[chosen]),
        "role": picks((role,), np.zeros(int(chosen.sum()), dtype=np.int32)),
        "start_on": days(start[chosen]),
        "end_on": days(end[chosen]),
    }
