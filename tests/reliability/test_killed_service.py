"""A worker that is killed takes its jobs with it: nothing of them is visible, and whoever asks is told."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from app.jobs.records import HEARTBEAT_LOST_SECONDS, list_jobs, read_job, record_path
from tests.factories.importing import Registry
from tests.live import answers

pytestmark = pytest.mark.long

ROWS = 300_000
PATIENCE = 60.0


def test_import_ends_with_its_worker_when_that_is_killed(migrated_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path)
    registry = Registry(migrated_url, tmp_path)
    before = registry.revision()
    rows = "\n".join(f"m{number},2010-01-01" for number in range(ROWS))
    with served(settings) as (process, address):
        answer = httpx.post(
            f"{address}/v1/imports?dataset=members", content=f"ref,joined_on\n{rows}\n", timeout=PATIENCE
        )
        job_id = answer.json()["data"]["job_id"]
        until(lambda: read_job(settings.jobs_dir, job_id).phase is not None, "the import did not start")
        assert children_of(job_id)
        process.kill()
        process.wait()
        until(lambda: not children_of(job_id), "the import outlives its worker")
    lost = time.time() - HEARTBEAT_LOST_SECONDS - 1
    os.utime(record_path(settings.jobs_dir, job_id), (lost, lost))
    assert read_job(settings.jobs_dir, job_id).state == "interrupted"
    with served(settings) as (_, address):
        told = httpx.get(f"{address}/v1/jobs/{job_id}", timeout=PATIENCE).json()["data"]
        assert (told["state"], told["problem"]["type"]) == ("interrupted", "/problems/job-interrupted")
        assert [path.name for path in settings.uploads_dir.iterdir()] == []
    assert (registry.rows("member", "ref"), registry.revision()) == ([], before)
    assert [job.id for job in list_jobs(settings.jobs_dir)] == [job_id]


@contextmanager
def served(settings: Settings) -> "Iterator[tuple[subprocess.Popen[bytes], str]]":
    """Run the service as an operator does; give its process and address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATABASE_URL": settings.database_url,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir),
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the service did not start")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def children_of(job_id: str) -> list[int]:
    """Return the processes that run a step of a job."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if job_id.encode() in words and b"app.jobs.steps" in words and state != "Z":
            found.append(int(folder.name))
    return found


def until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)
