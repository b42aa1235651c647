"""Fixtures of the whole suite: databases on both engines, empty or migrated, each test its own."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest

from app.database.migrations import upgrade
from tests.engines.server import EXTERNAL_SERVER, PostgresServer, running_server

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def pytest_configure() -> None:
    """Let examples take their time: the first one loads libraries, and the suite asserts no speed."""
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio alone: the drivers of the databases know no other loop."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _settings_of_the_shell_left_out() -> Iterator[None]:
    """Keep what the developer's shell sets for the service out of the tests.

    Everything is shown without a key, unless a test says otherwise.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ORGCOVERAGE_") and name != EXTERNAL_SERVER]:
            patch.delenv(name)
        patch.setenv("ORGCOVERAGE_ANONYMOUS", "exact")
        patch.setenv("ORGCOVERAGE_HOSTS", '["testserver", "service", "server", "test"]')
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give the session's PostgreSQL server (under xdist: the worker's)."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the address of an empty PostgreSQL database, dropped after the test."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the address of a SQLite file that is not there yet."""
    return _sqlite_address(tmp_path / "registry.sqlite3")


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Run the test on both engines, on an empty database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated SQLite file, made once; tests copy it."""
    template = tmp_path_factory.mktemp("template") / "registry.sqlite3"
    upgrade(_sqlite_address(template))
    return template


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the name of a migrated PostgreSQL database, made once; tests clone it and never connect to it."""
    name = postgres_server.create()
    try:
        upgrade(postgres_server.url(name))
        yield name
    finally:
        postgres_server.drop(name)


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the address of a migrated SQLite file of the test's own."""
    target = tmp_path / "registry.sqlite3"
    with closing(sqlite3.connect(sqlite_template)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return _sqlite_address(target)


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Give the address of a migrated PostgreSQL database of the test's own."""
    with postgres_server.database(template=postgres_template) as url:
        yield url


@pytest.fixture(params=ENGINES)
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Run the test on both engines, on a database that has the schema and no row."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


def _sqlite_address(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"
