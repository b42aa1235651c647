"""One snapshot from the extracts of several registries: one row per key, and what is said where they differ."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.snapshots.build import build_snapshot
from app.snapshots.engines import EngineUnavailable
from app.snapshots.facts import SIZES, Sizes
from app.snapshots.merging import ExtractRefused
from app.snapshots.shared_extracts import (
    ExtractNotFound,
    KeptExtract,
    extracts_left,
    find_extracts,
    remove_extract,
    write_extract,
)
from app.snapshots.storage import Storage, open_storage
from tests.factories.loading import fill
from tests.factories.registries import dated_registries
from tests.factories.several_registries import AS_OF, ZHEJIANG, Registries, quiet
from tests.factories.tiny import tiny_registry
from tests.lengths import at_length, same_examples
from tests.reference.registry import Registry, Row

EXAMPLES = at_length(60, 6)
TREES = ("districts", "industries", "industry-groups")
OF_ENTERPRISES, OF_BRANCHES = ("returns", "coverage"), ("branch-returns",)


@pytest.fixture
def registries(migrated_url: str, tmp_path: Path) -> Registries:
    return Registries(migrated_url, tmp_path)


def split(registry: Registry, parts: int, rng: random.Random) -> list[Registry]:
    """Deal a registry out: trees to all, rows with what they are about, persons where they are named, and elsewhere."""
    enterprises = {row["code"]: rng.randrange(parts) for row in registry["enterprises"]}
    branches = {row["code"]: rng.randrange(parts) for row in registry["branches"]}
    homes: dict[str, set[int]] = {row["ref"]: set() for row in registry["members"]}
    for row in registry["employments"]:
        homes[row["member_ref"]].add(enterprises[row["enterprise_code"]])
    for row in registry["affiliations"]:
        homes[row["member_ref"]].add(branches[row["branch_code"]])
    for ref in homes:
        homes[ref] |= {rng.randrange(parts) for _ in range(rng.randrange(3))} or {0}

    def part(number: int) -> Registry:
        def of(places: dict[str, int], column: str, *datasets: str) -> dict[str, list[Row]]:
            return {name: [row for row in registry[name] if places[row[column]] == number] for name in datasets}

        return {
            **{name: [] for name in registry},
            **({name: registry[name] for name in (*TREES, "targets")} if number == 0 else {}),
            **{name: registry[name] for name in TREES},
            **of(enterprises, "code", "enterprises"),
            **of(enterprises, "enterprise_code", *OF_ENTERPRISES, "employments"),
            **of(branches, "code", "branches"),
            **of(branches, "branch_code", *OF_BRANCHES, "affiliations"),
            "members": [row for row in registry["members"] if number in homes[row["ref"]]],
        }

    return [part(number) for number in range(parts)]


def test_any_split_gives_the_id_of_the_whole_when_registries_are_random(migrated_sqlite_url: str) -> None:
    shared = 0

    @same_examples(EXAMPLES)
    @given(dated_registries(), st.integers(2, 5), st.integers(0, 2**32), st.sampled_from([SIZES, Sizes(1, 1, 2)]))
    def compare(drawn: tuple[Registry, date], parts: int, seed: int, sizes: Sizes) -> None:
        nonlocal shared
        registry, as_of = drawn
        with tempfile.TemporaryDirectory() as folder:
            registries = Registries(migrated_sqlite_url, Path(folder))
            whole = registries.build_whole(registry, as_of, sizes)
            dealt = split(registry, parts, random.Random(seed))
            shared += sum(len(part["members"]) for part in dealt) - len(registry["members"])
            urls = [registries.extract(f"{number}", part) for number, part in enumerate(dealt)]
            shutil.copytree(registries.settings.data_dir / "snapshots", registries.settings.data_dir / "whole")
            (registries.settings.data_dir / "nation").mkdir()
            shutil.copy(registries.settings.rounding_key_path, registries.settings.data_dir / "nation")
            built = registries.build(urls, as_of, sizes)
            assert (built.id, built.public_id) == (whole.id, whole.public_id)
            assert [one.registry for one in built.extracts] == [str(number) for number in range(parts)]

    compare()
    assert shared > 0


FUJIAN = tiny_registry(
    enterprises="code, district_code, industry_code, kind\nA, huli, 64,\nC, huli, 65,",
    returns="enterprise_code, reported_on, headcount\nA, 2017-03-31, 10\nC, 2017-03-31, 30",
    branches="code, name\nP, 甲\nQ, 丙",
    members="ref, joined_on, sex\nm1, 2001-07-01, female\nm2, 2001-07-01, female\nm4, 2001-07-01, male",
    employments="member_ref, enterprise_code\nm1, A\nm2, A\nm4, C",
)


@pytest.mark.parametrize("fujian_is_newer", [True, False])
def test_the_newer_row_counts_and_a_finding_says_so_when_extracts_differ(
    registries: Registries, fujian_is_newer: bool
) -> None:
    given_ = {"zhejiang": ZHEJIANG, "fujian": FUJIAN}
    for name in ("zhejiang", "fujian") if fujian_is_newer else ("fujian", "zhejiang"):
        registries.extract(name, given_[name])
    urls = [str(registries.settings.data_dir / "extracts" / name) for name in given_]
    snapshot = registries.build(urls).id
    reader = registries.read()
    counts = {code: reader.one("districts", code, {}, snapshot)["data"]["counts"] for code in ("xiamen", "huli")}
    # A, B, C; A in Huli by Fujian, in Siming by Zhejiang. Of m1 … m4, m1 and m2 are in both.
    assert counts["xiamen"]["enterprises"] == 3
    assert counts["xiamen"]["members"] == 4
    assert counts["huli"]["enterprises"] == (2 if fujian_is_newer else 1)
    assert counts["huli"]["members"] == (3 if fujian_is_newer else 1)  # m1, m2, m4; or m4
    women = reader.one("districts", "xiamen", {"fields": "members_women"}, snapshot)["data"]["counts"]["members_women"]
    assert women == (2 if fujian_is_newer else 1)  # m2 is a woman by Fujian
    found = {
        rule: [row["subject"]["code"] for row in reader.data_quality({"rule": rule}, snapshot)["data"]]
        for rule in ("differs_between_extracts", "branch_differs_between_extracts")
    }
    assert found == {"differs_between_extracts": ["A"], "branch_differs_between_extracts": ["Q"]}
    numbers = {row["rule"]: row["number"] for row in reader.data_quality({}, snapshot)["data"]}
    assert numbers["members_differ_between_extracts"] == 1  # m2


def test_members_are_found_when_two_registries_have_them_at_work(registries: Registries) -> None:
    moved = tiny_registry(
        enterprises="code, district_code, industry_code\nC, huli, 65\nD, huli, 65",
        branches="code\nR",
        members="ref, joined_on, sex\nm1, 2001-07-01, female\nm2, 2001-07-01, male",
        employments="member_ref, enterprise_code, start_on, end_on\nm1, C, 2016-01-01,\nm2, D, 2016-01-01, 2017-01-01",
    )
    snapshot = registries.build([registries.extract("old", ZHEJIANG), registries.extract("new", moved)]).id
    numbers = {row["rule"]: row["number"] for row in registries.read().data_quality({}, snapshot)["data"]}
    assert numbers["members_differ_between_extracts"] == 1  # m1 at A and at C; m2 has left D
    of_all = registries.read().one("districts", "xiamen", {"basis": "registered"}, snapshot)["data"]["counts"]
    assert of_all["members"] == 4  # m1 twice, m2, m3


@pytest.mark.parametrize("corrected_is_newer", [True, False])
def test_a_member_counts_once_when_one_registry_corrects_days_and_a_role(
    registries: Registries, corrected_is_newer: bool
) -> None:
    def recorded(role: str, means: str, *starts: str) -> Registry:
        spans = zip(starts, ("2005-01-01", "") if len(starts) > 1 else ("",), strict=True)
        ends = [f"{start}, {end}" for start, end in spans]
        return tiny_registry(
            enterprises="code, district_code, industry_code\nA, wucun, 64",
            branches="code\nP",
            coverage=f"enterprise_code, branch_code, means, start_on\nA, P, {means}, {starts[0]}",
            members="ref\nm1",
            employments="\n".join(
                ["member_ref, enterprise_code, start_on, end_on", *(f"m1, A, {end}" for end in ends)]
            ),
            affiliations=f"member_ref, branch_code, role, start_on\nm1, P, {role}, {starts[0]}",
        )

    old, corrected = (
        recorded("primary", "joint", "2002-07-01"),
        recorded("secondary", "standalone", "2003-07-01", "2006-07-01"),
    )
    given_ = {"old": old, "corrected": corrected}
    for name in given_ if corrected_is_newer else reversed(given_):
        registries.extract(name, given_[name])
    snapshot = registries.build([str(registries.settings.data_dir / "extracts" / name) for name in given_]).id
    reader = registries.read()
    counts = reader.one("districts", "xiamen", {"basis": "registered"}, snapshot)["data"]["counts"]
    assert counts["members"] == 1  # at A since 2002; or from 2003 to 2005, and since 2006
    branch = reader.one("branches", "P", {}, snapshot)["data"]["own"]["counts"]
    assert (branch["members_participating"], branch["members_primary"]) == (1, 0 if corrected_is_newer else 1)
    assert counts["enterprises_standalone"] == (1 if corrected_is_newer else 0)
    numbers = {row["rule"]: row["number"] for row in reader.data_quality({}, snapshot)["data"]}
    assert (numbers["members_differ_between_extracts"], numbers["differs_between_extracts"]) == (1, 1)  # m1, A


def test_trees_and_targets_are_those_of_the_first_when_extracts_differ(registries: Registries) -> None:
    other = tiny_registry(districts="code, parent_code, level, name_zh\nxiamen, , city, 别处")
    urls = [registries.extract("first", ZHEJIANG), registries.extract("second", other)]
    snapshot = registries.build(urls).id
    named = registries.read().one("districts", "xiamen", {}, snapshot)["data"]
    assert "厦门市" in str(named)
    assert "别处" not in str(named)
    numbers = {row["rule"]: row["number"] for row in registries.read().data_quality({}, snapshot)["data"]}
    assert numbers["differs_between_extracts"] == 0


@pytest.mark.parametrize(
    "tables",
    [
        {"enterprises": "code, district_code\nB, xihu"},
        {"branches": "code, district_code\nQ, xihu"},
        {"enterprises": "code, district_code, industry_code\nB, , 99"},
    ],
    ids=["enterprise", "branch", "industry"],
)
def test_extracts_are_refused_when_the_first_lacks_a_place(registries: Registries, tables: dict[str, str]) -> None:
    trees = {
        "districts": "code, parent_code, level, name_zh\nxihu, , county, 西湖区",
        "industries": "code, parent_code, level, name_zh\nX, , section, 别的\n99, X, division, 别的",
    }
    urls = [registries.extract("first", ZHEJIANG), registries.extract("second", tiny_registry(**trees, **tables))]
    with pytest.raises(ExtractRefused, match=f"{urls[0]} does not have: (xihu|99)[.]") as refused:
        registries.build(urls)
    assert "放在第一个" in refused.value.detail.said("zh")


def test_no_rows_of_members_are_left_when_the_facts_are_computed(registries: Registries) -> None:
    urls = [registries.extract("one", ZHEJIANG), registries.extract("two", FUJIAN)]
    nation = registries.settings.model_copy(update={"database_url": "", "data_dir": registries.settings.data_dir / "n"})
    left: list[str] = []

    def report(phase: str, *_: object) -> None:
        if phase == "writing":
            left.extend(path.name for path in nation.snapshots_dir.glob(".building-*/facts/**/*"))

    build_snapshot(nation, AS_OF, report, find_extracts(nation, urls))
    assert left
    assert {name for name in left if not name.endswith("_fact.parquet")} == set()


def test_extracts_are_refused_when_refs_are_made_differently(registries: Registries) -> None:
    urls = [registries.extract(name, ZHEJIANG, ref_fingerprint=name) for name in ("k1", "k2")]
    with pytest.raises(ExtractRefused) as refused:
        registries.build(urls)
    assert "k1" in str(refused.value)
    assert "重复计数" in refused.value.detail.said("zh")
    assert find_extracts(registries.settings, urls[:1])[0].manifest.refs == "k1"


def test_an_extract_is_refused_when_a_file_is_damaged_or_missing(registries: Registries) -> None:
    url = registries.extract("damaged", ZHEJIANG)
    [extract] = find_extracts(registries.settings, [url])
    file = Path(url, extract.manifest.tables["member"][0].name)
    content = file.read_bytes()
    for damaged in (content[:-1] + b"x", None):
        file.unlink()
        if damaged is not None:
            file.write_bytes(damaged)
        with pytest.raises(ExtractRefused, match="damaged"):
            registries.build([url])
    Path(url, "manifest.json").write_bytes(b"{")
    with pytest.raises(ExtractRefused, match="damaged"):
        registries.build([url])
    nation = registries.settings.data_dir / "nation" / "snapshots"
    assert not list((nation / "exact").iterdir())
    assert not list(nation.glob(".building-*"))


def test_nothing_is_left_when_an_extract_is_removed(registries: Registries) -> None:
    url = registries.extract("once", ZHEJIANG)
    [extract] = find_extracts(registries.settings, [url])
    Path(url, "notes.txt").write_text("an office's own file")
    again = registries.extract("once", ZHEJIANG)
    assert not remove_extract(extract)  # another has taken its place
    [extract] = find_extracts(registries.settings, [again])
    assert [one.url for one in extracts_left(registries.settings)] == [url]
    manifest = Path(url, "manifest.json")
    manifest.write_bytes(manifest.read_bytes().replace(b"{", b'{"note": "of a later version",', 1))
    [extract] = find_extracts(registries.settings, [again])
    assert remove_extract(extract)
    assert [path.name for path in Path(url).iterdir()] == ["notes.txt"]
    assert extracts_left(registries.settings) == []
    with pytest.raises(ExtractNotFound):
        find_extracts(registries.settings, [url])


def test_an_erasure_waits_for_the_extract_that_is_being_written(registries: Registries) -> None:
    fill(registries.settings.registry_url, ZHEJIANG)
    url = str(registries.settings.data_dir / "extract")
    with ThreadPoolExecutor(1) as pool:
        named: list[Future[list[KeptExtract]]] = []

        def report(phase: str, *_: object) -> None:
            if phase == "writing":
                named.append(pool.submit(extracts_left, registries.settings))
                with pytest.raises(TimeoutError):
                    named[0].result(0.2)

        write_extract(registries.settings, url, report)
        assert [one.url for one in named[0].result()] == [url]


def test_an_erasure_names_what_it_cannot_look_at(registries: Registries) -> None:
    data = registries.settings.data_dir
    registries.extract("away", ZHEJIANG)
    (data / "extracts").rename(data / "unmounted")
    noted = registries.settings.kept_extracts_path
    [mount] = json.loads(noted.read_text()).values()
    noted.write_text(noted.read_text().replace(f'"{mount}"', f'"{data / "extracts"}"'))
    away = KeptExtract(str(data / "extracts" / "away"), None)
    assert extracts_left(registries.settings) == [away]
    (data / "extracts").write_text("no folder")
    assert extracts_left(registries.settings) == [away]
    (data / "extracts").unlink()
    (data / "unmounted").rename(data / "extracts")
    Path(away.url, "manifest.json").unlink()
    assert extracts_left(registries.settings) == [away]  # members' rows are there
    for file in Path(away.url).iterdir():
        file.unlink()
    assert extracts_left(registries.settings) == []
    url = registries.extract("used", ZHEJIANG)
    assert remove_extract(*find_extracts(registries.settings, [url]))
    assert not Path(url).exists()
    assert extracts_left(registries.settings) == []  # a build has used it: the disk is there, the folder is gone
    registries.settings.kept_extracts_path.write_bytes(b"")
    assert extracts_left(registries.settings) == []


def test_an_extract_is_refused_when_its_manifest_names_other_files(registries: Registries) -> None:
    url = registries.extract("forged", ZHEJIANG)
    manifest = Path(url, "manifest.json")
    named = json.loads(manifest.read_text())
    for files in ([], [{"rows": 0, "sha256": "../precious"}]):
        manifest.write_text(json.dumps(named | {"tables": named["tables"] | {"member": files}}))
        with pytest.raises(ExtractRefused, match="damaged"):
            find_extracts(registries.settings, [url])


def test_an_extract_says_so_when_a_build_removes_what_was_there_while_it_is_written(
    registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = registries.extract("taken", ZHEJIANG)
    [built] = find_extracts(registries.settings, [url])
    folder = type(built.storage)
    write = folder.write

    def removed_first(storage: Storage, name: str, content: bytes) -> None:
        assert remove_extract(built)
        write(storage, name, content)

    monkeypatch.setattr(folder, "write", removed_first)
    with pytest.raises(ExtractRefused, match="extract it again"):
        registries.extract("taken", ZHEJIANG)
    monkeypatch.undo()
    registries.extract("taken", ZHEJIANG)
    assert registries.build([url])


KILLED = """
import itertools, os, sys
from app.config import Settings
from app.snapshots import storage
from app.snapshots.shared_extracts import write_extract

calls = itertools.count()

def dying(name, of):
    if next(calls) == int(sys.argv[2]):
        os._exit(9)
    return of(name)

for method in ("take", "write"):
    own = getattr(storage._Folder, method)
    setattr(storage._Folder, method, lambda self, name, what, own=own: dying(name, lambda name: own(self, name, what)))
write_extract(Settings(), sys.argv[1], lambda *_: None)
"""


@pytest.mark.parametrize("call", [13, *(pytest.param(call, marks=pytest.mark.long) for call in (0, 5))])
def test_an_extract_is_whole_or_not_there_when_it_is_killed(
    migrated_sqlite_url: str, tmp_path: Path, call: int
) -> None:
    registries = Registries(migrated_sqlite_url, tmp_path)
    old = registries.extract("replaced", ZHEJIANG)
    before = registries.build([old]).id
    fill(migrated_sqlite_url, FUJIAN)
    environment = {**os.environ, "ORGCOVERAGE_DATABASE_URL": migrated_sqlite_url, "ORGCOVERAGE_DATA_DIR": str(tmp_path)}
    fresh = tmp_path / "fresh"
    for target in (fresh, Path(old)):
        command = [sys.executable, "-c", KILLED, str(target), str(call)]
        assert subprocess.run(command, env=environment, check=False).returncode == 9  # 13 files, then the manifest
    with pytest.raises(ExtractNotFound):
        find_extracts(registries.settings, [str(fresh)])
    assert registries.build([old]).id == before
    for target in (fresh, Path(old)):
        manifest = write_extract(registries.settings, str(target), quiet)
        assert {path.name for path in target.iterdir()} == manifest.names | {"manifest.json"}


def test_a_file_is_taken_when_it_is_on_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    path = tmp_path / "file"
    path.write_bytes(b"rows")
    monkeypatch.setattr(os, "rename", other_disk)
    open_storage(str(tmp_path / "shared"), None).take("build/lineage.parquet", path)
    assert (tmp_path / "shared" / "build" / "lineage.parquet").read_bytes() == b"rows"
    assert not path.exists()


def test_nothing_is_built_when_the_cluster_cannot_be_reached(migrated_sqlite_url: str, tmp_path: Path) -> None:
    registries = Registries(migrated_sqlite_url, tmp_path)
    named = {"build_engine": "spark", "spark_remote": "sc://127.0.0.1:1"}
    registries.settings = registries.settings.model_copy(update=named)
    with pytest.raises(EngineUnavailable, match="cannot be used"):
        registries.build_whole(ZHEJIANG, AS_OF)
    assert {path.name for path in registries.settings.snapshots_dir.iterdir()} == {"exact", ".build.lock"}
