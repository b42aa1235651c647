from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from app.imports.columns import Column, Kind
from app.imports.datasets import find_dataset
from app.imports.rows.cells import Under
from app.imports.rows.cells import read_cells as typed_cells
from tests.factories.import_files import TODAY, Read, csv_bytes, read_bytes

D = date(2017, 6, 30)

SAMPLES = {
    "members": {"ref": "m1", "joined_on": "2010-01-01"},
    "returns": {"enterprise_code": "e1", "reported_on": "2017-06-30"},
    "enterprises": {"code": "e1", "name": "n"},
    "branches": {"code": "b1", "name": "n", "kind": "branch", "district_code": "350203"},
    "targets": {"metric": "work_coverage", "basis": "operating", "due_on": "2017-12-31", "value": "0"},
    "districts": {"code": "d", "level": "site", "name_zh": "云顶创谷"},
}


def read_cells(tmp_path: Path, dataset: str, column: str, cells: Sequence[str], title: str | None = None) -> Read:
    """Read a file whose rows differ in one column."""
    others = {name: value for name, value in SAMPLES[dataset].items() if name != column}
    rows = [(*others.values(), f'"{cell}"') for cell in cells]
    return read_bytes(csv_bytes((*others, title or column), *rows), dataset, tmp_path)


def values(tmp_path: Path, dataset: str, column: str, cells: Sequence[str], title: str | None = None) -> list[Any]:
    read = read_cells(tmp_path, dataset, column, cells, title)
    assert read.issues == []
    found: list[Any] = read.table[column].to_pylist()
    return found


def problems(
    tmp_path: Path, dataset: str, column: str, cells: Sequence[str]
) -> dict[tuple[int | None, str], str | None]:
    read = read_cells(tmp_path, dataset, column, cells)
    assert read.bad == [row in {issue[0] for issue in read.issues} for row in read.rows]
    assert all(found == column for _, found, _, _ in read.issues)
    return {(row, rule): value for row, _, rule, value in read.issues}


def test_a_fraction_is_the_decimal_that_was_written(tmp_path: Path) -> None:
    spelled = {
        "0.4": ["0.4", "0.40", ".4", "40%", "40.0 %", "４０％", "0.400000000000000", " 00.4 ", "4e-1"],
        "0.333333": ["0.333333", "33.3333%"],
        "0": ["0", "0.0", "0%", "0.", ".0"],
        "1": ["1", "1.0", "100%", "1."],
        "0.000000000000001": ["0.000000000000001", "1e-15", "0.0000000000001%"],
        "0.07": ["0.07", "7%"],  # 7 · 0.01 is 0.07000000000000001 in binary
    }
    for value, cells in spelled.items():
        assert values(tmp_path, "targets", "value", cells) == [value] * len(cells)


def test_a_fraction_is_told_when_it_is_outside_0_to_1_or_no_decimal(tmp_path: Path) -> None:
    cells = ["40", "1.000001", "101%", "-0.1", "0.0000000000000001", "0,4", "四成", "4/10", "1e2", "%", "nan", "0.4人"]
    found = problems(tmp_path, "targets", "value", cells)
    assert found == {(row, "invalid_fraction"): cell for row, cell in enumerate(cells, 2)}


@pytest.mark.parametrize("cell", ["turnover", "member_ratio_upper", "affiliation_inflation", "党员流动率"])
def test_a_metric_is_told_when_it_takes_no_target(tmp_path: Path, cell: str) -> None:
    assert problems(tmp_path, "targets", "metric", [cell]) == {(2, "invalid_choice"): cell}
    assert values(tmp_path, "targets", "metric", ["组织覆盖率", "新发展党员占比", "member_ratio"]) == [
        "organisation_coverage",
        "admission_rate",
        "member_ratio",
    ]


def test_codes_stay_text(tmp_path: Path) -> None:
    codes = ["007", "NA", "NULL", "nan", "true", "1e5", "0x1F", "a b", "网联F1", "中" * 64]
    assert values(tmp_path, "enterprises", "code", codes) == codes


def test_outer_space_of_any_kind_is_trimmed(tmp_path: Path) -> None:
    assert values(tmp_path, "enterprises", "code", [" a", "b\u3000", "\tc\n", "\u00a0d\u2003"]) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("column", ["code", "name"])
def test_required_cells_may_not_be_blank(tmp_path: Path, column: str) -> None:
    found = problems(tmp_path, "enterprises", column, ["x", "", " \u3000"])
    assert found == {(3, "required"): None, (4, "required"): None}


def test_codes_are_refused_when_they_cannot_be_one(tmp_path: Path) -> None:
    cells = ["ok", ".", "..", "a/b", "a\tb", "x" * 65, "a\x85b", "a\x7fb", "...", "中" * 65]
    wrong = {(3, "."), (4, ".."), (5, "a/b"), (6, "a\tb"), (7, "x" * 65), (8, "a\x85b"), (9, "a\x7fb"), (11, "中" * 65)}
    assert problems(tmp_path, "enterprises", "code", cells) == {(row, "invalid_code"): cell for row, cell in wrong}


def test_a_code_is_refused_when_only_one_is_a_dot(tmp_path: Path) -> None:
    assert problems(tmp_path, "enterprises", "code", ["abc", "."]) == {(3, "invalid_code"): "."}


def test_a_wrong_ref_is_told_without_its_value(tmp_path: Path) -> None:
    assert problems(tmp_path, "members", "ref", ["a/b"]) == {(2, "invalid_code"): None}


def test_names_are_refused_when_too_long(tmp_path: Path) -> None:
    assert values(tmp_path, "enterprises", "name", ["厦" * 1000, 'a""b', "a\nb"]) == ["厦" * 1000, 'a"b', "a\nb"]
    assert list(problems(tmp_path, "enterprises", "name", ["厦" * 1001])) == [(2, "invalid_text")]


@pytest.mark.parametrize(
    "text",
    [
        "2017-06-30",
        "2017-6-30",
        "2017/6/30",
        "2017/06/30",
        "2017.6.30",
        "2017.06.30",
        "20170630",
        "2017年6月30日",
        "2017年06月30日",
        "2017年6月30号",
        " 2017-06-30 ",
        "２０１７年６月３０日",
        "２０１７．６．３０",
        "2017-06-30 00:00:00",
        "2017/6/30 0:00",
        "2017-06-30T00:00",
    ],
)
def test_dates_are_read_in_their_usual_forms(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, "members", "full_since", [text, "2017-06-30"]) == [D, D]


def test_dates_are_read_at_the_ends_of_the_calendar(tmp_path: Path) -> None:
    cells = ["1900-02-28", "2000-02-29", "9999-12-31", "2016/2/29"]
    assert values(tmp_path, "enterprises", "registered_on", cells) == [
        date(1900, 2, 28),
        date(2000, 2, 29),
        date(9999, 12, 31),
        date(2016, 2, 29),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2017-02-29",
        "1900/2/29",
        "2017-13-01",
        "2017-00-10",
        "2017/6/0",
        "2017/6/31",
        "30/6/2017",
        "2017-6/30",
        "2017.6",
        "2017年6月",
        "201706",
        "2017063",
        "2017.630",
        "20171301",
        "2017-06-30 12:00",
        "2017年6月30",
        "0000-01-01",
        "42916",
        "17-06-30",
        "yesterday",
    ],
)
def test_dates_are_refused_when_they_are_none(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, "members", "full_since", ["2017-06-30", text]) == {(3, "invalid_date"): text}


def test_counts_are_whole_numbers(tmp_path: Path) -> None:
    cells = ["12", "12.0", "12.00", "0", "007", "2000000000", "", " 5 "]
    assert values(tmp_path, "returns", "headcount", cells) == [12, 12, 12, 0, 7, 2_000_000_000, None, 5]


def test_counts_are_read_as_offices_write_them(tmp_path: Path) -> None:
    cells = ["１２", "12人", "12 名", "3家", "1,234", "87,793,000人", "１，２３４", "1,234.0"]
    assert values(tmp_path, "returns", "headcount", cells) == [12, 12, 12, 3, 1234, 87_793_000, 1234, 1234]


def test_what_is_refused_says_what_to_write_instead_in_both_languages(tmp_path: Path) -> None:
    wanted = {
        ("returns", "headcount", "十二"): (
            "write 12, 1,234 or 12人; 0 for none",
            "请写成12、1,234或12人；没有的填0，不详的留空",
        ),
        ("members", "full_since", "6月30日"): ("write 2026-06-30", "请写成2026-06-30、2026/6/30"),
    }
    for (dataset, column, cell), (english, chinese) in wanted.items():
        (issue,) = read_cells(tmp_path, dataset, column, [cell]).log.listed
        assert english in issue.message
        assert chinese in issue.told.said("zh")


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "1.5",
        "1 000",
        "1e3",
        "0x1F",
        "+5",
        "12.",
        ".5",
        "1,00",
        "1,0000",
        "0,123",
        "12个月",
        "约12",
        "12-15",
        "2000000001",
        "2147483648",
        "99999999999999999999",
        "十二",
    ],
)
def test_counts_are_refused_when_they_are_none(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, "returns", "headcount", ["12", text]) == {(3, "invalid_count"): text}


MONTH = Column("period_on", Kind.MONTH, "月份", "Month")


@pytest.mark.parametrize(
    "text",
    [
        "2026年6月",
        "２０２６年６月",
        "2026-06",
        "2026/6",
        "2026.06",
        "2026.6",
        "202606",
        "2026-06-01",
        "2026年6月1日",
        "20260601",
    ],
)
def test_a_month_is_its_first_day(text: str) -> None:
    cells = typed_cells(pa.array([text]), Under(MONTH, "月份", TODAY))
    assert (cells.values.to_pylist(), cells.wrong.tolist()) == ([date(2026, 6, 1)], [False])


@pytest.mark.parametrize("text", ["2026-06-02", "2026.1", "202613", "2026年13月", "2026", "6月", "2026-00"])
def test_a_month_is_refused_when_it_may_mean_another_or_begins_on_another_day(text: str) -> None:
    cells = typed_cells(pa.array([text]), Under(MONTH, "月份", TODAY))
    assert (cells.values.to_pylist(), cells.wrong.tolist()) == ([None], [True])
    assert "请写成2026-06" in cells.complaint.said("zh")


def test_width_is_folded_in_everything_but_names(tmp_path: Path) -> None:
    codes = ["９１３５ｍＬ", "9135mL", "Ａ　"]
    assert values(tmp_path, "enterprises", "code", codes) == ["9135mL", "9135mL", "A"]
    assert values(tmp_path, "members", "ref", ["Ｍ－１"]) == ["M-1"]
    assert values(tmp_path, "enterprises", "name", ["ＡＢＣ公司"]) == ["ＡＢＣ公司"]
    assert values(tmp_path, "members", "birth_year", ["１９８５"]) == [1985]
    assert problems(tmp_path, "enterprises", "code", ["a／b"]) == {(2, "invalid_code"): "a／b"}


def test_years_of_birth_are_plausible(tmp_path: Path) -> None:
    assert values(tmp_path, "members", "birth_year", ["1900", "1985.0", "1985年", "2026", ""]) == [
        1900,
        1985,
        1985,
        2026,
        None,
    ]
    found = problems(tmp_path, "members", "birth_year", ["1899", "2027", "85", "1985年5月"])
    assert list(found) == [(row, "invalid_year") for row in (2, 3, 4, 5)]


def test_booleans_are_read_in_both_languages(tmp_path: Path) -> None:
    yes = ["true", "TRUE", "1", "yes", "Yes", "是", "√", "有", "ｔｒｕｅ"]
    no = ["false", "False", "0", "no", "否", "×", "无"]
    assert values(tmp_path, "returns", "operating", [*yes, *no, ""]) == [True] * 9 + [False] * 7 + [None]
    assert problems(tmp_path, "returns", "operating", ["maybe", "2", "1.0"]) == {
        (2, "invalid_boolean"): "maybe",
        (3, "invalid_boolean"): "2",
        (4, "invalid_boolean"): "1.0",
    }


def test_enumerations_are_read_in_both_languages(tmp_path: Path) -> None:
    cells = ["private", "Private", "私营", "港澳台", " 其他 ", ""]
    assert values(tmp_path, "returns", "ownership", cells) == [
        "private",
        "private",
        "private",
        "hong_kong_macao_taiwan",
        "other",
        None,
    ]
    assert values(tmp_path, "members", "education", ["研究生(博士)", "研究生（硕士）"]) == ["doctorate", "master"]


def test_enumerations_are_refused_with_all_choices(tmp_path: Path) -> None:
    read = read_cells(tmp_path, "returns", "size_class", ["small", "tiny"])
    assert read.issues == [(3, "size_class", "invalid_choice", "tiny")]
    assert read.issue().message == "must be one of large, 大型, medium, 中型, small, 小型, micro, 微型"


def test_identity_is_a_question_under_one_header_alone(tmp_path: Path) -> None:
    cells = ["是", "否", "公开", "withheld", ""]
    assert values(tmp_path, "members", "identity", cells, " 身份公开") == ["open", "withheld", "open", "withheld", None]
    assert list(problems(tmp_path, "members", "identity", ["是", "否"])) == [
        (2, "invalid_choice"),
        (3, "invalid_choice"),
    ]


def test_blank_cells_take_the_default_of_their_column(tmp_path: Path) -> None:
    assert values(tmp_path, "enterprises", "kind", ["", "社会组织"]) == ["enterprise", "social_organisation"]
    assert values(tmp_path, "branches", "dual_affiliation", ["", "是"]) == [False, True]
    assert values(tmp_path, "members", "identity", ["", "open"]) == [None, "open"]
    assert values(tmp_path, "returns", "operating", ["", "no"]) == [None, False]


def test_a_wrong_cell_takes_no_default(tmp_path: Path) -> None:
    read = read_cells(tmp_path, "enterprises", "kind", ["", "firm"])
    assert read.bad == [False, True]
    assert read.table["kind"].to_pylist() == ["enterprise", None]


def test_absent_columns_have_no_column(tmp_path: Path) -> None:
    read = read_bytes(csv_bytes(("code", "registered_on", "name"), ("e1", "", "n")), "enterprises", tmp_path)
    assert read.present == {"code", "name", "registered_on"}
    assert read.table.column_names == ["code", "name", "registered_on"]
    assert read.records == [{"code": "e1", "name": "n", "registered_on": None}]


def test_columns_are_typed_by_their_kind(tmp_path: Path) -> None:
    for name in ("ledger", "members"):
        columns = find_dataset(name).columns
        cells = {"reported_on": "2017-06-30", "joined_on": "2017-06-30"}
        row = [cells.get(column.name, "x" if column.required else "") for column in columns]
        read = read_bytes(csv_bytes([column.name for column in columns], row), name, tmp_path)
        kinds = {"date": pa.date32(), "count": pa.int32(), "year": pa.int32(), "boolean": pa.bool_()}
        assert read.table.schema.types == [kinds.get(column.kind, pa.string()) for column in columns]


def test_all_problems_of_all_cells_are_told(tmp_path: Path) -> None:
    content = csv_bytes(
        ("ref", "joined_on", "sex", "birth_year"),
        ("a/b", "x", "y", "z"),
        ("ok", "2017-06-30", "女", ""),
        ("", "", "", "1"),
    )
    read = read_bytes(content, "members", tmp_path)
    assert read.bad == [True, False, True]
    assert read.issues == [
        (2, "birth_year", "invalid_year", "z"),
        (2, "joined_on", "invalid_date", "x"),
        (2, "ref", "invalid_code", None),
        (2, "sex", "invalid_choice", "y"),
        (4, "birth_year", "invalid_year", "1"),
        (4, "joined_on", "required", None),
        (4, "ref", "required", None),
    ]
