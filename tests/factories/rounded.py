"""Protected snapshots of registries: a key that tests know, codes with shifts of their choice, what places hold."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.feather

from app.config import Settings
from app.snapshots.build import build_snapshot
from tests.factories.snapshot_files import AS_OF, manifest_of, tables_of

KEY = bytes(range(32))

Place = tuple[str | None, str | None]

FACTS = ["enterprises", "enterprises_organised", "enterprises_standalone"]
PERSONS = ["enterprises_shown", "members", "headcount"]


def shift(figure: str, identity: str, key: bytes = KEY) -> int:
    """What is added before rounding, as the access page has it: `m` members, `h` headcount."""
    return int(hmac.new(key, f"{figure}|{identity}".encode(), hashlib.sha256).hexdigest(), 16) % 5


def code(name: str, m: int = 0, h: int = 0) -> str:
    """A code whose members and headcount are rounded with these shifts."""
    candidates = (f"{name}-{number}" for number in count())
    return next(one for one in candidates if (shift("m", one), shift("h", one)) == (m, h))


def public_settings(url: str, folder: Path, key: bytes | None = KEY, **settings: Any) -> Settings:
    """Settings under which protected snapshots are built, with this rounding key in its file."""
    given: dict[str, Any] = {"anonymous": "public"} | settings
    made = Settings(_env_file=None, database_url=url, data_dir=folder, **given)
    if key is not None:
        write_key(made.rounding_key_path, key)
    return made


def write_key(path: Path, key: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(key.hex() + "\n")
    path.chmod(0o600)


@dataclass(frozen=True)
class Protected:
    """A protected snapshot, read as any Arrow reader would."""

    folder: Path

    def rows(self, table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pyarrow.feather.read_table(self.folder / f"{table}.arrow").to_pylist()
        return rows

    @property
    def places(self) -> dict[Place, dict[str, int]]:
        """What each place holds, by the codes of its district and industry."""
        districts, industries = ([row["code"] for row in self.rows(tree)] for tree in ("districts", "industries"))
        return {
            (_code(districts, row["district"]), _code(industries, row["industry"])): {
                measure: value for measure, value in row.items() if measure not in NODES
            }
            for row in self.rows("places")
        }

    def facts(self) -> dict[Place, tuple[int, ...]]:
        """Enterprises, organised and standalone ones, where there are any."""
        return self._columns(FACTS)

    def persons(self) -> dict[Place, tuple[int, ...]]:
        """Enterprises shown, f and H′, where there are any."""
        return self._columns(PERSONS)

    @property
    def manifest(self) -> dict[str, Any]:
        return manifest_of(self.folder)

    @property
    def tables(self) -> dict[str, bytes]:
        return tables_of(self.folder)

    def _columns(self, names: Sequence[str]) -> dict[Place, tuple[int, ...]]:
        found = {place: tuple(row[name] for name in names) for place, row in self.places.items()}
        return {place: values for place, values in found.items() if values[0]}


NODES = ("district", "industry")


def _code(codes: Sequence[str], node: int | None) -> str | None:
    return None if node is None else codes[node]


def protect(settings: Settings, as_of: date = AS_OF) -> Protected:
    """Build both snapshots of a date; return the protected one."""
    exact = build_snapshot(settings, as_of, lambda *_: None)
    assert exact.public_id is not None
    return Protected(settings.snapshots_dir / "public" / exact.public_id)
