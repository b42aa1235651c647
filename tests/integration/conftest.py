"""Fixtures of tests that go through a real database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.engines.server import PostgresServer
from tests.factories.importing import PEOPLE, TREES, Registry


@pytest.fixture
def registry(migrated_url: str, tmp_path: Path) -> Registry:
    """Give an empty registry, on either engine, into which files are taken."""
    return Registry(migrated_url, tmp_path)


@pytest.fixture(scope="session")
def peopled_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with trees, enterprises, branches and members, made once; tests copy it."""
    folder = tmp_path_factory.mktemp("peopled")
    _copy(sqlite_template, folder / "registry.sqlite3")
    Registry(f"sqlite+aiosqlite:///{folder / 'registry.sqlite3'}", folder).load(TREES, PEOPLE)
    return folder / "registry.sqlite3"


@pytest.fixture(scope="session")
def peopled_postgres(
    postgres_server: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the name of a PostgreSQL database of the same content, made once; tests clone it."""
    name = postgres_server.create(template=postgres_template)
    try:
        Registry(postgres_server.url(name), tmp_path_factory.mktemp("peopled")).load(TREES, PEOPLE)
        yield name
    finally:
        postgres_server.drop(name)


@pytest.fixture(params=ENGINES)
def peopled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Give a registry with trees, three enterprises, three branches and three members, on either engine."""
    if request.param == "sqlite":
        _copy(request.getfixturevalue("peopled_sqlite"), tmp_path / "registry.sqlite3")
        yield Registry(f"sqlite+aiosqlite:///{tmp_path / 'registry.sqlite3'}", tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(template=request.getfixturevalue("peopled_postgres")) as url:
        yield Registry(url, tmp_path)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as opened, closing(sqlite3.connect(target)) as copy:
        opened.backup(copy)
