"""Fixtures of tests that go through a real database."""

from pathlib import Path

import pytest

from tests.factories.importing import Registry


@pytest.fixture
def registry(migrated_url: str, tmp_path: Path) -> Registry:
    """Give an empty registry, on either engine, into which files are taken."""
    return Registry(migrated_url, tmp_path)
