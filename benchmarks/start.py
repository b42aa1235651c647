"""Starting: the application's import, the demonstration until it answers, and the memory of a worker."""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from statistics import median

import typer

from app.cli.demo import READY
from benchmarks.measuring import measured, show, show_load
from benchmarks.registries import built, demo, environment
from benchmarks.serving import free_port, served

PATHS = (
    "/v1/statistics/districts?level=county&limit=1000",
    "/v1/statistics/industries?level=division",
    "/v1/statistics/enterprises?limit=1000&sort=members",
    "/v1/statistics/branches?limit=1000",
)
"""Requests after which a worker has mapped the tables used most."""

UNTIL_THERE_SECONDS = 300


def main(members: int = 200_000, rounds: int = 3) -> None:
    """Measure each start in a new process, and a worker that has answered."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-start-") as name:
        folder = Path(name)
        compiled = _compiled(folder / "bytecode")
        bare, imports = zip(
            *((_python(compiled, "fastapi"), _python(compiled, "app.asgi")) for _ in range(rounds)), strict=True
        )
        show("start: importing the application, Python included", median(imports), "s", "reach 1.5, aim 0.7")
        show("start: importing FastAPI alone, Python included", median(bare), "s")
        answered, complete = zip(*(_demo(compiled) for _ in range(rounds)), strict=True)
        show("start: demo until it answers", median(answered), "s", "reach 5, aim 2")
        show("start: demo until all five snapshots are there", median(complete), "s")
        settings = built(folder, demo(members).registry_url)
        with served("app.asgi:app", environment(settings), factory=False) as server:
            for path in PATHS:
                server.get(path)
            show("worker: memory of its own", server.resident("RssAnon"), "MiB", "reach 250, aim 120")
            show("worker: all of its resident memory, mapped snapshot included", server.resident("VmRSS"), "MiB")


def _compiled(folder: Path) -> Mapping[str, str]:
    """Return an environment with compiled modules in a separate folder, as an installed package has them."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled = {**variables, "PYTHONPYCACHEPREFIX": str(folder)}
    _demo(compiled)
    return compiled


def _demo(settings: Mapping[str, str]) -> tuple[float, float]:
    """Return the time of `demo` in an empty folder until its first answer, and until it is complete, seconds."""
    with tempfile.TemporaryDirectory(prefix="benchmark-demo-") as folder:
        port, mark = free_port(), Path(folder) / READY
        command = [sys.executable, "-m", "app.cli", "demo", "--port", str(port)]
        environment = {**settings, "ORGCOVERAGE_DATA_DIR": folder}
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return _until(lambda: _answers(port), started, process), _until(mark.exists, started, process)
        finally:
            process.terminate()
            process.wait()


def _until(condition: Callable[[], bool], started: float, process: "subprocess.Popen[bytes]") -> float:
    """Return the time from the start until a condition is true, seconds."""
    while not condition():
        if process.poll() is not None or time.perf_counter() - started > UNTIL_THERE_SECONDS:
            raise RuntimeError(f"demo did not come up, or ended with {process.returncode}")
        time.sleep(0.02)
    return time.perf_counter() - started


def _answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection, suppress(OSError):
        connection.request("GET", "/v1/statistics/districts")
        return connection.getresponse().status == http.HTTPStatus.OK
    return False


def _python(settings: Mapping[str, str], module: str) -> float:
    """Return the time of a new Python process to import a module and exit, seconds."""
    return measured(
        lambda: subprocess.run([sys.executable, "-c", f"import {module}"], env=settings, check=True)
    ).seconds


if __name__ == "__main__":
    typer.run(main)
