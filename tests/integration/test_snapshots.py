"""Snapshots as files: built again, read by anybody, whole or not served, kept until pruned."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pytest
from starlette.testclient import TestClient

from app.config import Settings
from app.main import create_app
from app.snapshots.folders import clean_up_builds
from app.snapshots.pruning import prune_snapshots
from app.snapshots.sums import SumTooLarge
from app.store.shelf import Shelf
from tests.factories.loading import fill
from tests.factories.snapshot_files import AS_OF, EARLIER, TABLES, build, folder_of, manifest_of, tables_of
from tests.factories.tiny import tiny_registry
from tests.reference.registry import Registry


def left(bench: "Workbench") -> list[Path]:
    """What is beside the snapshots, but for the lock by which builds take turns."""
    return [
        path
        for path in bench.settings.snapshots_dir.iterdir()
        if path.name not in ("exact", ".build.lock", ".release.lock")
    ]


def small(headcount: int = 10) -> Registry:
    """A registry of one firm; another headcount makes another snapshot."""
    return tiny_registry(
        enterprises="code, district_code, industry_code\nA, wucun, 64",
        returns=f"enterprise_code, reported_on, headcount, members\nA, 2017-03-31, {headcount}, 2",
        branches="code\nB",
        coverage="enterprise_code, branch_code, means\nA, B, standalone",
    )


class Workbench:
    """A registry of one firm on SQLite, and the service on its snapshots."""

    def __init__(self, url: str, folder: Path) -> None:
        self.settings = Settings(database_url=url, data_dir=folder)

    def build(self, headcount: int = 10, as_of: date = AS_OF) -> Path:
        """Build from a registry with this headcount."""
        fill(self.settings.database_url, small(headcount))
        return build(self.settings, as_of)

    @property
    def newest(self) -> str:
        """The newest whole snapshot, as a process that has just started sees it."""
        return self.shelf.newest().manifest.id

    @property
    def shelf(self) -> Shelf:
        """What a process that has just started sees."""
        return Shelf(self.settings.snapshots_dir / "exact")

    @contextmanager
    def served(self) -> Iterator[TestClient]:
        """Run the service."""
        with TestClient(create_app(self.settings)) as client:
            yield client


@pytest.fixture
def bench(migrated_sqlite_url: str, tmp_path: Path) -> Workbench:
    return Workbench(migrated_sqlite_url, tmp_path / "data")


@dataclass(frozen=True)
class Shelved:
    """Ids of snapshots in the order in which they were built, and a desk that holds them."""

    march: list[str]
    june: list[str]
    bench: Workbench

    def folder(self, snapshot: str) -> Path:
        return folder_of(self.bench.settings, snapshot)


@pytest.fixture(scope="module")
def shelved_once(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelved:
    """Give two snapshots of March and three of June, with headcounts of 10, 20 and 30; only to be copied."""
    folder = tmp_path_factory.mktemp("shelved")
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    bench = Workbench(f"sqlite+aiosqlite:///{folder / 'registry.sqlite'}", folder)
    march = [bench.build(headcount, EARLIER).name for headcount in (10, 20)]
    return Shelved(march, [bench.build(headcount).name for headcount in (10, 20, 30)], bench)


@pytest.fixture
def shelved(shelved_once: Shelved, bench: Workbench) -> Shelved:
    """Give a desk with these snapshots of the test's own."""
    shutil.copytree(shelved_once.bench.settings.snapshots_dir, bench.settings.snapshots_dir)
    return Shelved(shelved_once.march, shelved_once.june, bench)


def test_nothing_changes_when_the_newest_is_built_again(bench: Workbench) -> None:
    folder = bench.build()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.parent.rglob("*") if path.is_file()}
    assert bench.build() == folder
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.parent.rglob("*") if path.is_file()}
    assert after == before
    assert not left(bench)


def test_only_the_time_is_renewed_when_a_mistake_is_undone(bench: Workbench) -> None:
    right = bench.build(10)
    first, tables = manifest_of(right), tables_of(right)
    shelf = bench.shelf
    assert shelf.newest().manifest.id == right.name
    wrong = bench.build(99)
    assert shelf.newest().manifest.id == wrong.name
    assert bench.build(10) == right
    assert shelf.newest().manifest.id == bench.newest == right.name
    renewed = manifest_of(right)
    assert renewed["built_at"] > manifest_of(wrong)["built_at"] > first["built_at"]
    assert tables_of(right) == tables
    unchanged = set(renewed) - {"built_at", "checksum"}
    assert {key: renewed[key] for key in unchanged} == {key: first[key] for key in unchanged}
    assert len(list(right.parent.iterdir())) == 2


def test_the_id_changes_when_a_setting_does_and_no_table(bench: Workbench) -> None:
    folder = bench.build()
    other = build(bench.settings.model_copy(update={"return_window_months": 17}))
    assert other.name != folder.name
    assert tables_of(other) == tables_of(folder)
    assert manifest_of(other)["settings"]["return_window_months"] == 17
    assert other.name.startswith("20170630-")
    assert len(other.name) == len("20170630-") + 16


def test_the_manifest_tells_rows_and_checksums_when_read_without_the_service(bench: Workbench) -> None:
    folder = bench.build()
    manifest = manifest_of(folder)
    assert set(manifest["tables"]) == set(TABLES)
    for name, content in tables_of(folder).items():
        assert manifest["tables"][name]["sha256"] == hashlib.sha256(content).hexdigest()
        with pa.ipc.open_file(content) as reader:
            assert manifest["tables"][name]["rows"] == reader.read_all().num_rows
    assert (manifest["as_of"], manifest["format_version"], manifest["id"]) == ("2017-06-30", 2, folder.name)
    assert (manifest["member_source"], manifest["settings"]["member_source"]) == ("returns", "auto")


def test_any_arrow_reader_opens_the_tables_when_mapped(bench: Workbench) -> None:
    folder = bench.build()
    for name in TABLES:
        with pa.memory_map(str(folder / f"{name}.arrow")) as file, pa.ipc.open_file(file) as reader:
            assert reader.num_record_batches == 1
            table = reader.read_all()
            table.validate(full=True)
            assert table.schema.metadata is None  # nothing of a library's own
        assert pyarrow.feather.read_table(folder / f"{name}.arrow").equals(table)
    (firm,) = pyarrow.feather.read_table(folder / "enterprises.arrow").to_pylist()
    assert (firm["code"], firm["kind"], firm["headcount"], firm["members"]) == ("A", "enterprise", 10, 2)
    assert (firm["members_women"], firm["reported_on"], firm["organised"]) == (None, EARLIER, 1)
    districts = pyarrow.feather.read_table(folder / "districts.arrow").to_pylist()
    assert districts[firm["district"]]["code"] == "wucun"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


DAMAGES: dict[str, Callable[[Path], None]] = {"bit flipped": flip, "cut": cut, "gone": Path.unlink}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["totals.arrow", "manifest.json"])
def test_the_newest_whole_one_answers_when_a_file_is_damaged(shelved: Shelved, file: str, damage: str) -> None:
    old, new = shelved.june[1:]
    DAMAGES[damage](shelved.folder(new) / file)
    with shelved.bench.served() as client:
        for params in ({}, {"as_of": "2017-06-30"}, {"as_of": "2017-07-31"}):
            answer = client.get("/v1/statistics/districts/siming", params=params)
            assert (answer.status_code, answer.json()["meta"]["snapshot"]) == (200, old)
            assert answer.json()["data"]["counts"]["headcount"] == 20
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["snapshot"]) == (200, old)
        assert [one["snapshot"] for one in ready.json()["damaged"]] == [new]
        assert file in ready.json()["damaged"][0]["reason"]
        assert client.get("/v1/statistics/districts", params={"snapshot": new}).status_code == 404
        assert client.get("/v1/statistics/districts", params={"snapshot": shelved.march[0]}).status_code == 200
        assert new not in client.get("/v1/snapshots").text


def test_no_bit_of_a_manifest_is_believed_when_flipped(shelved: Shelved) -> None:
    path = shelved.folder(shelved.june[2]) / "manifest.json"
    written, told = path.read_bytes(), shelved.bench.shelf.all()
    draws = random.Random(7)
    for place in draws.sample(range(len(written)), 100):
        content = bytearray(written)
        content[place] ^= 1 << draws.randrange(8)
        path.write_bytes(content)
        assert all(manifest in told for manifest in shelved.bench.shelf.all())  # of white space, nothing is said
    flip(path)
    assert shelved.bench.shelf.all() == told[1:]


def test_the_service_is_not_ready_when_nothing_is_whole(shelved: Shelved) -> None:
    everything = {*shelved.march, *shelved.june}
    for snapshot in everything:
        cut(shelved.folder(snapshot) / "enterprises.arrow")
    with shelved.bench.served() as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        told = [error["message"] for error in answer.json()["errors"]]
        assert len(told) == len(everything)
        assert all(any(snapshot in message for message in told) for snapshot in everything)
        assert client.get("/v1/statistics/districts").status_code == 404


@pytest.mark.parametrize(
    ("file", "damage"),
    [("enterprises.arrow", "bit flipped"), ("enterprises.arrow", "gone"), ("manifest.json", "cut")],
)
def test_a_damaged_snapshot_is_whole_again_when_built_anew(shelved: Shelved, file: str, damage: str) -> None:
    folder = shelved.folder(shelved.june[2])
    tables, shelf = tables_of(folder), shelved.bench.shelf
    DAMAGES[damage](folder / file)
    assert shelf.newest().manifest.id == shelved.june[1]
    assert set(shelf.damaged) == {folder.name}
    assert shelved.bench.build(30) == folder
    assert tables_of(folder) == tables
    assert shelf.newest().manifest.id == shelved.bench.newest == folder.name
    assert shelf.damaged == {}
    assert not left(shelved.bench)


def test_older_builds_of_each_date_go_when_pruned(shelved: Shelved) -> None:
    march, june, bench = shelved.march, shelved.june, shelved.bench
    opened = bench.shelf.get(june[0])
    assert set(prune_snapshots(bench.settings, 2)) == {june[0]}
    assert {manifest.id for manifest in bench.shelf.all()} == {*march, *june[1:]}
    assert set(prune_snapshots(bench.settings, 1)) == {march[0], june[1]}
    assert [manifest.id for manifest in bench.shelf.all()] == [june[2], march[1]]
    assert prune_snapshots(bench.settings, 1) == []
    assert opened.enterprises.texts("code") == ("A",)  # whoever reads it still can
    assert not left(bench)


def test_trees_are_read_once_when_snapshots_have_the_same(shelved: Shelved) -> None:
    shelf = shelved.bench.shelf
    newest, earlier = shelf.newest(), shelf.visit(shelf.all()[-1])
    assert newest.manifest.as_of > earlier.manifest.as_of
    assert earlier.districts is newest.districts
    assert earlier.industries is newest.industries


def test_the_whole_build_stays_when_pruned_and_a_newer_one_is_damaged(shelved: Shelved) -> None:
    oldest, whole, damaged = shelved.june
    cut(shelved.folder(damaged) / "totals.arrow")
    assert set(prune_snapshots(shelved.bench.settings, 1)) == {oldest, shelved.march[0]}
    assert shelved.bench.newest == whole


def test_nothing_is_left_when_a_build_fails(bench: Workbench) -> None:
    fill(bench.settings.database_url, small())
    narrow = bench.settings.model_copy(update={"build_memory": "1MB"})
    with pytest.raises(Exception, match=r"(?i)memory"):
        build(narrow)
    assert list((bench.settings.snapshots_dir / "exact").iterdir()) == []
    assert not left(bench)


def test_nothing_is_shown_and_what_is_left_is_swept_when_a_build_is_killed(bench: Workbench) -> None:
    fill(bench.settings.database_url, small())
    with _build_under_way(bench.settings) as process:
        process.send_signal(signal.SIGSTOP)
        clean_up_builds(bench.settings)
        assert left(bench)  # its folder is held: the build is under way
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert list((bench.settings.snapshots_dir / "exact").iterdir()) == []
    assert left(bench)
    with bench.served() as client:  # cleans up when it starts
        assert client.get("/readyz").status_code == 503
    assert not left(bench)
    assert build(bench.settings).is_dir()


@contextmanager
def _build_under_way(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Start a build as a process of its own, and give it as soon as it has a folder."""
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATABASE_URL": settings.database_url,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir),
    }
    command = [sys.executable, "-m", "app.cli", "snapshot", "build", "--as-of", str(AS_OF)]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
        until = time.monotonic() + 60
        while not any(path.is_dir() for path in settings.snapshots_dir.glob(".building-*")):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.002)
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("firms", "fits"), [(2, True), (3, False)])
def test_a_build_is_refused_when_squares_do_not_fit_64_bits(bench: Workbench, firms: int, fits: bool) -> None:
    rows = "".join(f"\n{code}, 2017-03-31, 2000000000, 87793000" for code in "ABC"[:firms])
    registry = tiny_registry(
        enterprises="code, district_code, industry_code" + "".join(f"\n{code}, wucun, 64" for code in "ABC"[:firms]),
        returns=f"enterprise_code, reported_on, headcount, members{rows}",
    )
    fill(bench.settings.database_url, registry)
    if fits:
        build(bench.settings, AS_OF)
        return
    with pytest.raises(SumTooLarge) as refused:
        build(bench.settings, AS_OF)
    assert "headcount_squared" in str(refused.value)
    assert left(bench) == []
