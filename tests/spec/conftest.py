"""Fixtures of the specification: a database of each engine that a module's tests share, one tiny registry at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.server import PostgresServer
from tests.factories.tiny import Tiny


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a migrated database that the tests of a module share, on both engines."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        copy = tmp_path_factory.mktemp("shared") / "registry.sqlite3"
        copy.write_bytes(template.read_bytes())
        yield f"sqlite+aiosqlite:///{copy}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(template=request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture(scope="module")
def tiny(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Give a holder of tiny registries, on both engines."""
    return Tiny(shared_url, tmp_path_factory.mktemp("tiny"))
