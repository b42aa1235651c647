"""Imports of small files into a registry, as tests write them."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.database.write_lock import current_revision
from app.imports.issues import RowIssue, Rule
from app.imports.load import Imported, ImportRejected, import_file
from app.imports.options import ImportMode, ImportOptions, ImportResult, OnError

TREES = {
    "districts": """code,parent_code,level,name_zh
        35,,province,福建省
        3502,35,city,厦门市
        350203,3502,county,思明区
        350203008,350203,street,梧村街道
        S1,350203008,site,云顶创谷""",
    "industries": """code,parent_code,level,name_zh
        I,,section,信息
        64,I,division,互联网
        641,64,group,接入
        65,I,division,软件""",
    "industry-groups": """group_code,name_zh,industry_code
        internet,互联网,64
        internet,互联网,65""",
}

PEOPLE = {
    "enterprises": """code,name,registered_on,closed_on
        A,甲,2010-01-01,
        B,乙,,
        C,丙,,""",
    "branches": """code,name,kind,parent_code,district_code,dual_affiliation
        J,联合党委,committee,,350203,yes
        F1,功能一,branch,J,350203008,yes
        R,社区,branch,,350203008,no""",
    "members": """ref,joined_on
        m1,2010-07-01
        m2,2011-07-01
        m3,2012-07-01""",
}


class Registry:
    """A registry of a test's own, and the files that go into it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.settings = Settings(database_url=url, data_dir=folder / "data")
        self.folder = folder

    def load(self, *filled: dict[str, str]) -> None:
        """Take files that have no problem."""
        for files in filled:
            for dataset, text in files.items():
                assert self.take(dataset, text).result.errors == 0

    def take(self, dataset: str, text: str, **options: Any) -> Imported:
        """Import a CSV file; its lines may be indented."""
        path = self.folder / f"{dataset}.csv"
        path.write_text("\n".join(line.strip() for line in text.splitlines()) + "\n", encoding="utf-8")
        return import_file(self.settings, dataset, path, _options(**options), lambda *_: None)

    def take_bytes(self, dataset: str, content: bytes, **options: Any) -> Imported:
        """Import a file as it is."""
        path = self.folder / dataset
        path.write_bytes(content)
        return import_file(self.settings, dataset, path, _options(**options), lambda *_: None)

    def result(self, dataset: str, text: str, **options: Any) -> ImportResult:
        """Import a CSV file and say what that did."""
        return self.take(dataset, text, **options).result

    def problems(self, dataset: str, text: str, **options: Any) -> list[tuple[int | None, str | None, str]]:
        """Import a CSV file that is refused; return row, column and rule of each problem."""
        before = self.revision()
        with pytest.raises(ImportRejected) as rejected:
            self.take(dataset, text, **options)
        assert self.revision() == before
        return told(rejected.value.imported.issues)

    def rows(self, table: str, *names: str) -> list[tuple[Any, ...]]:
        """Return rows of a table, sorted; a single column as values of their own tuple."""
        engine = make_sync_engine(self.settings.registry_url)
        with engine.connect() as connection:
            found = connection.execute(select(*(METADATA.tables[table].c[name] for name in names))).all()
        engine.dispose()
        return sorted((tuple(row) for row in found), key=repr)

    def revision(self) -> int:
        """Return the revision of the registry."""
        engine = make_sync_engine(self.settings.registry_url)
        with engine.connect() as connection:
            revision = current_revision(connection)
        engine.dispose()
        return revision


def told(issues: Sequence[RowIssue]) -> list[tuple[int | None, str | None, str]]:
    """Return row, column and rule of problems."""
    return [(issue.row, issue.column, str(issue.rule)) for issue in issues]


def day(text: str) -> date:
    """Return an ISO date."""
    return date.fromisoformat(text)


def _options(
    *,
    mode: str = "upsert",
    on_error: str = "reject",
    dry_run: bool = False,
    ignore_unknown: bool = False,
    scope: frozenset[str] | None = None,
    sheet: str | None = None,
) -> ImportOptions:
    return ImportOptions(ImportMode(mode), OnError(on_error), dry_run, ignore_unknown, scope, sheet)


__all__ = ["PEOPLE", "TREES", "Registry", "Rule", "day", "told"]
