"""Two public replicas as an operator runs them, while the writer publishes and the store comes and goes."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from app.config import Settings
from app.main import create_app
from app.snapshots.replication.push import push_changes
from app.snapshots.replication.state import is_unpushed
from tests.factories.releasing import Desk
from tests.live import answers
from tests.replicas.seaweed import SeaweedFS, Store, running

pytestmark = pytest.mark.long

PAGE = "/v1/statistics/districts?parent=siming"
POLL, MORE = 0.5, 1.0
"""Within the poll and this, seconds, every replica answers from what is in the list."""

PATIENCE = 60.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[SeaweedFS]:
    """Give a server that may be killed."""
    (tmp_path / "seaweed").mkdir()
    with running(tmp_path / "seaweed") as server:
        yield server


@contextmanager
def program(settings: Settings, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    given = {name: value for name, value in settings.model_dump(mode="json").items() if value not in (None, [], ())}
    environment = {f"ORGCOVERAGE_{name.upper()}": str(value) for name, value in given.items() if "store" in name}
    environment |= {**os.environ, "ORGCOVERAGE_DATA_DIR": str(settings.data_dir), **environment}
    process = subprocess.Popen([sys.executable, "-m", "app.cli", *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def replica(settings: Settings) -> Iterator[str]:
    """Run a replica and a service on its folder; give the service's address once it answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with program(settings, "replicate", "--public-only"), program(settings, "serve", "--public-only", f"--port={port}"):
        until = time.monotonic() + PATIENCE
        while not answers(f"http://127.0.0.1:{port}/readyz"):
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"


class Crowd:
    """Asks some services without a pause."""

    def __init__(self, addresses: list[str]) -> None:
        self.statuses: list[int | str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(address,)) for address in addresses]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, address: str) -> None:
        with httpx.Client(base_url=address) as client:
            while not self._ended.is_set():
                try:
                    self.statuses.append(client.get(PAGE).status_code)
                except httpx.HTTPError as error:
                    self.statuses.append(type(error).__name__)
                time.sleep(0.02)


def page_of(settings: Settings) -> tuple[str, bytes]:
    """The tag and the bytes that everybody is to be given."""
    with TestClient(create_app(settings.model_copy(update={"public_only": True}))) as client:
        page = client.get(PAGE, headers={"Accept-Encoding": "identity"})
        return page.headers["etag"], page.content


def seconds_until(address: str, expected: tuple[str, bytes]) -> float:
    start = time.monotonic()
    while True:
        page = httpx.get(f"{address}{PAGE}", headers={"Accept-Encoding": "identity"})
        if (page.headers["etag"], page.content) == expected:
            return time.monotonic() - start
        assert time.monotonic() < start + PATIENCE
        time.sleep(0.01)


def test_replicas_answer_alike_and_always_whatever_the_store_does(own: SeaweedFS, writer: Desk, tmp_path: Path) -> None:
    store = Store(own)
    writer = Desk(writer.settings.model_copy(update=store.settings("writer")))
    drafts = [writer.build(number) for number in (5, 11, 17, 23, 29, 35, 40)]
    writer.release(drafts.pop(0).id)
    push_changes(writer.settings)
    with ExitStack() as held:
        folders = [store.replica(tmp_path / name, "public") for name in ("one", "two")]
        addresses = [held.enter_context(replica(settings)) for settings in folders]
        crowd = held.enter_context(Crowd(addresses))
        delays = []
        for draft in drafts[:-2]:
            writer.release(draft.id)
            expected = page_of(writer.settings)
            push_changes(writer.settings)
            delays += _delays(addresses, expected)
        assert max(delays) < POLL + MORE, delays
        assert own.process is not None
        own.process.send_signal(signal.SIGSTOP)  # it takes questions, and does not answer
        time.sleep(3)
        own.process.send_signal(signal.SIGCONT)
        writer.release(drafts[-2].id)
        push_changes(writer.settings)
        _delays(addresses, page_of(writer.settings))
        own.kill()
        writer.release(drafts[-1].id)
        push_changes(writer.settings)
        assert is_unpushed(writer.settings)
        time.sleep(3)
        assert {httpx.get(f"{address}/readyz").json()["replica"]["store"] for address in addresses} == {"unavailable"}
        own.start()
        while is_unpushed(writer.settings):  # the server is there before its volumes are
            push_changes(writer.settings)
            time.sleep(0.1)
        _delays(addresses, page_of(writer.settings))
    print(f"{len(crowd.statuses)} answers, delays {[round(delay, 2) for delay in delays]}")
    assert len(crowd.statuses) > 100
    assert set(crowd.statuses) == {200}


def _delays(addresses: list[str], expected: tuple[str, bytes]) -> list[float]:
    found: list[float] = []
    threads = [
        threading.Thread(target=lambda address=address: found.append(seconds_until(address, expected)))
        for address in addresses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(addresses)
    return found
