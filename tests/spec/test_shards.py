"""Shards: however the enterprises are divided, and whoever works on them, nothing comes out otherwise."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.catalogue.analyses import Analysis
from app.catalogue.data_quality import QualityRule
from app.catalogue.vocabulary import DistrictLevel
from app.publication.dual_affiliation import dual_affiliation_answer
from app.publication.establishment_gaps import gaps_answer
from app.publication.lists import list_rows_of
from app.snapshots import sums
from app.snapshots.facts import SIZES, Sizes
from app.snapshots.ordering import order_tree
from app.snapshots.shards import runs
from app.statistics.establishment_gaps import gap_listing
from app.statistics.question import AsOf, Page, Question, Subject
from app.store import table
from app.store.format import integer_array, text_array, write_table
from app.store.manifest import Manifest
from app.store.shelf import Shelf, SnapshotNotFound
from app.store.table import Table
from tests.factories.asking import Asker, Reader
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.province import FIRST, SECOND, province
from tests.factories.questions import breakdown_questions, codes, question_lists
from tests.factories.registries import AS_OF, dated_registries
from tests.factories.rounded import KEY, write_key
from tests.lengths import at_length, same_examples
from tests.reference.registry import Registry

TREE = """
    p, , province
    c, p, city
    k1, c, county
    s1, k1, street
    s2, k1, street
    k2, c, county
    z, p, city
    s3, z, street
"""
"""A province; a city of two counties, one of two streets; a city without counties, with a street."""


def tree_of(text: str) -> pa.Table:
    rows = [[cell.strip() or None for cell in line.split(",")] for line in text.strip().splitlines()]
    columns = dict(zip(("code", "parent_code", "level"), zip(*rows, strict=True), strict=True))
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def divided(sizes: Sizes, enterprises: dict[str, int], text: str = TREE) -> list[list[str]]:
    """The first district of each piece of each shard, by code; `none` where there is no district."""
    tree = order_tree(tree_of(text), DistrictLevel)
    names = [*tree.codes.to_pylist(), "none"]
    counts = np.array([enterprises.get(name, 0) for name in names])
    return [[names[first] for first in shard] for shard in runs(counts, tree, sizes)]


def test_shards_are_as_many_whole_counties_in_order_as_fit() -> None:
    held = {"s1": 2, "s2": 1, "k2": 2, "s3": 4, "none": 1}
    assert divided(Sizes(10, 10), held) == [["s1"]]
    assert divided(Sizes(9, 9), held) == [["s1"], ["none"]]  # 2 + 1 + 2 + 4 fit, and 1 more do not
    assert divided(Sizes(5, 5), held) == [["s1"], ["s3"]]  # 3 + 2; 4 + 1
    assert divided(Sizes(4, 4), held) == [["s1"], ["k2"], ["s3"], ["none"]]  # 3 + 2 do not fit
    assert divided(Sizes(5, 3), held) == [["s1", "k2"], ["s3", "none"]]


def test_a_county_stays_whole_when_it_is_too_large() -> None:
    assert divided(Sizes(1, 1), {"s1": 5, "s2": 5, "k2": 1}) == [["s1"], ["k2"]]
    assert divided(Sizes(1, 1), {"z": 5, "s3": 5}) == [["z"]]  # the city stands for a county


def test_a_city_stays_whole_when_it_has_a_street_behind_its_counties() -> None:
    behind = TREE + "    y, c, street\n"
    assert divided(Sizes(1, 1), {"c": 1, "s1": 1, "k2": 1, "y": 1}, behind) == [["c"]]
    assert divided(Sizes(1, 1), {"s1": 1, "k2": 1, "y": 1}, behind) == [["s1"], ["k2"], ["y"]]


def test_there_is_one_piece_when_there_are_no_enterprises() -> None:
    assert divided(SIZES, {}) == [["p"]]


@dataclass(frozen=True)
class Built:
    """Snapshots of one date, divided in some way."""

    asker: Asker
    manifest: Manifest

    @property
    def public(self) -> Reader:
        return Reader(self.asker.settings.snapshots_dir / "public")

    @property
    def folder(self) -> Path:
        return self.asker.settings.snapshots_dir / "exact" / self.manifest.id

    def files(self) -> dict[str, bytes]:
        """Every table but that of enterprises."""
        return {path.name: path.read_bytes() for path in self.folder.glob("*.arrow") if "enterprises" not in path.name}

    def enterprises(self) -> list[dict[str, Any]]:
        table = Shelf(self.folder.parent).get(self.manifest.id).enterprises
        return [dict(zip(table.names, row, strict=True)) for row in zip(*map(table.texts, table.names), strict=True)]


@contextmanager
def built(url: str, as_of: date, sizes: Sizes, processes: int = 1, earlier: date | None = None) -> Iterator[Built]:
    with tempfile.TemporaryDirectory() as folder:
        asker = Asker(url, Path(folder), anonymous="public", build_processes=processes)
        write_key(asker.settings.rounding_key_path, KEY)
        for day in filter(None, (earlier, as_of)):
            asker.build(day, sizes)
        yield Built(asker, asker.shelf.newest().manifest)


def same_tables(whole: Built, parted: Built) -> None:
    assert parted.files() == whole.files()
    assert parted.enterprises() == whole.enterprises()
    names = ("intra_enterprise_correlation", "correlation_source", "public_id")
    assert [getattr(parted.manifest, name) for name in names] == [getattr(whole.manifest, name) for name in names]


def without_ids(answer: Any) -> Any:
    """An answer without what names a snapshot or says when it was built."""
    if isinstance(answer, list):
        return [without_ids(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    volatile = ("snapshot", "updated_at", "since_snapshot", "next_cursor")
    return {name: without_ids(value) for name, value in answer.items() if name not in volatile}


def same_answers(whole: Built, parted: Built, registry: Registry, as_of: date, data: st.DataObject) -> None:
    lists = data.draw(question_lists(registry, as_of))
    breakdowns = data.draw(breakdown_questions(registry, as_of))
    branches = codes(registry, "branches", as_of)

    def answers(one: Built) -> Iterator[Any]:
        ask, snapshot = one.asker, one.manifest.id
        for subject, params in lists:
            yield ask.list(subject, {name: value for name, value in params.items() if name != "limit"}, snapshot, 7)
        for params in breakdowns:
            yield ask.breakdown(params, snapshot, 7)
            yield ask.trend({"by": "county"})
        for code in codes(registry, "enterprises", as_of)[:3]:
            yield ask.one("enterprises", code, {}, snapshot)
        yield ask.gaps({}, snapshot)
        yield ask.proposals({}, snapshot)
        yield from (ask.data_quality({"rule": rule}, snapshot) for rule in QualityRule)
        yield from (
            ask.workplaces(branch, {"by": by}, snapshot) for branch in branches for by in ("enterprise", "city")
        )

    for expected, found in zip(answers(whole), answers(parted), strict=True):
        assert without_ids(found) == without_ids(expected)


@pytest.fixture
def cells_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are stored for districts of two enterprises."""
    monkeypatch.setattr(sums, "CELLS_ABOVE", 1)


DIVISIONS = st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4)).map(
    lambda drawn: Sizes(drawn[0], min(drawn[:2]), drawn[2])
)


@pytest.mark.usefixtures("cells_of_few")
def test_nothing_changes_when_random_registries_are_divided(migrated_sqlite_url: str) -> None:
    @same_examples(at_length(60, 4))
    @given(dated_registries(), DIVISIONS, st.data())
    def compare(drawn: tuple[Registry, date], sizes: Sizes, data: st.DataObject) -> None:
        registry, as_of = drawn
        fill(migrated_sqlite_url, registry)
        pieces = Sizes(SIZES.shard, sizes.piece)
        with (
            built(migrated_sqlite_url, as_of, SIZES) as whole,
            built(migrated_sqlite_url, as_of, pieces) as joined,
            built(migrated_sqlite_url, as_of, sizes) as parted,
        ):
            assert joined.manifest.id == whole.manifest.id
            same_tables(whole, joined)
            same_tables(whole, parted)
            same_answers(whole, parted, registry, as_of, data)

    compare()


@pytest.mark.usefixtures("cells_of_few")
@pytest.mark.parametrize("seed", range(at_length(40, 3)))
def test_nothing_changes_when_trees_are_odd(migrated_sqlite_url: str, seed: int) -> None:
    fill(migrated_sqlite_url, crowded_registry(seed))
    with (
        built(migrated_sqlite_url, AS_OF, SIZES) as whole,
        built(migrated_sqlite_url, AS_OF, Sizes(SIZES.shard, 1)) as joined,
        built(migrated_sqlite_url, AS_OF, Sizes(1, 1, 2)) as parted,
    ):
        assert len(parted.manifest.tables["enterprises"].parts) > 2
        assert joined.manifest.id == whole.manifest.id
        same_tables(whole, joined)
        same_tables(whole, parted)


@dataclass(frozen=True)
class Province:
    """A province of some counties, whole and in parts, at two dates."""

    registry: Registry
    whole: Built
    parted: Built


@pytest.fixture
def in_parts(migrated_sqlite_url: str) -> Iterator[Province]:
    registry = province(6000)
    fill(migrated_sqlite_url, registry)
    with (
        built(migrated_sqlite_url, SECOND, SIZES, earlier=FIRST) as whole,
        built(migrated_sqlite_url, SECOND, Sizes(2000, 900, 500), processes=2, earlier=FIRST) as parted,
    ):
        yield Province(registry, whole, parted)


def test_a_province_in_parts_answers_as_a_whole_one_when_several_processes_built_it(in_parts: Province) -> None:
    whole, parted = in_parts.whole, in_parts.parted
    parts = parted.manifest.tables["enterprises"].parts
    assert len(parts) >= 3
    assert all(part.rows <= 2000 for part in parts)
    assert sum(part.rows for part in parts) == whole.manifest.tables["enterprises"].rows
    same_tables(whole, parted)

    @same_examples(1)
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        same_answers(whole, parted, in_parts.registry, SECOND, data)

    compare()
    for by in ("county", ()):
        found, expected = (one.asker.changes(FIRST, SECOND, {"by": by}) for one in (parted, whole))
        assert without_ids(found) == without_ids(expected)


def test_no_copy_is_as_long_as_all_rows_when_some_are_asked_for(
    in_parts: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of 400 rows; the longest array that is read and is no view of a file, of each table."""
    asker, snapshot = in_parts.parted.asker, in_parts.parted.asker.shelf.newest()
    assert min(len(snapshot.enterprises), len(snapshot.branches)) > 400
    longest, read = 0, Table._read

    def measured(self: Table, rows: Any, of_part: Any) -> Any:
        nonlocal longest
        found = read(self, rows, of_part)
        longest = max(longest, len(found) if found.flags.owndata else 0)
        return found

    monkeypatch.setattr(table, "_RUN", 400)
    monkeypatch.setattr(Table, "_read", measured)
    page, when = Page(limit=10, until=10), AsOf(snapshot=snapshot.manifest.id)
    for question in (Question(Subject.BRANCHES, when), Question(Subject.ENTERPRISES, when)):
        for sort in ("code", "members_participating" if question.subject is Subject.BRANCHES else "members"):
            found = list_rows_of(snapshot, question, replace(page, sort=sort)).row_list
            assert len(found.rows) == 10
            assert found.number > 400
    gaps_answer(asker.source, Question(Subject.ENTERPRISES, when, listing=gap_listing(strict=False)), page)
    dual_affiliation_answer(asker.source, Question(Subject.BRANCHES, when, analysis=Analysis.DUAL_AFFILIATION), page)
    asker.changes(FIRST, SECOND, {"by": "county"})
    assert 0 < longest <= 400


def test_a_damaged_part_is_not_served(migrated_sqlite_url: str) -> None:
    fill(migrated_sqlite_url, crowded_registry(0))
    with built(migrated_sqlite_url, AS_OF, Sizes(1, 1)) as parted:
        path = parted.folder / "enterprises-0001.arrow"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        shelf = Shelf(parted.folder.parent)
        with pytest.raises(SnapshotNotFound):
            shelf.get(parted.manifest.id)
        assert "enterprises-0001.arrow" in str(shelf.damaged[parted.manifest.id])


@pytest.mark.parametrize("seed", range(at_length(50, 5)))
def test_a_table_in_parts_reads_as_one_in_one_file(tmp_path: Path, seed: int) -> None:
    draws = np.random.default_rng(seed)
    count = int(draws.integers(1, 60))
    values = draws.integers(0, int(draws.choice([100, 30_000, 10**6])), count)
    known, nodes = draws.random(count) < draws.choice([0.5, 1.0]), np.sort(draws.integers(0, 9, count))
    texts = [f"{number:03}é" for number in draws.permutation(count)]

    def written(name: str, rows: slice) -> Path:
        path = tmp_path / name
        columns = {
            "value": integer_array(values[rows], known[rows]),
            "node": integer_array(nodes[rows], nodes[rows] < 8),
            "key": integer_array(nodes[rows]),
            "text": text_array(pa.array(texts[rows])),
        }
        write_table(path, columns)
        return path

    cuts = [0, *np.sort(draws.integers(0, count + 1, int(draws.integers(1, 5)))).tolist(), count]
    whole = Table([written("whole", slice(None))])
    parted = Table([written(f"{place}", slice(*cuts[place : place + 2])) for place in range(len(cuts) - 1)])
    start, stop = np.sort(draws.integers(0, count + 1, 2)).tolist()
    some = draws.integers(0, count, 20)
    for rows in (slice(None), slice(start, stop), some, some[:1], some[:0]):
        np.testing.assert_array_equal(parted.values("value", rows), whole.values("value", rows))
        valid = parted.valid("value", rows)
        np.testing.assert_array_equal(known[rows] if valid is None else valid, known[rows])
    assert len(parted) == count
    np.testing.assert_array_equal(parted.edges("node", 8), whole.edges("node", 8))
    assert parted.texts_of("text", some) == [texts[row] for row in some]
    assert [parted.row_of("text", text) for text in texts] == list(range(count))
    asked = draws.integers(0, 9, 3)
    np.testing.assert_array_equal(whole.matching("key", asked), np.flatnonzero(np.isin(nodes, asked)))
    np.testing.assert_array_equal(
        parted.numbered("text", pa.array(sorted(texts))), [sorted(texts).index(t) for t in texts]
    )
    in_order = parted.sorted_by("text", some)
    assert parted.texts_of("text", in_order) == sorted((texts[row] for row in some), key=str.encode)
    np.testing.assert_array_equal(parted.rows_of("text", pa.array([*texts, "none"])), [*range(count), -1])
    order = [texts[row] for row in some[np.argsort(parted.ranks("text", some), kind="stable")]]
    assert order == sorted(order, key=str.encode)
    assert set(whole.near("text", texts[0], 2)) <= set(parted.near("text", texts[0], 2))
    assert [row for run in parted.runs(slice(start, stop)) for row in range(run.start, run.stop)] == [
        *range(start, stop)
    ]
