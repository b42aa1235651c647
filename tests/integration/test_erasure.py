"""Erasing members: no row, no byte, no way back; on both engines."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text

from app.database import vacuum
from app.database.engines import is_sqlite, make_sync_engine, sqlite_path
from app.database.tables import METADATA
from app.database.vacuum import StillBeingRead
from app.database.write_lock import write_lock_sync
from app.imports.issues import Rule
from app.imports.load import ImportRejected
from app.registry.erasure import TombstoneKeyMissing, add_tombstones, digest, erase_members, read_key
from tests.engines.server import PostgresServer
from tests.factories.importing import Registry, told

REF = "ref-that-is-nowhere-else"
OTHERS = [f"other-{number:05}" for number in range(2000)]


@contextmanager
def engine_of(registry: Registry) -> Iterator[Engine]:
    engine = make_sync_engine(registry.settings.registry_url)
    try:
        yield engine
    finally:
        engine.dispose()


def silent(_phase: str, _done: int, _total: int | None) -> None:
    """Take in how far it is."""


def erase(registry: Registry, *refs: str) -> None:
    registry.settings.data_dir.mkdir(exist_ok=True)
    erase_members(registry.settings, refs, silent)


def settle_in(registry: Registry) -> None:
    """Give the registry a member among many who changes, moves and belongs to branches."""
    refs = [*OTHERS[:1000], REF, *OTHERS[1000:]]
    for year in (2010, 2011, 2012):  # rows that change leave copies of themselves behind
        registry.load({"members": "ref,joined_on\n" + "\n".join(f"{ref},{year}-07-01" for ref in refs)})
    registry.load(
        {
            "employments": "member_ref,enterprise_code,start_on,end_on\n"
            + "\n".join(f"{ref},{code},{start},{end}" for ref in refs for code, start, end in JOBS),
            "affiliations": "member_ref,branch_code,role,start_on\n"
            + "\n".join(f"{ref},{code},{role},2015-01-01" for ref in refs for code, role in ROLES),
        }
    )
    with engine_of(registry) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        if is_sqlite(registry.settings.registry_url):
            _leave_copies_in_free_pages(connection)
        else:
            connection.execute(text("SET default_statistics_target = 10000"))  # every value is a sample
            connection.execute(text("ANALYZE member, employment, affiliation"))


def _leave_copies_in_free_pages(connection: Connection) -> None:
    """Write and delete as a SQLite does that was not compiled to delete securely."""
    connection.execute(text("PRAGMA secure_delete = OFF"))
    connection.execute(text("CREATE TABLE copies AS SELECT * FROM member"))
    connection.execute(text("DROP TABLE copies"))


JOBS = (("A", "2013-01-01", "2014-01-01"), ("B", "2014-01-01", ""))
ROLES = (("R", "primary"), ("F1", "secondary"))


def files_of(registry: Registry, server: PostgresServer | None) -> Iterator[Path]:
    """Yield the files that the database keeps the registry in; its log of changes only on SQLite."""
    if is_sqlite(registry.settings.registry_url):
        place = sqlite_path(registry.settings.registry_url)
        yield from place.parent.glob(f"{place.name}*")
    elif server is not None and server.embedded is not None:
        yield from (path for path in (server.embedded.folder / "data" / "base").rglob("*") if path.is_file())


def holding(registry: Registry, server: PostgresServer | None, ref: str) -> list[str]:
    if server is not None:
        with engine_of(registry) as engine, engine.connect() as connection:
            connection.execute(text("CHECKPOINT"))  # what is in memory only is not found in files
    return [path.name for path in files_of(registry, server) if ref.encode() in path.read_bytes()]


@pytest.fixture
def server(request: pytest.FixtureRequest, peopled: Registry) -> PostgresServer | None:
    if is_sqlite(peopled.settings.registry_url):
        return None
    found: PostgresServer = request.getfixturevalue("postgres_server")
    return found


def test_no_byte_is_left_when_a_member_is_erased(peopled: Registry, server: PostgresServer | None) -> None:
    settle_in(peopled)
    if server is None or server.embedded is not None:
        assert holding(peopled, server, REF)
    with engine_of(peopled) as engine, engine.connect():  # a service has the registry open: nothing is closed for good
        erase(peopled, REF)
        assert holding(peopled, server, REF) == []
    for table, column in (("member", "ref"), ("employment", "member_ref"), ("affiliation", "member_ref")):
        assert (REF,) not in peopled.rows(table, column)
    assert len(peopled.rows("member", "ref")) == 3 + len(OTHERS)
    assert len(peopled.rows("employment", "member_ref")) == 2 * len(OTHERS)
    assert len(peopled.rows("affiliation", "member_ref")) == 2 * len(OTHERS)


def test_row_is_refused_when_it_would_bring_an_erased_member_back(peopled: Registry) -> None:
    erase(peopled, "m2")
    file = "ref,joined_on\nm2,2011-07-01\nm4,2013-07-01"
    with pytest.raises(ImportRejected) as refused:
        peopled.take("members", file)
    [issue] = refused.value.imported.issues
    assert told([issue]) == [(2, "ref", str(Rule.ERASED_REF))]
    assert "m2" not in str(issue)
    result = peopled.result("members", file, on_error="skip")
    assert (result.inserted, result.errors) == (1, 1)
    assert peopled.rows("member", "ref") == [("m1",), ("m3",), ("m4",)]


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_row_is_refused_when_all_members_come_anew(peopled: Registry, mode: str) -> None:
    erase(peopled, "m1", "m2", "m3")
    assert peopled.rows("member", "ref") == []
    assert peopled.problems("members", "ref,joined_on\nm1,2010-07-01\nm9,2010-07-01", mode=mode) == [
        (2, "ref", "erased_ref")
    ]


def test_employment_of_an_erased_member_is_refused_when_it_comes_back(peopled: Registry) -> None:
    erase(peopled, "m2")
    file = "member_ref,enterprise_code,start_on\nm2,A,2011-07-01"
    assert peopled.problems("employments", file) == [(2, "member_ref", "unknown_code")]


def test_import_is_checked_again_when_a_member_is_erased_meanwhile(peopled: Registry) -> None:
    checking = threading.Event()
    refused: list[ImportRejected] = []

    def take() -> None:
        with pytest.raises(ImportRejected) as rejected:
            peopled.take("members", "ref,joined_on\nnew,2011-07-01")
        refused.append(rejected.value)

    peopled.settings.data_dir.mkdir()
    with engine_of(peopled) as engine:
        with write_lock_sync(engine) as connection:
            importing = threading.Thread(target=take)
            importing.start()
            checking.wait(0.5)  # long enough to be checked and to wait for the turn
            add_tombstones(connection, peopled.settings, ["new"])
            connection.execute(text("UPDATE registry_revision SET revision = revision + 1"))
        importing.join()
    assert told(refused[0].imported.issues) == [(2, "ref", "erased_ref")]


def test_tombstone_is_all_that_is_kept_when_the_ref_is_unknown(peopled: Registry) -> None:
    erase(peopled, "nobody")
    erase(peopled, "nobody", "m1")
    key = read_key(peopled.settings.tombstone_key_path)
    assert key is not None
    today = peopled.settings.today()
    # The digest of the empty text proves the key.
    expected = sorted((digest(key, ref), today) for ref in ("", "nobody", "m1"))
    assert peopled.rows("tombstone", "digest", "erased_on") == expected
    assert peopled.settings.tombstone_key_path.stat().st_mode & 0o777 == 0o600
    assert peopled.problems("members", "ref,joined_on\nnobody,2011-07-01") == [(2, "ref", "erased_ref")]


def test_members_are_not_taken_when_the_key_is_lost(peopled: Registry) -> None:
    erase(peopled, "m1")
    key = peopled.settings.tombstone_key_path
    kept = key.read_text()
    for number, wrong in enumerate((None, "ab" * 32, "no key")):
        key.unlink() if wrong is None else key.write_text(wrong)
        with pytest.raises(TombstoneKeyMissing):
            peopled.take("members", "ref,joined_on\nm4,2011-07-01")
        with pytest.raises(TombstoneKeyMissing):
            erase(peopled, "m2")
        assert peopled.result("enterprises", f"code,name\nE{number},戊").inserted == 1
    assert peopled.rows("member", "ref") == [("m2",), ("m3",)]
    key.write_text(kept)
    assert peopled.result("members", "ref,joined_on\nm4,2011-07-01").inserted == 1


def test_bytes_go_when_the_last_reader_of_an_older_state_ends(
    peopled: Registry, server: PostgresServer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(peopled)
    monkeypatch.setattr(vacuum, "_READERS_SECONDS", 0.5)
    monkeypatch.setattr("app.database.engines._BUSY_SECONDS", 0.2)
    with engine_of(peopled) as engine, engine.connect() as reader:
        if server is not None:
            reader.execution_options(isolation_level="REPEATABLE READ")
        # Of another table: what a snapshot can see is kept, whatever it has looked at.
        assert reader.execute(select(METADATA.tables["branch"].c.code)).all()
        with pytest.raises(StillBeingRead):
            erase(peopled, REF)
        assert (REF,) not in peopled.rows("member", "ref")
    erase(peopled, REF)
    assert holding(peopled, server, REF) == []


def test_day_is_the_operators_when_a_member_is_erased(peopled: Registry) -> None:
    erase(peopled, "m1")
    days = {day for _, day in peopled.rows("tombstone", "digest", "erased_on")}
    assert days == {peopled.settings.today()}
    assert all(isinstance(day, date) for day in days)
