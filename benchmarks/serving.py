"""Servers under load: one worker on the first core, `wrk` on the second."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import resident

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 32
UNTIL_UP_SECONDS = 60

_SCRIPT = """
local paths = {}
local turn = 0
function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = wrk.format("GET", line) end
end
function request()
  turn = turn % #paths + 1
  return paths[turn]
end
function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("figures %d %d %d %d %d\\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Load:
    """Figures of a server under load.

    Parameters
    ----------
    rate
        Answers per second.
    cpu
        CPU time of the server per answer, µs.
    median, slowest
        50th and 99th percentile of the time to an answer, ms.
    """

    rate: float
    cpu: float
    median: float
    slowest: float


@dataclass(frozen=True)
class Server:
    """A running server: its process and its port."""

    pid: int
    port: int

    def get(self, path: str) -> bytes:
        """Return the body of an answer.

        Raises
        ------
        RuntimeError
            The answer is not 200.
        """
        with self._asked(path) as response:
            body = response.read()
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{response.status} for {path}: {body[:500]!r}")
        return body

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers of an answer, by name in lower case."""
        with self._asked(path) as response:
            return {name.lower(): value for name, value in response.getheaders()}

    def _asked(self, path: str) -> http.client.HTTPResponse:
        """Ask as `wrk` does, whose requests say nothing of encodings: of others another answer is kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=UNTIL_UP_SECONDS)
        connection.putrequest("GET", path, skip_accept_encoding=True)
        connection.endheaders()
        return connection.getresponse()

    def load(self, paths: Sequence[str], seconds: int, folder: Path, known: str | None = None) -> Load:
        """Request paths in rotation as fast as they are answered, and return the figures.

        Parameters
        ----------
        known
            The tag of what is known already: answers are 304.
        """
        (folder / "paths").write_text("\n".join(paths), encoding="utf-8")
        (folder / "load.lua").write_text(_SCRIPT, encoding="utf-8")
        command = [
            *("taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "60s"),
            *(() if known is None else ("-H", f"If-None-Match: {known}")),
            *("-s", str(folder / "load.lua"), f"http://127.0.0.1:{self.port}", "--", str(folder / "paths")),
        ]
        used = self._cpu()
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = self._cpu() - used
        found = re.search(r"figures (\d+) (\d+) (\d+) (\d+) (\d+)", output)
        requests, duration, failed, median, slowest = map(int, found.groups()) if found else (0, 1, 1, 0, 0)
        if failed or not requests:
            raise RuntimeError(f"{failed} answers failed: {output}")
        return Load(requests / duration * 1e6, used / requests * 1e6, median / 1000, slowest / 1000)

    def resident(self, field: str) -> float:
        """Return the server's memory, MiB; see `measuring.resident`."""
        return resident(field, self.pid)

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(application: str, environment: Mapping[str, str], *, factory: bool = True) -> Iterator[Server]:
    """Run an application under uvicorn with uvloop and httptools, one worker, stopped at the end of the block."""
    port = free_port()
    command = [
        *("taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "uvicorn", application, "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header", "--log-level", "warning"),
        *(["--factory"] if factory else []),
    ]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        _wait_until_up(process, port)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + UNTIL_UP_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not come up")


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
