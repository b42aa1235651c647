"""Thousands of connections at once: all that ask are answered; those beyond the limit of files are closed."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

import pytest

from app.config import Settings
from tests.lengths import at_length
from tests.live import answers
from tests.reliability.service import PATIENCE, Service, asked_without_end, served, until

pytestmark = pytest.mark.long

CONNECTIONS = int(os.environ.get("ORGCOVERAGE_TEST_CONNECTIONS", at_length(500, 200)))
"""Connections that are open at once; the full count is 10,000."""

BESIDES = 200
"""Files that a process opens beside its connections, at most."""

FEW_FILES = 150
"""A limit of open files that is below the number of connections."""

ASKED = b"GET /v1/statistics/districts/350203 HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """Raise the limit of open files for this process, which has the other ends of all connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + BESIDES
    assert hard == resource.RLIM_INFINITY or hard >= wanted, f"`ulimit -Hn` is {hard}, and {wanted} files are needed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("workers", [1, 2])
def test_all_are_answered_when_thousands_are_connected(siming: Settings, workers: int) -> None:
    with served(siming, workers, files=CONNECTIONS + BESIDES) as service:
        with connected(service, CONNECTIONS) as idle:
            with asked_without_end(lambda number: (number, service.ask("GET", "/readyz")), 4) as heard:
                for connection in idle:
                    connection.sendall(ASKED)
                assert {status_of(connection) for connection in idle} == {HTTPStatus.OK}
            assert (heard.wrong, heard.without) == ([], 0)
            assert {answer.status for _, answer in heard.answers} == {HTTPStatus.OK}
        assert service.ask("GET", "/readyz").status == HTTPStatus.OK


def test_those_beyond_are_closed_and_none_breaks_when_the_limit_of_files_is_reached(siming: Settings) -> None:
    with served(siming, files=FEW_FILES) as service:
        with connected(service, FEW_FILES + 50) as asking:
            told = [answer_to(connection) for connection in asking]
        assert set(told) == {HTTPStatus.OK, None}
        assert told.count(HTTPStatus.OK) >= FEW_FILES // 3
        until(lambda: answers(f"{service.address}/readyz"), "the service does not answer when the others have gone")


def answer_to(connection: socket.socket) -> int | None:
    """Ask; return the status of the answer, null where the connection was closed without a byte of one."""
    try:
        connection.sendall(ASKED)
        if not connection.recv(1, socket.MSG_PEEK):
            return None
    except ConnectionError:
        return None
    return status_of(connection)


@contextmanager
def connected(service: Service, number: int) -> Iterator[list[socket.socket]]:
    """Open connections that say nothing."""
    host, _, port = service.address.removeprefix("http://").partition(":")
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE)) for _ in range(number)
        ]


def status_of(connection: socket.socket) -> int:
    """Read an answer; return its status."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        size = 0
        while line := file.readline().strip().lower():
            size = int(line.partition(b":")[2]) if line.startswith(b"content-length:") else size
        assert len(file.read(size)) == size
    return status
