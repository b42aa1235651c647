"""Pieces that jobs on other machines make: whoever helps, hangs, dies or does damage, the snapshots are the same."""

import json
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.config import Settings
from app.snapshots.facts import SIZES
from app.snapshots.pieces import Common, Made, Task, make_piece
from app.snapshots.shared_pieces import code_version, shown_at
from app.snapshots.storage import place_of
from tests.documentation.markdown import ROOT
from tests.factories.shard_jobs import PIECES, Builder, Ids, until, write_counties


@pytest.fixture(scope="module")
def extract(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of the extract of eight counties."""
    folder = tmp_path_factory.mktemp("counties")
    shutil.copy(sqlite_template, folder / "registry.sqlite3")
    return write_counties(f"sqlite+aiosqlite:///{folder / 'registry.sqlite3'}", folder)


@pytest.fixture(scope="module")
def whole(extract: str, tmp_path_factory: pytest.TempPathFactory) -> Ids:
    """Give the ids where nothing is shared."""
    return Builder.of(tmp_path_factory.mktemp("whole"), extract, shard_folder="").ids()


@pytest.fixture
def builder(tmp_path: Path, extract: str) -> Builder:
    """Give a service whose pieces are shared in a folder."""
    return Builder.of(tmp_path, extract)


def test_ids_are_the_same_when_nobody_helps(builder: Builder, whole: Ids) -> None:
    shown = list[Path]()
    assert builder.ids(lambda: shown.extend(builder.files)) == whole
    assert sum(path.name.startswith("facts-") for path in shown) == PIECES
    assert builder.files == []


@pytest.mark.parametrize("processes", [1, 2])
def test_ids_are_the_same_when_two_jobs_help(tmp_path: Path, extract: str, whole: Ids, processes: int) -> None:
    builder = Builder.of(tmp_path, extract, build_processes=processes)
    with ExitStack() as stack:
        first = stack.enter_context(builder.job()).await_waiting()
        second = stack.enter_context(builder.job(name="second")).await_waiting()
        second.process.send_signal(signal.SIGSTOP)

        def help_both() -> None:
            first.stop_at_work(builder)
            second.process.send_signal(signal.SIGCONT)
            second.await_made()
            first.process.send_signal(signal.SIGCONT)
            first.await_made()

        assert builder.ids(help_both) == whole
        assert f"Piece 1 of {PIECES} of the snapshot of 2017-06-30 is made." in first.said
        until(lambda: builder.files == [])
    assert (second.data / "snapshots").exists()
    assert {path.name for path in first.data.iterdir()} == {"rounding-key", "snapshots"}


def test_results_of_jobs_are_used_when_they_are_whole(
    builder: Builder, whole: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.snapshots.shared_pieces.make_piece", None)  # of this process, which builds
    with builder.job(BUILD_PROCESSES="2") as job:
        assert builder.ids(lambda: job.await_made(PIECES)) == whole


def test_a_job_says_what_it_does_when_the_terminal_is_chinese(builder: Builder) -> None:
    with builder.job("--once", language="zh_CN.UTF-8") as job:
        assert job.end() == 0
        assert job.said == f"{builder.settings.shard_folder}没有待算的分片。\n"

    def help_once() -> None:
        with builder.job("--once", language="zh_CN.UTF-8") as job:
            assert job.end() == 0
            assert job.said.splitlines() == [
                f"2017-06-30的快照：第{number + 1}片已算好，共{PIECES}片。" for number in range(PIECES)
            ]

    builder.build(help_once)


def test_a_piece_is_made_by_the_build_when_the_job_that_claimed_it_was_killed(builder: Builder, whole: Ids) -> None:
    with builder.job() as job:

        def kill() -> None:
            job.stop_at_work(builder)
            job.process.kill()

        assert builder.ids(kill) == whole
    assert builder.files == []


def test_the_build_ends_when_a_job_hangs_which_then_waits_for_the_next(builder: Builder, whole: Ids) -> None:
    with builder.job() as job:
        assert builder.ids(lambda: job.stop_at_work(builder)) == whole
        before = job.made
        job.process.send_signal(signal.SIGCONT)
        assert builder.ids(lambda: job.await_made(before + 2)) == whole
        until(lambda: builder.files == [])
        assert job.process.poll() is None


def test_nothing_is_left_when_a_build_ends_before_its_job(
    builder: Builder, whole: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Path(builder.settings.shard_folder)

    def end_meanwhile(common: Common, task: Task) -> Made:
        made = make_piece(common, task)
        shutil.rmtree(shared)
        shared.mkdir()
        return made

    def help_too_long() -> None:
        [pieces] = shown_at(builder.settings, set())
        common = pieces.common(builder.settings)
        assert common is not None
        with monkeypatch.context() as replaced:
            replaced.setattr("app.snapshots.shared_pieces.make_piece", end_meanwhile)
            assert pieces.make_for_build((common, builder.folder), 0)
        assert builder.files != []
        pieces.clear_up()
        assert builder.files == []
        assert not pieces.make_for_build((common, builder.folder), 1)
        assert builder.files == []

    assert builder.ids(help_too_long) == whole


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace_by_another(path: Path) -> None:
    number = int(path.stem.rpartition("-")[2])
    path.write_bytes(path.with_name(path.name.replace(f"{number:05}", f"{number + 1:05}")).read_bytes())


@pytest.mark.parametrize("harm", [damage, cut, Path.unlink])
def test_a_result_is_not_used_when_it_is_damaged(
    builder: Builder, whole: Ids, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    made = list[int]()

    def noted(common: Common, task: Task) -> Made:
        made.append(task.number)
        return make_piece(common, task)

    monkeypatch.setattr("app.snapshots.shared_pieces.make_piece", noted)

    def help_badly() -> None:
        with builder.job("--once") as job:
            assert job.end() == 0
        chosen = [path for path in builder.files if path.stem in {"table-00003", "counts-00005", "result-00007"}]
        assert len(chosen) == 3
        for path in chosen:
            harm(path)

    assert builder.ids(help_badly) == whole
    assert made == [3, 5, 7]


def test_a_result_is_not_used_when_it_is_of_another_piece(builder: Builder, whole: Ids) -> None:
    def swap() -> None:
        with builder.job("--once") as job:
            assert job.end() == 0
        for path in builder.files:
            if path.stem in {"table-00003", "counts-00003", "result-00003"}:
                replace_by_another(path)

    assert builder.ids(swap) == whole


OTHER_KEY = bytes(reversed(range(32)))


@pytest.mark.parametrize("key", [None, OTHER_KEY])
def test_a_job_refuses_when_its_rounding_key_is_not_that_of_the_build(
    builder: Builder, whole: Ids, key: bytes | None
) -> None:
    def refuse() -> None:
        with builder.job("--once", key=key) as once, builder.job(name="waiting", key=key) as waiting:
            assert once.end() == 1
            assert "Rounding key missing or different: The build rounds with another key" in once.said
            until(lambda: "Rounding key missing" in waiting.said)
            time.sleep(1.5)  # it would be told again
            assert waiting.said.count("Rounding key missing") == 1
            assert waiting.process.poll() is None
        assert builder.of_kind("claim") == []
        assert (once.data / "rounding-key").exists() is (key is not None)

    assert builder.ids(refuse) == whole


def test_a_job_needs_no_key_when_nothing_is_protected(tmp_path: Path, extract: str, whole: Ids) -> None:
    builder = Builder.of(tmp_path, extract, anonymous="none")
    with builder.job(key=None) as job:
        assert builder.ids(lambda: job.await_made(PIECES)) == (whole[0], None)


def test_a_job_refuses_when_the_build_is_of_another_version(builder: Builder, whole: Ids, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "app", other / "app", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "app" / "snapshots" / "sums.py").open("a") as file:
        file.write("# changed\n")

    def refuse() -> None:
        with builder.job("--once", code=other) as job:
            assert job.end() == 1
            assert f"Another version: The build is of version {code_version()}, this job of " in job.said
        assert builder.of_kind("claim") == []

    assert builder.ids(refuse) == whole


def test_a_job_refuses_when_what_is_shown_cannot_be_read(builder: Builder) -> None:
    shared = Path(builder.settings.shard_folder)
    shared.mkdir()
    (shared / "build-0123456789abcdef.json").write_bytes(b"\xff{")
    (shared / "notes.json").write_text("{}")
    with builder.job("--once") as job:
        assert job.end() == 1
        assert "Another version: The build is of version ?" in job.said


def build_and_die(builder: Builder) -> None:
    builder.build(lambda: os._exit(9))


def test_what_a_killed_build_left_goes_with_the_next_one(builder: Builder, whole: Ids) -> None:
    process = get_context("spawn").Process(target=build_and_die, args=(builder,))
    process.start()
    process.join()
    assert process.exitcode == 9
    left = builder.files
    assert len(builder.of_kind("facts")) == PIECES
    with builder.job("--once") as job:
        assert job.end() == 0
    assert len(builder.of_kind("result")) == PIECES

    def gone() -> None:
        assert set(builder.files) & set(left) == {path for path in left if path.name.startswith("build-")}
        assert builder.of_kind("result") == []

    assert builder.ids(gone) == whole
    assert builder.files == []
    process = get_context("spawn").Process(target=build_and_die, args=(builder,))
    process.start()
    process.join()
    builder.build(sizes=SIZES)  # one piece, which is not shared
    assert builder.files == []


def test_two_services_do_not_disturb_each_other_when_they_share_an_address(
    builder: Builder, whole: Ids, tmp_path: Path, extract: str
) -> None:
    other = Builder.of(tmp_path / "other", extract, shard_folder=builder.settings.shard_folder, anonymous="none")

    def build_the_other() -> None:
        own = builder.files
        with other.job() as job:
            assert other.ids(lambda: job.await_made(PIECES + 1)) == (whole[0], None)
        assert set(own) <= set(builder.files)
        place = (builder.settings.snapshots_dir / ".place").read_text()
        assert [path for path in builder.files if place not in str(path)] == []

    assert builder.ids(build_the_other) == whole
    assert builder.files == []


def test_nothing_is_run_when_what_is_shown_is_read(builder: Builder) -> None:
    endings = set[str]()

    def look(path: Path) -> None:
        endings.add(path.suffix)
        match path.suffix:
            case ".json":
                assert isinstance(json.loads(path.read_bytes()), dict)
            case ".parquet":
                assert pq.read_table(path).num_columns
            case ".arrow":
                assert pa.ipc.open_file(path).read_all().num_rows
            case ".npz":
                assert zipfile.is_zipfile(path)
                with np.load(path, allow_pickle=False) as file:
                    assert all(file[name].dtype.kind in "iufU" for name in file.files)
            case _:
                raise AssertionError(path)

    def look_at_all() -> None:
        with builder.job("--once") as job:
            assert job.end() == 0
        for path in builder.files:
            look(path)
            if path.stem.partition("-")[0] in {"claim", "table", "counts", "result"}:
                assert path.stat().st_mode & 0o077 == 0

    builder.build(look_at_all)
    assert endings == {".json", ".parquet", ".arrow", ".npz"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_job_ends_at_once_when_it_is_told_to(builder: Builder, whole: Ids, number: int, code: int) -> None:
    def end() -> None:
        with builder.job(BUILD_PROCESSES="2") as job:
            until(lambda: builder.of_kind("claim") != [])
            job.process.send_signal(number)
            assert job.end() == code
            assert "Traceback" not in job.said

    assert builder.ids(end) == whole


def test_a_snapshot_is_built_when_its_pieces_cannot_be_shared(tmp_path: Path, extract: str, whole: Ids) -> None:
    (tmp_path / "file").touch()
    builder = Builder.of(tmp_path, extract, shard_folder=str(tmp_path / "file" / "shared"))
    assert builder.ids() == whole
    with builder.job("--once") as job:
        assert job.end() == 1
        assert "Object store unavailable: The store" in job.said
        assert "cannot be used: Not a directory." in job.said


def test_a_snapshot_is_built_when_what_is_shown_is_taken_away(builder: Builder, whole: Ids) -> None:
    def take_away() -> None:
        shutil.rmtree(builder.settings.shard_folder)
        Path(builder.settings.shard_folder).touch()

    assert builder.ids(take_away) == whole


def test_a_job_needs_an_address(builder: Builder) -> None:
    with builder.job(SHARD_FOLDER="") as job:
        assert job.end() == 2
        assert "ORGCOVERAGE_SHARD_FOLDER: no folder is set" in job.said


def test_two_services_have_two_places_when_the_note_of_one_was_cut_off(tmp_path: Path) -> None:
    made = [Settings(_env_file=None, data_dir=tmp_path / name) for name in ("one", "other")]
    for settings in made:
        settings.snapshots_dir.mkdir(parents=True)
        (settings.snapshots_dir / ".place").touch()
    places = [place_of(settings) for settings in made]
    assert len(set(places)) == 2
    assert [place_of(settings) for settings in made] == places
