"""Registries for benchmarks: generated, and imported with the command line."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from app.config import Settings
from app.demo.generated import GENERATED_DATE
from benchmarks.measuring import Run
from tests.engines.embedded import EmbeddedPostgres

CACHE = Path(tempfile.gettempdir()) / "orgcoverage-benchmarks"
"""Generated registries are cached here between runs; the folder may be removed at any time."""

SERVER = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "work_mem": "128MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "jit": "off",
}
"""Typical settings of PostgreSQL on a machine of this size: durable, and with enough memory."""

_UNTIL_COUNTED_SECONDS = 0.1
"""Time between looks whether a closed connection's process has ended, which drops its tables first, and is counted."""

_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL server with an empty database."""

    url: URL
    folder: Path

    def settings(self, folder: Path) -> Settings:
        """Return the settings of a registry in the database, with this data folder."""
        return Settings(database_url=self.url.render_as_string(hide_password=False), data_dir=folder)

    def charged(self, work: Callable[[], Run]) -> Run:
        """Run some work, and add the CPU time of the connections that it opened and closed."""
        used = self._cpu()
        run = work()
        with psycopg.connect(self.url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
            while connection.execute(_CONNECTED).fetchone() != (1,):
                connection.rollback()  # else the same count is told again
                time.sleep(_UNTIL_COUNTED_SECONDS)
        time.sleep(_UNTIL_COUNTED_SECONDS)
        return replace(run, cpu=run.cpu + self._cpu() - used)

    def _cpu(self) -> float:
        """Return the CPU time of the server's processes that have ended, seconds."""
        pid = (self.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0]
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def postgres() -> Iterator[Server]:
    """Start a durable server, stopped at the end of the block."""
    server = EmbeddedPostgres.open(SERVER)
    try:
        yield Server(server.url, server.folder)
    finally:
        server.close()


def demo(members: int) -> Settings:
    """Return the settings of a generated registry on SQLite, generated if it is not cached."""
    settings = Settings(data_dir=CACHE / f"sqlite-{members}")
    filled(settings, members)
    return settings


def built(folder: Path, url: str) -> Settings:
    """Build the snapshot of a generated registry in a new data folder, with the command line."""
    settings = Settings(database_url=url, data_dir=folder)
    command(settings, "snapshot", "build", "--as-of", GENERATED_DATE.isoformat())
    return settings


def filled(settings: Settings, members: int) -> None:
    """Fill a registry with generated members and build a snapshot, with the command line."""
    command(settings, "demo", "--members", str(members), "--no-serve")


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that passes these settings to a child process, with compiled modules, as if installed."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir.absolute()),
        "ORGCOVERAGE_DATABASE_URL": settings.registry_url,
        "ORGCOVERAGE_ANONYMOUS": "exact",
    }


def libpq(settings: Settings) -> str:
    """Return the libpq URI of a PostgreSQL registry."""
    return make_url(settings.registry_url).set(drivername="postgresql").render_as_string(hide_password=False)


def command(settings: Settings, *words: str) -> None:
    """Run a command of the service.

    Raises
    ------
    RuntimeError
        It failed; the message is its output.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, "-m", "app.cli", *words]
    done = subprocess.run(line, env=environment(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
