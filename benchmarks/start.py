"""Starting: the application's import, the demonstration until it answers, and what a worker keeps in memory."""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import typer

from benchmarks.measuring import measured, show
from benchmarks.registries import built, demo, environment
from benchmarks.serving import free_port, served

PATHS = (
    "/v1/statistics/districts?level=county&limit=1000",
    "/v1/statistics/industries?level=division",
    "/v1/statistics/enterprises?limit=1000&sort=members",
    "/v1/statistics/branches?limit=1000",
)
"""Questions after which a worker has mapped what it answers most."""


def main(members: int = 200_000, rounds: int = 3) -> None:
    """Measure each start in a fresh process, and a worker that has answered."""
    imports = [measured(lambda: _python("-c", "import app.asgi")).seconds for _ in range(rounds)]
    bare = [measured(lambda: _python("-c", "import fastapi")).seconds for _ in range(rounds)]
    show("start: importing the application, Python included", median(imports), "s", "reach 1.5, aim 0.7")
    show("start: importing FastAPI alone, Python included", median(bare), "s")
    show("start: demo until it answers", median(_demo() for _ in range(rounds)), "s", "reach 5, aim 2")
    with tempfile.TemporaryDirectory(prefix="benchmark-start-") as name:
        settings = built(Path(name), demo(members).registry_url)
        with served("app.asgi:app", environment(settings), factory=False) as server:
            for path in PATHS:
                server.get(path)
            show("worker: memory of its own", server.resident("RssAnon"), "MiB", "reach 250, aim 120")
            show("worker: all of its resident memory, mapped snapshot included", server.resident("VmRSS"), "MiB")


def _demo() -> float:
    """Return how long `demo` takes from the command to its first answer, in an empty folder, seconds."""
    with tempfile.TemporaryDirectory(prefix="benchmark-demo-") as folder:
        port = free_port()
        command = [sys.executable, "-m", "app.cli", "demo", "--port", str(port)]
        settings = {**os.environ, "ORGCOVERAGE_DATA_DIR": folder}
        started = time.perf_counter()
        process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not _answers(port):
                if process.poll() is not None:
                    raise RuntimeError(f"demo ended with {process.returncode}")
                time.sleep(0.02)
            return time.perf_counter() - started
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/v1/statistics/districts")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _python(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    typer.run(main)
