"""The same rows, written in every format, encoding and language, are the same chunk."""

import csv
import io
import random
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.imports.columns import Column, Dataset, Kind
from app.imports.datasets import DATASETS, find_dataset
from app.imports.spellings import chinese_titles, chinese_values
from tests.factories.import_files import TODAY, read_bytes
from tests.factories.workbooks import xlsx_bytes
from tests.lengths import at_length

Rows = Sequence[Sequence[Any]]
File = tuple[Dataset, Sequence[Column], Rows]

CODES = st.text("0123456789ABCxyz-._ 厦门", min_size=3, max_size=20).filter(lambda text: text == text.strip())
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])
    | st.sampled_from(' ,;"\n\t、'),
    min_size=1,
    max_size=30,
).filter(lambda text: text == text.strip() and not text.startswith("\ufeff"))
BLANKS = ["", " ", "\u3000"]
CELLS = {
    Kind.CODE: CODES,
    Kind.REF: CODES,
    Kind.TEXT: NAMES,
    Kind.DATE: st.dates(date(1950, 1, 1), TODAY),
    Kind.MONTH: st.dates(date(1950, 1, 1), TODAY).map(lambda day: day.replace(day=1)),
    Kind.COUNT: st.integers(0, 10_000_000),
    Kind.YEAR: st.integers(1900, 2026),
    Kind.BOOLEAN: st.booleans(),
    Kind.FRACTION: st.sampled_from(["0", "1", "0.4", "0.05", "0.333333", "0.000000000000001"]),
}


def cell(column: Column) -> st.SearchStrategy[Any]:
    cells = st.sampled_from(column.choices) if column.choices else CELLS[column.kind]
    return cells if column.required else st.none() | cells


@st.composite
def files(draw: st.DrawFn) -> File:
    """A dataset, some of its columns, and rows of typed cells."""
    dataset = DATASETS[draw(st.sampled_from(list(DATASETS)))]
    columns = [column for column in dataset.columns if column.required or draw(st.booleans())]
    columns = draw(st.permutations(columns))
    rows = draw(st.lists(st.tuples(*map(cell, columns)), min_size=1, max_size=6))
    return dataset, columns, rows


def expected(columns: Sequence[Column], rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            column.name: column.default_when_blank if value is None else value
            for column, value in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def as_text(value: Any, column: Column, chance: random.Random) -> str:
    """Write a cell in one of its spellings."""
    if value is None:
        return chance.choice(BLANKS)
    if column.kind is Kind.DATE:
        return chance.choice(
            [f"{value}", f"{value.year}/{value.month}/{value.day}", f"{value.year}年{value.month}月{value.day}日"]
        )
    if column.kind is Kind.MONTH:
        return chance.choice([f"{value:%Y-%m}", f"{value}", f"{value.year}年{value.month}月"])
    if column.kind is Kind.BOOLEAN:
        return chance.choice(["true", "1", "YES", "是"] if value else ["False", "0", "no", "否"])
    if column.choices:
        spellings: list[str] = [value, value.upper(), *chinese_values(column.enumeration)[value]]
        return chance.choice(spellings)
    if column.kind is Kind.FRACTION:
        value = chance.choice([value, f"{Decimal(value) * 100:f}%", f"{Decimal(value) * 100:f} ％"])
    spelled = f"{value}{chance.choice(['', '.0'])}" if column.kind in {Kind.COUNT, Kind.YEAR} else value
    return chance.choice(BLANKS) + spelled + chance.choice(BLANKS)


def as_csv(dataset: Dataset, columns: Sequence[Column], rows: Rows, chance: random.Random) -> bytes:
    titles = [chance.choice([column.name, *chinese_titles(dataset)[column.name]]) for column in columns]
    content = io.StringIO(newline="")
    writer = csv.writer(content, delimiter=chance.choice(",;\t"), lineterminator=chance.choice(["\n", "\r\n"]))
    writer.writerow(titles)
    writer.writerows(
        [as_text(value, column, chance) for value, column in zip(row, columns, strict=True)] for row in rows
    )
    return content.getvalue().encode(chance.choice(["utf-8", "utf-8-sig", "gb18030"]))


def as_xlsx(_dataset: Dataset, columns: Sequence[Column], rows: Rows, _chance: random.Random) -> bytes:
    return xlsx_bytes([column.name for column in columns], *rows)


def as_parquet(_dataset: Dataset, columns: Sequence[Column], rows: Rows, _chance: random.Random) -> bytes:
    content = io.BytesIO()
    arrays = [pa.array([row[place] for row in rows]) for place in range(len(columns))]
    pq.write_table(pa.Table.from_arrays(arrays, [column.name for column in columns]), content)
    return content.getvalue()


@pytest.mark.parametrize("write", [as_csv, as_xlsx, as_parquet])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_length(80, 20))
@given(file=files(), seed=st.integers(0, 2**32))
def test_rows_come_back_as_they_were_written(
    tmp_path: Path, write: Callable[[Dataset, Sequence[Column], Rows, random.Random], bytes], file: File, seed: int
) -> None:
    dataset, columns, rows = file
    read = read_bytes(write(dataset, columns, rows, random.Random(seed)), dataset.name, tmp_path)
    rules_of_cells = {rule for _, _, rule, _ in read.issues if rule.startswith(("invalid", "required", "ragged"))}
    assert rules_of_cells == set()
    assert read.rows == list(range(2, len(rows) + 2))
    order = [column.name for column in find_dataset(dataset.name).columns if column in columns]
    assert read.table.column_names == order
    assert read.records == [{name: record[name] for name in order} for record in expected(columns, rows)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_length(40, 10))
@given(file=files(), seed=st.integers(0, 2**32))
def test_problems_are_the_same_in_every_format(tmp_path: Path, file: File, seed: int) -> None:
    dataset, columns, rows = file
    writers = (as_csv, as_xlsx, as_parquet)
    told = [read_bytes(write(dataset, columns, rows, random.Random(seed)), dataset.name, tmp_path) for write in writers]
    assert told[0].issues == told[1].issues == told[2].issues
    assert told[0].bad == told[1].bad == told[2].bad


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_length(300, 100))
@given(content=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: b"code,name\n" + text.encode()))
def test_any_bytes_are_read_or_refused_as_invalid(tmp_path: Path, content: bytes) -> None:
    try:
        read = read_bytes(content, "enterprises", tmp_path)
    except InvalidRequest:
        return
    assert len(read.rows) == len(read.bad) == read.table.num_rows
