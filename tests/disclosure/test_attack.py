"""An attack on everything the public tier gives over several dates; and on weak schemes, which it sees through."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from app.demo.siming import SIMING_DATES
from tests.disclosure.attack import Cell, Equations, Found, Variable, parts
from tests.disclosure.crawled_registries import CrawledRegistry, Effort, publish, release_of
from tests.disclosure.schemes import (
    Attacker,
    Release,
    Scheme,
    redrawn,
    rounded_enterprises,
    sums,
    suppressed,
    without_caps,
)
from tests.factories import demonstration
from tests.factories.province import FIRST, SECOND, province
from tests.lengths import at_length
from tests.reference.public import PublicReference
from tests.reference.rounding import Unit

pytestmark = pytest.mark.long

EXPOSED, ANYBODY = 60, 60
"""Enterprises that are attacked: of those that rounding leaves the fewest numbers, and of all."""

FIRMS, FEW_FIRMS = 60_000, 400
KEY = b"a rounding key of the tests, 32."
PROMISED, PROMISED_JOINT = 5, 4
"""Numbers of members that are left for any enterprise, and for one that a joint branch covers."""


def siming(url: str, folder: Path) -> CrawledRegistry:
    """The demonstration at its last two dates, asked in every way; without the provinces that have no enterprise."""
    registry, dates = demonstration.siming(folder / "files"), sorted(SIMING_DATES)[-2:]
    effort = Effort(at_length(4, 2), at_length(5, 2), ("3", "1000"))
    registry["districts"] = [one for one in registry["districts"] if one["code"].startswith("35")]
    return publish(url, folder, KEY, registry, dates, "register", effort)


def large(url: str, folder: Path) -> CrawledRegistry:
    """A province of 60,000 firms at two dates: all of its cells, and some of all else."""
    return publish(url, folder, KEY, province(FIRMS), (FIRST, SECOND), "returns", Effort(0, 3, ("1000",)))


@cache
def small() -> tuple[Release, ...]:
    """What is true of a small province at two dates."""
    registry = province(FEW_FIRMS)
    return tuple(release_of(PublicReference(registry, day, KEY, member_source="returns")) for day in (FIRST, SECOND))


def every_month(release: Release) -> tuple[Release, ...]:
    """A year in which nothing changes."""
    return tuple(replace(release, as_of=date(2017, month, 1)) for month in range(1, 13))


# --- the attack --------------------------------------------------------------------------------------


def bounded(
    known: dict[Variable, tuple[int, int]], cells: Iterable[Cell], wanted: set[Variable]
) -> dict[Variable, Found]:
    """Bound the members of enterprises by everything published."""
    found: dict[Variable, Found] = {}
    for part in parts(cells):
        equations = Equations(part, known)
        found |= {variable: equations.bound(variable) for variable in equations.place if variable in wanted}
    return found


def attacked(releases: Sequence[Release], scheme: Scheme, most: int) -> dict[Variable, Found]:
    """Attack a scheme, on some of the enterprises."""
    attacker = Attacker(releases, scheme)
    totals = [sums(structure, KEY) for structure in attacker.structures]
    return bounded(attacker.known, attacker.cells(totals), some(attacker.known, most))


def some(variables: Iterable[Variable], most: int) -> set[Variable]:
    """Some of the enterprises, the same each time."""
    everybody = sorted(variables, key=str)
    return set(Random(0).sample(everybody, min(most, len(everybody))))


def victims(found: dict[Variable, Found], full: set[str]) -> dict[Variable, Found]:
    """Those left with fewer numbers of members than promised, but for those who are too full to hide any."""
    return {
        variable: one
        for variable, one in found.items()
        if code_of(variable) not in full and one.left < promised(variable, one.low_before)
    }


def promised(variable: Variable, known: int) -> int:
    """How many numbers are left, of one with so many members that branches tell of; its own branch has a grid."""
    assert isinstance(variable, tuple)
    standalone = variable[3]
    return PROMISED if standalone or known == 0 else PROMISED_JOINT


def pinned(found: dict[Variable, Found]) -> dict[Variable, Found]:
    """Those left with one or two numbers of members who had five before."""
    return {variable: one for variable, one in found.items() if one.before >= PROMISED and one.left <= 2}


def untrue(found: dict[Variable, Found]) -> dict[Variable, Found]:
    """Those of whom the attack excludes what is true."""
    return {variable: one for variable, one in found.items() if not one.low <= members_of(variable) <= one.high}


def code_of(variable: Variable) -> str:
    """The enterprise of a variable."""
    assert isinstance(variable, tuple)
    return str(variable[1])


def members_of(variable: Variable) -> int:
    """The members of an enterprise."""
    assert isinstance(variable, tuple)
    return int(variable[2] or 0)


@pytest.mark.parametrize("crawled_registry", [siming, pytest.param(large, marks=pytest.mark.long)])
def test_nobody_is_narrowed_down_when_everything_public_is_known(
    crawled_registry: Callable[[str, Path], CrawledRegistry], migrated_sqlite_url: str, tmp_path: Path
) -> None:
    registry = crawled_registry(migrated_sqlite_url, tmp_path)
    attacker = Attacker(registry.releases, rounded_enterprises)
    for structure, found in zip(attacker.structures, registry.published, strict=True):
        assert set(found) <= set(structure)  # the attacker knows of everybody who shows
    left = attacker.left(registry.key)
    exposed = {variable for variable in left if left[variable] < promised(variable, attacker.known[variable][0])}
    assert {code_of(variable) for variable in exposed} <= attacker.full  # no attack narrows down anybody else
    worthwhile = [variable for variable in exposed if np.ptp(attacker.known[variable]) + 1 >= PROMISED]
    wanted = set(sorted(worthwhile, key=lambda variable: (left[variable], str(variable)))[:EXPOSED])
    bounds = bounded(attacker.known, attacker.cells(registry.published), wanted | some(left, ANYBODY))
    assert untrue(bounds) == {}
    assert [variable for variable, one in bounds.items() if one.left < left[variable]] == []
    assert victims(bounds, attacker.full) == {}
    assert {code_of(variable) for variable in pinned(bounds)} <= tiny(registry.releases)


def tiny(releases: Iterable[Release]) -> set[str]:
    """Enterprises with fewer than five employees at some date: who knows that has few numbers to choose from."""
    return {unit.code for release in releases for unit in release.units if (unit.headcount or 0) < PROMISED}


# --- the attack can succeed --------------------------------------------------------------------------


def test_members_are_found_when_exact_sums_are_published_but_small_ones() -> None:
    releases = small()
    attacker = Attacker(releases, rounded_enterprises)
    cells = [cell for release in releases for cell in suppressed(release)]
    shown = {draw.members for cell in cells if len(cell.draws) == 1 for draw in cell.draws}
    hidden = {variable for variable in attacker.known if (variable,) not in shown}
    bounds = bounded(attacker.known, cells, some(hidden, 80))
    assert untrue(bounds) == {}
    assert len(pinned(bounds)) >= 5


def test_fewer_numbers_are_left_when_each_date_is_rounded_anew() -> None:
    year = every_month(small()[0])
    once, anew = (attacked(year, scheme, 100) for scheme in (rounded_enterprises, redrawn))
    full = Attacker(year, rounded_enterprises).full
    assert untrue(once) == untrue(anew) == victims(once, full) == {}
    assert len(victims(anew, full)) >= 5


def test_full_enterprises_are_found_when_nobody_is_capped() -> None:
    alone = [unit(headcount, members) for headcount in range(30, 50) for members in range(headcount - 3, headcount + 1)]
    release = Release(FIRST, tuple(alone), {})
    capped, uncapped = (attacked([release], scheme, len(alone)) for scheme in (rounded_enterprises, without_caps))
    assert untrue(capped) == untrue(uncapped) == victims(capped, set()) == {}
    assert len(victims(uncapped, set())) >= 10
    assert pinned(uncapped)


def unit(headcount: int, members: int) -> Unit:
    """An enterprise alone in a street."""
    code = f"{members} of {headcount}"
    return Unit(code, code, members, headcount, False, ((code, "64"),))
