"""Registries to measure on: generated, and imported as an operator would."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from app.config import Settings
from tests.engines.embedded import EmbeddedPostgres

KEPT = Path(tempfile.gettempdir()) / "orgcoverage-benchmarks"
"""Generated registries stay here from run to run; the folder may be removed at any time."""

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
"""PostgreSQL as a careful operator has it on a machine of this size: durable, and not short of memory."""


@contextmanager
def postgres() -> Iterator[URL]:
    """Give the address of an empty database on a durable server that ends with the block."""
    server = EmbeddedPostgres.open(SERVER)
    try:
        yield server.url
    finally:
        server.close()


def on_postgres(address: URL, folder: Path) -> Settings:
    """Return the settings of a registry on a PostgreSQL server."""
    return Settings(database_url=address.render_as_string(hide_password=False), data_dir=folder)


def demo(members: int) -> Settings:
    """Return the settings of a generated registry on SQLite with a snapshot, made now if it is not there."""
    settings = Settings(data_dir=KEPT / f"sqlite-{members}")
    filled(settings, members)
    return settings


def filled(settings: Settings, members: int) -> None:
    """Fill a registry with generated members and build a snapshot, by the command an operator would give."""
    command = [sys.executable, "-m", "app.cli", "demo", "--members", str(members), "--no-serve"]
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a process of ours these settings."""
    return {
        **os.environ,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir.absolute()),
        "ORGCOVERAGE_DATABASE_URL": settings.registry_url,
    }


def libpq(settings: Settings) -> str:
    """Return the address of a PostgreSQL registry as its own clients want it."""
    return make_url(settings.registry_url).set(drivername="postgresql").render_as_string(hide_password=False)
