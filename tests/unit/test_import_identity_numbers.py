from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imports.datasets import find_dataset
from app.imports.issues import IssueLog
from app.imports.readers.file import ColumnRefused, inspect, read_chunks
from app.imports.rows.checks import Chunk
from app.imports.rows.identity_numbers import holds_identity_number
from tests.factories.import_files import TODAY, csv_bytes, read_bytes

REAL = "11010519491231002X"
"""The example of GB 11643-1999."""


def identity_number(division: str, born: date, sequence: int) -> str:
    body = f"{division}{born:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def holds(*texts: str | None) -> list[bool]:
    found: list[bool] = holds_identity_number(pa.array(texts, pa.string()), TODAY).tolist()
    return found


@given(st.from_regex(r"[1-9][0-9]{5}", fullmatch=True), st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999))
def test_every_identity_number_is_found_and_no_other_check_character(division: str, born: date, sequence: int) -> None:
    number = identity_number(division, born, sequence)
    others = [number[:17] + check for check in "0123456789X" if check != number[17]]
    assert holds(number, number.lower(), *others) == [True, True] + [False] * 10


def test_numbers_are_found_when_in_other_text() -> None:
    assert (
        holds(REAL, f"张三{REAL}号", f"P-{REAL}", "１１０１０５１９４９１２３１００２Ｘ", f"{REAL} {REAL}")
        == [True] * 5
    )


def test_other_numbers_are_none() -> None:
    future = identity_number("350203", date(2030, 1, 1), 1)
    no_day = "350203199002300019"
    longer = f"1{REAL}"
    assert holds(future, no_day, longer, "110105491231002", "914403001922038216", "", None, "x" * 40) == [False] * 8


def refuse(tmp_path: Path, dataset: str, content: bytes, **options: Any) -> tuple[list[Chunk], IssueLog, ColumnRefused]:
    path = tmp_path / "file"
    path.write_bytes(content)
    declared, log = find_dataset(dataset), IssueLog(find_dataset(dataset).hidden)
    chunks: list[Chunk] = []
    header = inspect(path, declared, **options)
    with pytest.raises(ColumnRefused) as caught:
        chunks.extend(read_chunks(path, declared, header, log, today=TODAY))
    for told in [caught.value.detail, *caught.value.errors, *log.listed]:
        assert "1949" not in repr(told)
    return chunks, log, caught.value


CASES = [
    ("members", "ref"),
    ("members", "sex"),
    ("members", "birth_year"),
    ("members", "full_since"),
    ("enterprises", "name"),
    ("returns", "headcount"),
    ("returns", "operating"),
]


@pytest.mark.parametrize(("dataset", "column"), CASES)
def test_a_column_is_refused_by_one_value(tmp_path: Path, dataset: str, column: str) -> None:
    required = {c.name: "2017-06-30" if c.kind == "date" else "x" for c in find_dataset(dataset).columns if c.required}
    row = {**required, column: f" {REAL} "}
    chunks, log, error = refuse(tmp_path, dataset, csv_bytes(list(row), list(row.values())))
    assert chunks == []
    assert (2, column, "identity_number", None) in [(i.row, i.column, i.rule, i.value) for i in log.listed]
    assert [item.place for item in error.errors] == [f"column/{column}"]


def test_columns_of_codes_are_not_looked_at(tmp_path: Path) -> None:
    read = read_bytes(csv_bytes(("code", "name"), (REAL, "n")), "enterprises", tmp_path)
    assert [rule for _, _, rule, _ in read.issues] == ["check_digit"]
    assert read.records == [{"code": REAL, "name": "n"}]


def test_columns_passed_over_are_looked_at(tmp_path: Path) -> None:
    content = csv_bytes(("code", "name", "remark"), ("e1", "n", ""), ("e2", "n", REAL))
    _, log, _ = refuse(tmp_path, "enterprises", content, ignore_unknown=True)
    assert [(issue.row, issue.column) for issue in log.listed] == [(3, "remark")]


def test_values_told_before_are_taken_back_and_the_rest_is_still_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.imports.readers.csv.BLOCK_BYTES", 64)
    rows = [("m1", "2017-06-30", "neither"), ("m2", "2017-06-30", REAL), ("m3", "", "nobody")]
    chunks, log, error = refuse(tmp_path, "members", csv_bytes(("ref", "joined_on", "sex"), *rows))
    assert [chunk.rows.tolist() for chunk in chunks] == [[2]]
    assert [(i.row, i.column, i.rule, i.value) for i in log.listed] == [
        (2, "sex", "invalid_choice", None),
        (3, "sex", "identity_number", None),
        (3, "sex", "invalid_choice", None),
        (4, "joined_on", "required", None),
        (4, "sex", "invalid_choice", None),
    ]
    assert str(error.errors[0].message) == "column sex is refused: 1 cells hold an identity number"
