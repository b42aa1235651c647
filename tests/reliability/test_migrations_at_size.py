"""A registry of many members migrated down and up again: what every schema holds stays the same, row by row."""

import hashlib
import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, inspect, select

from app.config import Settings
from app.database.migrations import downgrade, is_current, known_revisions, upgrade
from app.database.tables import METADATA
from app.demo.generated import write_generated
from app.imports.load import import_file
from app.imports.options import ImportOptions
from tests.lengths import at_length
from tests.reliability.test_killed_imports import check_integrity, connected

pytestmark = pytest.mark.long

MEMBERS = int(os.environ.get("ORGCOVERAGE_TEST_MEMBERS", at_length(2000, 500)))
"""Members of the registry; the full count is 1,000,000."""

ROWS_AT_ONCE = 10_000

Columns = dict[str, list[str]]
"""Names of columns by that of the table."""


def test_rows_are_the_same_when_migrated_down_and_up(migrated_url: str, tmp_path: Path) -> None:
    oldest = known_revisions()[-1]
    kept = columns_of(f"sqlite+aiosqlite:///{tmp_path / 'oldest.sqlite'}", oldest)
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data")
    for file in write_generated(tmp_path, MEMBERS):
        assert import_file(settings, file.dataset, file.path, ImportOptions(), lambda *_: None).result.errors == 0
    with connected(migrated_url) as engine:
        before = hashes(engine, kept)
        assert before["member"][0] == MEMBERS
        downgrade(migrated_url, oldest)
        assert hashes(engine, kept) == before
        upgrade(migrated_url)
        assert hashes(engine, kept) == before
        check_integrity(engine)
    assert is_current(migrated_url)


def columns_of(url: str, revision: str) -> Columns:
    """Make a database of a schema; return its columns."""
    upgrade(url, revision)
    with connected(url) as engine:
        seen = inspect(engine)
        tables = sorted(set(seen.get_table_names()) & set(METADATA.tables))
        return {table: [column["name"] for column in seen.get_columns(table)] for table in tables}


def hashes(engine: Engine, columns: Columns) -> dict[str, tuple[int, int]]:
    """Return, for each table, the number of its rows and the sum of their hashes, whatever their order."""
    with engine.connect() as connection:
        return {table: _hash(connection, table, names) for table, names in columns.items()}


def _hash(connection: Connection, table: str, names: list[str]) -> tuple[int, int]:
    chosen = select(*(METADATA.tables[table].c[name] for name in names))
    number = total = 0
    for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(chosen):
        number += 1
        total += int.from_bytes(hashlib.blake2b(repr(tuple(row)).encode(), digest_size=16).digest())
    return number, total
