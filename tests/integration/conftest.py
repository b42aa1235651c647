"""Fixtures of tests that go through a real database."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.engines.server import PostgresServer
from tests.factories.importing import PEOPLE, TREES, Registry
from tests.factories.two_counties import TWO_COUNTIES


@pytest.fixture
def registry(migrated_url: str, tmp_path: Path) -> Registry:
    """Give an empty registry, on either engine, into which files are taken."""
    return Registry(migrated_url, tmp_path)


@pytest.fixture(scope="session")
def peopled_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with trees, enterprises, branches and members, made once; tests copy it."""
    return _filled_file(sqlite_template, tmp_path_factory.mktemp("peopled"), TREES | PEOPLE)


@pytest.fixture(scope="session")
def peopled_postgres(
    postgres_server: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the name of a PostgreSQL database of the same content, made once; tests clone it."""
    with _filled_database(postgres_server, postgres_template, tmp_path_factory.mktemp("p"), TREES | PEOPLE) as name:
        yield name


@pytest.fixture(params=ENGINES)
def peopled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Give a registry with trees, three enterprises, three branches and three members, on either engine."""
    with _copied(request, "peopled", tmp_path) as registry:
        yield registry


@pytest.fixture(scope="session")
def counties_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file of two counties, made once; tests copy it."""
    return _filled_file(sqlite_template, tmp_path_factory.mktemp("counties"), TWO_COUNTIES)


@pytest.fixture(scope="session")
def counties_postgres(
    postgres_server: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the name of a PostgreSQL database of the same content, made once; tests clone it."""
    with _filled_database(postgres_server, postgres_template, tmp_path_factory.mktemp("c"), TWO_COUNTIES) as name:
        yield name


@pytest.fixture(params=ENGINES)
def counties(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Give a registry of two counties, with things in each of them and between them, on either engine."""
    with _copied(request, "counties", tmp_path) as registry:
        yield registry


def _filled_file(template: Path, folder: Path, files: Mapping[str, str]) -> Path:
    path = folder / "registry.sqlite3"
    _copy(template, path)
    Registry(_address(path), folder).load(dict(files))
    return path


@contextmanager
def _filled_database(server: PostgresServer, template: str, folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    name = server.create(template=template)
    try:
        Registry(server.url(name), folder).load(dict(files))
        yield name
    finally:
        server.drop(name)


@contextmanager
def _copied(request: pytest.FixtureRequest, what: str, folder: Path) -> Iterator[Registry]:
    """Lend a copy of a registry that was made once, on the engine that the fixture asks for."""
    template = request.getfixturevalue(f"{what}_{request.param}")
    if request.param == "sqlite":
        _copy(template, folder / "registry.sqlite3")
        yield Registry(_address(folder / "registry.sqlite3"), folder)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(template=template) as url:
        yield Registry(url, folder)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as opened, closing(sqlite3.connect(target)) as copy:
        opened.backup(copy)


def _address(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"
