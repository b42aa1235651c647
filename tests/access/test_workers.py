"""Keys across processes: services that share a registry, and commands beside them, on both engines."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from tests.factories.small_registry import fill
from tests.reliability.service import served

pytestmark = pytest.mark.long

REVOKED_WITHIN = 5.0
"""Seconds after which no worker takes a key that was revoked."""

PATH = "/v1/districts/350203"


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Give settings that all processes of a test find in their environment."""
    fill(migrated_url)
    monkeypatch.setenv("ORGCOVERAGE_DATABASE_URL", migrated_url)
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ORGCOVERAGE_ANONYMOUS", "none")
    return Settings(_env_file=None)


@pytest.fixture
def addresses(settings: Settings) -> Iterator[list[str]]:
    """Give the addresses of two services in processes of their own."""
    with ExitStack() as stack:
        yield [stack.enter_context(served(settings)).address for _ in range(2)]


def command(*words: str) -> str:
    """Run `orgcoverage key` in a process of its own; return what it put out."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "key", *words], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


def status(address: str, token: str, path: str = PATH) -> int:
    return httpx.get(f"{address}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code


def revoked_everywhere(addresses: list[str], token: str, revoke: Callable[[], object]) -> None:
    """Revoke a key; check that it was good before, and that from five seconds on nobody takes it."""
    assert [status(address, token) for address in addresses] == [200, 200]
    revoke()
    revoked_at = time.monotonic()
    while time.monotonic() < revoked_at + REVOKED_WITHIN:
        if [status(address, token) for address in addresses] == [401, 401]:
            break
        time.sleep(0.1)
    for _ in range(10):
        assert [status(address, token) for address in addresses] == [401, 401]


def test_key_is_good_at_once_and_revoked_in_time_in_every_process_when_a_command_says_so(addresses: list[str]) -> None:
    token = command("create", "one", "--right", "read", "--district", "350203")
    other = command("create", "other", "--right", "read", "--district", "350203008")
    assert [status(address, other) for address in addresses] == [404, 404]
    revoked_everywhere(addresses, token, lambda: command("revoke", token.split("_")[1]))
    assert [status(address, other) for address in addresses] == [404, 404]


def test_key_is_good_at_once_and_revoked_in_time_in_every_process_when_one_of_them_says_so(
    addresses: list[str],
) -> None:
    admin = {"Authorization": f"Bearer {command('create', 'operator', '--right', 'admin')}"}
    new_key = {"name": "one", "rights": ["read"], "districts": None}
    key = httpx.post(f"{addresses[0]}/v1/keys", json=new_key, headers=admin, timeout=10).json()["data"]

    def revoke() -> None:
        answer = httpx.delete(f"{addresses[1]}/v1/keys/{key['id']}", headers=admin, timeout=10)
        assert answer.status_code == 204

    revoked_everywhere(addresses, key["token"], revoke)
