"""Building both tiers of a registry, and asking the public one."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

from app.config import Settings
from app.snapshots.build import build_snapshot
from app.snapshots.rounding import rounding_key
from tests.factories.asking import Reader


class Publisher:
    """A data folder whose builds write protected snapshots beside the exact ones.

    Parameters
    ----------
    url
        The registry.
    folder
        The data folder.
    key
        File of the rounding key; None = a new one is made in the folder.
    """

    def __init__(self, url: str, folder: Path, key: Path | None = None, **settings: Any) -> None:
        self.settings = Settings(
            _env_file=None, database_url=url, data_dir=folder, anonymous="public", rounding_key_file=key, **settings
        )
        self.reader = Reader(self.settings.snapshots_dir / "public")

    @property
    def key(self) -> bytes:
        """The rounding key; made where there is none."""
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        return rounding_key(self.settings)

    def build(self, as_of: date) -> str:
        """Build the snapshots of a date; return the id of the public one."""
        public = build_snapshot(self.settings, as_of, lambda *_: None).public_id
        assert public is not None
        return public

    def folder(self, public_id: str) -> Path:
        """Where a public snapshot lies."""
        return self.settings.snapshots_dir / "public" / public_id

    def exact_folder(self, public_id: str) -> Path:
        """Where the exact snapshot lies that a public one was built with."""
        found = [path.parent for path in (self.settings.snapshots_dir / "exact").glob("*/manifest.json")]
        return next(one for one in found if json.loads((one / "manifest.json").read_text())["public_id"] == public_id)

    def forget(self) -> None:
        """Remove all snapshots, and keep the key."""
        shutil.rmtree(self.settings.snapshots_dir, ignore_errors=True)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a snapshot by its name, without the time of its build and the checksum of that."""
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    manifest = json.loads(found["manifest.json"])
    timeless = {field: value for field, value in manifest.items() if field not in ("built_at", "checksum")}
    return found | {"manifest.json": json.dumps(timeless).encode()}
