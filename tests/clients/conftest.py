"""Services for generated clients: the demonstration with all its snapshots, one open to everybody, one to keys only."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings
from app.main import create_app
from tests.api.conftest import quarters
from tests.live import live

__all__ = ["quarters"]

pytest.register_assert_rewrite("tests.clients.questions")


@pytest.fixture(scope="package")
def folder(quarters: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the demonstration's data folder: clients change it."""
    copy = tmp_path_factory.mktemp("clients") / "data"
    shutil.copytree(quarters.data_dir, copy)
    return copy


@pytest.fixture(scope="package")
def address(folder: Path) -> Iterator[str]:
    """Give the address of a service that shows everything to everybody, as the demonstration does."""
    with live(create_app(Settings(_env_file=None, data_dir=folder, anonymous="exact"))) as served:
        yield served


@pytest.fixture(scope="package")
def closed_address(folder: Path) -> Iterator[str]:
    """Give the address of a service on the same data that answers nothing without a key."""
    with live(create_app(Settings(_env_file=None, data_dir=folder, anonymous="none"))) as served:
        yield served
