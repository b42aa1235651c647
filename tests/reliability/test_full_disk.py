"""A full disk: whoever sent something is told, the old state is whole, the space comes back, and then all goes on."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from http import HTTPStatus
from itertools import count, takewhile
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import sql

from app.config import Settings
from app.database.migrations import upgrade
from app.jobs import supervision
from app.jobs.records import JobRecord, read_job, write_record
from app.main import create_app
from tests.engines.embedded import EmbeddedPostgres
from tests.engines.server import PostgresServer
from tests.factories.bodies import ENTERPRISE
from tests.factories.demonstration import Demonstration, siming
from tests.factories.importing import Registry
from tests.factories.loading import fill
from tests.reliability.conftest import DATES
from tests.reliability.service import Answer, Service, ended_job, served, until

pytestmark = pytest.mark.long

TURNS = int(os.environ.get("ORGCOVERAGE_TEST_FULL_DISKS", "1"))
"""How full the disk is when an import or a build begins: so many steps; the full count is 20."""

MIB = 1 << 20

DISK_MIB = 64 + 8 * TURNS
"""Size of the disk: each step publishes a snapshot of 5 MiB on it."""

ROWS = 10_000

FULL = {"/problems/disk-full", "/problems/database-unavailable"}


@contextmanager
def small_disk(folder: Path, owner: int = 0) -> Iterator[Path]:
    """Mount a file system of `DISK_MIB` in memory on a new folder; needs root, or a user namespace around the tests."""
    folder.mkdir()
    options = f"size={DISK_MIB}m,mode=0700,uid={owner}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}: run as root, or by `unshare --user --map-root-user --mount`"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def filled(disk: Path, room: int) -> Iterator[None]:
    """Fill a disk until so many bytes are left, for as long as the block takes."""
    filler = disk / "filler"
    try:
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - room, 1))
        yield
    finally:
        filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, disk: Path, demonstration: Demonstration, tmp_path: Path) -> Settings:
    """Give the settings of a service whose data folder is on the small disk: with SQLite the registry is there too."""
    if request.param == "sqlite":
        return demonstration.copy(disk / "data", DATES[1:], anonymous="exact")
    url = request.getfixturevalue("migrated_postgres_url")
    fill(url, siming(tmp_path / "files"))
    return demonstration.copy(disk / "data", DATES[1:], anonymous="exact", database_url=url)


def test_an_upload_is_refused_and_leaves_nothing_when_the_disk_is_full(settings: Settings, disk: Path) -> None:
    with served(settings, 2) as service, filled(disk, MIB):
        free = shutil.disk_usage(disk).free
        answer = service.ask("POST", "/v1/imports?dataset=enterprises", rows_of(0) * 20)
        assert (answer.is_busy_problem, answer.json()["type"]) == (True, "/problems/disk-full")
        assert shutil.disk_usage(disk).free >= free
        assert_statistics_are_answered(service)


@pytest.mark.parametrize(("what", "most"), [("import", 4 * MIB), ("build", MIB)], ids=["import", "build"])
def test_the_old_state_is_whole_when_the_disk_is_full_during_a_job(
    settings: Settings, disk: Path, what: str, most: int
) -> None:
    registry = Registry(settings.registry_url, settings.data_dir)
    with served(settings, 2) as service:
        assert outcome(service, "import", 0) == outcome(service, "build", 0) == "succeeded"
        failed = 0
        for turn in range(1, TURNS + 1):
            if what == "build":
                assert outcome(service, "import", turn) == "succeeded"
            before, shown = registry.rows("enterprise", "code", "name"), service.ask("GET", "/v1/snapshots").body
            free = shutil.disk_usage(disk).free
            with filled(disk, (turn - 1) * most // TURNS + 64 * 1024):
                told = outcome(service, what, turn)
                assert_statistics_are_answered(service)
            if told == "succeeded":
                continue
            failed += 1
            assert told in FULL
            assert registry.rows("enterprise", "code", "name") == before
            assert service.ask("GET", "/v1/snapshots").body == shown
            assert shutil.disk_usage(disk).free >= free - MIB, "the space does not come back"
            assert outcome(service, what, turn) == "succeeded"
        assert failed > 0


def test_a_job_goes_on_when_the_disk_has_no_room_for_its_progress(
    demonstration: Demonstration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(jobs_dir: Path, record: JobRecord) -> None:
        if record.state == "running":
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        write_record(jobs_dir, record)

    monkeypatch.setattr(supervision, "write_record", write)
    settings = demonstration.copy(tmp_path / "data", DATES[1:], anonymous="exact")
    with TestClient(create_app(settings)) as client:
        sent = client.post("/v1/snapshots", json={"as_of": DATES[0].isoformat()}).json()["data"]
        until(lambda: read_job(settings.jobs_dir, sent["job_id"]).finished, "the build does not end")
    assert read_job(settings.jobs_dir, sent["job_id"]).state == "succeeded"


def test_the_old_state_is_whole_when_the_disk_of_the_server_is_full(tmp_path: Path) -> None:
    embedded = EmbeddedPostgres.open(in_memory=True)
    try:
        owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
        with small_disk(embedded.folder / "disk", owner) as disk:
            on_full_server(PostgresServer(embedded.url, embedded), disk, tmp_path)
            embedded.stop()
    finally:
        embedded.close()


def on_full_server(server: PostgresServer, disk: Path, folder: Path) -> None:
    """Try changes and an import on a database whose tables are on a disk that is full, and again when it is not."""
    address = server.maintenance.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(disk))))
        connection.execute("CREATE DATABASE small TABLESPACE small")
    upgrade(server.url("small"))
    settings = Settings(_env_file=None, database_url=server.url("small"), data_dir=folder / "data", anonymous="exact")
    registry = Registry(settings.registry_url, folder)
    with served(settings, 2) as service:
        assert outcome(service, "import", 0) == "succeeded"
        before = registry.rows("enterprise", "code", "name")
        with filled(disk, 64 * 1024):
            assert outcome(service, "import", 1) == "/problems/database-unavailable"
            paths = (f"/v1/enterprises/X{number}" for number in count())
            taken = sum(1 for _ in takewhile(is_created, (service.ask("PUT", path, ENTERPRISE) for path in paths)))
            assert service.ask("PUT", next(paths), ENTERPRISE).is_busy_problem
            assert len(registry.rows("enterprise", "code")) == len(before) + taken
        assert outcome(service, "import", 1) == "succeeded"
        assert len(registry.rows("enterprise", "code")) == len(before) + taken


def is_created(answer: Answer) -> bool:
    return answer.status == HTTPStatus.CREATED


def rows_of(turn: int) -> bytes:
    return ("code,name\n" + "".join(f"D{number},第{turn}次\n" for number in range(ROWS))).encode()


def outcome(service: Service, what: str, turn: int) -> str:
    """Import all rows with other names, or build; return `succeeded` or the kind of the problem."""
    if what == "build":
        answer = service.ask("POST", "/v1/snapshots", {"as_of": DATES[1].isoformat()})
    else:
        answer = service.ask("POST", "/v1/imports?dataset=enterprises", rows_of(turn))
    if answer.status != HTTPStatus.ACCEPTED:
        assert answer.is_busy_problem, answer
        return str(answer.json()["type"])
    job = ended_job(service.address, answer.json()["data"]["job_id"])
    return str(job["state"] if job["problem"] is None else job["problem"]["type"])


def assert_statistics_are_answered(service: Service) -> None:
    for _ in range(10):
        assert service.ask("GET", "/v1/statistics/districts/350203").status == HTTPStatus.OK
