"""SIGTERM under load: no answer is broken, nothing acknowledged is lost, and the service has ended in 30 seconds."""

import http.client
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from app.config import Settings
from app.jobs.records import read_job
from tests.factories.bodies import ENTERPRISE
from tests.factories.importing import Registry
from tests.lengths import at_length
from tests.reliability.service import PATIENCE, PROBLEM, Answer, Service, asked_without_end, children_of, served, until

pytestmark = pytest.mark.long

TERMINATIONS = int(os.environ.get("ORGCOVERAGE_TEST_TERMINATIONS", at_length(2, 1)))
"""How often the service is ended under load; the full count is 50."""

LONGEST = 30.0
"""Seconds from SIGTERM until the service has ended."""

READS = (
    "/v1/statistics/districts?limit=40",
    "/v1/statistics/enterprises.csv",
    "/v1/statistics/districts/350203",
    "/readyz",
)


def test_no_answer_is_broken_when_the_service_is_terminated_under_load(siming: Settings) -> None:
    draws, acknowledged = random.Random(20170625), set()
    for turn in range(TERMINATIONS):
        with served(siming, 2) as service:
            with asked_without_end(_reads_and_writes(service, turn), 8) as heard:
                time.sleep(draws.uniform(0.3, 1.5))
                assert heard.without == 0
                assert service.terminate() <= LONGEST
            assert heard.wrong == []
            for (method, path), answer in heard.answers:
                assert answer.status in {HTTPStatus.OK, HTTPStatus.CREATED} or answer.is_busy_problem, answer
                if method == "PUT" and answer.status == HTTPStatus.CREATED:
                    acknowledged.add(path.rsplit("/", 1)[1])
            assert {method for (method, _), _ in heard.answers} == {"GET", "PUT"}
    assert acknowledged <= {
        code for (code,) in Registry(siming.registry_url, siming.data_dir).rows("enterprise", "code")
    }


def _reads_and_writes(service: Service, turn: int) -> Callable[[int], tuple[tuple[str, str], Answer]]:
    """Return what asks for statistics, and one time in four changes the registry."""

    def send(number: int) -> tuple[tuple[str, str], Answer]:
        if number % 4:
            path = READS[number % len(READS)]
            return ("GET", path), service.ask("GET", path)
        path = f"/v1/enterprises/T{turn}-{number}"
        return ("PUT", path), service.ask("PUT", path, ENTERPRISE)

    return send


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_is_being_sent_arrives_when_the_service_is_terminated(siming: Settings, workers: int) -> None:
    """Either way: the upload is answered, and a download that nobody reads for a while comes whole."""
    rows = b"code,name\n" + b"".join(b"U%d,a\n" % number for number in range(50_000))
    half = len(rows) // 2
    with (
        served(siming, workers) as service,
        _begun(service, "POST", "/v1/imports?dataset=enterprises", rows, rows[:half]) as upload,
        _begun(service, "GET", "/v1/statistics/enterprises.csv") as download,
    ):
        until(lambda: any(siming.uploads_dir.glob("*.part")), "the file does not arrive")
        time.sleep(0.5)
        service.process.terminate()
        began = time.monotonic()
        time.sleep(1)
        upload.send(rows[half:])
        told, got = upload.getresponse(), download.getresponse()
        assert (told.status, "job_id" in json.loads(told.read())["data"]) == (HTTPStatus.ACCEPTED, True)
        assert (got.status, got.read().count(b"\n") > 100) == (HTTPStatus.OK, True)
        service.process.wait(PATIENCE)
        assert time.monotonic() - began <= LONGEST
    assert list(siming.uploads_dir.iterdir()) == []


def test_a_file_that_stops_arriving_is_refused_when_the_service_is_terminated(siming: Settings) -> None:
    sent = "/v1/imports?dataset=enterprises", b"x" * 1000, b"code,name\n"
    with served(siming, 2) as service, _begun(service, "POST", *sent) as upload:
        until(lambda: any(siming.uploads_dir.glob("*.part")), "the file does not arrive")
        assert service.terminate() <= LONGEST
        told = upload.getresponse()
        assert (told.status, told.headers["Content-Type"]) == (HTTPStatus.SERVICE_UNAVAILABLE, PROBLEM)
        assert int(told.headers["Retry-After"]) > 0
        assert json.loads(told.read())["type"] == "/problems/stopping"
    assert list(siming.uploads_dir.iterdir()) == []


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_job_is_interrupted_when_all_processes_are_told_to_end(siming: Settings, told: signal.Signals) -> None:
    """As systemd does, and a terminal at Ctrl-C."""
    rows = b"code,name\n" + b"".join(b"J%d,a\n" % number for number in range(100_000))
    with served(siming, 2) as service:
        job = service.ask("POST", "/v1/imports?dataset=enterprises", rows).json()["data"]["job_id"]
        until(lambda: read_job(siming.jobs_dir, job).phase is not None, "the import does not start")
        os.killpg(service.process.pid, told)
        service.process.wait(LONGEST)
        until(lambda: not children_of(job), "the import outlives the service")
    assert read_job(siming.jobs_dir, job).state == "interrupted"
    assert [path.name for path in siming.uploads_dir.iterdir()] == []


@contextmanager
def _begun(
    service: Service, method: str, path: str, body: bytes = b"", sent: bytes = b""
) -> Iterator[http.client.HTTPConnection]:
    """Send the head of a request, and a part of its body."""
    connection = http.client.HTTPConnection(service.address.removeprefix("http://"), timeout=PATIENCE)
    connection.putrequest(method, path)
    if body:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(sent or None)
    try:
        yield connection
    finally:
        connection.close()
