"""Protected snapshots as files: made beside the exact ones, by one key, with nothing of an exact figure in them."""

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins
from structlog.testing import capture_logs

from app.config import Settings
from app.snapshots.build import build_snapshot
from app.snapshots.folders import clean_up_builds
from app.snapshots.pruning import prune_snapshots
from app.snapshots.rounding import RoundingKeyRefused, fingerprint
from app.store.manifest import UNDISCLOSED, Manifest
from app.store.shelf import Shelf
from tests.factories.demonstration import siming
from tests.factories.loading import fill
from tests.factories.rounded import KEY, NODES, Protected, protect, public_settings, write_key
from tests.factories.snapshot_files import AS_OF, EARLIER, manifest_of, tables_of
from tests.factories.tiny import tiny_registry
from tests.reference.registry import Registry

TABLES = {"districts", "industries", "industry_groups", "places", "totals", "cells", "targets"}


def small(members: int = 5, name: str = "示例") -> Registry:
    """A registry of one firm; another name makes another exact snapshot, six members more another protected one."""
    return tiny_registry(
        enterprises=f"code, name, district_code, industry_code\nA, {name}, wucun, 64",
        returns=f"enterprise_code, reported_on, headcount, members\nA, 2017-03-31, 40, {members}",
    )


class Workbench:
    """A registry on SQLite and what is built from it, both kinds of snapshots."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def build(self, members: int = 5, name: str = "示例", as_of: date = AS_OF, **settings: Any) -> Manifest:
        """Build from a registry of one firm; return the exact manifest."""
        fill(self.settings.database_url, small(members, name))
        return build_snapshot(self.settings.model_copy(update=settings), as_of, lambda *_: None)

    def ids(self, root: str) -> list[str]:
        """The snapshots of a root, the newest first, as a process that has just started sees them."""
        return [manifest.id for manifest in Shelf(self.settings.snapshots_dir / root).all()]

    def folder(self, root: str, snapshot: str | None) -> Path:
        assert snapshot is not None
        return self.settings.snapshots_dir / root / snapshot

    @property
    def files(self) -> dict[Path, tuple[bytes, int]]:
        """Everything that is published, with the times of its files."""
        folders = [self.settings.snapshots_dir / root for root in ("exact", "public")]
        found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    @property
    def left(self) -> set[str]:
        """What is beside the snapshots."""
        return {path.name for path in self.settings.snapshots_dir.iterdir()} - {
            "exact",
            "public",
            ".build.lock",
            ".release.lock",
        }


@pytest.fixture
def bench(migrated_sqlite_url: str, tmp_path: Path) -> Workbench:
    return Workbench(public_settings(migrated_sqlite_url, tmp_path / "data"))


def test_the_exact_manifest_names_the_protected_snapshot_when_both_are_built(bench: Workbench) -> None:
    exact = bench.build()
    assert (bench.ids("exact"), bench.ids("public")) == ([exact.id], [exact.public_id])
    assert exact.id != exact.public_id
    public = bench.folder("public", exact.public_id)
    assert set(tables_of(public)) == TABLES
    assert manifest_of(bench.folder("exact", exact.id))["public_id"] == exact.public_id
    assert not bench.left


def test_a_protected_manifest_says_how_figures_are_protected_and_nothing_exact(bench: Workbench) -> None:
    exact = bench.build()
    folder = bench.folder("public", exact.public_id)
    manifest = manifest_of(folder)
    assert manifest["disclosure"] == {"policy": "rounded-enterprises", "version": 1, "b": 5, "hmin": 30}
    assert manifest["rounding_key"] == fingerprint(KEY)
    assert KEY.hex() not in (folder / "manifest.json").read_text()
    assert manifest["intra_enterprise_correlation"] == to_builtins(UNDISCLOSED)
    assert (manifest["correlation_source"], manifest["public_id"]) == ("fixed", None)
    assert (manifest["member_source"], manifest["settings"]["member_source"]) == ("returns", "returns")
    can = manifest["capabilities"]
    persons = {"members", "headcount", "members_matched", "headcount_matched"}
    assert set(can.pop("measures")) == persons | {"enterprises", "enterprises_organised", "enterprises_standalone"}
    assert can == {
        "metrics": ["member_ratio", "organisation_coverage", "standalone_rate"],
        "bases": ["operating"],
        "district_levels": ["province", "city", "county", "street"],
        "industry_levels": ["section", "division"],
        "filters": [],
        "subjects": ["districts", "industries", "industry-groups"],
        "analyses": ["breakdown", "low-membership", "trends", "changes", "targets"],
    }
    kept = manifest_of(bench.folder("exact", exact.id))
    assert not {info["sha256"] for info in kept["tables"].values()} & {
        info["sha256"] for name, info in manifest["tables"].items() if name in ("places", "totals", "cells")
    }
    assert (kept["disclosure"]["policy"], kept["rounding_key"]) == ("none", None)


@pytest.mark.parametrize("anonymous", ["exact", "none"])
def test_nothing_protected_is_written_when_it_is_not_for_everybody(
    migrated_sqlite_url: str, tmp_path: Path, anonymous: str
) -> None:
    bench = Workbench(public_settings(migrated_sqlite_url, tmp_path, None, anonymous=anonymous))
    assert bench.build().public_id is None
    assert not (bench.settings.snapshots_dir / "public").exists()
    assert not bench.settings.rounding_key_path.exists()


def test_nothing_changes_when_both_are_built_again(bench: Workbench) -> None:
    first = bench.build()
    before = bench.files
    assert bench.build() == first
    assert bench.files == before


def test_the_protected_snapshot_stays_as_it_is_when_only_exact_figures_change(bench: Workbench) -> None:
    first = bench.build(name="甲")
    before = {path: file for path, file in bench.files.items() if "public" in path.parts}
    second = bench.build(name="乙")
    assert second.id != first.id
    assert second.public_id == first.public_id
    assert {path: file for path, file in bench.files.items() if "public" in path.parts} == before


def test_both_are_the_newest_again_when_a_mistake_is_undone(bench: Workbench) -> None:
    right = bench.build(5)
    wrong = bench.build(11)
    assert (bench.ids("exact")[0], bench.ids("public")[0]) == (wrong.id, wrong.public_id)
    undone = bench.build(5)
    assert (undone.id, undone.public_id) == (right.id, right.public_id)
    assert (bench.ids("exact")[0], bench.ids("public")[0]) == (right.id, right.public_id)
    assert len(bench.ids("public")) == 2


def test_an_exact_snapshot_comes_to_name_a_protected_one_when_it_was_built_without(bench: Workbench) -> None:
    without = bench.build(anonymous="exact")
    tables = tables_of(bench.folder("exact", without.id))
    named = bench.build()
    assert named.id == without.id
    assert named.built_at > without.built_at
    assert bench.ids("public") == [named.public_id]
    assert tables_of(bench.folder("exact", named.id)) == tables
    assert bench.build(anonymous="exact") == named  # it was made of the same facts
    assert not bench.left


@pytest.mark.postgres
def test_both_engines_give_the_same_protected_bytes_when_they_hold_the_demonstration(
    migrated_sqlite_url: str, migrated_postgres_url: str, tmp_path: Path
) -> None:
    registry = siming(tmp_path / "files")
    built = []
    for url, name in ((migrated_sqlite_url, "sqlite"), (migrated_postgres_url, "postgres")):
        draws = random.Random(name)
        fill(
            url, registry | {rows: draws.sample(registry[rows], len(registry[rows])) for rows in ("returns", "members")}
        )
        built.append(protect(public_settings(url, tmp_path / name)))
    assert built[0].folder.name == built[1].folder.name
    assert built[0].tables == built[1].tables
    volatile = ("built_at", "checksum")
    one, other = ({k: v for k, v in each.manifest.items() if k not in volatile} for each in built)
    assert one == other
    assert sum(firms for firms, *_ in built[0].persons().values()) > 100


def add_up(snapshot: Protected) -> dict[tuple[str, int | None, int | None], dict[str, int]]:
    """Carry each place up its paths, one by one: what totals and cells must hold, by dimension and nodes."""
    trees = {name: [row["parent"] for row in snapshot.rows(table)] for name, table in zip(NODES, TREES, strict=True)}
    codes = [row["code"] for row in snapshot.rows("industries")]
    groups = [{codes.index(code) for code in row["industries"]} for row in snapshot.rows("industry_groups")]
    sums: dict[tuple[str, int | None, int | None], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in snapshot.rows("places"):
        up = {name: path_up(trees[name], row.pop(name)) for name in NODES}
        keys: list[tuple[str, int | None, int | None]] = [("all", None, None)]
        keys += [("district", node, None) for node in up["district"]]
        keys += [("industry", None, node) for node in up["industry"]]
        keys += [("industry_group", number, None) for number, one in enumerate(groups) if one & set(up["industry"])]
        keys += [("cell", district, industry) for district in up["district"] for industry in up["industry"]]
        for key in keys:
            for measure, value in row.items():
                sums[key][measure] += value
    return sums


TREES = ("districts", "industries")


def path_up(parents: list[int | None], node: int | None) -> list[int]:
    """A node and those above it."""
    return [] if node is None else [node, *path_up(parents, parents[node])]


@pytest.fixture
def crowd(migrated_sqlite_url: str, tmp_path: Path) -> Protected:
    """Give a protected snapshot of 6,000 firms, two districts of which hold more than 4,096."""
    places, trades = ("wucun", "siming", "jialian", "yunding", "jiangtou", ""), ("641", "64", "65", "86", "I", "", "R")
    firms = [(f"f{number}", places[number % 6], trades[number % 7]) for number in range(6000)]
    fill(
        migrated_sqlite_url,
        tiny_registry(
            enterprises="code, district_code, industry_code\n" + "\n".join(", ".join(firm) for firm in firms),
            returns="enterprise_code, reported_on, operating, headcount, members\n"
            + "\n".join(
                f"f{number}, 2017-06-30, {'false' if number % 50 == 7 else ''}, {number % 97}, {number % 5}"
                for number in range(6000)
            ),
            industry_groups="group_code, name_zh, industry_code\ng, 组, I\ng, 组, 64\nh, 组, 86\nnone, 空,",
            branches="code\nbranch",
            coverage="enterprise_code, branch_code, means\n"
            + "\n".join(
                f"f{number}, branch, {'standalone' if number % 2 else 'joint'}" for number in range(0, 6000, 7)
            ),
        ),
    )
    return protect(public_settings(migrated_sqlite_url, tmp_path / "data"))


def test_totals_and_cells_are_what_places_add_up_to_when_protected(crowd: Protected) -> None:
    expected = add_up(crowd)
    measures = [name for name in crowd.rows("places")[0] if name not in NODES]
    nothing = dict.fromkeys(measures, 0)
    for row in crowd.rows("totals"):
        dimension, node = row["dimension"], row["node"]
        key = {"all": (None, None), "industry": (None, node)}.get(dimension, (node, None))
        assert {name: row[name] for name in measures} == expected.get((dimension, *key), nothing)
        assert row["basis"] == "operating"
    cells = crowd.rows("cells")
    districts = [row["code"] for row in crowd.rows("districts")]
    assert [districts[node] for node in sorted({row["district"] for row in cells})] == ["fujian", "xiamen"]
    assert len(cells) == 2 * len(crowd.rows("industries"))
    for row in cells:
        assert {name: row[name] for name in measures} == expected.get(
            ("cell", row["district"], row["industry"]), nothing
        )
    everything = expected["all", None, None]
    assert everything["enterprises"] == 6000 - 6000 / 50
    assert everything["enterprises"] > everything["enterprises_shown"] > 4000
    assert everything["members"] == everything["members_matched"]
    assert everything["headcount"] == everything["headcount_matched"]


@pytest.mark.parametrize("public", [4096, 4097])
def test_a_district_has_cells_when_public_figures_alone_say_that_it_is_large(
    migrated_sqlite_url: str, tmp_path: Path, public: int
) -> None:
    firms = range(4097)  # all of them registered, which the public is not told
    fill(
        migrated_sqlite_url,
        tiny_registry(
            enterprises="code, district_code, industry_code\n" + "\n".join(f"f{number}, wucun, 64" for number in firms),
            returns="enterprise_code, reported_on\n" + "\n".join(f"f{number}, 2017-06-30" for number in firms[:public]),
        ),
    )
    snapshot = protect(public_settings(migrated_sqlite_url, tmp_path))
    lineage = 4  # province, city, county, street
    assert len(snapshot.rows("cells")) == (lineage * len(snapshot.rows("industries")) if public > 4096 else 0)


def test_a_key_is_made_once_when_there_is_none(migrated_sqlite_url: str, tmp_path: Path) -> None:
    bench = Workbench(public_settings(migrated_sqlite_url, tmp_path / "data", None))
    first = bench.build()
    path = bench.settings.rounding_key_path
    key = bytes.fromhex(path.read_text())
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert manifest_of(bench.folder("public", first.public_id))["rounding_key"] == fingerprint(key)
    bench.build(11)
    assert bytes.fromhex(path.read_text()) == key
    other = Workbench(public_settings(migrated_sqlite_url, tmp_path / "other", None))
    other.build()
    assert bytes.fromhex(other.settings.rounding_key_path.read_text()) != key
    assert [one.name for one in path.parent.iterdir() if one.name.startswith((".", "rounding"))] == ["rounding-key"]


def test_the_key_lies_where_the_setting_says_when_it_is_made(migrated_sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    bench = Workbench(public_settings(migrated_sqlite_url, tmp_path / "data", None, rounding_key_file=path))
    bench.build()
    assert len(bytes.fromhex(path.read_text())) == 32
    assert not (tmp_path / "data" / "rounding-key").exists()


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "different":
        write_key(path, bytes(32))
    elif how == "cut":
        path.write_text(path.read_text()[:-3])
    elif how == "no text":
        path.write_bytes(bytes([200] * 64))
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["missing", "different", "cut", "no text", "folder"])
def test_nothing_is_built_when_the_key_is_not_that_of_what_is_published(bench: Workbench, how: str) -> None:
    bench.build()
    before, path = bench.files, bench.settings.rounding_key_path
    spoil(path, how)
    with pytest.raises(RoundingKeyRefused, match="restore the file of ORGCOVERAGE_ROUNDING_KEY_FILE"):
        bench.build(11)
    assert bench.files == before
    assert not bench.left
    assert path.exists() == (how != "missing")  # no key is made beside what another has rounded
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    write_key(path, KEY)
    assert bench.build(11).public_id is not None


def test_no_key_is_made_when_what_is_published_cannot_be_read(bench: Workbench) -> None:
    folder = bench.folder("public", bench.build().public_id)
    (folder / "manifest.json").write_text("{}")
    bench.settings.rounding_key_path.unlink()
    with pytest.raises(RoundingKeyRefused):
        bench.build()
    assert not bench.settings.rounding_key_path.exists()


def test_another_key_is_taken_when_nothing_protected_is_published(bench: Workbench) -> None:
    bench.build(anonymous="exact")
    write_key(bench.settings.rounding_key_path, bytes(32))
    exact = bench.build()
    assert manifest_of(bench.folder("public", exact.public_id))["rounding_key"] == fingerprint(bytes(32))


def test_the_command_says_what_to_do_when_the_key_is_missing(bench: Workbench) -> None:
    bench.build()
    bench.settings.rounding_key_path.unlink()
    done = command(bench.settings, "-m", "app.cli", "snapshot", "build", "--as-of", str(AS_OF))
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == (
        "Rounding key missing or different: The key of the existing protected snapshots is missing: restore the file "
        "of ORGCOVERAGE_ROUNDING_KEY_FILE (default: `rounding-key` in the data folder) from a backup."
    )


def test_the_log_warns_when_others_may_read_the_key(bench: Workbench) -> None:
    with capture_logs() as logs:
        bench.build()
    assert logs == []
    bench.settings.rounding_key_path.chmod(0o640)
    with capture_logs() as logs:
        bench.build()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("rounding key readable by others", "warning")]


def test_the_next_build_mends_it_when_one_is_killed_between_public_and_exact(bench: Workbench) -> None:
    first = bench.build(5)
    fill(bench.settings.database_url, small(11))
    assert command(bench.settings, "-c", KILLED_BETWEEN).returncode == -signal.SIGKILL
    assert bench.ids("exact") == [first.id]
    newer, older = bench.ids("public")
    assert older == first.public_id
    assert Shelf(bench.settings.snapshots_dir / "public").newest().manifest.id == newer
    clean_up_builds(bench.settings)
    assert not bench.left
    mended = build_snapshot(bench.settings, AS_OF, lambda *_: None)
    assert mended.public_id == newer
    assert (bench.ids("exact"), bench.ids("public")) == ([mended.id, first.id], [newer, older])


KILLED_BETWEEN = f"""
import os, signal
from datetime import date
from app.config import Settings
from app.snapshots import build

publish = build.publish

def killed(folder, root, manifest):
    if root.name == "exact":
        os.kill(os.getpid(), signal.SIGKILL)
    return publish(folder, root, manifest)

build.publish = killed
build.build_snapshot(Settings(), date({AS_OF.year}, {AS_OF.month}, {AS_OF.day}), lambda *_: None)
"""


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {
        **os.environ,
        "ORGCOVERAGE_DATABASE_URL": settings.database_url,
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir),
        "ORGCOVERAGE_ANONYMOUS": settings.anonymous,
    }
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("file", ["places.arrow", "manifest.json"])
def test_a_damaged_protected_snapshot_is_whole_again_when_built_anew(bench: Workbench, file: str) -> None:
    exact = bench.build()
    folder = bench.folder("public", exact.public_id)
    tables = tables_of(folder)
    (folder / file).write_bytes((folder / file).read_bytes()[:-8])
    assert bench.build().public_id == exact.public_id
    assert tables_of(folder) == tables
    assert Shelf(folder.parent).newest().manifest.id == exact.public_id
    assert not bench.left


def test_older_builds_of_both_kinds_go_when_pruned(bench: Workbench) -> None:
    march = bench.build(5, as_of=EARLIER)
    june = [bench.build(members) for members in (5, 11, 17)]
    assert set(prune_snapshots(bench.settings, 2)) == {june[0].id, june[0].public_id}
    assert set(prune_snapshots(bench.settings, 1)) == {june[1].id, june[1].public_id}
    assert bench.ids("exact") == [june[2].id, march.id]
    assert bench.ids("public") == [june[2].public_id, march.public_id]
    assert prune_snapshots(bench.settings, 1) == []
    assert not bench.left


def test_what_a_kept_exact_snapshot_names_stays_when_newer_protected_ones_are_there(bench: Workbench) -> None:
    old, newer = bench.build(5), bench.build(11)
    shutil.rmtree(bench.folder("exact", newer.id))  # as when a build ends between the two
    assert prune_snapshots(bench.settings, 1) == []
    assert bench.ids("public") == [newer.public_id, old.public_id]


def test_the_whole_exact_snapshot_keeps_its_protected_one_when_a_newer_one_is_damaged(bench: Workbench) -> None:
    oldest, whole, damaged = (bench.build(members) for members in (5, 11, 17))
    (bench.folder("exact", damaged.id) / "totals.arrow").unlink()
    assert set(prune_snapshots(bench.settings, 1)) == {oldest.id, oldest.public_id}
    assert bench.ids("public") == [damaged.public_id, whole.public_id]
