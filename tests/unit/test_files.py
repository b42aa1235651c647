"""Files of tables made by hand: what is typed, neutralised, bounded and left behind."""

import gc
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.analyses import Analysis
from app.catalogue.definitions import TABLE_LABELS, definition_of
from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import METRIC
from app.errors import InvalidRequest
from app.publication.files import FORMATS, FileFormat, FileOptions
from app.publication.rows import Meta
from app.publication.table import Cells, Column, FlatTable, Kind, plain_column
from app.publication.xlsx import MOST_ROWS
from app.statistics.question import Subject
from app.store.manifest import EXACT, Correlation, Disclosure
from tests.documentation.markdown import ROOT
from tests.factories.files_back import READERS, Cube, sheets

META = Meta(
    "20170630-5f0c91d2a3b4c5d6", date(2017, 6, 30), None, "operating", "register",
    Correlation(0.1, 12, 58, 214, {"women_share": 0.05}), EXACT, 2, "2017-07-01T00:00:00.000000Z",
)  # fmt: skip

COLUMNS = (
    plain_column("row", Kind.TEXT, None),
    plain_column("code", Kind.TEXT, None),
    plain_column("name", Kind.TEXT, None),
    plain_column("reported_on", Kind.DATE, None),
    plain_column("organised", Kind.FLAG, None),
    Column("members", "members", Kind.COUNT, "members"),
    Column("members_joined", "members_joined", Kind.COUNT, "members_joined"),
    Column("member_ratio", "member_ratio", Kind.RATIO, "member_ratio"),
    Column("member_ratio_low", "member_ratio_low", Kind.RATIO, "member_ratio", "low"),
    Column("member_ratio_status", "member_ratio_status", Kind.TEXT, "member_ratio", "status"),
)
ROWS: Cells = [
    ["subject", "007", "梧村街道", date(2017, 6, 30), True, 3, 1, 0.1 + 0.2, 1 / 3, "ok"],
    ["subject", "NA", None, None, None, None, None, None, None, "unknown"],
]


def table_of(rows: Cells, **changes: Any) -> FlatTable:
    def chunks() -> Iterator[Cells]:
        yield rows

    made = FlatTable("enterprises", COLUMNS, ("code",), META, len(rows), chunks, None, Subject.ENTERPRISES)
    return replace(made, **changes)


def named(text: str) -> FlatTable:
    """A table of one row of this name."""
    return table_of([["subject", "007", text, None, None, None, None, None, None, "ok"]])


def written(table: FlatTable, file_format: str) -> bytes:
    chosen = FileFormat(file_format)
    return b"".join(FORMATS[chosen].write(table, FileOptions(chosen)))


@pytest.mark.parametrize("file_format", READERS)
def test_cells_keep_type_and_every_digit_when_read_back(file_format: str) -> None:
    first, second = READERS[file_format](written(table_of(ROWS), file_format))
    assert first == {
        "row": "subject", "code": "007", "name": "梧村街道", "reported_on": "2017-06-30", "organised": True,
        "members": 3, "members_joined": 1, "member_ratio": 0.30000000000000004, "member_ratio_low": 0.3333333333333333,
        "member_ratio_status": "ok",
    }  # fmt: skip
    assert first["organised"] is True
    assert second == dict.fromkeys(first) | {"row": "subject", "code": "NA", "member_ratio_status": "unknown"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
"""Any text but halves of surrogate pairs, which no database holds."""


@given(text=TEXTS, count=st.integers(-(2**53), 2**53), ratio=st.floats(allow_nan=False, allow_infinity=False))
def test_any_cell_is_the_same_in_every_format_when_read_back(text: str, count: int, ratio: float) -> None:
    row = ["subject", "007", text, None, None, count, None, ratio, None, "ok"]
    for file_format, read in READERS.items():
        found = read(written(table_of([row]), file_format))[0]
        assert [found[name] for name in ("name", "members", "member_ratio")] == [text, count, ratio], file_format
    cube = Cube(written(table_of([row]), "jsonstat"))
    assert [cube.cells["007", name] for name in ("members", "member_ratio")] == [count, ratio]
    assert cube.dataset["dimension"]["code"]["category"]["label"] == {"007": text}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x.example")'])
def test_text_is_no_formula_when_it_looks_like_one(text: str) -> None:
    book = written(named(text), "xlsx")
    sheet = parts(book)["xl/worksheets/sheet1.xml"]
    assert "<f>" not in sheet
    style = re.search(r'<c r="C2" s="(\d+)" t="inlineStr"><is>', sheet)
    assert style is not None
    assert 'quotePrefix="1"' in styles(book)[int(style[1])]
    assert sheets(book)[0][1][1][2] == text
    assert f"'{text}" in written(named(text), "csv").decode().replace('""', '"')


@pytest.mark.parametrize(
    "text",
    ["<r>&amp;</r>", "a & b < c > d", "a_x0041_b", "\x01\x1f", "  两端  ", "第一行\n第二行", '"引号"', "𠮷😀", "0123"],
)
@pytest.mark.parametrize("file_format", READERS)
def test_text_is_the_same_when_it_has_markup_controls_or_blanks(file_format: str, text: str) -> None:
    assert READERS[file_format](written(named(text), file_format))[0]["name"] == text


def test_text_is_cut_visibly_when_longer_than_a_cell() -> None:
    shown = READERS["xlsx"](written(named("长" * 32_768), "xlsx"))[0]["name"]
    assert shown == "长" * 32_766 + "…"
    assert READERS["xlsx"](written(named("长" * 32_767), "xlsx"))[0]["name"] == "长" * 32_767


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (date(1900, 3, 1), date(1900, 3, 1)),
        (date(1900, 2, 28), "1900-02-28"),
        (date(1850, 1, 1), "1850-01-01"),
    ],
)
def test_a_day_is_text_when_spreadsheets_have_no_date_for_it(day: date, shown: object) -> None:
    row = ["subject", "007", None, day, None, None, None, None, None, "ok"]
    assert sheets(written(table_of([row]), "xlsx"))[0][1][1][3] == shown


def test_ratios_show_percent_and_counts_show_thousands_when_opened() -> None:
    book = written(table_of(ROWS), "xlsx")
    shown = {cell: number_format(book, cell) for cell in ("D2", "F2", "H2", "I2")}
    assert shown == {"D2": "yyyy-mm-dd", "F2": "#,##0", "H2": "0.00%", "I2": "0.00%"}


def test_the_header_stays_and_filters_when_opened() -> None:
    sheet = parts(written(table_of([*ROWS, ["total", *[None] * 9]], length=2, margins=1), "xlsx"))[
        "xl/worksheets/sheet1.xml"
    ]
    assert '<dimension ref="A1:J4"/>' in sheet
    assert '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' in sheet
    assert '<autoFilter ref="A1:J3"/>' in sheet  # a total is not sorted among the rows


def test_notes_explain_every_column_when_in_chinese() -> None:
    columns = tuple(replace(column, heading=column.name) for column in COLUMNS)
    (_, _), (name, lines) = sheets(written(table_of(ROWS, columns=columns, language="zh"), "xlsx"))
    assert name == "说明"
    assert [line[1] for line in lines[-len(COLUMNS) :]] == [column.name for column in COLUMNS]
    ratio = next(line for line in lines if line[1] == "member_ratio")
    assert ratio[:1] + ratio[2:4] == ["党员比例", "比例", "members_matched / headcount_matched"]
    assert "党员占职工的比例" in ratio[4]


def test_every_definition_and_table_has_its_chinese_when_compared() -> None:
    for measure in MEASURES:
        assert definition_of(measure.code, of_branch=False).en == measure.definition
    for measure in BRANCH_MEASURES:
        assert definition_of(measure.code, of_branch=True).en == measure.definition
    for code, metric in METRIC.items():
        assert definition_of(code, of_branch=False).en == metric.definition
    assert set(TABLE_LABELS) == {*map(str, Subject), *map(str, Analysis), "workplaces"}


@pytest.mark.parametrize(
    ("length", "margins", "refused"),
    [
        (MOST_ROWS - 1, 0, False),
        (MOST_ROWS, 0, True),
        (MOST_ROWS - 2, 2, True),
        (MOST_ROWS + 1, 0, True),
    ],
)
def test_a_workbook_is_refused_at_once_when_a_sheet_is_too_short(length: int, margins: int, *, refused: bool) -> None:
    def unread() -> Iterator[Cells]:
        raise AssertionError

    table = table_of([], length=length, margins=margins, chunks=unread)
    write = FORMATS[FileFormat.XLSX].write
    if not refused:
        assert write(table, FileOptions(FileFormat.XLSX))
        return
    with pytest.raises(InvalidRequest) as caught:
        write(table, FileOptions(FileFormat.XLSX))
    assert [(item.place, item.allowed) for item in caught.value.errors] == [("path/format", ("csv", "parquet"))]


def test_a_sheet_of_more_than_four_gibibytes_can_be_written_when_its_entry_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.publication.xlsx._LARGE", 0)
    book = written(table_of(ROWS), "xlsx")
    assert parts(book)["xl/worksheets/sheet1.xml"].count("<row ") == 3
    assert READERS["xlsx"](book)[0]["members"] == 3


@pytest.mark.parametrize("file_format", list(FileFormat))
def test_nothing_is_left_behind_when_a_file_is_given_up(
    file_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    closed = False

    def chunks() -> Iterator[Cells]:
        nonlocal closed
        try:
            while True:
                yield [
                    ["subject", f"{'code' * 100}{n}", "名", None, True, n, None, 0.5, None, "unknown"]
                    for n in range(1000)
                ]
        finally:
            closed = True

    chosen = FileFormat(file_format)
    gc.collect()  # files that other tests left
    before = len(list(Path("/proc/self/fd").iterdir()))
    pieces = FORMATS[chosen].write(table_of([], length=10**6, chunks=chunks), FileOptions(chosen))
    assert sum(len(next(pieces)) for _ in range(30)) > 0
    assert isinstance(pieces, Iterator)
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert closed
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


LARGE = """
import resource, sys
from tests.unit.test_files import FORMATS, FileFormat, FileOptions, large_table
chosen = FileFormat(sys.argv[1])
with open(sys.argv[2], "wb") as file:
    for piece in FORMATS[chosen].write(large_table(int(sys.argv[3])), FileOptions(chosen)):
        file.write(piece)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "pandas" in sys.modules and sys.argv[1])
"""


def large_table(length: int) -> FlatTable:
    """A table whose last row has its own number; all else is the same thousand rows."""
    rows = [["subject", f"{n:018d}", f"单位{n}", date(2017, 6, 30), True, n, n, n / 7, None, "ok"] for n in range(1000)]

    def chunks() -> Iterator[Cells]:
        for _ in range(length // 1000):
            yield rows
        yield [["subject", "last", None, None, None, length, None, None, None, "ok"]]

    return table_of([], length=length, chunks=chunks)


@pytest.mark.long
def test_memory_stays_bounded_when_parquet_has_a_million_rows(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    small, large = (
        int(
            subprocess.run(
                [sys.executable, "-c", LARGE, "parquet", str(path), str(length)],
                cwd=ROOT, capture_output=True, text=True, check=True,
            ).stdout.split()[0]
        )
        for length in (30_000, 1_000_000)
    )  # fmt: skip
    assert large - small < 60  # MiB; the file's columns alone are 130 MiB in memory
    file = pq.ParquetFile(path)
    assert file.metadata.num_rows == 1_000_001
    assert file.metadata.num_row_groups == 51
    assert file.read_row_group(50)["members"].to_pylist() == [1_000_000]


def test_a_cube_of_two_keys_is_sparse_when_read_back() -> None:
    columns = (
        plain_column("row", Kind.TEXT, None),
        Column("district_code", "district_code", Kind.TEXT),
        Column("district_name_zh", "district_name_zh", Kind.TEXT),
        Column("district_level", "district_level", Kind.TEXT),
        Column("industry_code", "industry_code", Kind.TEXT),
        Column("industry_name_zh", "industry_name_zh", Kind.TEXT),
        Column("members", "members", Kind.COUNT, "members"),
    )
    rows: Cells = [
        ["subject", "A", "甲", "street", "64", "互联网", 4],
        ["subject", "A", "甲", "street", "65", "软件", None],
        ["subject", "B", "乙", "street", "65", "软件", 7],
        ["subject", "B", "乙", "street", None, None, 1],
        ["total", None, None, None, None, None, 12],
    ]
    keys = ("district_code", "industry_code")
    table = table_of(rows, name="breakdown", columns=columns, keys=keys, subject=Subject.DISTRICTS)
    cube = Cube(written(table, "jsonstat"))
    assert cube.dataset["size"] == [3, 4, 1]
    assert cube.dataset["role"] == {"geo": ["district_code"], "metric": ["metric"]}
    assert cube.dataset["value"] == {"0": 4, "5": 7, "6": 1, "11": 12}  # 0·4+0, 1·4+1, 1·4+2, 2·4+3
    assert cube.dataset["status"] == {"1": "not_applicable"}
    assert cube.cells["B", "65", "members"] == 7
    assert cube.cells["B", "/none", "members"] == 1
    assert cube.cells["/total", "/total", "members"] == 12
    district = cube.dataset["dimension"]["district_code"]
    assert district["category"]["label"] == {"A": "甲", "B": "乙", "/total": "/total"}
    assert district["extension"] == {"district_level": {"A": "street", "B": "street"}}
    assert cube.dataset["dimension"]["industry_code"]["extension"] == {}


NULLS = [
    ({}, Subject.ENTERPRISES, "unknown", "unknown"),
    ({}, Subject.DISTRICTS, "not_applicable", "not_applicable"),
    ({"member_source": "returns"}, Subject.ENTERPRISES, "unknown", "not_applicable"),
    ({"disclosure": Disclosure("rounded-enterprises", 1, 5, 30)}, Subject.DISTRICTS, "not_applicable", "protected"),
]


@pytest.mark.parametrize(("changes", "subject", "members", "joined"), NULLS)
def test_a_null_count_says_why_when_in_a_cube(
    changes: dict[str, Any], subject: Subject, members: str, joined: str
) -> None:
    meta = Meta(**{name: getattr(META, name) for name in META.__struct_fields__} | changes)
    cube = Cube(written(table_of(ROWS, meta=meta, subject=subject), "jsonstat"))
    assert cube.status(("NA",), "members") == members
    assert cube.status(("NA",), "members_joined") == joined
    assert cube.status(("NA",), "member_ratio") == cube.status(("NA",), "member_ratio_low") == "unknown"
    assert [cube.status(("007",), name) for name in cube.metrics] == [None] * len(cube.metrics)


def parts(book: bytes) -> dict[str, str]:
    """The files of a workbook."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def styles(book: bytes) -> list[str]:
    """How cells look, by the number that they name."""
    listed = parts(book)["xl/styles.xml"].split("<cellXfs", 1)[1].split("</cellXfs>", 1)[0]
    return re.findall(r"<xf [^>]*>", listed)


def number_format(book: bytes, cell: str) -> str:
    """The number format of a cell of the first sheet."""
    found = re.search(rf'<c r="{cell}" s="(\d+)"', parts(book)["xl/worksheets/sheet1.xml"])
    assert found is not None
    number = re.search(r'numFmtId="(\d+)"', styles(book)[int(found[1])])
    assert number is not None
    custom = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', parts(book)["xl/styles.xml"]))
    return {"3": "#,##0", "10": "0.00%"}.get(number[1]) or custom[number[1]]
