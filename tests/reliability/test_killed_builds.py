"""Builds killed at random moments: readers see the old snapshot or the new one, never a mixture; leftovers go."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from app.config import Settings
from app.database.engines import make_sync_engine
from app.demo.siming import write_siming
from app.snapshots.folders import BUILDING, clean_up_builds
from app.store.format import checksum
from app.store.shelf import Shelf
from tests.factories.demo_files import read_registry
from tests.factories.loading import fill
from tests.reference.registry import Registry
from tests.reliability.service import children, ended_job, served, until

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("ORGCOVERAGE_TEST_KILLS", "10"))
"""Kills of each engine's builds; the full count is 200."""

AS_OF = date(2017, 6, 30)

ROOTS = ("public", "exact")


def test_readers_see_old_or_new_when_builds_are_killed(migrated_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data", anonymous="public")
    fill(migrated_url, _siming(tmp_path))
    whole = _seconds_of_a_build(settings)
    draws = random.Random(20170625)
    known = {root: _whole(settings.snapshots_dir / root) for root in ROOTS}
    killed = 0
    for turn in range(KILLS):
        _change(migrated_url, turn)
        start = time.monotonic()
        if _build_and_kill(settings, draws.uniform(0.2, 1.1) * whole):
            killed += 1
        else:
            whole = min(whole, time.monotonic() - start)  # the machine has become quicker than when it was measured
        for root in ROOTS:
            listed = _whole(settings.snapshots_dir / root)
            assert known[root] <= listed, "a snapshot that was shown is gone"
            known[root] = listed
        named = {manifest.public_id for manifest in Shelf(settings.snapshots_dir / "exact").all()}
        assert named <= known["public"], "an exact snapshot was shown before its protected one"
    assert killed > 0, "the builds were done before they were killed"
    clean_up_builds(settings)
    assert {path.name for path in settings.snapshots_dir.iterdir()} <= {*ROOTS, ".build.lock", ".release.lock"}
    assert _build(settings).wait() == 0
    assert Shelf(settings.snapshots_dir / "exact").newest().manifest.tables["enterprises"].rows == 294 + 1


def test_the_folder_of_a_job_goes_at_once_when_its_build_is_killed(siming: Settings) -> None:
    def leftovers() -> list[Path]:
        return list(siming.snapshots_dir.glob(f"{BUILDING}*"))

    with served(siming) as service:
        answer = service.ask("POST", "/v1/snapshots", {"as_of": AS_OF.isoformat()})
        until(lambda: bool(leftovers()), "the build does not begin")
        [worker] = service.workers
        [build] = children(worker)
        os.kill(build, signal.SIGKILL)
        job = ended_job(service.address, answer.json()["data"]["job_id"])
        assert (job["state"], job["problem"]["type"]) == ("failed", "/problems/internal")
        assert leftovers() == []


def _whole(root: Path) -> set[str]:
    """Return the snapshots that a root shows, all of whose files are what was written."""
    shelf = Shelf(root)
    listed = shelf.all()
    for manifest in listed:
        folder = root / manifest.id
        assert {file.stem for file in folder.glob("*.arrow")} == set(manifest.tables)
        assert all(checksum(folder / f"{name}.arrow") == info.sha256 for name, info in manifest.tables.items())
    assert shelf.newest().manifest == listed[0]
    return {manifest.id for manifest in listed}


def _siming(folder: Path) -> Registry:
    files = folder / "siming"
    files.mkdir()
    return read_registry(write_siming(files))


def _change(url: str, turn: int) -> None:
    """Give one enterprise another headcount, so that the next snapshots have other ids."""
    engine = make_sync_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM enterprise_return WHERE enterprise_code = 'turn'"))
        connection.execute(text("DELETE FROM enterprise WHERE code = 'turn'"))
        connection.execute(
            text(
                "INSERT INTO enterprise (code, name, kind, district_code) "
                "VALUES ('turn', 'turn', 'enterprise', '350203')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO enterprise_return (enterprise_code, reported_on, headcount) "
                "VALUES ('turn', '2017-03-31', :headcount)"
            ),
            {"headcount": 40 + 5 * turn},
        )
    engine.dispose()


def _build(settings: Settings) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATABASE_URL": settings.database_url,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir),
        "ORGCOVERAGE_ANONYMOUS": settings.anonymous,
    }
    command = [sys.executable, "-m", "app.cli", "snapshot", "build", "--as-of", AS_OF.isoformat()]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _seconds_of_a_build(settings: Settings) -> float:
    start = time.monotonic()
    assert _build(settings).wait() == 0
    return time.monotonic() - start


def _build_and_kill(settings: Settings, seconds: float) -> bool:
    """Kill a build after so long; return whether it was still under way."""
    process = _build(settings)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False
