"""Jobs and builds run this code, whatever lies in the folder that the service is started in."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.config import Settings
from app.jobs.processes import environment
from app.main import create_app

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
PLANTED = "import sys\nsys.exit('this must not run')\n"


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Give a folder with modules that would break a child process, or run in its place."""
    folder = tmp_path / "planted"
    (folder / "app" / "jobs").mkdir(parents=True)
    for name in ("json.py", "app/__init__.py", "app/jobs/__init__.py", "app/jobs/steps.py", "msgspec.py"):
        (folder / name).write_text(PLANTED, encoding="utf-8")
    return folder


def test_a_job_runs_this_code_when_the_folder_has_modules_of_the_same_names(
    planted: Path, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(planted)
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", database_url=migrated_sqlite_url)
    with TestClient(create_app(settings)) as client:
        sent = client.post("/v1/imports?dataset=enterprises&build=2017-06-30", content=b"code,name\nA,B\n").json()
        deadline = time.monotonic() + PATIENCE
        while (job := client.get(f"/v1/jobs/{sent['data']['job_id']}").json()["data"])["finished_at"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert (job["state"], job["problem"]) == ("succeeded", None)


def test_a_command_builds_with_this_code_when_the_folder_has_modules_of_the_same_names(
    planted: Path, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", database_url=migrated_sqlite_url)
    (planted / "firms.csv").write_text("code,name\nA,B\n", encoding="utf-8")
    line = [sys.executable, "-P", "-m", "app.cli", "import", "enterprises", "firms.csv", "--build", "2017-06-30"]
    done = subprocess.run(
        line, env=environment(settings) | {"PYTHONPATH": str(ROOT)}, cwd=planted, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name[:8] for path in (settings.snapshots_dir / "exact").iterdir() if path.name[0] != "."] == [
        "20170630"
    ]
