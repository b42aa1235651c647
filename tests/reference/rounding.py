"""The scheme of the public tier, over plain units: each enterprise is rounded once, placed, and added up at its place.

Access page, "every enterprise rounded once", points 1 to 3. Nothing here knows a registry: whoever knows the public
facts about enterprises and the key can follow it, and whoever has no key can follow all but the rounding.
"""

import hmac
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

B = 5
"""Width of the rounding, persons."""

HMIN = 30
"""Least headcount shown at one place, employees."""

STANDALONE_LEAST = 3
"""Members that a branch of its own implies."""

STEPS = 4
"""Street × division, county × division, county × section, county."""

Place = tuple[str, str | None]
"""District and industry; None = the whole county."""


@dataclass(frozen=True)
class Unit:
    """An operating enterprise, as far as the scheme looks at it.

    Parameters
    ----------
    code
        Its code.
    identity
        What its offset hangs on: the code of the first in its chain of `supersedes`.
    members, headcount
        None = unknown.
    standalone
        Whether it has a branch of its own.
    steps
        The place of each step; None = its own place does not allow the step.
    """

    code: str
    identity: str
    members: int | None
    headcount: int | None
    standalone: bool
    steps: tuple[Place | None, ...]

    @property
    def least(self) -> int:
        """Members that the public flags imply, as far as rounding heeds them (z)."""
        return STANDALONE_LEAST if self.standalone else 0


@dataclass(frozen=True)
class Shown:
    """What the public sees of one enterprise, at most: its place, and its rounded values inside the place's sums."""

    unit: Unit
    place: Place
    members: int
    headcount: int


def offset(key: bytes, prefix: str, identity: str) -> int:
    """The secret offset of one enterprise: the digest as one big-endian integer, modulo the width."""
    digest = hmac.new(key, f"{prefix}|{identity}".encode(), "sha256").digest()
    return int.from_bytes(digest, "big") % B


def rounded(count: int, least: int, shift: int) -> int:
    """The grid starts at the least value; without an offset it rounds down, with the largest one up."""
    return max(least, least + B * ((count - least + shift) // B))


def ceiling(headcount: int, least: int) -> int:
    """The highest value on the grid that an enterprise shown alone may have: four below full, or less."""
    return least + B * ((headcount - least - 4) // B)


def knows_persons(unit: Unit) -> bool:
    """Unknown headcount or members enter no figure of persons."""
    return unit.members is not None and unit.headcount is not None


def is_large(unit: Unit) -> bool:
    """Large enough to be shown without others."""
    return (unit.headcount or 0) >= HMIN


def first_step(unit: Unit) -> int | None:
    """The first step that its own place allows; None = nowhere, as for the unlocated."""
    return next((number for number, place in enumerate(unit.steps) if place is not None), None)


def placed(units: Iterable[Unit]) -> dict[str, Place]:
    """Code to the place where it shows; who is not in it enters no figure of persons.

    At each step the large ones that begin here show; the small ones not yet shown are taken together, and show where
    they have the least headcount.
    """
    known = [unit for unit in units if knows_persons(unit)]
    found: dict[str, Place] = {}
    waiting: list[Unit] = []
    for number in range(STEPS):
        beginning = [unit for unit in known if first_step(unit) == number]
        found |= {unit.code: here(unit, number) for unit in beginning if is_large(unit)}
        waiting += [unit for unit in beginning if not is_large(unit)]
        for place, pool in pools(waiting, number).items():
            if sum(unit.headcount or 0 for unit in pool) >= HMIN:
                found |= {unit.code: place for unit in pool}
        waiting = [unit for unit in waiting if unit.code not in found]
    return found


def pools(waiting: Iterable[Unit], number: int) -> dict[Place, list[Unit]]:
    """The small ones not yet shown by their place of a step; who has none there goes on waiting."""
    together: defaultdict[Place, list[Unit]] = defaultdict(list)
    for unit in waiting:
        if unit.steps[number] is not None:
            together[here(unit, number)].append(unit)
    return together


def here(unit: Unit, number: int) -> Place:
    """The place of a step that its own place allows."""
    place = unit.steps[number]
    assert place is not None
    return place


def shown(units: Iterable[Unit], key: bytes) -> list[Shown]:
    """Everybody who enters figures of persons, rounded; large ones alone at their place are held four below full."""
    everybody = list(units)
    places = placed(everybody)
    company = Counter(places.values())
    return [
        Shown(
            unit,
            places[unit.code],
            rounded_members(unit, offset(key, "m", unit.identity), alone=company[places[unit.code]] == 1),
            rounded(unit.headcount or 0, 0, offset(key, "h", unit.identity)),
        )
        for unit in everybody
        if unit.code in places
    ]


def rounded_members(unit: Unit, shift: int, *, alone: bool) -> int:
    """Its members on its grid; capped only where it stands alone, pool included, and is large."""
    value = rounded(unit.members or 0, unit.least, shift)
    return min(value, ceiling(unit.headcount or 0, unit.least)) if alone and is_large(unit) else value
