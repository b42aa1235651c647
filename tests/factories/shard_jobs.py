"""Builds of many small pieces from an extract, and jobs that take part in them, run as an operator runs them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config import Settings
from app.snapshots.build import build_snapshot
from app.snapshots.facts import SIZES, Sizes
from app.snapshots.shared_extracts import find_extracts, write_extract
from app.store.manifest import Manifest
from tests.documentation.markdown import ROOT
from tests.factories.loading import fill
from tests.factories.province import FIRST, province
from tests.factories.rounded import KEY, public_settings, write_key
from tests.factories.several_registries import quiet

PATIENCE = 60.0

PIECES = 9
"""Eight counties, and what has no place."""

IN_PIECES = Sizes(SIZES.shard, 1)
"""Each county alone."""

Ids = tuple[str, str | None]


def write_counties(url: str, folder: Path) -> str:
    """Fill a database with some counties and extract it; return the extract's address."""
    fill(url, province(750 * (PIECES - 1)))
    address = str(folder / "extract")
    write_extract(Settings(_env_file=None, database_url=url, data_dir=folder / "data"), address, quiet)
    return address


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never comes"
        time.sleep(0.005)


@dataclass(frozen=True)
class Builder:
    """A service that builds from an extract, in pieces of one county."""

    folder: Path
    extract: str
    settings: Settings

    @classmethod
    def of(cls, folder: Path, extract: str, **settings: Any) -> "Builder":
        shared = {"shard_folder": str(folder / "shared"), "build_processes": 1}
        return cls(folder, extract, public_settings("", folder / "service", **{**shared, **settings}))

    def build(self, then: Callable[[], object] = quiet, sizes: Sizes = IN_PIECES) -> Manifest:
        """Build a snapshot; when its pieces are there, and none is claimed by the build, do something first."""

        def report(phase: str, done: int, _total: int | None) -> None:
            if (phase, done) == ("adding up", 0):
                then()

        return build_snapshot(self.settings, FIRST, report, find_extracts(self.settings, [self.extract]), sizes)

    def ids(self, then: Callable[[], object] = quiet) -> Ids:
        return ids_of(self.build(then))

    @property
    def files(self) -> list[Path]:
        """All that is shown to others."""
        walked = os.walk(self.settings.shard_folder)  # which minds nothing that goes meanwhile
        return sorted(Path(folder, name) for folder, _, names in walked for name in names)

    def of_kind(self, kind: str) -> list[str]:
        """The numbers of the pieces of which there is a claim, a result, and so on."""
        named = (path.stem.partition("-") for path in self.files)
        return [number for name, _, number in named if name == kind]

    @contextmanager
    def job(
        self,
        *arguments: str,
        name: str = "job",
        key: bytes | None = KEY,
        code: Path = ROOT,
        language: str = "C.UTF-8",
        **settings: str,
    ) -> Iterator["Job"]:
        """Run a job with a data folder of its own until it ends, or else until the block does."""
        data = self.folder / name
        if key is not None:
            write_key(data / "rounding-key", key)
        given = {"DATA_DIR": str(data), "SHARD_FOLDER": self.settings.shard_folder, "BUILD_PROCESSES": "1", **settings}
        if self.settings.extract_credentials_file is not None:
            given["EXTRACT_CREDENTIALS_FILE"] = str(self.settings.extract_credentials_file)
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "snapshot", "shard", *arguments],
                env=os.environ | {f"ORGCOVERAGE_{name}": value for name, value in given.items()}
                | {"PYTHONPATH": str(code), "LC_ALL": language},
                cwd=code, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            yield Job(process, log, data)
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Job:
    """A job that runs."""

    process: "subprocess.Popen[bytes]"
    log: Path
    data: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def made(self) -> int:
        return self.said.count(" is made.")

    def await_made(self, pieces: int = 1) -> None:
        until(lambda: self.made >= pieces)

    def await_waiting(self) -> "Job":
        until(lambda: "Waiting" in self.said)
        return self

    def end(self) -> int:
        return self.process.wait(PATIENCE)

    def stop_at_work(self, builder: Builder) -> str:
        """Stop it when it has claimed a piece that it has not made; return which."""
        while True:
            until(lambda: builder.of_kind("claim") > builder.of_kind("result"))
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(0.01)
            if left := sorted(set(builder.of_kind("claim")) - set(builder.of_kind("result"))):
                return left[0]
            self.process.send_signal(signal.SIGCONT)


def ids_of(manifest: Manifest) -> Ids:
    return manifest.id, manifest.public_id
