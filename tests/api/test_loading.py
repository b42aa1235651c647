"""What a worker loads: libraries that take long to load, and much memory, are not there when it answers."""

import os
import subprocess
import sys

import pytest

from app.config import Settings
from tests.documentation.markdown import ROOT

SLOW = "duckdb", "pandas", "scipy", "app.imports.readers"

SLOW_IN = {
    "app.cli": (*SLOW, "app.main", "fastapi", "numpy", "pyarrow", "typer.rich_utils"),
    "app.jobs.steps": (*SLOW, "app.main", "fastapi", "numpy", "pyarrow", "sqlalchemy", "typer"),
    "app.imports.load": ("app.main", "duckdb", "fastapi", "pandas", "scipy", "typer", "xlsxwriter"),
    "app.snapshots.build": (*SLOW[1:], "app.main", "fastapi", "typer"),
}
"""What each process would wait for in vain: the command line, a job before it knows its step, imports, builds."""

EXTRAS = "obstore", "cryptography", "pyspark", "grpc"
"""What extras install: a worker answers where none of it is there."""

WORKER = """
import os
import sys

class NotInstalled:
    def find_spec(self, name, *_):
        if name in os.environ["NOT_INSTALLED"].split():
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
import app.main
from starlette.testclient import TestClient
from app.config import Settings
from app.main import create_app
with TestClient(create_app(Settings())) as client:
    codes = [row["enterprise"]["code"] for row in client.get("/v1/statistics/enterprises").json()["data"]]
    for path in ("districts", "industries?level=division", "industry-groups", "branches", "breakdown?by=sector",
                 "enterprises.csv", "breakdown?by=street&by=division&sort=members", "trends?by=sector",
                 "trends.csv?branch=SM-NET",
                 "enterprises.xlsx", "enterprises.parquet", "enterprises.jsonstat",
                 f"enterprises/{codes[0]}", "enterprises?sort=members&ownership=private"):
        assert client.get(f"/v1/statistics/{path}").status_code == 200, path
print(*sorted(sys.modules), file=sys.stderr)
"""


def test_no_slow_library_is_loaded_when_statistics_are_answered(siming: Settings) -> None:
    settings = {
        "ORGCOVERAGE_DATA_DIR": str(siming.data_dir),
        "ORGCOVERAGE_ANONYMOUS": "exact",
        "NOT_INSTALLED": " ".join(EXTRAS),
    }
    finished = subprocess.run(
        [sys.executable, "-c", WORKER], cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    loaded = finished.stderr.split()
    assert "pyarrow" in loaded
    assert [name for name in SLOW if name in loaded] == []


@pytest.mark.parametrize("module", SLOW_IN)
def test_no_slow_library_is_loaded_by_a_process_that_needs_none(module: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", f"import {module}, sys; print(*sys.modules)"], cwd=ROOT, env={**os.environ, "LANG": "C"},
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert [name for name in SLOW_IN[module] if name in loaded] == []


def test_what_is_loaded_is_not_looked_through_again_when_answers_wait(siming: Settings) -> None:
    code = "import gc, app.asgi; print(gc.get_freeze_count() > 9 * len(gc.get_objects()))"
    settings = {**os.environ, "ORGCOVERAGE_DATA_DIR": str(siming.data_dir)}
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=settings, capture_output=True, check=True)
    assert finished.stdout == b"True\n"
