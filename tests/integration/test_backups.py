"""Backups come back as they were, on either engine and from one to the other, without whoever was erased."""

import io
import itertools
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, delete, insert, select, update

from app.access.audit import AuditLog, AuditRecord
from app.access.keys import NewKey, list_keys, make_key
from app.access.principals import Right
from app.backups import archive as archives
from app.backups.archive import BackupDamaged, BackupManifest, BackupNotWritten, opened_archive, written_archive
from app.backups.creation import RegistryOutdated, create_backup
from app.backups.restoration import RESTORING, NotEmpty, restore_backup
from app.cli.commands import main
from app.config import Settings
from app.database.engines import is_sqlite, make_sync_engine
from app.database.migrations import downgrade, is_current, upgrade
from app.database.tables import METADATA
from app.database.write_lock import write_lock_sync
from app.registry.erasure import TombstoneKeyMissing, erase_members
from app.snapshots.build import build_snapshot
from app.snapshots.moves import StillMoving
from app.snapshots.releases import Decision, release_snapshot
from app.store.boundaries import write_boundaries
from tests.conftest import ENGINES
from tests.factories.importing import Registry
from tests.factories.loading import fill
from tests.factories.releasing import Desk
from tests.factories.rounded import public_settings
from tests.factories.small_registry import fill as fill_small
from tests.factories.worked_example import AS_OF, worked_example

pytestmark = pytest.mark.long

Place = Callable[[str], Settings]
MEMBER = "a1"


def silent(_phase: str, _done: int, _total: int | None) -> None:
    """Take in how far it is."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give a maker of settings of an empty data folder and an empty database of an engine."""
    numbers = itertools.count()
    with _databases(request) as empty_database:

        def made(engine: str) -> Settings:
            folder = tmp_path / f"data-{next(numbers)}"
            url = "" if engine == "sqlite" else empty_database()
            return Settings(_env_file=None, data_dir=folder, database_url=url, anonymous="public")

        yield made


@contextmanager
def _databases(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    names: list[str] = []

    def made() -> str:
        server = request.getfixturevalue("postgres_server")
        names.append(server.create())
        url: str = server.url(names[-1])
        return url

    try:
        yield made
    finally:
        for name in names:
            request.getfixturevalue("postgres_server").drop(name)


@contextmanager
def engine_of(settings: Settings) -> Iterator[Engine]:
    engine = make_sync_engine(settings.registry_url)
    try:
        yield engine
    finally:
        engine.dispose()


def lived_in(settings: Settings) -> str:
    """Fill a place with everything that there can be; return the token of a key."""
    upgrade(settings.registry_url)
    fill(settings.registry_url, worked_example())
    for day in (AS_OF, AS_OF + timedelta(days=1)):
        build_snapshot(settings, day, silent)
    with engine_of(settings) as engine, write_lock_sync(engine) as connection:
        key, token = make_key(connection, NewKey("dashboard", frozenset({Right.READ}), frozenset({"350203"}), 90))
    write_boundaries(settings.boundaries_path, b'{"type":"FeatureCollection","features":[]}')
    erase_members(settings, ["gone"], silent)
    for month in (1, 2):
        AuditLog(settings).append(AuditRecord(at=datetime(2100, month, 1, tzinfo=UTC), key_id=key.id))
    return token


def rows_of(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    with engine_of(settings) as engine, engine.connect() as connection:
        return {
            table.name: [
                tuple(_plain(value) for value in row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in METADATA.sorted_tables
        }


def _plain(value: Any) -> Any:
    """Instants as both databases tell them."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def files_of(settings: Settings) -> dict[str, bytes]:
    """The files of the data folder that a backup takes."""
    wanted = ("snapshots", "audit", "boundaries.geojson", "rounding-key", "tombstone-key")
    files = [path for path in settings.data_dir.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {
        str(path.relative_to(settings.data_dir)): path.read_bytes()
        for path in files
        if path.relative_to(settings.data_dir).parts[0] in wanted
    }


def back_up(settings: Settings, name: str = "backup.tar", **options: Any) -> Path:
    path = settings.data_dir.parent / name
    create_backup(settings, path, silent, **options)
    return path


@pytest.mark.parametrize(("source", "target"), list(itertools.product(("sqlite", "postgres"), repeat=2)))
def test_everything_is_as_it_was_when_restored_on_either_engine(place: Place, source: str, target: str) -> None:
    old, new = place(source), place(target)
    token = lived_in(old)
    backup = back_up(old)
    before, files = rows_of(old), files_of(old)
    restored = restore_backup(new, backup, silent)
    assert rows_of(new) == before
    assert files_of(new) == files
    assert {name.split("/")[0] for name in files} == {
        "snapshots", "audit", "boundaries.geojson", "rounding-key", "tombstone-key"
    }  # fmt: skip
    assert {name.split("/")[1] for name in files if name.startswith("snapshots/")} == {"exact", "public"}
    assert restored.left_out == 0
    assert restored.manifest.rows == {name: len(rows) for name, rows in before.items()}
    assert len(restored.manifest.snapshots) == 4  # two dates, exact and public
    assert is_current(new.registry_url)
    # What was restored goes on: a key is good, a date builds the same snapshot, new rows get new numbers.
    with engine_of(new) as engine, write_lock_sync(engine) as connection:
        [key] = list_keys(connection)
        assert key.is_of(token.rpartition("_")[2])
        coverage = {"enterprise_code": "x", "branch_code": None, "means": "liaison", "start_on": date(2017, 1, 1)}
        connection.execute(insert(METADATA.tables["enterprise_coverage"]), coverage)
    assert build_snapshot(new, AS_OF, silent).id == build_snapshot(old, AS_OF, silent).id


@pytest.mark.parametrize("engine", ENGINES)
def test_files_are_the_owners_alone_when_written_and_restored(place: Place, engine: str) -> None:
    old, new = place(engine), place(engine)
    lived_in(old)
    backup = back_up(old)
    restore_backup(new, backup, silent)
    private = [backup, new.tombstone_key_path, new.rounding_key_path, new.boundaries_path, *new.audit_dir.iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert stat.S_IMODE(new.audit_dir.stat().st_mode) == 0o700
    assert not list(backup.parent.glob(".*"))
    assert not (new.data_dir / RESTORING).exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_tables_are_of_one_moment_when_somebody_writes_meanwhile(place: Place, engine: str) -> None:
    old, new = place(engine), place(engine)
    upgrade(old.registry_url)
    fill(old.registry_url, worked_example())
    before = rows_of(old)

    def writing(phase: str, _done: int, _total: int | None) -> None:
        if phase == "table branch":
            _delete_everything(old)

    path = old.data_dir.parent / "backup.tar"
    create_backup(old, path, writing)
    assert rows_of(old)["member"] == []
    restore_backup(new, path, silent)
    assert rows_of(new) == before


def _delete_everything(settings: Settings) -> None:
    with engine_of(settings) as engine, write_lock_sync(engine) as connection:
        for table in METADATA.sorted_tables[::-1]:
            if table.name != "registry_revision":
                connection.execute(table.delete())


def test_snapshots_of_every_state_come_back_and_none_is_moved_meanwhile(
    migrated_sqlite_url: str, place: Place, tmp_path: Path
) -> None:
    desk = Desk(public_settings(migrated_sqlite_url, tmp_path / "office", release="manual"))
    _, eleven = desk.released(5, 11)
    desk.withdraw(eleven.id, "wrong ledger")
    draft = desk.build(17)
    held = []

    def reading(phase: str, _done: int, _total: int | None) -> None:
        if phase == "snapshots":
            with pytest.raises(StillMoving):
                release_snapshot(desk.settings, draft.id, Decision(), 0)
            held.append(phase)

    path, new = tmp_path / "backup.tar", place("sqlite")
    manifest = create_backup(desk.settings, path, reading)
    assert held
    assert f"withdrawn/exact/{eleven.id}" in manifest.snapshots
    restore_backup(new, path, silent)
    restored = Desk(new)
    assert (restored.places, len(restored.places)) == (desk.places, 6)
    for folder in desk.settings.snapshots_dir.rglob("*.json"):
        assert (new.snapshots_dir / folder.relative_to(desk.settings.snapshots_dir)).read_bytes() == folder.read_bytes()
    assert restored.release(draft.id).release is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_older_schema_is_brought_up_to_date_when_restored(place: Place, engine: str) -> None:
    old, new = place(engine), place(engine)
    upgrade(old.registry_url)
    fill_small(old.registry_url)
    with engine_of(old) as registry, registry.begin() as connection:
        for name in ("branch_return", "target"):
            connection.execute(delete(METADATA.tables[name]))
        connection.execute(update(METADATA.tables["enterprise_return"]).values(dict.fromkeys(NEWER_COLUMNS)))
    before = rows_of(old)
    path = _as_of_revision(back_up(old), "0001", without={"api_key", "tombstone", "branch_return", "target"})
    restore_backup(new, path, silent)
    assert rows_of(new) == before
    assert is_current(new.registry_url)


NEWER_COLUMNS = ("headcount_under_36", "headcount_women", "headcount_college")


def _as_of_revision(path: Path, revision: str, without: set[str]) -> Path:
    """Write a backup anew as an older version would have."""
    older = path.with_name("older.tar")
    with opened_archive(path) as archive, written_archive(older) as writer:
        rows = {name: number for name, number in archive.manifest.rows.items() if name not in without}
        for name in rows:
            copy = path.with_name("copy")
            rows_then = pq.read_table(archive.open(f"registry/{name}.parquet"))
            newer = [column for column in rows_then.column_names if column in NEWER_COLUMNS]
            pq.write_table(rows_then.drop_columns(newer), copy)
            with copy.open("rb") as file:
                writer.add(f"registry/{name}.parquet", file)
        writer.finish("everything", revision, rows)
    return older


@pytest.mark.parametrize(("source", "target"), [("sqlite", "sqlite"), ("postgres", "postgres")])
def test_erased_members_stay_out_when_the_backup_is_older_than_their_erasure(
    place: Place, source: str, target: str
) -> None:
    old, new = place(source), place(target)
    upgrade(old.registry_url)
    fill(old.registry_url, worked_example())
    backup = back_up(old)  # no tombstone, not even a key
    erase_members(old, [MEMBER, "nobody"], silent)
    after = rows_of(old)
    restored = restore_backup(new, backup, silent, back_up(old, "tombstones.tar", tombstones_only=True))
    # The revision is the backup's; everything else as in the registry that the member was erased from.
    assert {**rows_of(new), "registry_revision": []} == {**after, "registry_revision": []}
    assert restored.left_out == 1
    assert new.tombstone_key_path.read_bytes() == old.tombstone_key_path.read_bytes()
    registry = Registry(new.registry_url, new.data_dir.parent)
    registry.settings = new
    assert registry.problems("members", f"ref,joined_on\n{MEMBER},2010-01-01") == [(2, "ref", "erased_ref")]


def test_no_byte_of_an_erased_member_is_restored_when_its_backup_holds_them(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    registry = Registry(old.registry_url, old.data_dir.parent)
    registry.load({"members": "ref,joined_on\nref-that-is-nowhere-else,2010-01-01\nm1,2010-01-01"})
    backup = back_up(old)
    erase_members(old, ["ref-that-is-nowhere-else"], silent)
    restore_backup(new, backup, silent, back_up(old, "later.tar"))
    files = [path for path in new.data_dir.rglob("*") if path.is_file()]
    assert len(files) > 1
    assert [path.name for path in files if b"ref-that-is-nowhere-else" in path.read_bytes()] == []
    assert rows_of(new)["member"][0][0] == "m1"


def test_tombstones_of_both_hold_when_a_later_backup_is_given(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    fill(old.registry_url, worked_example())
    erase_members(old, ["a1"], silent)
    backup = back_up(old)
    erase_members(old, ["a2"], silent)
    restored = restore_backup(new, backup, silent, back_up(old, "later.tar", tombstones_only=True))
    assert restored.left_out == 1
    assert [row[0] for row in rows_of(new)["member"]] == ["a3", "a4", "b1"]
    assert rows_of(new)["tombstone"] == rows_of(old)["tombstone"]


def test_restoration_is_refused_when_the_tombstones_are_of_another_registry(place: Place) -> None:
    one, other, new = place("sqlite"), place("sqlite"), place("sqlite")
    for settings in (one, other):
        upgrade(settings.registry_url)
        erase_members(settings, ["a1"], silent)
    with pytest.raises(BackupDamaged, match="another registry"):
        restore_backup(new, back_up(one), silent, back_up(other, "other.tar", tombstones_only=True))
    assert not new.data_dir.exists()


def test_restoration_is_refused_when_the_tombstones_have_lost_their_key(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    erase_members(old, ["a1"], silent)
    old.tombstone_key_path.unlink()
    with pytest.raises(TombstoneKeyMissing):
        restore_backup(new, back_up(old), silent)
    assert not new.data_dir.exists()


def test_tombstones_alone_are_no_backup_when_restored(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    with pytest.raises(BackupDamaged, match="only tombstones"):
        restore_backup(new, back_up(old, tombstones_only=True), silent)


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_touched_when_the_registry_is_not_empty(place: Place, engine: str) -> None:
    old, new = place(engine), place(engine)
    lived_in(old)
    backup = back_up(old)
    upgrade(new.registry_url)
    fill_small(new.registry_url)
    before = rows_of(new)
    if not is_sqlite(new.registry_url):
        assert not new.data_dir.exists()
    with pytest.raises(NotEmpty):
        restore_backup(new, backup, silent)
    assert rows_of(new) == before
    assert not new.tombstone_key_path.exists()


def test_empty_schema_is_no_obstacle_when_it_has_no_rows(place: Place) -> None:
    old, new = place("postgres"), place("postgres")
    upgrade(old.registry_url)
    fill_small(old.registry_url)
    upgrade(new.registry_url)
    restore_backup(new, back_up(old), silent)
    assert rows_of(new) == rows_of(old)


@pytest.mark.parametrize("name", ["registry.sqlite", "snapshots", "anything", RESTORING])
def test_nothing_is_touched_when_the_data_folder_is_not_empty(place: Place, name: str) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    new.data_dir.mkdir()
    (new.data_dir / "lost+found").mkdir()
    (new.data_dir / name).write_bytes(b"there")
    with pytest.raises(NotEmpty, match=name):
        restore_backup(new, back_up(old), silent)
    assert sorted(path.name for path in new.data_dir.iterdir()) == sorted(["lost+found", name])


def test_nothing_is_touched_when_the_rounding_key_is_another(place: Place, tmp_path: Path) -> None:
    old, new = place("sqlite"), place("sqlite")
    lived_in(old)
    backup = back_up(old)
    key = tmp_path / "secret"
    new = new.model_copy(update={"rounding_key_file": key})
    key.write_text("ab" * 32)
    with pytest.raises(NotEmpty, match="not the backup's rounding key"):
        restore_backup(new, backup, silent)
    key.write_bytes(old.rounding_key_path.read_bytes())
    restore_backup(new, backup, silent)
    assert not (new.data_dir / "rounding-key").exists()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("broken", ["table member", "files", "table tombstone"])
def test_place_is_empty_again_when_a_restoration_breaks_off(place: Place, engine: str, broken: str) -> None:
    old, new = place(engine), place(engine)
    lived_in(old)
    backup = back_up(old)

    def failing(phase: str, _done: int, _total: int | None) -> None:
        if phase == broken:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_backup(new, backup, failing)
    assert not new.data_dir.exists() or list(new.data_dir.iterdir()) == []
    restore_backup(new, backup, silent)
    assert rows_of(new) == rows_of(old)


def damaged(backup: Path, change: Callable[[bytearray], object]) -> Path:
    content = bytearray(backup.read_bytes())
    change(content)
    path = backup.with_name("damaged.tar")
    path.write_bytes(content)
    return path


def test_every_flipped_bit_is_found_when_files_are_verified(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    lived_in(old)
    backup = back_up(old)
    with tarfile.open(backup) as tar:
        members = {member.name: member for member in tar.getmembers()}
    for name, member in members.items():
        for at in {0, member.size // 2, member.size - 1}:

            def flip(content: bytearray, at: int = member.offset_data + at) -> None:
                content[at] ^= 1

            with pytest.raises(BackupDamaged, match=name if name != "manifest.json" else "manifest"):
                restore_backup(new, damaged(backup, flip), silent)
    assert not new.data_dir.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.clear(),
        lambda content: content.__delitem__(slice(len(content) // 2, None)),
        lambda content: content.__setitem__(slice(0, 512), b"\x01" * 512),
        lambda content: content.__setitem__(slice(0, None), b"no tar at all"),
    ],
)
def test_file_is_refused_when_it_is_cut_or_no_backup(place: Place, change: Callable[[bytearray], object]) -> None:
    old, new = place("sqlite"), place("sqlite")
    lived_in(old)
    with pytest.raises(BackupDamaged):
        restore_backup(new, damaged(back_up(old), change), silent)
    assert not new.data_dir.exists()


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "registry/../x.parquet", "snapshots/exact/../x.json"])
def test_file_is_refused_when_a_name_leads_elsewhere(place: Place, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    backup = back_up(old)
    with opened_archive(backup) as archive:
        info = next(iter(archive.manifest.files.values()))
    wrong = _with_manifest(backup, lambda manifest: manifest.files.__setitem__(name, info))
    with pytest.raises(BackupDamaged, match="not a file of a backup"):
        restore_backup(new, wrong, silent)


def _with_manifest(backup: Path, change: Callable[[BackupManifest], object]) -> Path:
    """Write a backup anew with another manifest, its checksum right."""
    path = backup.with_name("wrong.tar")
    with opened_archive(backup) as archive, tarfile.open(path, "w") as tar:
        change(archive.manifest)
        fields = {name: getattr(archive.manifest, name) for name in BackupManifest.__struct_fields__}
        written = archives._Written(**fields, checksum=archives._checksum(archive.manifest))
        content = msgspec.json.encode(written)
        info = tarfile.TarInfo("manifest.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return path


def test_backup_of_a_newer_version_is_refused_when_restored(place: Place) -> None:
    old, new = place("sqlite"), place("sqlite")
    upgrade(old.registry_url)
    newer = _as_of_revision(back_up(old), "9999", without=set())
    with pytest.raises(BackupDamaged, match="newer schema"):
        restore_backup(new, newer, silent)


def test_backup_is_refused_when_the_schema_is_old_or_the_file_is_there(place: Place) -> None:
    old = place("sqlite")
    upgrade(old.registry_url)
    backup = back_up(old)
    content = backup.read_bytes()
    with pytest.raises(BackupNotWritten, match="already exists"):
        back_up(old)
    assert backup.read_bytes() == content
    downgrade(old.registry_url, "0002")
    with pytest.raises(RegistryOutdated):
        back_up(old, "other.tar")
    assert not backup.with_name("other.tar").exists()


def test_nothing_is_left_of_a_backup_when_the_disk_is_full(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    old = place("sqlite")
    upgrade(old.registry_url)
    there = set(old.data_dir.parent.iterdir())

    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("app.backups.archive.os.fsync", full)
    with pytest.raises(BackupNotWritten, match="No space left on device"):
        back_up(old)
    assert set(old.data_dir.parent.iterdir()) == there


def test_archive_says_what_it_holds_when_opened(place: Place) -> None:
    old = place("sqlite")
    lived_in(old)
    backup = back_up(old)
    with opened_archive(backup) as archive:
        assert archive.manifest.kind == "everything"
        assert archive.names("keys/") == ["keys/rounding-key", "keys/tombstone-key"]
        assert archive.names("audit/") == ["audit/2100-01.jsonl", "audit/2100-02.jsonl"]


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it said."""

    code: int | str | None
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Give a runner of commands on a place."""

    def command(settings: Settings, *words: str) -> Finished:
        monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(settings.data_dir))
        monkeypatch.setattr("sys.argv", ["orgcoverage", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return Finished(stopped.value.code, *capsys.readouterr())

    return command


def test_commands_say_what_they_did_when_they_back_up_and_restore(
    place: Place, run: Callable[..., Finished], tmp_path: Path
) -> None:
    old, new = place("sqlite"), place("sqlite")
    lived_in(old)
    whole, later = str(tmp_path / "whole.tar"), str(tmp_path / "later.tar")
    taken = run(old, "backup", whole)
    assert taken.code == 0
    assert "rows of 16 tables, 4 snapshots" in taken.out
    assert "Backup: table member" in taken.err
    assert run(old, "erase", MEMBER).code == 0
    assert run(old, "backup", "--tombstones-only", later).code == 0
    restored = run(new, "restore", whole, "--tombstones", later)
    assert restored.code == 0
    assert "Left out 1 erased members." in restored.out
    assert "valid again" in restored.out
    assert rows_of(new)["member"] == rows_of(old)["member"]
    audited = "".join(path.read_text() for path in sorted(old.audit_dir.iterdir()))
    assert audited.count("create_backup") == 2
    assert "restore_backup" in "".join(path.read_text() for path in new.audit_dir.iterdir())


def test_commands_say_what_is_wrong_when_they_cannot(
    place: Place, run: Callable[..., Finished], tmp_path: Path
) -> None:
    old = place("sqlite")
    assert run(old, "backup", str(tmp_path / "x.tar")).code == 1  # there is no registry
    lived_in(old)
    whole = str(tmp_path / "whole.tar")
    assert run(old, "backup", str(tmp_path / "nowhere" / "x.tar")).code == 2
    assert run(old, "backup", whole).code == 0
    again = run(old, "backup", whole)
    assert (again.code, "already exists" in again.err) == (1, True)
    full = run(old, "restore", whole)
    assert (full.code, full.err.startswith("Not empty: ")) == (1, True)
    assert run(old, "restore", str(tmp_path / "missing.tar")).code == 2
