"""A real object store, SeaweedFS, as tests see it: two buckets, and who may open them."""

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from app.config import Settings
from app.snapshots.replication.objects import Objects
from tests.live import answers

BUCKETS = ("exact", "public")
IDENTITIES = {
    "writer": [f"{action}:{bucket}" for action in ("Read", "Write", "List") for bucket in BUCKETS],
    "public": ["Read:public", "List:public"],
}
"""Who may do what: the writer everything, replicas of the public tier nothing but read that."""

_PATIENCE = 60.0
_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
          "s3.port", "s3.port.grpc")  # fmt: skip
_OFF = ("master.telemetry=false", "s3.port.iceberg=0", "s3.port.lance=0", "volume.minFreeSpace=1MiB",
        "master.volumeSizeLimitMB=64", "volume.max=30", "volume.preStopSeconds=0")  # fmt: skip


@dataclass
class SeaweedFS:
    """A server in a folder; it can be killed and started again with what it holds."""

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = [f"-{name}={port}" for name, port in self.ports.items()] + [f"-{option}" for option in _OFF]
        addresses = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=data", "-s3", "-s3.config=identities.json"]
        sockets = [f"-{name}.localSocket={self.folder}/{name}.sock" for name in ("filer", "s3")]
        with (self.folder / "log").open("ab") as log:
            command = [str(Path(sys.executable).with_name("weed")), "server", *addresses, *options, *sockets]
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        until = time.monotonic() + _PATIENCE
        while not answers(f"{self.endpoint}/healthz"):
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < until
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3.port']}"

    def credentials(self, who: str) -> Path:
        """The file that opens the buckets for somebody."""
        return self.folder / f"{who}.json"

    def make_buckets(self) -> None:
        until = time.monotonic() + _PATIENCE
        for bucket in BUCKETS:
            urlopen(Request(f"http://127.0.0.1:{self.ports['filer.port']}/buckets/{bucket}/", method="POST")).close()
            objects = Objects(f"s3://{bucket}/begin", self.credentials("writer"))
            while True:  # the first writing makes the volume
                with suppress(Exception):
                    objects.now()
                    break
                assert time.monotonic() < until
                time.sleep(0.1)


@contextmanager
def running(folder: Path) -> Iterator[SeaweedFS]:
    """Run a server in an empty folder."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in _PORTS]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        ports = dict(zip(_PORTS, (listener.getsockname()[1] for listener in listeners), strict=True))
    (folder / "data").mkdir()
    server = SeaweedFS(folder, ports)
    identities = []
    for who, actions in IDENTITIES.items():
        keys = {"accessKey": who, "secretKey": f"secret of {who}"}
        identities.append({"name": who, "credentials": [keys], "actions": actions})
        opens = {"access_key_id": who, "secret_access_key": f"secret of {who}", "endpoint": server.endpoint}
        server.credentials(who).write_text(json.dumps(opens))
    (folder / "identities.json").write_text(json.dumps({"identities": identities}))
    server.start()
    try:
        server.make_buckets()
        yield server
    finally:
        server.kill()
        for name, port in ports.items():  # it has these, wherever temporary files are
            kind = name.partition(".")[0]
            Path(f"/tmp/seaweedfs-{kind}-grpc-{port}.sock").unlink(missing_ok=True)


@dataclass(frozen=True)
class Store:
    """A place in the buckets, or in a folder, that nobody else uses."""

    server: SeaweedFS
    folder: Path | None = None
    prefix: str = field(default_factory=lambda: secrets.token_hex(6))

    def url(self, tier: str) -> str:
        return f"s3://{tier}/{self.prefix}" if self.folder is None else f"{self.folder.as_uri()}/{tier}"

    def settings(self, who: str, **settings: Any) -> dict[str, Any]:
        """Settings that open it for somebody: the writer both tiers, `public` that one alone."""
        file = None if self.folder is not None else self.server.credentials(who)
        opened = {"public_store_url": self.url("public"), "public_store_credentials_file": file}
        if who == "writer":
            opened |= {"store_url": self.url("exact"), "store_credentials_file": file}
        return opened | settings

    def objects(self, tier: str) -> Objects:
        return Objects(self.url(tier), None if self.folder is not None else self.server.credentials("writer"))

    def names(self, tier: str, prefix: str = "") -> list[str]:
        return sorted(name for name in self.objects(tier).all(prefix) if name not in {"clock", ".lock"})

    def replica(self, folder: Path, who: str = "writer", **settings: Any) -> Settings:
        """Settings of a replica's folder."""
        public = {"public_only": True} if who == "public" else {}
        return Settings(
            _env_file=None, data_dir=folder, **self.settings(who, **{"anonymous": "public", **public, **settings})
        )
