"""The demonstration with all its snapshots, exact and public: built once, then copied."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.config import Settings
from app.demo.siming import SIMING_DATES, write_siming
from app.snapshots.build import build_snapshot
from tests.factories.demo_files import read_registry
from tests.factories.loading import fill
from tests.reference.registry import Registry


@dataclass(frozen=True)
class Demonstration:
    """A data folder that is not to be changed.

    Parameters
    ----------
    folder
        Its registry (SQLite) and its snapshots of both kinds, as of each of `SIMING_DATES`.
    """

    folder: Path

    def copy(self, folder: Path, dates: Collection[date] = SIMING_DATES, **settings: Any) -> Settings:
        """Copy registry and snapshots of some dates; return the settings of a service on the copy."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        for root in ("exact", "public"):
            for snapshot in (folder / "snapshots" / root).iterdir():
                if snapshot.name[:8] not in {f"{day:%Y%m%d}" for day in dates}:
                    shutil.rmtree(snapshot)
        return Settings(_env_file=None, data_dir=folder, **settings)


def build_demonstration(folder: Path, template: Path) -> None:
    """Make the demonstration in a folder that is not there yet, from a migrated SQLite file; it appears as a whole."""
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(mode=0o700)
    shutil.copy(template, part / "registry.sqlite")
    settings = Settings(_env_file=None, data_dir=part, anonymous="public")
    fill(settings.registry_url, siming(part / "files"))
    for as_of in SIMING_DATES:
        build_snapshot(settings, as_of, lambda _phase, _done, _total: None)
    shutil.rmtree(part / "files")
    part.rename(folder)


def siming(folder: Path) -> Registry:
    """Write the files of the demonstration; return their rows on the shipped trees."""
    folder.mkdir(exist_ok=True)
    return read_registry(write_siming(folder))
