"""Writers take turns across processes and tasks, on both engines; none meets a locked database."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.engines import make_engine, make_sync_engine
from app.database.outages import DatabaseUnavailable, reading
from app.database.write_lock import WriteBusy, current_revision, raise_revision, write_lock, write_lock_sync

ROOT = Path(__file__).parents[2]
WAITING_LONG = Settings(write_wait_seconds=30)
WAITING_BRIEFLY = Settings(write_wait_seconds=1)

HOLDER = """
import sys, time
from app.database.engines import make_sync_engine
from app.database.write_lock import raise_revision
from app.database.write_lock import write_lock_sync
with write_lock_sync(make_sync_engine(sys.argv[1])) as connection:
    raise_revision(connection)
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""

COUNTER = """
import sys, time
from sqlalchemy import text
from app.database.engines import make_sync_engine
from app.database.write_lock import current_revision
from app.database.write_lock import write_lock_sync
engine = make_sync_engine(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with write_lock_sync(engine) as connection:
        seen = current_revision(connection)
        time.sleep(0.005)
        connection.execute(text("UPDATE registry_revision SET revision = :next"), {"next": seen + 1})
    print(time.monotonic(), flush=True)
"""


@pytest.fixture
async def engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(migrated_url)
    yield made
    await made.dispose()


@pytest.fixture
def sync_engine(migrated_url: str) -> Iterator[Engine]:
    made = make_sync_engine(migrated_url)
    yield made
    made.dispose()


@contextmanager
def process(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


@contextmanager
def holder(url: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    with process(HOLDER, url, str(seconds)) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "held\n"
        yield started


def revision_of(engine: Engine) -> int:
    with engine.connect() as connection:
        return current_revision(connection)


@pytest.mark.long
def test_no_update_is_lost_when_processes_read_and_write(migrated_url: str, sync_engine: Engine) -> None:
    turns = 40
    with process(COUNTER, migrated_url, str(turns)) as one, process(COUNTER, migrated_url, str(turns)) as other:
        endings = [[float(line) for line in started.communicate(timeout=60)[0].split()] for started in (one, other)]
    assert [len(times) for times in endings] == [turns, turns]
    assert revision_of(sync_engine) == 2 * turns


def test_a_waiter_gets_through_when_another_process_takes_turn_after_turn(
    migrated_url: str, sync_engine: Engine
) -> None:
    with process(COUNTER, migrated_url, "100000") as greedy:
        assert greedy.stdout is not None
        greedy.stdout.readline()
        waits = []
        for _ in range(10):
            before = revision_of(sync_engine)
            with write_lock_sync(sync_engine, 20) as connection:
                waits.append(current_revision(connection) - before)
    assert max(waits) < 40, waits


def test_the_turn_passes_on_when_its_holder_is_killed(migrated_url: str, sync_engine: Engine) -> None:
    with holder(migrated_url, 600) as killed:
        killed.send_signal(signal.SIGKILL)
        with write_lock_sync(sync_engine, 20) as connection:
            assert current_revision(connection) == 0


def test_an_import_waits_as_long_as_it_takes_when_it_sets_no_limit(migrated_url: str, sync_engine: Engine) -> None:
    with holder(migrated_url, 1.5), write_lock_sync(sync_engine) as connection:
        assert current_revision(connection) == 1


def test_an_import_says_busy_when_its_limit_is_over(migrated_url: str, sync_engine: Engine) -> None:
    with holder(migrated_url, 600), pytest.raises(WriteBusy), write_lock_sync(sync_engine, 0.2):
        pass


@pytest.mark.anyio
async def test_a_change_says_busy_and_the_next_succeeds_when_the_holder_is_slow(
    migrated_url: str, engine: AsyncEngine
) -> None:
    with holder(migrated_url, 600):
        begun = time.monotonic()
        with pytest.raises(WriteBusy) as caught:
            async with write_lock(engine, WAITING_BRIEFLY):
                pass
        assert 0.9 < time.monotonic() - begun < 10
        assert (caught.value.status, caught.value.retry_after) == (503, 5)
    async with write_lock(engine, WAITING_LONG) as connection:
        assert await connection.run_sync(raise_revision) == 1


@pytest.mark.anyio
async def test_changes_come_in_order_when_many_wait_in_one_process(engine: AsyncEngine) -> None:
    order: list[int] = []

    async def change(number: int) -> None:
        async with write_lock(engine, WAITING_LONG) as connection:
            await connection.run_sync(raise_revision)
            order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(change(number))
    assert order == list(range(30))
    async with reading(engine) as connection:
        assert await connection.run_sync(current_revision) == 30


@pytest.mark.anyio
async def test_reads_answer_when_more_changes_wait_than_there_are_connections(
    migrated_url: str, engine: AsyncEngine
) -> None:
    async def change() -> None:
        async with write_lock(engine, WAITING_LONG) as connection:
            await connection.run_sync(raise_revision)

    with holder(migrated_url, 600) as held:
        waiting = [asyncio.create_task(change()) for _ in range(40)]
        await asyncio.sleep(0.3)
        async with asyncio.timeout(5), reading(engine) as connection:
            assert await connection.run_sync(current_revision) == 0
        held.kill()
        held.wait()
        await asyncio.gather(*waiting)
    async with reading(engine) as connection:
        assert await connection.run_sync(current_revision) == 40


@pytest.mark.anyio
async def test_the_turn_is_free_when_a_waiting_change_was_cancelled(migrated_url: str, engine: AsyncEngine) -> None:
    async def change() -> None:
        async with write_lock(engine, WAITING_LONG):
            pytest.fail("the turn was another's")

    with holder(migrated_url, 600):
        cancelled = [asyncio.create_task(change()) for _ in range(3)]
        await asyncio.sleep(0.3)
        for task in cancelled:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*cancelled, return_exceptions=True)
        )
    async with asyncio.timeout(10), write_lock(engine, WAITING_LONG) as connection:
        assert await connection.run_sync(raise_revision) == 1


@pytest.mark.anyio
async def test_nothing_is_kept_when_the_change_fails(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with write_lock(engine, WAITING_LONG) as connection:
            await connection.run_sync(raise_revision)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with write_lock(engine, WAITING_BRIEFLY) as connection:
        assert await connection.run_sync(current_revision) == 0


def test_what_was_staged_is_there_when_the_turn_comes_to_a_connection(sync_engine: Engine) -> None:
    with sync_engine.connect() as connection:
        with connection.begin():
            connection.execute(text("CREATE TEMPORARY TABLE staged AS SELECT 7 AS number"))
        with write_lock_sync(connection) as same:
            assert same is connection
            assert same.scalar(text("SELECT number FROM staged")) == 7
            raise_revision(same)
        with connection.begin():
            assert connection.scalar(text("SELECT revision FROM registry_revision")) == 1


@pytest.mark.anyio
async def test_missing_tables_are_named_when_the_database_was_never_migrated(database_url: str) -> None:
    engine = make_engine(database_url)
    with pytest.raises(DatabaseUnavailable, match="orgcoverage migrate"):
        async with reading(engine) as connection:
            await connection.run_sync(current_revision)
    await engine.dispose()


@pytest.mark.anyio
async def test_the_database_is_said_to_be_away_when_nobody_listens() -> None:
    engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable) as caught:
        async with write_lock(engine, WAITING_BRIEFLY):
            pass
    assert "127.0.0.1" not in str(caught.value)
    with pytest.raises(DatabaseUnavailable):
        async with reading(engine):
            pass
    await engine.dispose()
