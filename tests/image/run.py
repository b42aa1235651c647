"""Run the image as compose does: as its own user, without new privileges, on a root file system that cannot be written.

`.ci/image` starts it as root, in mounts, processes and a network of its own, with the image's configuration and the
folder of its files. It needs nothing but Python, and ends with the first thing that is not as it should be.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ADDRESS = "http://127.0.0.1:8000"
SERVED = ("serve", "--host", "0.0.0.0", "--i-know")
"""As compose starts it."""

ASKED = (
    "/readyz",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/v1/districts/350203",
    "/v1/statistics/districts?parent=350203",
    "/v1/statistics/low-membership?by=section",
    *(f"/v1/statistics/districts.{name}?parent=350203" for name in ("csv", "records", "xlsx", "parquet", "jsonstat")),
)
PATIENCE = 60.0
"""For each step of the service's, seconds."""


@dataclass(frozen=True)
class Container:
    """The image, ready to run.

    Parameters
    ----------
    root
        Folder that becomes the root of the file system.
    config
        The image's own configuration, as Docker has it.
    """

    root: Path
    config: dict[str, Any]

    def command(self, *words: str) -> list[str]:
        """Return the command that runs some words inside."""
        inside = [
            "setpriv",
            "--no-new-privs",
            "chroot",
            f"--userspec={self.config['User']}",
            "--groups=",
            str(self.root),
        ]
        environment = [*self.config["Env"], "ORGCOVERAGE_ANONYMOUS=exact"]
        return [*inside, "env", "--ignore-environment", f"--chdir={self.config['WorkingDir']}", *environment, *words]

    def run(self, *words: str) -> None:
        """Run some words inside; if they fail, show what they said and end the program."""
        ran = subprocess.run(
            self.command(*words), check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        _require(ran.returncode == 0, ran.stdout)

    def program(self, *words: str) -> list[str]:
        """Return the command that runs the image's entry point with some words."""
        return self.command(*self.config["Entrypoint"], *words)


def mount(container: Container) -> None:
    """Mount the file system as an engine would: read-only, but for a fresh volume and what is in memory."""
    root = container.root
    _run("mount", "--bind", str(root), str(root))
    for volume in container.config["Volumes"]:
        owner = (root / volume.lstrip("/")).stat()
        kept = Path(tempfile.mkdtemp())
        kept.chmod(0o755)
        _run("chown", f"{owner.st_uid}:{owner.st_gid}", str(kept))
        _run("mount", "--bind", str(kept), f"{root}{volume}")
    _run("mount", "-t", "tmpfs", "tmpfs", f"{root}/tmp")
    _run("mount", "-t", "proc", "proc", f"{root}/proc")
    _run("mount", "-t", "tmpfs", "tmpfs", f"{root}/dev")
    for device in ("null", "urandom"):
        (root / "dev" / device).touch()
        _run("mount", "--bind", f"/dev/{device}", f"{root}/dev/{device}")
    _run("mount", "-o", "remount,bind,ro", str(root))
    _run("ip", "link", "set", "lo", "up")


CONFINED = """
import errno, os, pathlib
assert os.getuid() == os.getgid() == 65532 and not os.getgroups(), (os.getuid(), os.getgid(), os.getgroups())
status = dict(line.split(":\\t", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
assert status["NoNewPrivs"] == "1" and int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0, status
for place in ("/", "/etc", "/opt/orgcoverage", "/usr/bin", "/var/lib"):
    try:
        pathlib.Path(place, "written").touch()
    except OSError as error:
        assert error.errno == errno.EROFS, (place, error)
    else:
        raise AssertionError(place)
for place in ("/data", "/tmp"):
    pathlib.Path(place, "written").touch()
    pathlib.Path(place, "written").unlink()
"""


def ask(path: str, body: bytes | None = None) -> bytes:
    """Return what the service answers; anything but success ends the program."""
    with urlopen(Request(ADDRESS + path, data=body), timeout=PATIENCE) as answer:
        found: bytes = answer.read()
        return found


def follow(job: bytes) -> None:
    """Wait for a job that was accepted, and see it succeed."""
    identifier = json.loads(job)["data"]["job_id"]
    deadline = time.monotonic() + PATIENCE
    while (record := json.loads(ask(f"/v1/jobs/{identifier}"))["data"])["state"] in {"queued", "running"}:
        _require(time.monotonic() < deadline, "a job has not ended")
        time.sleep(0.2)
    _require(record["state"] == "succeeded", record)


def main(image: str, root: str) -> None:
    """Run the image from an empty volume to statistics, and stop it."""
    config = json.loads(Path(image).read_text())["Docker"]["config"]
    container = Container(Path(root), config)
    mount(container)
    container.run("python", "-c", CONFINED)
    container.run(*config["Entrypoint"], "demo", "--no-serve")
    log = Path(tempfile.mkstemp()[1])
    with log.open("w") as said:
        server = subprocess.Popen(container.program(*SERVED), stdout=said, stderr=said)
    try:
        _await_health(container, server)
        loaded = re.findall(r'(?:src|href)="(/[^"]+)"', ask("/").decode())
        _require(loaded != [], "the first page loads nothing")
        for path in (*loaded, *ASKED):
            _require(ask(path) != b"", path)
        follow(ask("/v1/imports?dataset=districts&build=2017-09-30", ask("/v1/exports/districts.csv")))
        server.terminate()
        server.wait(PATIENCE)
        _require("Application shutdown complete" in log.read_text(), log.read_text())
    finally:
        server.kill()


def _await_health(container: Container, server: subprocess.Popen[bytes]) -> None:
    kind, *words = container.config["Healthcheck"]["Test"]
    _require(kind == "CMD", kind)
    deadline = time.monotonic() + PATIENCE
    while subprocess.run(container.command(*words), check=False, stderr=subprocess.DEVNULL).returncode:
        _require(server.poll() is None, "the service has ended")
        _require(time.monotonic() < deadline, "the service is not healthy")
        time.sleep(0.2)


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


def _require(holds: bool, otherwise: object) -> None:
    if not holds:
        sys.exit(f"The image does not run as it should: {otherwise}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (URLError, subprocess.SubprocessError, OSError) as error:
        sys.exit(f"The image does not run as it should: {error}")
