"""Eight imports sent at once: they take turns, none is refused, and the outcome is that of some order of them."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from app.config import Settings
from app.database.engines import make_sync_engine
from app.main import create_app
from tests.live import live

AT_ONCE = 8
MEMBERS = 40
PATIENCE = 180.0


def test_imports_at_once_equal_some_serial_order(migrated_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data")
    with live(create_app(settings)) as address, httpx.Client(base_url=address, timeout=60) as client:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            jobs = list(threads.map(lambda number: _send(address, number), range(AT_ONCE)))
        states = [_finished(client, job) for job in jobs]
        results = [client.get(f"/v1/imports/{job}").json()["data"]["result"] for job in jobs]
    assert states == ["succeeded"] * AT_ONCE
    assert sum(result["inserted"] for result in results) == MEMBERS + AT_ONCE
    assert _members(migrated_url) in [_after(last) for last in range(AT_ONCE)]


def _send(address: str, number: int) -> str:
    """Send a file that gives all members this number as year of birth, and one member of its own."""
    shared = "".join(f"m-{member:02},2010-01-01,{1950 + number}\n" for member in range(MEMBERS))
    content = f"ref,joined_on,birth_year\n{shared}own-{number},2010-01-01,{1950 + number}\n"
    answer = httpx.post(f"{address}/v1/imports?dataset=members", content=content, timeout=60)
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["data"]["job_id"]
    return job


def _finished(client: httpx.Client, job: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state: str = client.get(f"/v1/jobs/{job}").json()["data"]["state"]
        if state not in {"queued", "running"}:
            return state
        time.sleep(0.2)
    return "still running"


def _members(url: str) -> list[tuple[Any, ...]]:
    engine = make_sync_engine(url)
    try:
        with engine.connect() as connection:
            return sorted(tuple(row) for row in connection.execute(text("SELECT ref, birth_year FROM member")))
    finally:
        engine.dispose()


def _after(last: int) -> list[tuple[str, int]]:
    """The members after all files, the one of this number last."""
    shared = [(f"m-{member:02}", 1950 + last) for member in range(MEMBERS)]
    return sorted([*shared, *((f"own-{number}", 1950 + number) for number in range(AT_ONCE))])
