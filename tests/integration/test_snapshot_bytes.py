"""The same registry, date and settings give the same snapshot, byte by byte, on both engines."""

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given

from app.config import Settings
from tests.factories.demonstration import Demonstration, siming
from tests.factories.loading import fill
from tests.factories.registries import dated_registries
from tests.factories.snapshot_files import AS_OF, TABLES, build, manifest_of, tables_of
from tests.lengths import same_examples
from tests.reference.registry import Registry


def shuffled(registry: Registry) -> Registry:
    """The same rows in another order: a registry has none."""
    draws = random.Random(35)
    facts = ("returns", "coverage", "members", "employments", "affiliations", "industry-groups")
    return registry | {name: draws.sample(registry[name], len(registry[name])) for name in facts}


IDS = {
    "20160930-27ea9a1143ebd139",
    "20161231-dc14d1ad7cd97445",
    "20170331-070cb5bb10e63c9e",
    "20170630-e0fc076864602db9",
    "20170930-a292830539544582",
}
"""Of the demonstration's exact snapshots. One that changes belongs under *Figures changed*, or a new format."""


def test_ids_of_the_demonstration_stay(demonstration: Demonstration) -> None:
    assert {path.name for path in (demonstration.folder / "snapshots" / "exact").iterdir()} == IDS


class Pair:
    """The same registry on both engines, each with a data folder of its own."""

    def __init__(self, sqlite: Settings, postgres: Settings) -> None:
        self.sqlite = sqlite
        self.postgres = postgres

    def built_alike(self, registry: Registry, as_of: date) -> Path:
        """Build from both, compare byte by byte, and return the folder of one."""
        fill(self.sqlite.database_url, registry)
        fill(self.postgres.database_url, shuffled(registry))
        first, second = build(self.sqlite, as_of), build(self.postgres, as_of)
        assert first.name == second.name
        assert tables_of(first) == tables_of(second)
        volatile = ("built_at", "checksum")  # the checksum is that of the manifest
        one, other = ({k: v for k, v in manifest_of(at).items() if k not in volatile} for at in (first, second))
        assert one == other
        return first


@pytest.fixture
def pair(migrated_sqlite_url: str, migrated_postgres_url: str, tmp_path: Path) -> Pair:
    return Pair(
        Settings(database_url=migrated_sqlite_url, data_dir=tmp_path / "sqlite"),
        Settings(database_url=migrated_postgres_url, data_dir=tmp_path / "postgres"),
    )


@pytest.mark.postgres
def test_both_engines_give_the_same_bytes_when_they_hold_the_demonstration(pair: Pair, tmp_path: Path) -> None:
    folder = pair.built_alike(siming(tmp_path / "files"), AS_OF)
    assert set(tables_of(folder)) == set(TABLES)
    assert manifest_of(folder)["tables"]["enterprises"]["rows"] > 200


@pytest.mark.postgres
def test_both_engines_give_the_same_bytes_when_registries_are_random(pair: Pair) -> None:
    built = set()

    @same_examples(4)
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        built.add(pair.built_alike(*drawn).name)

    compare()
    assert len(built) > 1
