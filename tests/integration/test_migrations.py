"""The schema goes up, down and up again on both engines, and says the same as the tables in code."""

import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from alembic.config import Config
from sqlalchemy import CheckConstraint, Connection, insert, inspect, text
from sqlalchemy.exc import IntegrityError

from alembic import command
from app.database.engines import adbc_uri, is_sqlite, make_sync_engine, sqlite_path
from app.database.migrations import downgrade, is_current, upgrade
from app.database.outages import DatabaseUnavailable
from app.database.tables import METADATA
from app.database.write_lock import current_revision, raise_revision, write_lock_sync
from app.errors import Conflict

ROOT = Path(__file__).parents[2]


@contextmanager
def transaction(url: str) -> Iterator[Connection]:
    engine = make_sync_engine(url)
    try:
        with write_lock_sync(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def tables_of(url: str) -> set[str]:
    with transaction(url) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_tables_come_go_and_come_again_when_migrated_up_down_and_up(database_url: str) -> None:
    assert not is_current(database_url)
    upgrade(database_url)
    assert tables_of(database_url) == set(METADATA.tables)
    assert is_current(database_url)
    downgrade(database_url, "base")
    assert tables_of(database_url) == set()
    assert not is_current(database_url)
    upgrade(database_url)
    assert tables_of(database_url) == set(METADATA.tables)


def test_nothing_changes_when_upgraded_twice(migrated_url: str) -> None:
    with transaction(migrated_url) as connection:
        raise_revision(connection)
    upgrade(migrated_url)
    with transaction(migrated_url) as connection:
        assert current_revision(connection) == 1


def test_code_and_schema_agree_when_compared(migrated_url: str) -> None:
    config = Config(ROOT / "alembic.ini")
    with transaction(migrated_url) as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_constraints_are_those_of_the_code_when_migrated(migrated_url: str) -> None:
    """`alembic check` does not compare CHECKs."""
    declared = {
        table.name: {constraint.name for constraint in table.constraints if isinstance(constraint, CheckConstraint)}
        for table in METADATA.tables.values()
    }
    with transaction(migrated_url) as connection:
        seen = inspect(connection)
        migrated = {table: {c["name"] for c in seen.get_check_constraints(table)} for table in METADATA.tables}
        keys = {seen.get_pk_constraint(table)["name"] for table in METADATA.tables}
    assert migrated == declared
    assert keys == {f"pk_{table}" for table in METADATA.tables}


def check_texts(connection: Connection) -> dict[str | None, str]:
    seen = inspect(connection)
    return {c["name"]: c["sqltext"] for table in METADATA.tables for c in seen.get_check_constraints(table)}


def test_checks_read_as_in_the_code_when_migrated(migrated_sqlite_url: str, tmp_path: Path) -> None:
    other = f"sqlite+aiosqlite:///{tmp_path / 'from_code.sqlite3'}"
    with transaction(other) as connection:
        METADATA.create_all(connection)
        from_code = check_texts(connection)
    with transaction(migrated_sqlite_url) as connection:
        assert check_texts(connection) == from_code


def coverage_row(connection: Connection, branch: str | None, *, start_on: str = "2017-01-01") -> None:
    row = {"enterprise_code": "e", "branch_code": branch, "means": "liaison", "start_on": date.fromisoformat(start_on)}
    connection.execute(insert(METADATA.tables["enterprise_coverage"]), row)


@pytest.mark.parametrize("branch", [None, "b"])
def test_coverage_is_refused_when_its_key_is_there_already(migrated_url: str, branch: str | None) -> None:
    with transaction(migrated_url) as connection:
        coverage_row(connection, branch)
        coverage_row(connection, branch, start_on="2018-01-01")
    with pytest.raises(IntegrityError), transaction(migrated_url) as connection:
        coverage_row(connection, branch)


def test_codes_sort_by_their_bytes_when_the_database_orders_them(migrated_url: str) -> None:
    codes = ["a", "B", "_", "é", "梧", "\U0002bb5e", "10", "9"]
    table = METADATA.tables["industry_group"]
    with transaction(migrated_url) as connection:
        connection.execute(insert(table), [{"code": code, "name_zh": code} for code in codes])
        found = list(connection.scalars(table.select().order_by(table.c.code)))
    assert found == sorted(codes, key=str.encode)


def test_sqlite_is_in_wal_mode_when_fresh(sqlite_url: str) -> None:
    upgrade(sqlite_url)
    connection = sqlite3.connect(sqlite_path(sqlite_url))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_folder_is_made_when_a_sqlite_file_has_none(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'new' / 'registry.sqlite'}"
    assert not is_current(url)
    assert list(tmp_path.iterdir()) == []
    upgrade(url)
    assert is_current(url)


@pytest.mark.long
def test_one_migrates_and_the_others_find_it_done_when_several_start_at_once(database_url: str) -> None:
    code = "import sys; from app.database.migrations import upgrade; upgrade(sys.argv[1])"
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(
                subprocess.run,
                [sys.executable, "-c", code, database_url],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            for _ in range(3)
        ]
    assert [(run.result().returncode, run.result().stderr) for run in runs] == [(0, "")] * 3
    assert is_current(database_url)


def test_old_schema_stays_whole_when_a_migration_fails(database_url: str) -> None:
    upgrade(database_url)
    with transaction(database_url) as connection:
        connection.execute(text("DROP TABLE member"))
    with pytest.raises(DatabaseUnavailable):
        downgrade(database_url, "base")
    assert tables_of(database_url) == set(METADATA.tables) - {"member"}
    assert is_current(database_url)


WIDE = (
    "INSERT INTO enterprise (code, name, kind) VALUES ('９１Ａ', '甲', 'enterprise'), ('b', '乙', 'enterprise')",
    "INSERT INTO enterprise_return (enterprise_code, reported_on, headcount) VALUES ('９１Ａ', '2017-06-30', 5)",
    "INSERT INTO member (ref, joined_on, identity) VALUES ('ｍ１', '2010-01-01', 'open')",
    "INSERT INTO employment (member_ref, enterprise_code, start_on) VALUES ('ｍ１', '９１Ａ', '2017-01-01')",
)


def stored(url: str, statement: str) -> list[str]:
    with transaction(url) as connection:
        return sorted(connection.execute(text(statement)).scalars())


def test_stored_codes_are_folded_to_half_width_with_all_that_refer_to_them(database_url: str) -> None:
    upgrade(database_url, "0003")
    with transaction(database_url) as connection:
        for statement in WIDE:
            connection.execute(text(statement))
    upgrade(database_url)
    assert stored(database_url, "SELECT code FROM enterprise") == ["91A", "b"]
    assert stored(database_url, "SELECT enterprise_code FROM enterprise_return") == ["91A"]
    assert stored(database_url, "SELECT ref FROM member") == ["m1"]
    assert stored(database_url, "SELECT member_ref || enterprise_code FROM employment") == ["m191A"]
    downgrade(database_url, "0003")
    assert stored(database_url, "SELECT code FROM enterprise") == ["91A", "b"]


def test_nothing_is_folded_when_codes_would_meet_and_they_are_listed(database_url: str) -> None:
    upgrade(database_url, "0003")
    with transaction(database_url) as connection:
        for statement in WIDE:
            connection.execute(text(statement))
        connection.execute(text("INSERT INTO enterprise (code, name, kind) VALUES ('91A', '丙', 'enterprise')"))
        connection.execute(text("INSERT INTO member (ref, joined_on, identity) VALUES ('m1', '2010-01-01', 'open')"))
    with pytest.raises(Conflict) as stopped:
        upgrade(database_url)
    assert str(stopped.value).splitlines()[1:] == ["enterprise: ９１Ａ and 91A", "member: a ref"]
    assert stored(database_url, "SELECT code FROM enterprise") == ["91A", "b", "９１Ａ"]
    assert not is_current(database_url)


def test_migrations_are_found_when_the_package_is_installed_elsewhere(tmp_path: Path, sqlite_url: str) -> None:
    """A wheel has the folder inside the package: the same layout, unpacked from an archive."""
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for source in [*(ROOT / "app").rglob("*.py"), *(ROOT / "alembic").rglob("*")]:
            if "__pycache__" in source.parts or source.is_dir():
                continue
            relative = source.relative_to(ROOT)
            bundle.write(source, relative if relative.parts[0] == "app" else Path("app/database") / relative)
    site = tmp_path / "site"
    zipfile.ZipFile(archive).extractall(site)
    code = (
        "import sys, app; from app.database.migrations import upgrade, is_current; upgrade(sys.argv[1]);"
        "assert app.__file__.startswith(sys.argv[2]); print(is_current(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sqlite_url, str(site)],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_url_says_what_adbc_opens(migrated_url: str) -> None:
    uri = adbc_uri(migrated_url)
    assert uri.startswith("/" if is_sqlite(migrated_url) else "postgresql://")
