"""Registries that one database holds one after the other, their extracts, and snapshots of several of these."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from app.config import Settings
from app.snapshots.build import build_snapshot
from app.snapshots.facts import SIZES, Sizes
from app.snapshots.shared_extracts import find_extracts, write_extract
from app.store.manifest import Manifest
from tests.factories.asking import Reader
from tests.factories.loading import fill
from tests.factories.tiny import tiny_registry
from tests.reference.registry import Registry

AS_OF = date(2017, 6, 30)

ZHEJIANG = tiny_registry(
    enterprises="code, district_code, industry_code, kind\nA, wucun, 64,\nB, jialian, 64,",
    returns="enterprise_code, reported_on, headcount\nA, 2017-03-31, 10\nB, 2017-03-31, 20",
    branches="code, name\nP, 甲\nQ, 乙",
    members="ref, joined_on, sex\nm1, 2001-07-01, female\nm2, 2001-07-01, male\nm3, 2001-07-01, male",
    employments="member_ref, enterprise_code\nm1, A\nm2, A\nm3, B",
)


def quiet(*_: object) -> None:
    """Take in how far it is."""


class Registries:
    """A database that holds one registry after another, and what is extracted from it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.settings = Settings(database_url=url, data_dir=folder, anonymous="public")

    def extract(self, name: str, registry: Registry, **settings: str) -> str:
        """Write the extract of a registry; return its address."""
        fill(self.settings.registry_url, registry)
        url = str(self.settings.data_dir / "extracts" / name)
        write_extract(self.settings.model_copy(update={"registry_name": name, **settings}), url, quiet)
        return url

    def build(self, urls: Sequence[str], as_of: date = AS_OF, sizes: Sizes = SIZES) -> Manifest:
        """Build the snapshot of some extracts, as a nation that has no registry itself."""
        nation = self.settings.model_copy(update={"database_url": "", "data_dir": self.settings.data_dir / "nation"})
        return build_snapshot(nation, as_of, quiet, find_extracts(nation, urls), sizes)

    def build_whole(self, registry: Registry, as_of: date, sizes: Sizes = SIZES) -> Manifest:
        """Build the snapshot of one registry."""
        fill(self.settings.registry_url, registry)
        return build_snapshot(self.settings, as_of, quiet, sizes=sizes)

    def read(self) -> Reader:
        """Give what the nation's snapshots answer."""
        return Reader(self.settings.data_dir / "nation" / "snapshots" / "exact")
