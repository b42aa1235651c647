"""The object store of the session, and a place in it for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.releasing import Desk
from tests.factories.rounded import public_settings
from tests.replicas.seaweed import SeaweedFS, Store, running


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """Give the session's SeaweedFS (under xdist: the worker's)."""
    with running(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def store(seaweed: SeaweedFS) -> Store:
    """Give a place in the buckets that nobody else uses."""
    return Store(seaweed)


@pytest.fixture
def writer(store: Store, migrated_sqlite_url: str, tmp_path: Path) -> Desk:
    """Give a data folder that pushes, whose builds make drafts unless told otherwise."""
    return Desk(public_settings(migrated_sqlite_url, tmp_path / "writer", release="manual", **store.settings("writer")))
