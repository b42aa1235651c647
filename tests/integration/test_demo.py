"""The demonstration: what it answers while it is still being built, and how it ends where that fails."""

import subprocess
from pathlib import Path

import httpx
import pytest

from app.demo.siming import SIMING_DATES
from tests.documentation.commands import command, environment, served

pytestmark = pytest.mark.long


def test_demo_builds_newest_snapshot_first_when_started(tmp_path: Path) -> None:
    with served(tmp_path, "demo") as address:
        snapshots = httpx.get(f"{address}/v1/snapshots").json()["data"]
    newest_first = [day.isoformat() for day in sorted(SIMING_DATES, reverse=True)]
    assert [one["as_of"] for one in sorted(snapshots, key=lambda one: one["built_at"])] == newest_first


def test_demo_ends_with_1_and_is_not_called_complete_when_a_build_fails(tmp_path: Path) -> None:
    finished = subprocess.run(
        command("demo", "--port", "0"), cwd=tmp_path, env=environment({"ORGCOVERAGE_BUILD_MEMORY": "1MB"}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert finished.returncode == 1
    assert "Serving on" in finished.stdout
    assert "All demo data" not in finished.stdout
    assert not (tmp_path / "orgcoverage-demo" / "demo-ready").exists()
