"""The database stopped and started again under load: statistics go on, changes are told when to ask again."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from app.config import Settings
from app.database.migrations import upgrade
from tests.engines.embedded import EmbeddedPostgres
from tests.engines.server import PostgresServer
from tests.factories.bodies import ENTERPRISE
from tests.factories.demonstration import Demonstration, siming
from tests.factories.importing import Registry
from tests.factories.loading import fill
from tests.lengths import at_length
from tests.reliability.conftest import DATES
from tests.reliability.service import Answer, Service, asked_without_end, ended_job, served, until

pytestmark = pytest.mark.long

OUTAGES = int(os.environ.get("ORGCOVERAGE_TEST_OUTAGES", at_length(2, 1)))
"""How often the database is stopped and started; half of it while jobs run; the full count is 20."""

RECOVERED_WITHIN = 5.0
"""Seconds from the database's first answer until every worker writes again, without a restart."""

AWAY_PROBLEM = "/problems/database-unavailable"

AWAY = 1.5
"""Seconds for which the database is away."""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Give a server of the test's own, that keeps what it has acknowledged when it is killed."""
    embedded = EmbeddedPostgres.open({"synchronous_commit": "on"}, in_memory=True)
    try:
        yield PostgresServer(embedded.url, embedded)
    finally:
        embedded.close()


@pytest.fixture
def settings(server: PostgresServer, demonstration: Demonstration, tmp_path: Path) -> Settings:
    """Give the settings of a service on the demonstration, whose registry is on that server."""
    url = server.url(server.create())
    upgrade(url)
    fill(url, siming(tmp_path / "files"))
    return demonstration.copy(tmp_path / "data", DATES, anonymous="exact", database_url=url)


def test_statistics_are_unaffected_and_changes_recover_when_the_database_restarts_under_load(
    server: PostgresServer, settings: Settings
) -> None:
    embedded, draws, acknowledged = server.embedded, random.Random(20170625), set()
    assert embedded is not None
    with served(settings, 2) as service:
        workers = service.workers
        for turn in range(OUTAGES):
            with (
                asked_without_end(_statistics(service), 2) as read,
                asked_without_end(_changes(service, turn), 4) as changed,
            ):
                time.sleep(draws.uniform(0.2, 1))
                embedded.stop(how=draws.choice([signal.SIGINT, signal.SIGQUIT]))
                time.sleep(AWAY)
                assert service.ask("GET", "/healthz").status == HTTPStatus.OK
                ready = service.ask("GET", "/readyz")
                assert (ready.status, ready.json()["database"]) == (HTTPStatus.OK, "unavailable")
                embedded.start()
                until(lambda: _all_write(service), "changes are refused for longer", RECOVERED_WITHIN)
            assert (read.wrong, read.without, changed.wrong, changed.without) == ([], 0, [], 0)
            assert {answer.status for _, answer in read.answers} == {HTTPStatus.OK}
            refused = [answer for _, answer in changed.answers if answer.status != HTTPStatus.CREATED]
            assert len(refused) > 0
            assert [answer for answer in refused if not answer.is_busy_problem] == []
            assert _all_write(service)
            acknowledged |= {code for code, answer in changed.answers if answer.status == HTTPStatus.CREATED}
        assert service.workers == workers
    kept = Registry(settings.registry_url, settings.data_dir).rows("enterprise", "code")
    assert acknowledged <= {code for (code,) in kept}


def test_jobs_fail_as_told_and_can_be_sent_again_when_the_database_was_away(
    server: PostgresServer, settings: Settings
) -> None:
    embedded, draws = server.embedded, random.Random(20170625)
    assert embedded is not None
    with served(settings, 2) as service:
        for turn in range((OUTAGES + 1) // 2):
            under_way = _jobs(service, turn)
            time.sleep(draws.uniform(0.5, 2.5))
            embedded.stop(how=draws.choice([signal.SIGINT, signal.SIGQUIT]))
            assert [_outcome(service, job) for job in _jobs(service, turn)] == [AWAY_PROBLEM] * 2
            assert {_outcome(service, job) for job in under_way} <= {AWAY_PROBLEM, "succeeded"}
            embedded.start()
            assert [_outcome(service, job) for job in _jobs(service, turn)] == ["succeeded"] * 2


def _jobs(service: Service, turn: int) -> list[str]:
    """Send a build and an import; return their ids."""
    rows = "".join(f"B{number},{turn}\n" for number in range(5000))
    answers = [
        service.ask("POST", "/v1/snapshots", {"as_of": "2017-06-30"}),
        service.ask("POST", "/v1/imports?dataset=enterprises", f"code,name\n{rows}".encode()),
    ]
    return [answer.json()["data"]["job_id"] for answer in answers]


def _outcome(service: Service, job_id: str) -> str:
    """Wait until a job has ended; return its state, or the kind of its problem."""
    job = ended_job(service.address, job_id)
    return str(job["state"] if job["problem"] is None else job["problem"]["type"])


def _statistics(service: Service) -> Callable[[int], tuple[int, Answer]]:
    return lambda number: (number, service.ask("GET", f"/v1/statistics/districts?limit={number % 100 + 1}"))


def _changes(service: Service, turn: int) -> Callable[[int], tuple[str, Answer]]:
    def send(number: int) -> tuple[str, Answer]:
        code = f"T{turn}-{number}"
        return code, service.ask("PUT", f"/v1/enterprises/{code}", ENTERPRISE)

    return send


def _all_write(service: Service) -> bool:
    """Whether changes are taken on connections enough to reach every worker."""
    return all(service.ask("PUT", "/v1/enterprises/T", ENTERPRISE).status < HTTPStatus.BAD_REQUEST for _ in range(10))
