from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imports.datasets import DATASETS
from app.imports.rows.rules import fails_check, row_findings
from app.registry.credit_code import ALPHABET, check_character, is_valid, organisation_check_character
from tests.factories.import_files import TODAY, Told, csv_bytes, read_bytes


def issues(tmp_path: Path, dataset: str, titles: Sequence[str], *rows: Sequence[object]) -> list[Told]:
    read = read_bytes(csv_bytes(titles, *rows), dataset, tmp_path)
    assert [row for row, bad in zip(read.rows, read.bad, strict=True) if bad] == sorted(
        {issue.row for issue in read.log.listed if issue.row and issue.severity == "error"}
    )
    return read.issues


INTERVALS = [
    ("enterprises", "code,name", "e1,n", "registered_on", "closed_on", "closed_before_registered", False),
    (
        "ledger",
        "code,name,reported_on",
        "e1,n,2017-06-30",
        "registered_on",
        "closed_on",
        "closed_before_registered",
        False,
    ),
    (
        "branches",
        "code,name,kind,district_code",
        "b,n,branch,350203",
        "established_on",
        "dissolved_on",
        "empty_interval",
        False,
    ),
    ("coverage", "enterprise_code,means", "e1,liaison", "start_on", "end_on", "empty_interval", False),
    ("members", "ref", "m1", "joined_on", "full_since", "full_before_joined", True),
    ("members", "ref", "m1", "joined_on", "left_on", "left_before_joined", False),
    ("members", "ref,joined_on", "m1,2001-01-01", "floating_since", "floating_until", "empty_interval", False),
    ("employments", "member_ref,enterprise_code", "m1,e1", "start_on", "end_on", "empty_interval", False),
    ("affiliations", "member_ref,branch_code,role", "m1,b1,primary", "start_on", "end_on", "empty_interval", False),
]


@pytest.mark.parametrize(("dataset", "titles", "cells", "first", "second", "rule", "may_coincide"), INTERVALS)
def test_dates_of_a_row_are_in_order(
    tmp_path: Path, dataset: str, titles: str, cells: str, first: str, second: str, rule: str, may_coincide: bool
) -> None:
    pairs = [
        ("2010-01-01", "2010-01-02"),
        ("2010-01-01", "2010-01-01"),
        ("2010-01-02", "2010-01-01"),
        ("2010-01-01", ""),
    ]
    found = issues(
        tmp_path, dataset, (*titles.split(","), first, second), *[(*cells.split(","), *pair) for pair in pairs]
    )
    expected = [] if may_coincide else [(3, second, rule, "2010-01-01")]
    assert found == [*expected, (4, second, rule, "2010-01-01")]


def test_an_interval_without_a_start_is_open_since_ever(tmp_path: Path) -> None:
    assert (
        issues(tmp_path, "enterprises", ("code", "name", "registered_on", "closed_on"), ("e", "n", "", "2010-01-01"))
        == []
    )


PARTS = {
    "members": ["full_members", "members_dual", "members_under_36", "members_women", "members_college",
                "members_floating"],
    "headcount": ["headcount_under_36", "headcount_women", "headcount_college"],
}  # fmt: skip


@pytest.mark.parametrize("dataset", ["returns", "ledger"])
@pytest.mark.parametrize(("whole", "part"), [(whole, part) for whole, parts in PARTS.items() for part in parts])
def test_a_part_needs_its_whole_and_stays_within_it(tmp_path: Path, dataset: str, whole: str, part: str) -> None:
    keys = {"returns": "enterprise_code,reported_on", "ledger": "code,name,reported_on"}[dataset].split(",")
    cells = ["e1", *(["n"] if len(keys) == 3 else []), "2017-06-30"]
    found = issues(
        tmp_path,
        dataset,
        (*keys, whole, part),
        (*cells, 5, 5),
        (*cells, 5, 6),
        (*cells, "", 0),
        (*cells, "", ""),
        (*cells, 0, 0),
    )
    assert found == [(3, part, f"part_above_{whole}", "6"), (4, part, f"part_without_{whole}", "0")]


def test_parts_are_not_judged_when_the_file_has_no_members(tmp_path: Path) -> None:
    assert (
        issues(tmp_path, "returns", ("enterprise_code", "reported_on", "full_members"), ("e1", "2017-06-30", 3)) == []
    )


def test_a_wrong_members_cell_does_not_make_its_parts_lonely(tmp_path: Path) -> None:
    titles = ("enterprise_code", "reported_on", "members", "full_members")
    assert issues(tmp_path, "returns", titles, ("e1", "2017-06-30", "five", 3)) == [
        (2, "members", "invalid_count", "five")
    ]


def test_members_above_headcount_are_a_warning(tmp_path: Path) -> None:
    titles = ("enterprise_code", "reported_on", "headcount", "members")
    found = issues(
        tmp_path, "returns", titles, ("e1", "2017-06-30", 3, 4), ("e2", "2017-06-30", 4, 4), ("e3", "2017-06-30", "", 4)
    )
    assert found == [(2, "members", "members_above_headcount", "4")]


@pytest.mark.parametrize("means", ["standalone", "joint", "area", "industry", "attached"])
def test_organisation_means_need_a_branch(tmp_path: Path, means: str) -> None:
    titles = ("enterprise_code", "branch_code", "means", "start_on")
    rows = [("e1", "b1", means, "2010-01-01"), ("e1", "", means, "2010-01-01")]
    assert issues(tmp_path, "coverage", titles, *rows) == [(3, "branch_code", "means_without_branch", None)]


def test_organisation_means_need_a_branch_when_the_column_is_absent(tmp_path: Path) -> None:
    titles = ("enterprise_code", "means", "start_on")
    rows = [("e1", "联合组建", "2010-01-01"), ("e1", "指导员", "2010-01-01")]
    assert issues(tmp_path, "coverage", titles, *rows) == [(2, "branch_code", "means_without_branch", None)]


@pytest.mark.parametrize("means", ["instructor", "liaison", "trade_union", "youth_league"])
def test_work_means_stand_without_a_branch(tmp_path: Path, means: str) -> None:
    titles = ("enterprise_code", "branch_code", "means", "start_on")
    assert issues(tmp_path, "coverage", titles, ("e1", "", means, "2010-01-01")) == []


def test_a_branch_has_an_industry_or_a_group(tmp_path: Path) -> None:
    titles = ("code", "name", "kind", "district_code", "industry_code", "industry_group")
    rows = [
        ("b1", "n", "branch", "1", "64", ""),
        ("b2", "n", "branch", "1", "", "internet"),
        ("b3", "n", "branch", "1", "64", "internet"),
    ]
    assert issues(tmp_path, "branches", titles, *rows) == [(4, "industry_group", "two_industries", "internet")]


def test_a_target_is_for_one_industry_group_or_sector_at_most(tmp_path: Path) -> None:
    titles = ("metric", "basis", "due_on", "value", "industry_code", "industry_group", "sector")
    scopes = [
        ("", "", ""),
        ("64", "", ""),
        ("", "net", ""),
        ("", "", "social"),
        ("64", "net", ""),
        ("64", "net", "social"),
    ]
    rows = [("work_coverage", "operating", "2017-12-31", "0.4", *scope) for scope in scopes]
    assert issues(tmp_path, "targets", titles, *rows) == [
        (6, "industry_group", "several_scopes", "net"),
        (7, "industry_group", "several_scopes", "net"),
        (7, "sector", "several_scopes", "social"),
    ]


@pytest.mark.parametrize("dataset", ["returns", "ledger"])
def test_a_return_is_not_dated_in_the_future(tmp_path: Path, dataset: str) -> None:
    titles = {"returns": ("enterprise_code", "reported_on"), "ledger": ("code", "reported_on", "name")}[dataset]
    rows = [("e1", "2026-11-24", "n")[: len(titles)], ("e2", "2026-11-25", "n")[: len(titles)]]
    assert issues(tmp_path, dataset, titles, *rows) == [(3, "reported_on", "future_return", "2026-11-25")]


def test_a_month_is_told_when_it_has_not_begun_or_does_not_begin_on_its_first_day(tmp_path: Path) -> None:
    months = ["2026-11", "2026年11月", "2026-11-01", "2026-12", "2026-11-02"]
    rows = [("b1", month, number) for number, month in enumerate(months)]
    assert issues(tmp_path, "branch-returns", ("branch_code", "period_on", "meetings"), *rows) == [
        (5, "period_on", "future_month", "2026-12-01"),
        (6, "period_on", "invalid_month", "2026-11-02"),
    ]


def test_a_failing_check_digit_is_a_warning(tmp_path: Path) -> None:
    codes = ["9144030071526726XG", "9144030071526726XH", "913502007040810017", "own-code", "007", "ENTERPRISE00000001"]
    found = issues(tmp_path, "enterprises", ("code", "name"), *[(code, "n") for code in codes])
    assert found == [(3, "code", "check_digit", codes[1]), (4, "code", "check_digit", codes[2])]


def test_keys_to_delete_are_not_judged_by_the_rest_of_their_row(tmp_path: Path) -> None:
    content = csv_bytes(("enterprise_code", "reported_on", "members"), ("e1", "2030-01-01", "x"))
    read = read_bytes(content, "returns", tmp_path, keys_only=True)
    assert (read.issues, read.present) == ([], frozenset({"enterprise_code", "reported_on"}))
    assert read.records == [{"enterprise_code": "e1", "reported_on": date(2030, 1, 1)}]


def test_rows_merged_with_the_registry_are_judged_by_the_same_rules() -> None:
    table = pa.table(
        {
            "members": pa.array([None, 3], pa.int32()),
            "full_members": pa.array([2, 3], pa.int32()),
            "headcount": pa.array([10, 2], pa.int32()),
        }
    )
    found = {(str(f.rule), f.column): f.rows.tolist() for f in row_findings(DATASETS["returns"], table, TODAY)}
    assert found == {
        ("part_without_members", "full_members"): [True, False],
        ("members_above_headcount", "members"): [False, True],
    }


@given(st.lists(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=17, max_size=19), max_size=20))
def test_whole_columns_of_codes_are_checked_like_single_ones(texts: list[str]) -> None:
    shaped = [text[:2] + text[2:8].translate({c: str(c % 10) for c in range(65, 91)}) + text[8:] for text in texts]
    expected = [len(code) == 18 and not is_valid(code) for code in shaped]
    assert fails_check(pa.array(shaped, pa.string())).tolist() == expected


@given(st.text(ALPHABET, min_size=16, max_size=16))
def test_right_codes_pass_as_columns(text: str) -> None:
    body = "91" + text[2:8].translate({ord(c): str(i % 10) for i, c in enumerate(ALPHABET)}) + text[8:16]
    code17 = body + organisation_check_character(body[8:])
    assert fails_check(pa.array([code17 + check_character(code17), None, "x"])).tolist() == [False, False, False]
