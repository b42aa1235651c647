"""The service as an operator runs it, in processes of its own, and callers that ask it without end."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from app.config import Settings
from app.jobs.processes import environment
from tests.live import answers

Body: TypeAlias = bytes | dict[str, Any] | Iterator[bytes] | None
"""Of a request: bytes as they are, JSON, or pieces that are sent one after the other."""

PATIENCE = 60.0
"""Seconds until a test gives up; longer than anything takes."""


@dataclass(frozen=True)
class Service:
    """A service that runs; its processes, jobs too, are one group, which ends with the block that started it."""

    process: "subprocess.Popen[bytes]"
    address: str

    @property
    def workers(self) -> list[int]:
        """The processes that answer: where there are several, children of the one that was started."""
        started = self.process.pid
        return [child for child in children(started) if "spawn_main" in command_of(child)] or [started]

    def ask(self, method: str, path: str, body: Body = None, **headers: str) -> "Answer":
        """Send a request on a connection of its own."""
        return ask(self.address, method, path, body, **headers)

    def terminate(self) -> float:
        """End it as an operator does; return after how many seconds it had ended."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(PATIENCE)
        return time.monotonic() - began


@contextmanager
def served(
    settings: Settings, workers: int = 1, *, log: Path = Path(os.devnull), files: int | None = None
) -> Iterator[Service]:
    """Run the service by its command, on a free port.

    Parameters
    ----------
    log
        File that takes what it puts out.
    files
        How many files each of its processes may open; null: as many as this process.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--workers", str(workers)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment(settings), stdout=output, stderr=output, start_new_session=True
        )
    if files is not None:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, files))
    service = Service(process, f"http://127.0.0.1:{port}")
    try:
        until(lambda: answers(f"{service.address}/healthz"), "the service did not start")
        until(lambda: len(service.workers) == workers, "not all workers started")
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass(frozen=True)
class Answer:
    """An answer that came whole."""

    status: int
    headers: "http.client.HTTPMessage"
    body: bytes

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)

    @property
    def is_busy_problem(self) -> bool:
        """Whether it is a 503 as it must be: a problem that says when to ask again."""
        kind, again = self.headers["Content-Type"], self.headers["Retry-After"]
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE and kind == PROBLEM and int(again or 0) > 0


PROBLEM = "application/problem+json"


class NoAnswer(Exception):
    """The connection was refused, or closed before the first byte of an answer: safe to ask again."""


class BrokenAnswer(Exception):
    """An answer began and did not come to its end."""


def ask(address: str, method: str, path: str, body: Body = None, **headers: str) -> Answer:
    """Send a request on a connection of its own and read the answer.

    Raises
    ------
    NoAnswer, BrokenAnswer
        It did not come, or not whole.
    """
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    sent = {"Content-Type": "application/json", **headers} if isinstance(body, dict) else headers
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    try:
        connection.request(method, path, content, sent)
        answer = connection.getresponse()
    except (ConnectionError, http.client.BadStatusLine) as error:
        connection.close()
        raise NoAnswer from error
    try:
        return Answer(answer.status, answer.headers, answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise BrokenAnswer from error
    finally:
        connection.close()


@dataclass
class Heard:
    """What callers got: answers, how often none came, and what went wrong otherwise."""

    answers: list[tuple[Any, Answer]] = field(default_factory=list)
    without: int = 0
    wrong: list[BaseException] = field(default_factory=list)


@contextmanager
def asked_without_end(send: Callable[[int], tuple[Any, Answer]], callers: int) -> Iterator[Heard]:
    """Let callers ask until the block ends; give what they hear.

    Parameters
    ----------
    send
        Asks once and returns what was asked, and the answer; it is given a number that no other call has.
    """
    heard, ended = Heard(), threading.Event()

    def call(number: int) -> None:
        while not ended.is_set():
            try:
                heard.answers.append(send(number))
            except NoAnswer:
                heard.without += 1
                time.sleep(0.01)
            except BaseException as error:  # noqa: BLE001 - told by the test
                heard.wrong.append(error)
            number += callers

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        ended.set()
        for thread in threads:
            thread.join(PATIENCE)


def ended_job(address: str, job_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
    """Wait until a job has ended; return it."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        found.update(ask(address, "GET", f"/v1/jobs/{job_id}").json()["data"])
        return found["state"] not in {"queued", "running"}

    until(has_ended, f"job {job_id} does not end", seconds)
    return found


def children(process: int) -> list[int]:
    """Return the children of a process; none where it has ended."""
    try:
        threads = [thread.read_text() for thread in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return []
    return [int(number) for thread in threads for number in thread.split()]


def children_of(job_id: str) -> list[int]:
    """Return the processes that run a step of a job."""
    running = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [number for number in running if {job_id, "app.jobs.steps"} <= set(command_of(number).split("\0"))]


def command_of(process: int) -> str:
    """Return the words of a process's command, with NUL after each; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def until(condition: Callable[[], bool], complaint: str, seconds: float = PATIENCE) -> float:
    """Wait until something is so; return after how many seconds it was."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, complaint
        time.sleep(0.02)
    return time.monotonic() - began
