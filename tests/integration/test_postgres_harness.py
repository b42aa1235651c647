"""The harness itself: a real server, under an unprivileged user, that leaves nothing behind."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.database.migrations import is_current
from tests.engines import embedded as embedded_module
from tests.engines.embedded import EmbeddedPostgres, PostgresDidNotStart, wheel_folders
from tests.engines.server import EXTERNAL_SERVER, PostgresServer, running_server

pytestmark = pytest.mark.postgres

REPOSITORY = Path(__file__).parents[2]
# Everything is imported before the privileges go: the interpreter may lie where only root can read.
WITHOUT_PRIVILEGES = """
import os, pwd, sys
import psycopg
from app.database.migrations import is_current
from tests.engines.embedded import EmbeddedPostgres
sys.path.insert(0, sys.argv[1])
if os.geteuid() == 0:
    account = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
server = EmbeddedPostgres.open()
try:
    with psycopg.connect(server.url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        print(os.geteuid(), connection.execute("SELECT version()").fetchone()[0], server.folder, sep="|")
finally:
    server.close()
"""

LEFT_RUNNING = """
from tests.engines.embedded import EmbeddedPostgres
server = EmbeddedPostgres.open()
print(server.folder, server.port, flush=True)
input()
"""


@pytest.fixture
def embedded() -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres.open()
    yield server
    server.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every user can read; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        cursor = connection.execute(question.encode())
        return cursor.fetchall() if cursor.description else []


def address(server: EmbeddedPostgres) -> str:
    return server.url.render_as_string(hide_password=False)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def expected_owner() -> int:
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()


def state_of_the_machine() -> dict[str, object]:
    """Return what the wheel's own starter would change: accounts, the package's files, the folders above."""
    package = [path for folder in wheel_folders() for path in (folder, *folder.rglob("*"))]
    above = {*wheel_folders()[0].parents, *Path(tempfile.gettempdir()).resolve().parents, Path.home()}
    return {
        "accounts": [Path(name).read_bytes() for name in ("/etc/passwd", "/etc/group")],
        "package": {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_mtime_ns) for path in package},
        "above": {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in above},
    }


def test_server_answers_when_asked_for_its_version(postgres_server: PostgresServer) -> None:
    [(version,)] = ask(postgres_server.maintenance.render_as_string(hide_password=False), "SELECT version()")
    assert str(version).startswith("PostgreSQL ")


def test_server_runs_unprivileged_when_the_tests_are_root(embedded: EmbeddedPostgres) -> None:
    assert (embedded.folder / "data" / "postmaster.pid").stat().st_uid == expected_owner()


def test_server_answers_when_the_user_has_no_privileges(open_folder: Path) -> None:
    for folder in wheel_folders():
        shutil.copytree(folder, open_folder / folder.name)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PRIVILEGES, open_folder],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    user, version, used = done.stdout.strip().split("|")
    assert int(user) == expected_owner()
    assert version.startswith("PostgreSQL 18")
    assert not Path(used).exists()


def test_nothing_outside_changes_when_a_server_came_and_went() -> None:
    before = state_of_the_machine()
    server = EmbeddedPostgres.open()
    server.close()
    assert state_of_the_machine() == before
    assert not server.folder.exists()


def test_nothing_is_left_when_the_tests_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LEFT_RUNNING], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        folder, port = tests.stdout.readline().split()
        tests.kill()
    until = time.monotonic() + 30
    while Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not is_open(int(port))


def test_server_starts_when_the_temporary_folder_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = EmbeddedPostgres.open()
    server.close()
    assert (tmp_path in server.folder.parents) == (os.geteuid() != 0)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("room", [1, 10**18])
def test_server_is_in_memory_when_there_is_room(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_module, "_ROOM_BYTES", room)
    server = EmbeddedPostgres.open(in_memory=True)
    try:
        assert ask(address(server), "SELECT 1") == [(1,)]
        memory = Path("/dev/shm")
        suits = memory.is_dir() and not os.statvfs(memory).f_flag & os.ST_NOEXEC
        assert (server.folder.parent == memory) == (suits and room == 1)
    finally:
        server.close()
    assert not server.folder.exists()


def test_port_is_free_when_the_server_was_closed(embedded: EmbeddedPostgres) -> None:
    embedded.close()
    assert not is_open(embedded.port)


def test_shutdown_is_clean_and_rows_stay_when_the_server_comes_back(embedded: EmbeddedPostgres) -> None:
    url, port = address(embedded), embedded.port
    ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    embedded.stop()
    log = (embedded.folder / "log").read_text()
    assert "received fast shutdown request" in log
    assert log.rstrip().endswith("database system is shut down")
    embedded.start()
    assert embedded.port == port
    assert ask(url, "SELECT answer FROM kept") == [(42,)]
    assert "not properly shut down" not in (embedded.folder / "log").read_text()


def test_log_is_told_when_the_server_cannot_start(embedded: EmbeddedPostgres) -> None:
    embedded.stop()
    with (embedded.folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(PostgresDidNotStart, match="no_such_setting"):
        embedded.start()


def test_database_is_empty_and_unlike_others_when_a_test_gets_one(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    ask(postgres_url, "CREATE TABLE mine ()")
    with postgres_server.database() as other:
        assert ask(other, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    assert ask(postgres_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("mine",)]


def test_clone_has_the_rows_and_leaves_the_template_alone_when_changed(postgres_server: PostgresServer) -> None:
    template = postgres_server.create()
    ask(postgres_server.url(template), "CREATE TABLE row AS SELECT 1 AS n")
    with postgres_server.database(template=template) as url:
        ask(url, "INSERT INTO row VALUES (2)")
        assert ask(url, "SELECT count(*) FROM row") == [(2,)]
    assert ask(postgres_server.url(template), "SELECT count(*) FROM row") == [(1,)]
    postgres_server.drop(template)


def test_database_goes_when_a_connection_was_left_open(postgres_server: PostgresServer) -> None:
    name = postgres_server.create()
    with psycopg.connect(postgres_server.url(name).replace("+psycopg", "")) as left_open:
        postgres_server.drop(name)
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
    question = f"SELECT datname FROM pg_database WHERE datname = '{name}'"
    assert ask(postgres_server.url("postgres"), question) == []


def test_server_of_the_environment_is_used_and_left_running_when_named(
    embedded: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXTERNAL_SERVER, address(embedded).replace("+psycopg", ""))
    with running_server() as server:
        assert server.embedded is None
        with server.database() as url:
            assert url.startswith("postgresql+psycopg://")
            assert ask(url, "SELECT 1") == [(1,)]
    assert ask(address(embedded), "SELECT 1") == [(1,)]


def test_test_runs_once_per_engine_when_it_asks_for_a_database(
    database_url: str, request: pytest.FixtureRequest
) -> None:
    engine = request.node.callspec.id
    assert database_url.startswith({"sqlite": "sqlite+aiosqlite:///", "postgres": "postgresql+psycopg://"}[engine])


def test_schema_is_there_when_a_test_asks_for_a_migrated_database(migrated_url: str) -> None:
    assert is_current(migrated_url)


def test_schema_is_not_there_when_a_test_asks_for_an_empty_database(database_url: str) -> None:
    assert not is_current(database_url)
