"""A worker or the whole service that is killed: nothing of its jobs is visible, and whoever asks is told."""

import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from app.jobs.records import HEARTBEAT_LOST_SECONDS, list_jobs, read_job, record_path
from tests.factories.importing import Registry
from tests.lengths import at_length
from tests.reliability.service import (
    PATIENCE,
    Answer,
    BrokenAnswer,
    Heard,
    NoAnswer,
    Service,
    asked_without_end,
    children_of,
    command_of,
    served,
    until,
)

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("ORGCOVERAGE_TEST_KILLS", at_length(4, 2)))
"""Kills of workers, and a quarter of them of whole services; the full count is 200."""

ROWS = 300_000


def test_import_ends_with_its_worker_when_that_is_killed(migrated_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path)
    registry = Registry(migrated_url, tmp_path)
    before = registry.revision()
    rows = "\n".join(f"m{number},2010-01-01" for number in range(ROWS))
    with served(settings) as service:
        answer = httpx.post(
            f"{service.address}/v1/imports?dataset=members", content=f"ref,joined_on\n{rows}\n", timeout=PATIENCE
        )
        job_id = answer.json()["data"]["job_id"]
        until(lambda: read_job(settings.jobs_dir, job_id).phase is not None, "the import did not start")
        assert children_of(job_id)
        service.process.kill()
        service.process.wait()
        until(lambda: not children_of(job_id), "the import outlives its worker")
    lost = time.time() - HEARTBEAT_LOST_SECONDS - 1
    os.utime(record_path(settings.jobs_dir, job_id), (lost, lost))
    assert read_job(settings.jobs_dir, job_id).state == "interrupted"
    with served(settings) as service:
        told = httpx.get(f"{service.address}/v1/jobs/{job_id}", timeout=PATIENCE).json()["data"]
        assert (told["state"], told["problem"]["type"]) == ("interrupted", "/problems/job-interrupted")
        assert [path.name for path in settings.uploads_dir.iterdir()] == []
    assert (registry.rows("member", "ref"), registry.revision()) == ([], before)
    assert [job.id for job in list_jobs(settings.jobs_dir)] == [job_id]


def test_the_others_answer_and_another_starts_when_a_worker_is_killed(siming: Settings) -> None:
    with served(siming, 2) as service, asked_without_end(_statistics(service), 4) as heard:
        for _ in range(KILLS):
            before, asked = set(service.workers), len(heard.answers)
            os.kill(random.choice(list(before)), signal.SIGKILL)
            until(partial(_has_another, service, before), "no other worker started")
            until(partial(_has_heard, heard, asked + 20), "the service does not answer")
    assert [error for error in heard.wrong if not isinstance(error, BrokenAnswer)] == []
    assert heard.without + len(heard.wrong) <= 4 * KILLS, "more than the requests that the killed workers had"
    assert {answer.status for _, answer in heard.answers} == {200}


def test_nothing_is_left_and_the_port_is_free_when_the_service_is_killed(siming: Settings) -> None:
    for turn in range(max(KILLS // 4, 2)):
        with served(siming, workers=1 + turn % 2) as service:
            running = service.workers
            service.process.kill()
            service.process.wait()
            until(partial(_have_ended, running), "workers outlive the service")
            with pytest.raises(NoAnswer):
                service.ask("GET", "/healthz")


def _have_ended(processes: list[int]) -> bool:
    return not any(map(command_of, processes))


def _has_another(service: Service, before: set[int]) -> bool:
    return len(set(service.workers) - before) == 1 and len(service.workers) == len(before)


def _has_heard(heard: Heard, number: int) -> bool:
    return len(heard.answers) >= number


def _statistics(service: Service) -> Callable[[int], tuple[int, Answer]]:
    """Return what asks for statistics, of a question that was not asked before now and then."""
    return lambda number: (number, service.ask("GET", f"/v1/statistics/districts?limit={number % 100 + 1}"))
