"""Public values lie on their grid, add up, and hang on the key alone: not on engine, process or order."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.disclosure.publishing import Publisher, files_of
from tests.disclosure.questions import conditions, lists
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.registries import AS_OF
from tests.factories.rounded import write_key
from tests.lengths import at_length
from tests.reference.measures import Population
from tests.reference.public import PublicReference
from tests.reference.registry import Registry
from tests.reference.rounding import B, Shown

SEEDS = (2, 3, 7)[: at_length(3, 1)]
ADDITIVE = (
    "enterprises", "enterprises_organised", "enterprises_standalone",
    "members", "members_matched", "headcount", "headcount_matched",
)  # fmt: skip

KEYS = {"one": b"a rounding key of the tests, 32.", "other": b"another key of the tests, of 32."}


@pytest.fixture
def publisher(migrated_sqlite_url: str, tmp_path: Path) -> Publisher:
    return Publisher(migrated_sqlite_url, tmp_path / "data", tmp_path / "key")


def answered(publisher: Publisher) -> Iterator[tuple[PublicReference, dict[str, str], dict[str, Any]]]:
    """A third of all lists of the public tier of some crowded registries."""
    for seed in SEEDS:
        registry = crowded_registry(seed)
        fill(publisher.settings.registry_url, registry)
        snapshot = publisher.build(AS_OF)
        reference = PublicReference(registry, AS_OF, publisher.key)
        for subject, params in list(lists(reference))[::3]:
            yield reference, params, publisher.reader.list(subject, params, snapshot)


def shown_in(reference: PublicReference, row: dict[str, Any], params: dict[str, str]) -> list[Shown]:
    """Who shows in a row."""
    dimension = next(iter(row))
    asked = {name: (code,) for name, code in params.items() if name in ("district", "industry", "industry_group")}
    population = Population("operating", **asked | {dimension: (row[dimension]["code"],)})
    return [one for one in reference.shown if reference.sits_in(one.place, population)]


def test_every_figure_is_a_sum_of_grid_values_when_it_is_public(publisher: Publisher) -> None:
    rows = 0
    for reference, params, answer in answered(publisher):
        for row in answer["data"]:
            here = shown_in(reference, row, params)
            least = sum(one.unit.least for one in here)
            assert row["counts"]["members"] >= least
            assert (row["counts"]["members"] - least) % B == 0
            assert row["counts"]["headcount"] % B == 0
            far = B * len(here)
            assert abs(row["counts"]["headcount"] - sum(one.unit.headcount or 0 for one in here)) < max(far, 1)
            rows += 1
    assert rows > 300


def test_rows_and_unallocated_add_up_when_figures_are_public(publisher: Publisher) -> None:
    disjoint = 0
    for _, params, answer in answered(publisher):
        counts = [row["counts"] for row in answer["data"]]
        if answer["unallocated"] is None:
            continue
        for measure in ADDITIVE:
            rest = answer["unallocated"]["counts"][measure]
            assert rest >= 0
            assert sum(one[measure] for one in counts) + rest == answer["total"]["counts"][measure], params
        protected = set(answer["total"]["counts"]) - set(ADDITIVE)
        assert {answer["unallocated"]["counts"][measure] for measure in protected} == {None}
        disjoint += 1
    assert disjoint > 150


def test_values_are_the_same_when_the_engine_is_another(
    migrated_sqlite_url: str, migrated_postgres_url: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    sqlite = Publisher(migrated_sqlite_url, tmp_path / "sqlite", key)
    postgres = Publisher(migrated_postgres_url, tmp_path / "postgres", key)
    for seed in SEEDS:
        one, other = (published(publisher, crowded_registry(seed)) for publisher in (sqlite, postgres))
        assert one == other


def published(publisher: Publisher, registry: Registry) -> tuple[str, dict[str, bytes]]:
    """The id of the public snapshot of a registry, and its files."""
    fill(publisher.settings.registry_url, registry)
    snapshot = publisher.build(AS_OF)
    return snapshot, files_of(publisher.folder(snapshot))


def test_values_are_the_same_when_another_process_builds_from_rows_in_another_order(
    publisher: Publisher, tmp_path: Path
) -> None:
    registry = crowded_registry(3)
    snapshot, files = published(publisher, registry)
    fill(publisher.settings.registry_url, {name: rows[::-1] for name, rows in registry.items()})
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATABASE_URL": publisher.settings.registry_url,
        "ORGCOVERAGE_DATA_DIR": str(tmp_path / "again"),
        "ORGCOVERAGE_ANONYMOUS": "public",
        "ORGCOVERAGE_ROUNDING_KEY_FILE": str(tmp_path / "key"),
    }
    command = [sys.executable, "-m", "app.cli", "snapshot", "build", "--as-of", AS_OF.isoformat()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "again" / "snapshots" / "public" / snapshot) == files


def test_values_are_others_when_the_key_is_another(migrated_sqlite_url: str, tmp_path: Path) -> None:
    registry = crowded_registry(3)
    fill(migrated_sqlite_url, registry)
    publisher, other = (Publisher(migrated_sqlite_url, tmp_path / name, tmp_path / f"{name}-key") for name in KEYS)
    for name, one in zip(KEYS, (publisher, other), strict=True):
        write_key(tmp_path / f"{name}-key", KEYS[name])
        assert one.key == KEYS[name]
    asked = [
        {"sort": "code"} | condition
        for condition in conditions(PublicReference(registry, AS_OF, publisher.key), "districts")
    ]
    figures = [
        [
            (row["counts"]["members"], row["counts"]["headcount"])
            for params in asked
            for row in one.reader.list("districts", params, snapshot)["data"]
        ]
        for one, snapshot in ((publisher, publisher.build(AS_OF)), (other, other.build(AS_OF)))
    ]
    assert len(figures[0]) == len(figures[1])
    assert sum(one[0] != two[0] for one, two in zip(*figures, strict=True)) > 10
    assert sum(one[1] != two[1] for one, two in zip(*figures, strict=True)) > 10
