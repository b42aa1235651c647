import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.imports.datasets import find_dataset
from app.imports.headers import HeaderRefused
from app.imports.readers.file import inspect
from app.imports.readers.layout import FileFormat, UnreadableFile
from tests.factories.import_files import read_bytes

D = date(2017, 6, 30)


def parquet_bytes(columns: pa.Table | Mapping[str, Any], **options: Any) -> bytes:
    content = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), content, **options)
    return content.getvalue()


def returns(**columns: Sequence[Any]) -> bytes:
    number = len(next(iter(columns.values())))
    keys = {"enterprise_code": [f"e{place}" for place in range(number)], "reported_on": [D] * number}
    return parquet_bytes({**keys, **columns})


def refused(content: bytes, tmp_path: Path, dataset: str = "returns") -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read_bytes(content, dataset, tmp_path)
    return caught.value


def test_the_titles_are_the_names_of_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(returns(职工人数=[1]))
    layout = inspect(path, find_dataset("returns")).layout
    assert (layout.format, layout.titles) == (FileFormat.PARQUET, ("enterprise_code", "reported_on", "职工人数"))


@pytest.mark.parametrize(
    "counts",
    [
        pa.array([12, None], pa.int8()),
        pa.array([12, None], pa.uint64()),
        pa.array([12.0, None], pa.float32()),
        pa.array([12.0, float("nan")], pa.float64()),
        pa.array([12.0, None], pa.float16()),
        pa.array([Decimal("12.00"), None], pa.decimal128(9, 2)),
        pa.array(["12", " "], pa.large_string()),
        pa.array(["12", ""], pa.string_view()),
        pa.array([b"12", None], pa.binary()),
        pa.array(["12", None]).dictionary_encode(),
    ],
    ids=lambda counts: str(counts.type),
)
def test_counts_are_read_from_every_type(tmp_path: Path, counts: pa.Array) -> None:
    read = read_bytes(returns(headcount=counts), "returns", tmp_path)
    assert (read.rows, read.issues) == ([2, 3], [])
    assert read.table["headcount"].to_pylist() == [12, None]


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([D, None], pa.date32()),
        pa.array([D, None], pa.date64()),
        pa.array([datetime.fromisoformat("2017-06-30"), None], pa.timestamp("ns")),
        pa.array([datetime.fromisoformat("2017-06-29T16:00"), None], pa.timestamp("us")).cast(
            pa.timestamp("us", "Asia/Shanghai")
        ),
        pa.array(["2017/6/30", None]),
        pa.nulls(2),
    ],
    ids=lambda dates: str(dates.type),
)
def test_dates_are_read_from_every_type(tmp_path: Path, dates: pa.Array) -> None:
    content = parquet_bytes({"code": ["a", "b"], "name": ["n", "n"], "registered_on": dates})
    read = read_bytes(content, "enterprises", tmp_path)
    assert read.issues == []
    assert read.table["registered_on"].to_pylist() == [None if pa.types.is_null(dates.type) else D, None]


def test_codes_booleans_and_enumerations_are_read(tmp_path: Path) -> None:
    content = returns(
        district_code=pa.array([350203008, 7]),
        industry_code=pa.array([6410.0, None]),
        operating=pa.array([True, None]),
        fixed_premises=pa.array(["是", "no"]),
        ownership=pa.array(["私营", "state"]).dictionary_encode(),
    )
    records = read_bytes(content, "returns", tmp_path).records
    assert [tuple(record.values())[2:] for record in records] == [
        ("350203008", "6410", "private", True, True),
        ("7", None, "state", None, False),
    ]


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        (pa.array([1.5]), "1.5"),
        (pa.array([-1]), "-1"),
        (pa.array([Decimal("1.50")]), "1.50"),
        (pa.array([True]), "true"),
        (pa.array([time(1, 2)]), "01:02:00.000000"),
        (pa.array([datetime.fromisoformat("2017-06-30T12:00")]), "2017-06-30 12:00:00.000000"),
    ],
)
def test_a_cell_that_is_no_count_is_a_problem(tmp_path: Path, counts: pa.Array, value: str) -> None:
    read = read_bytes(returns(headcount=counts), "returns", tmp_path)
    assert read.issues == [(2, "headcount", "invalid_count", value)]


def test_a_number_too_large_to_be_exact_is_a_problem(tmp_path: Path) -> None:
    content = parquet_bytes({"code": [9.14403001922038e17, 7.0, float("inf")], "name": ["n"] * 3})
    read = read_bytes(content, "enterprises", tmp_path)
    assert read.issues == [(2, "code", "inexact_number", None), (4, "code", "inexact_number", None)]
    assert read.bad == [True, False, True]


def test_nul_in_a_name_is_a_problem(tmp_path: Path) -> None:
    read = read_bytes(parquet_bytes({"code": ["a", "b\0"], "name": ["n\0", "n"]}), "enterprises", tmp_path)
    assert [issue[:3] for issue in read.issues] == [(2, "name", "invalid_text"), (3, "code", "invalid_code")]


def test_rows_are_numbered_across_batches_and_row_groups(tmp_path: Path) -> None:
    number = 150_000
    content = parquet_bytes(
        {"code": [f"c{row}" for row in range(number)], "name": ["n"] * number}, row_group_size=70_001
    )
    read = read_bytes(content, "enterprises", tmp_path)
    assert read.rows == list(range(2, number + 2))
    assert read.table["code"].to_pylist() == [f"c{row}" for row in range(number)]


def test_no_rows_are_no_problem(tmp_path: Path) -> None:
    empty = pa.table({"code": pa.array([], pa.string()), "name": pa.array([], pa.string())})
    assert read_bytes(parquet_bytes(empty), "enterprises", tmp_path).rows == []


def test_columns_of_types_without_text_are_named(tmp_path: Path) -> None:
    content = returns(headcount=pa.array([[1]]), members=pa.array([timedelta(1)]), operating=pa.array([True]))
    assert [error.place for error in refused(content, tmp_path).errors] == [
        "column/headcount",
        "column/members",
    ]


def test_columns_of_types_without_text_are_passed_over_when_unknown_ones_are(tmp_path: Path) -> None:
    content = returns(tags=pa.array([["x"]]), headcount=pa.array([3]))
    assert read_bytes(content, "returns", tmp_path, ignore_unknown=True).records[0]["headcount"] == 3


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    content = returns(headcount=pa.array(range(1000)))
    assert str(refused(content[:-20], tmp_path)) == "The file begins as Parquet but is damaged."
    assert str(refused(b"PAR1", tmp_path)) == "The file begins as Parquet but is damaged."
    damaged = bytearray(content)
    damaged[100:400] = b"\xff" * 300
    refused(bytes(damaged), tmp_path)
    refused(returns(district_code=pa.array([b"\xff\xfe"], pa.binary())), tmp_path)
    refused(returns(district_code=pa.array(["厦门"])).replace("厦门".encode(), b"\xff" * 6), tmp_path)
    refused(returns(headcount=pa.array([1])).replace(b"headcount", b"headcoun\xff"), tmp_path)


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["code", "name", "code"])
    with pytest.raises(HeaderRefused):
        read_bytes(parquet_bytes(table), "enterprises", tmp_path)
