"""Ways to publish members: the service's, and weak ones that an attack must see through."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from tests.disclosure.attack import Cell, Draw, Variable
from tests.reference.rounding import B, Place, Unit, ceiling, is_large, knows_persons, offset, placed, rounded


@dataclass(frozen=True)
class Release:
    """Everything that is true of one date.

    Parameters
    ----------
    as_of
        The date.
    units
        The operating enterprises.
    implied
        Members that an enterprise's branches imply, by code: three by a branch of its own, one by a joint one.
    """

    as_of: date
    units: tuple[Unit, ...]
    implied: dict[str, int]


def name(unit: Unit) -> Variable:
    """The variable of an enterprise's members: one for all dates with as many, and alike in a branch of its own."""
    return ("n", unit.code, unit.members, unit.standalone)


Structure = dict[Place, list[tuple[Draw, tuple[Unit, ...]]]]
"""What is rounded once at each place, and of whom: follows from public facts alone."""

Scheme = Callable[[Release], Structure]
"""From the public facts of a date."""


def rounded_enterprises(release: Release) -> Structure:
    """The service's: each enterprise once, capped where it is large and alone."""
    places = placed(release.units)
    company = Counter(places.values())
    found: Structure = defaultdict(list)
    for unit in release.units:
        if unit.code in places:
            place = places[unit.code]
            alone = company[place] == 1 and is_large(unit)
            cap = ceiling(unit.headcount or 0, unit.least) if alone else None
            found[place].append((Draw(unit.identity, (name(unit),), unit.least, cap), (unit,)))
    return found


def without_caps(release: Release) -> Structure:
    """Weak: the same, but who is large and alone is rounded as everybody."""
    return {
        place: [(replace(draw, cap=None), units) for draw, units in draws]
        for place, draws in rounded_enterprises(release).items()
    }


def redrawn(release: Release) -> Structure:
    """Weak: the same, but with another key at each date."""
    return {
        place: [(replace(draw, identity=f"{draw.identity} {release.as_of}"), units) for draw, units in draws]
        for place, draws in rounded_enterprises(release).items()
    }


def suppressed(release: Release) -> list[Cell]:
    """Weak: exact sums of each place of every step, only those of few members are hidden."""
    inside: defaultdict[Place, list[Unit]] = defaultdict(list)
    for unit in release.units:
        for place in {step for step in unit.steps if step is not None} if knows_persons(unit) else ():
            inside[place].append(unit)
    totals = {place: sum(unit.members or 0 for unit in units) for place, units in inside.items()}
    return [
        Cell(
            (release.as_of, *place), tuple(Draw(unit.code, (name(unit),), 0, width=1) for unit in units), totals[place]
        )
        for place, units in inside.items()
        if totals[place] == 0 or totals[place] >= LEAST_MEMBERS
    ]


LEAST_MEMBERS = 10
"""Sums below that are hidden where small cells are suppressed."""


def published(draw: Draw, units: Iterable[Unit], key: bytes) -> int:
    """The rounded value of a draw."""
    members = sum(unit.members or 0 for unit in units)
    value = rounded(members, draw.least, offset(key, "m", draw.identity))
    return value if draw.cap is None else min(value, draw.cap)


def sums(structure: Structure, key: bytes) -> dict[Place, int]:
    """The published sum of each place."""
    return {place: sum(published(draw, units, key) for draw, units in draws) for place, draws in structure.items()}


class Attacker:
    """Somebody without the key, who knows all public facts of some dates.

    Told besides at which dates an enterprise has the same number of members, unless it has founded or lost a branch of
    its own between them: such a change is public, and tells of members by itself. No belief is wrong: where there are
    fewer members than branches imply, or more than the headcount, the attacker knows.

    Parameters
    ----------
    releases
        The facts of each date.
    scheme
        How figures are published, as is publicly known.
    """

    def __init__(self, releases: Iterable[Release], scheme: Scheme) -> None:
        self.releases = tuple(releases)
        self.structures = [scheme(release) for release in self.releases]
        self.known: dict[Variable, tuple[int, int]] = {}
        for release in self.releases:
            for unit in release.units:
                self.learn(name(unit), unit, release.implied.get(unit.code, 0))

    def learn(self, variable: Variable, unit: Unit, implied: int) -> None:
        """Bound an enterprise's members by its branches and its headcount."""
        members = unit.members or 0
        low, high = min(implied, members), max(unit.headcount or 0, members)
        before = self.known.get(variable, (low, high))
        self.known[variable] = (max(low, before[0]), min(high, before[1]))

    def cells(self, totals: Iterable[dict[Place, int]]) -> list[Cell]:
        """The equations, from the published sum of each place at each date; one not published is 0."""
        return [
            Cell((release.as_of, *place), tuple(draw for draw, _ in draws), found.get(place, 0))
            for release, structure, found in zip(self.releases, self.structures, totals, strict=True)
            for place, draws in structure.items()
        ]

    @cached_property
    def full(self) -> set[str]:
        """Enterprises that no rounding hides: with others, and at some date fewer than four employees are no members.

        Those who stand alone are capped instead.
        """
        return {
            unit.code
            for structure in self.structures
            for found in structure.values()
            for draw, units in found
            for unit in units
            if draw.cap is None and (unit.headcount or 0) - (unit.members or 0) < B - 1
        }

    def left(self, key: bytes) -> dict[Variable, int]:
        """How many numbers of members no attacker can exclude, of each enterprise, whatever is solved.

        They are those that fit everything published with an offset of the enterprise itself, while all others stay as
        they are: another number of members, and no public figure is another.
        """
        draws: defaultdict[str, set[tuple[Draw, int]]] = defaultdict(set)
        for structure in self.structures:
            for found in structure.values():
                for draw, units in found:
                    draws[draw.identity].add((draw, published(draw, units, key)))
        return {
            variable: len(set().union(*fitting))
            for seen in draws.values()
            for variable, fitting in self.fitting(seen).items()
        }

    def fitting(self, seen: set[tuple[Draw, int]]) -> dict[Variable, list[range]]:
        """The numbers of members that give the values seen of one identity, under each offset that can be."""
        found: defaultdict[Variable, list[range]] = defaultdict(list)
        for shift in range(B):
            bounds = {draw.members[0]: self.known[draw.members[0]] for draw, _ in seen}
            for draw, value in seen:
                low, high = bounds[draw.members[0]]
                least, most = sources(draw, value, shift)
                bounds[draw.members[0]] = (max(low, least), min(high, most))
            if all(low <= high for low, high in bounds.values()):
                for variable, (low, high) in bounds.items():
                    found[variable].append(range(low, high + 1))
        return found


def sources(draw: Draw, value: int, shift: int) -> tuple[int, int]:
    """The least and largest number of members that is published as a value with an offset."""
    least = 0 if value == draw.least else value - shift
    return least, MANY if draw.cap is not None and value >= draw.cap else value - shift + B - 1


MANY = 10**9
"""More members than anybody has."""
