"""An attack on everything the public tier gives over several dates; and on broken schemes, which it sees through."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

import pytest
from starlette.testclient import TestClient

from app.demo.siming import SIMING_DATES, write_siming
from app.main import create_app
from tests.disclosure.attack import Equations, Found, Variable, parts
from tests.disclosure.crawl import Crawler, Figures, Key, Tables, members_by_cell, own_sums
from tests.disclosure.ledger import Ledger
from tests.disclosure.publishing import Publisher
from tests.disclosure.schemes import (
    Attacker,
    Release,
    rounded_enterprises,
)
from tests.factories.demo_files import read_registry
from tests.factories.loading import fill
from tests.factories.province import FIRST, SECOND, province
from tests.reference.public import PublicReference
from tests.reference.registry import Registry
from tests.reference.rounding import B, Place

ATTACK = os.environ.get("ORGCOVERAGE_TEST_ATTACK", "500")
"""Enterprises of the province whose members are bounded, or `all`: that takes half an hour."""

FIRMS = 60_000
ASKED_TWICE = 30
"""Districts whose cells are asked for by industry and group too."""

KEY = b"a rounding key of the tests, 32."
PROMISED, PROMISED_JOINT = 5, 4
"""Numbers of members that are left for any enterprise, and for one that a joint branch covers."""


@dataclass(frozen=True)
class World:
    """A registry, what is true of it at some dates, and what its public tier gave to a crawler."""

    releases: tuple[Release, ...]
    tables: Tables
    crawled: tuple[dict[Key, Figures], ...]


def release_of(reference: PublicReference) -> Release:
    """What is true of a moment, and how many members branches imply."""
    implied = {firm.code: implied_by({one["means"] for one in firm.organising}) for firm in reference.firms.values()}
    return Release(reference.moment.as_of, tuple(reference.units), implied)


def implied_by(means: set[str]) -> int:
    """Members that ways to be organised imply: three by a branch of its own, one by a joint one."""
    return 3 if "standalone" in means else int("joint" in means)


def publish(url: str, folder: Path, registry: Registry, dates: Sequence[date], source: str) -> World:
    """Publish a registry at some dates, and crawl it."""
    fill(url, registry)
    publisher = Publisher(url, folder, member_source=source)
    ledgers = [Ledger(PublicReference(registry, day, publisher.key, member_source=source)) for day in dates]
    ids = [publisher.build(day) for day in dates]
    with TestClient(create_app(publisher.settings)) as client:
        crawled = tuple(crawl(Crawler(client, one), ledger) for one, ledger in zip(ids, ledgers, strict=True))
    return World(tuple(release_of(ledger.reference) for ledger in ledgers), ledgers[0].tables, crawled)


def crawl(crawler: Crawler, ledger: Ledger) -> dict[Key, Figures]:
    """Take every cell, and hold that it says nothing but sums of rounded values and facts about firms."""
    found: dict[Key, Figures] = {}
    located = sorted({district for district, _, _ in ledger.cells if district is not None})
    for key, figures in crawler.cells(ledger.tables, located[:: max(1, len(located) // ASKED_TWICE)]):
        ledger.explains(key, figures)
        found[key] = figures
    assert {key for key, cell in ledger.cells.items() if cell.facts["enterprises"]} <= set(found)
    return found


@pytest.fixture(scope="module")
def siming(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Give the demonstration at its last three dates."""
    folder = tmp_path_factory.mktemp("siming")
    (folder / "files").mkdir()
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    registry = read_registry(write_siming(folder / "files"))
    url = f"sqlite+aiosqlite:///{folder / 'registry.sqlite'}"
    return publish(url, folder, registry, sorted(SIMING_DATES)[-3:], "register")


@pytest.fixture(scope="module")
def large(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Give a province of 60,000 firms at two dates."""
    folder = tmp_path_factory.mktemp("province")
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite+aiosqlite:///{folder / 'registry.sqlite'}"
    return publish(url, folder, province(FIRMS), (FIRST, SECOND), "returns")


# --- the attack --------------------------------------------------------------------------------------


def published_sums(world: World) -> list[dict[Place, int]]:
    """The members shown right at each place, by differences of cells."""
    return [own_sums(members_by_cell(cells.items()), world.tables) for cells in world.crawled]


def attacked(attacker: Attacker, totals: Iterable[dict[Place, int]], most: int | None) -> dict[Variable, Found]:
    """Bound the members of enterprises by everything published, of some of them where there are too many."""
    everything = parts(attacker.cells(totals))
    Random(0).shuffle(everything)
    found: dict[Variable, Found] = {}
    for part in everything:
        equations = Equations(part, attacker.known)
        for variable in list(equations.place):
            if variable in attacker.known and (most is None or len(found) < most):
                found[variable] = equations.bound(variable)
    return found


def nearly_full(releases: Iterable[Release]) -> set[str]:
    """Enterprises with fewer than four employees at some date who are no members: too small or too full to hide any."""
    return {
        unit.code
        for release in releases
        for unit in release.units
        if (unit.headcount or 0) - (unit.members or 0) < B - 1
    }


def victims(attacker: Attacker, found: dict[Variable, Found]) -> dict[Variable, Found]:
    """Those left with fewer numbers of members than page and publisher promise."""
    full = nearly_full(attacker.releases)
    return {
        variable: bounds
        for variable, bounds in found.items()
        if code_of(variable) not in full and bounds.left < promised(bounds, variable)
    }


def promised(bounds: Found, variable: Variable) -> int:
    """Five numbers, or four where a joint branch says that there is one member at least."""
    assert isinstance(variable, tuple)
    standalone = variable[3]
    return PROMISED if standalone or bounds.low_before == 0 else PROMISED_JOINT


def code_of(variable: Variable) -> str:
    """The enterprise of a variable."""
    assert isinstance(variable, tuple)
    return str(variable[1])


def pinned(found: dict[Variable, Found]) -> dict[Variable, Found]:
    """Those left with one or two numbers of members who had five before, however full they are."""
    return {variable: one for variable, one in found.items() if one.before >= PROMISED and one.left <= 2}


@pytest.mark.parametrize("name", ["siming", "large"])
def test_nobody_is_narrowed_down_when_everything_public_is_known(name: str, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(name)
    attacker = Attacker(world.releases, rounded_enterprises)
    totals = published_sums(world)
    for structure, found in zip(attacker.structures, totals, strict=True):
        assert set(found) <= set(structure)
    bounds = attacked(attacker, totals, None if name == "siming" or ATTACK == "all" else int(ATTACK))
    print(len(bounds), Counter(b.left for b in bounds.values() if b.before >= 5).most_common(12))
    full = nearly_full(attacker.releases)
    print([(b, v) for v, b in bounds.items() if b.before >= 5 and b.left < 5 and code_of(v) in full])
    assert victims(attacker, bounds) == {}
    assert pinned(bounds) == {}
