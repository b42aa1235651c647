"""The build that waits while the import before it runs: it never outlives the import, and builds only when told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from app.jobs.processes import environment
from app.jobs.records import read_job
from tests.factories.importing import Registry
from tests.reliability.service import PATIENCE, command_of, ended_job, served, until

pytestmark = pytest.mark.long

DAY = "2016-02-29"
"""Of no other test, so that its processes are this test's."""

FIRMS = b"code,name\nA,B\n"
WRONG = b"code,name\n,B\n"
MANY = b"ref,joined_on\n" + b"".join(b"m%d,2010-01-01\n" % number for number in range(300_000))


@pytest.fixture
def settings(migrated_sqlite_url: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data", database_url=migrated_sqlite_url)


def builds() -> list[int]:
    """Return the processes that build the snapshot of the day, or wait for it."""
    running = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [number for number in running if {"build", DAY} <= set(command_of(number).split("\0"))]


def built(settings: Settings) -> list[str]:
    return [path.name[:8] for path in (settings.snapshots_dir / "exact").glob("2*")]


def begun(settings: Settings, address: str, dataset: str, content: bytes) -> str:
    """Send a file with a build; return its job."""
    url = f"{address}/v1/imports?dataset={dataset}&build={DAY}"
    return str(httpx.post(url, content=content, timeout=PATIENCE).json()["data"]["job_id"])


def test_a_build_follows_its_import_when_that_is_done(settings: Settings) -> None:
    with served(settings) as service:
        job = ended_job(service.address, begun(settings, service.address, "enterprises", FIRMS))
        assert (job["state"], job["snapshot"][:8]) == ("succeeded", "20160229")
        until(lambda: not builds(), "the build stays when it is done")
    assert built(settings) == ["20160229"]


def test_nothing_is_built_when_the_import_is_refused(settings: Settings) -> None:
    with served(settings) as service:
        job = ended_job(service.address, begun(settings, service.address, "enterprises", WRONG))
        assert (job["state"], job["problem"]["status"], job["snapshot"]) == ("failed", 422, None)
        assert builds() == []
    assert built(settings) == []


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGKILL])
def test_the_waiting_build_ends_with_the_service(settings: Settings, tmp_path: Path, told: signal.Signals) -> None:
    before = Registry(settings.registry_url, tmp_path).revision()
    with served(settings) as service:
        job = begun(settings, service.address, "members", MANY)
        until(lambda: read_job(settings.jobs_dir, job).phase is not None and bool(builds()), "the import does not run")
        service.process.send_signal(told)
        service.process.wait()
        until(lambda: not builds(), "the build outlives the service")
    assert (built(settings), Registry(settings.registry_url, tmp_path).revision()) == ([], before)


def test_the_import_is_done_and_the_job_failed_when_the_waiting_build_is_killed(
    settings: Settings, tmp_path: Path
) -> None:
    with served(settings) as service:
        job_id = begun(settings, service.address, "members", MANY)
        until(lambda: bool(builds()), "no build waits")
        os.kill(builds()[0], signal.SIGKILL)
        job = ended_job(service.address, job_id)
    assert (job["state"], job["problem"]["type"]) == ("failed", "/problems/internal")
    assert len(Registry(settings.registry_url, tmp_path).rows("member", "ref")) == MANY.count(b"\n") - 1


def command(settings: Settings, tmp_path: Path, dataset: str, content: bytes) -> "subprocess.Popen[bytes]":
    file = tmp_path / f"{dataset}.csv"
    file.write_bytes(content)
    line = [sys.executable, "-m", "app.cli", "import", dataset, str(file), "--build", DAY]
    return subprocess.Popen(line, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_nothing_is_built_when_the_import_of_a_command_is_refused(settings: Settings, tmp_path: Path) -> None:
    with command(settings, tmp_path, "enterprises", WRONG) as process:
        assert process.wait() == 1
        assert builds() == []
    assert built(settings) == []


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_waiting_build_ends_with_the_command(settings: Settings, tmp_path: Path, told: signal.Signals) -> None:
    with command(settings, tmp_path, "members", MANY) as process:
        until(lambda: bool(builds()), "no build waits")
        time.sleep(0.5)  # loading, or waiting: either way
        process.send_signal(told)
        process.wait()
        until(lambda: not builds(), "the build outlives the command")
    assert built(settings) == []
