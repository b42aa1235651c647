from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.demo.files import DatasetFile
from app.demo.generated import GENERATED_DATE, write_generated
from app.demo.generated.enterprises import CHUNK
from app.demo.generated.files import NO_DAY, UNKNOWN, counts, days, flags, numbered, picks, rows_of, texts
from app.imports.columns import Kind
from app.imports.datasets import DATASETS
from app.registry.credit_code import is_valid
from tests.factories.demo_files import header, read_registry
from tests.reference.registry import Registry
from tests.reference.rules import violations

MEMBERS = 8_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[DatasetFile]:
    return write_generated(tmp_path_factory.mktemp("generated"), MEMBERS)


@pytest.fixture(scope="module")
def registry(files: list[DatasetFile]) -> Registry:
    return read_registry(files)


def contents(files: Iterable[DatasetFile]) -> list[bytes]:
    return [file.path.read_bytes() for file in files]


def share(rows: list[dict[str, Any]], column: str) -> float:
    return sum(row[column] is None for row in rows) / len(rows)


def test_files_come_in_import_order_when_generated(files: list[DatasetFile]) -> None:
    assert [file.dataset for file in files] == [name for name in DATASETS if name not in {"ledger", "targets"}]


def test_columns_have_the_datasets_types_when_generated(files: list[DatasetFile]) -> None:
    types = {
        Kind.DATE: pa.date32(),
        Kind.MONTH: pa.date32(),
        Kind.COUNT: pa.int32(),
        Kind.YEAR: pa.int32(),
        Kind.BOOLEAN: pa.bool_(),
    }
    for file in files:
        columns = DATASETS[file.dataset].columns
        assert header(file) == [column.name for column in columns]
        assert pq.read_schema(file.path).types == [types.get(column.kind, pa.string()) for column in columns]


def test_the_same_bytes_come_when_size_and_seed_are_the_same(files: list[DatasetFile], tmp_path: Path) -> None:
    assert contents(write_generated(tmp_path, MEMBERS)) == contents(files)


def test_other_rows_come_when_the_seed_is_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write_generated(tmp_path / "a", 500, seed=1)
    second = write_generated(tmp_path / "b", 500, seed=2)
    pairs = zip(contents(first), contents(second), strict=True)
    same = [file.dataset for file, (a, b) in zip(first, pairs, strict=True) if a == b]
    assert same == ["districts", "industries", "industry-groups"]


@pytest.mark.parametrize("members", [1, 2, 7, 60, 160, 400])
def test_no_rule_is_broken_when_the_registry_is_tiny(members: int, tmp_path: Path) -> None:
    registry = read_registry(write_generated(tmp_path, members, seed=members))
    assert len(registry["members"]) == members
    assert violations(registry, GENERATED_DATE) == []


def test_no_rule_is_broken_when_generated(registry: Registry) -> None:
    assert violations(registry, GENERATED_DATE) == []
    for name, rows in registry.items():
        for column in DATASETS[name].columns:
            if column.kind is Kind.ENUMERATION:
                assert {row[column.name] for row in rows} <= {*column.choices, None}


def test_no_warning_arises_when_generated(registry: Registry) -> None:
    enterprises = {row["code"]: row for row in registry["enterprises"]}
    assert all(is_valid(code) for code in enterprises)
    assert not any((row["members"] or 0) > (row["headcount"] or 10**9) for row in registry["returns"])
    for row in registry["returns"]:
        enterprise = enterprises[row["enterprise_code"]]
        assert (enterprise["registered_on"] or date.min) <= row["reported_on"]
        assert row["reported_on"] < (enterprise["closed_on"] or date.max)
    for row in registry["employments"]:
        enterprise = enterprises[row["enterprise_code"]]
        assert (enterprise["registered_on"] or date.min) <= row["start_on"]
        assert (row["end_on"] or date.max) <= (enterprise["closed_on"] or date.max)


def test_proportions_hold_when_generated(registry: Registry) -> None:
    sizes = {name: len(rows) for name, rows in registry.items()}
    assert sizes["members"] == MEMBERS
    assert sizes["enterprises"] == 0.15 * MEMBERS
    assert sizes["branches"] == 0.05 * MEMBERS
    dual = {row["member_ref"] for row in registry["affiliations"] if row["role"] == "secondary"}
    assert len(dual) == pytest.approx(0.03 * MEMBERS, rel=0.2)
    filed = Counter(Counter(row["enterprise_code"] for row in registry["returns"]).values())
    assert set(filed) == {1, 2}
    assert sum(filed.values()) == pytest.approx(0.95 * sizes["enterprises"], rel=0.03)
    employed = {row["member_ref"] for row in registry["employments"]}
    assert 0.85 < len(employed) / MEMBERS < 0.93


def test_parts_of_the_staff_and_meetings_are_told_by_most_when_generated(registry: Registry) -> None:
    stated = [row for row in registry["returns"] if row["headcount_women"] is not None]
    assert 0.75 < len(stated) / len(registry["returns"]) < 0.9
    assert 0.38 < sum(row["headcount_women"] for row in stated) / sum(row["headcount"] for row in stated) < 0.5
    meetings: dict[str, int] = Counter()
    for row in registry["branch-returns"]:
        meetings[row["branch_code"]] += row["meetings"]
    assert 0.7 < len(meetings) / len(registry["branches"]) < 0.9
    assert 0.5 < sum(number >= 4 for number in meetings.values()) / len(meetings) < 0.9


def test_about_an_eighth_of_the_staff_are_members_when_generated(registry: Registry) -> None:
    stated = [row for row in registry["returns"] if row["headcount"] is not None and row["members"] is not None]
    headcounts = sorted(row["headcount"] for row in stated)
    assert 0.1 < sum(row["members"] for row in stated) / sum(headcounts) < 0.14
    assert headcounts[len(headcounts) // 2] < 0.5 * sum(headcounts) / len(headcounts)  # skewed


def test_the_whole_trees_come_when_generated(files: list[DatasetFile]) -> None:
    rows = {file.dataset: pq.read_metadata(file.path).num_rows for file in files}
    assert (rows["districts"], rows["industries"]) == (34 + 333 + 2845 + 1110, 20 + 97 + 473 + 1380)


def test_branches_form_trees_of_three_levels_when_generated(registry: Registry) -> None:
    branches = {row["code"]: row for row in registry["branches"]}
    assert {row["kind"] for row in branches.values()} == {"committee", "general_branch", "branch"}
    ranks = ["committee", "general_branch", "branch"]
    for row in branches.values():
        if row["parent_code"] is not None:
            assert ranks.index(branches[row["parent_code"]]["kind"]) < ranks.index(row["kind"])
    per_district = Counter(row["district_code"] for row in branches.values())
    roots = [row for row in branches.values() if row["parent_code"] is None]
    assert all(row["kind"] == "committee" or per_district[row["district_code"]] == 1 for row in roots)
    assert {row["form"] for row in branches.values() if row["dual_affiliation"]} == {"functional"}


def test_a_branch_of_its_own_covers_one_enterprise_when_generated(registry: Registry) -> None:
    branches = {row["code"]: row for row in registry["branches"]}
    places = {row["code"]: row["district_code"] for row in registry["enterprises"]}
    covered = [row for row in registry["coverage"] if row["means"] == "standalone"]
    assert covered
    assert max(Counter(row["branch_code"] for row in covered).values()) == 1
    for row in covered:
        assert branches[row["branch_code"]]["form"] == "standalone"
        assert branches[row["branch_code"]]["district_code"] == places[row["enterprise_code"]]


def test_a_few_values_are_unknown_when_generated(registry: Registry) -> None:
    for dataset, columns in (
        ("members", ("birth_year", "sex", "education")),
        ("enterprises", ("district_code", "industry_code", "registered_on")),
        ("returns", ("headcount", "members", "operating", "ownership")),
    ):
        assert all(0 < share(registry[dataset], column) < 0.08 for column in columns)
    withheld = sum(row["identity"] == "withheld" for row in registry["members"])
    assert 0 < withheld < 0.01 * MEMBERS


def test_refs_do_not_follow_employers_when_generated(registry: Registry) -> None:
    employers = [row["enterprise_code"] for row in sorted(registry["employments"], key=lambda row: row["member_ref"])]
    neighbours = sum(a == b for a, b in pairwise(employers))
    assert neighbours < 0.05 * len(employers)


def test_progress_ends_at_the_total_when_reported(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_generated(tmp_path, 1000, report=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (1150, 1150)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_every_member_is_written_once_when_there_are_several_chunks(tmp_path: Path) -> None:
    members = CHUNK + 5000
    files = {file.dataset: file.path for file in write_generated(tmp_path, members)}
    refs = pq.read_table(files["members"], columns=["ref"])["ref"]
    assert pq.read_metadata(files["members"]).num_row_groups == 2
    assert len(refs.unique()) == members
    primaries = pq.read_table(files["affiliations"], filters=[("role", "=", "primary")])["member_ref"]
    assert len(primaries.unique()) <= members
    assert set(primaries.unique().to_pylist()) <= set(refs.to_pylist())


def test_columns_hold_nulls_when_values_are_unknown() -> None:
    assert days(np.array([0, NO_DAY])).to_pylist() == [date(1970, 1, 1), None]
    assert counts(np.array([0, UNKNOWN])).to_pylist() == [0, None]
    assert picks(["a", "b"], np.array([1, UNKNOWN])).to_pylist() == ["b", None]
    assert flags(np.array([True, False]), np.array([True, False])).to_pylist() == [True, None]
    table = numbered("组", np.array([7, 120]), 3)
    assert texts(table).to_pylist() == ["组007", "组120"]
    assert rows_of(table, np.array([1, UNKNOWN, 0])).to_pylist() == ["组120", None, "组007"]
