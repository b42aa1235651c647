"""Fixtures of the whole suite: databases on both engines, empty or migrated, each test its own."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from filelock import FileLock

from app.database.migrations import upgrade
from tests.document import watch
from tests.engines.server import PostgresServer, running_server
from tests.factories.demonstration import Demonstration, build_demonstration
from tests.lengths import LONG, SHORT

OF_THE_SHELL = (
    "CLICOLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "LANG", "LC_", "NO_COLOR", "ORGCOVERAGE_", "PY_COLORS",
    "TERMINAL_WIDTH", "TTY_", "TYPER_",
)  # fmt: skip
"""Beginnings of the variables that change what a program prints, or which settings it has."""

OF_THE_TESTS = "ORGCOVERAGE_TEST_"

LEFT = pytest.StashKey[int]()
"""How many long tests are left to `--all`."""

ON_BOTH_ENGINES = {
    "test_migrations.py", "test_snapshot_bytes.py", "test_three_engines.py", "test_time.py", "test_worked_example.py",
}  # fmt: skip
"""Files whose tests the short run tries on PostgreSQL too."""

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the gate."""
    parser.addoption("--all", action="store_true", help="run long tests too, and random ones at length")


def pytest_configure(config: pytest.Config) -> None:
    """Set how long tests go on, before modules are read; examples take their time, since no speed is asserted."""
    length = LONG if config.getoption("--all") else SHORT
    hypothesis.settings.register_profile(length, deadline=None, max_examples=100 if length == LONG else 15)
    hypothesis.settings.load_profile(length)


def pytest_sessionstart() -> None:
    """Put what the shell says of terminal, language and service out of reach, before modules are read.

    The terminal is an ordinary one of 80 columns; everything is shown without a key, unless a test says otherwise.
    """
    for name in [name for name in os.environ if name.startswith(OF_THE_SHELL) and not name.startswith(OF_THE_TESTS)]:
        del os.environ[name]
    os.environ.update(TERM="xterm", COLUMNS="80", LINES="24", LC_ALL="C.UTF-8")
    os.environ.update(ORGCOVERAGE_ANONYMOUS="exact", ORGCOVERAGE_HOSTS='["testserver", "service", "server", "here"]')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests to `--all`: they are deselected, and counted."""
    if config.getoption("--all"):
        return
    left = [item for item in items if _is_long(item)]
    items[:] = [item for item in items if not _is_long(item)]
    config.hook.pytest_deselected(items=left)
    config.stash[LEFT] = len(left)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left"] = len(left)


def _is_long(item: pytest.Item) -> bool:
    """Whether a test is left to `--all`: on PostgreSQL all but the worked example, engines and the schema are."""
    if item.get_closest_marker("long") is not None:
        return True
    return item.get_closest_marker("postgres") is not None and item.path.name not in ON_BOTH_ENGINES


def pytest_testnodedown(node: Any) -> None:
    """Count what a worker has left out; all workers leave out the same."""
    node.config.stash[LEFT] = node.workeroutput.get("left", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests were left out."""
    if left := config.stash.get(LEFT, 0):
        terminalreporter.write_line(f"{left} long tests deselected; --all runs them, and random ones at length")


@pytest.fixture(scope="session", autouse=True)
def undeclared() -> list[str]:
    """Give the answers of all services here that the document does not declare: filled while they answer."""
    answers: list[str] = []
    watch(answers)
    return answers


@pytest.fixture(autouse=True)
def every_answer_is_declared(undeclared: list[str]) -> Iterator[None]:
    """Fail a test in which a service answered with a status that its operation does not declare."""
    yield
    found = undeclared.copy()
    undeclared.clear()
    assert found == [], "declare it in app/api/http/statuses.py"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio alone: the drivers of the databases know no other loop."""
    return "asyncio"


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
def demonstration(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """Give the demonstration, built once for all workers; tests that change it copy it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(shared / "demonstration.lock"):
        if not (shared / "demonstration").exists():
            build_demonstration(shared / "demonstration", sqlite_template)
    return Demonstration(shared / "demonstration")


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
