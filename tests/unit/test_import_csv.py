from pathlib import Path

import pytest

from app.imports.datasets import find_dataset
from app.imports.headers import HeaderRefused
from app.imports.issues import IssueLog
from app.imports.readers.file import inspect, read_chunks
from app.imports.readers.layout import FileFormat, UnreadableFile
from tests.factories.import_files import TODAY, csv_bytes, read_bytes, read_file

MIB = 1 << 20
HEADER = ("code", "name", "kind")


def refused(content: bytes, tmp_path: Path, dataset: str = "enterprises") -> str:
    with pytest.raises(UnreadableFile) as caught:
        read_bytes(content, dataset, tmp_path)
    assert caught.value.status == 422
    return str(caught.value)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.imports.readers.csv.BLOCK_BYTES", 64)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_delimiter_encoding_and_line_end_gives_the_same(
    tmp_path: Path, delimiter: str, encoding: str, line_end: str
) -> None:
    rows = [("统一社会信用代码", "企业名称", "类别"), ("007", "厦门𠮷联网络", "企业"), ("NA", "a b", "")]
    content = line_end.join(delimiter.join(row) for row in rows).encode(encoding)
    read = read_bytes(content, "enterprises", tmp_path)
    assert (read.rows, read.issues) == ([2, 3], [])
    assert read.records == [
        {"code": "007", "name": "厦门𠮷联网络", "kind": "enterprise"},
        {"code": "NA", "name": "a b", "kind": "enterprise"},
    ]


def test_the_delimiter_is_that_which_makes_the_most_titles(tmp_path: Path) -> None:
    assert read_bytes(b"code;name;a,b,c\n1;n;\n", "enterprises", tmp_path, ignore_unknown=True).rows == [2]
    assert read_bytes(b'"code"\t"name"\n1\tn;n\n', "enterprises", tmp_path).records[0]["name"] == "n;n"


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    read = read_bytes(b'code,"na\nme",kind\n1,"a,""b""\nc",\n2,x,\n', "enterprises", tmp_path)
    assert [(row, record["name"]) for row, record in zip(read.rows, read.records, strict=True)] == [
        (2, 'a,"b"\nc'),
        (3, "x"),
    ]


def test_rows_are_numbered_as_a_spreadsheet_does_when_some_are_blank(tmp_path: Path) -> None:
    read = read_bytes(b"code,name,kind\n\n1,a,\n,,\n \n2,b,\n  , ,\n\n3,c,\n\n", "enterprises", tmp_path)
    assert (read.rows, read.issues) == ([3, 6, 9], [])


def test_ragged_rows_are_problems_with_their_number(tmp_path: Path) -> None:
    read = read_bytes(b'code,name,kind\n1,a\n2,"b\nb",\n3,c,,\n4,d,\n5\n', "enterprises", tmp_path)
    assert read.rows == [3, 5]
    assert read.issues == [(row, None, "ragged_row", None) for row in (2, 4, 6)]
    assert [issue.message for issue in read.log.listed] == [
        f"has {cells} cells where the header has 3" for cells in (2, 4, 1)
    ]


def test_ragged_rows_are_numbered_rightly_when_the_file_is_read_in_many_blocks(
    tmp_path: Path, small_blocks: None
) -> None:
    ragged = {3, 4, 9, 30, 31, 32, 33, 34, 35, 60, 99, 100}
    lines = ["1,2" if row in ragged else f"c{row},n," for row in range(2, 101)]
    read = read_bytes("\n".join(["code,name,kind", *lines]).encode(), "enterprises", tmp_path)
    assert read.rows == [row for row in range(2, 101) if row not in ragged]
    assert read.table["code"].to_pylist() == [f"c{row}" for row in read.rows]
    assert [issue[0] for issue in read.issues] == sorted(ragged)


def test_a_file_of_ragged_rows_alone_is_told_row_by_row(tmp_path: Path, small_blocks: None) -> None:
    read = read_bytes(b"code,name,kind\n" + b"1,2\n" * 50, "enterprises", tmp_path)
    assert (read.rows, read.log.errors) == ([], 50)


def test_a_file_is_refused_when_too_many_rows_do_not_fit_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.imports.readers.csv.MOST_RAGGED", 1000)
    detail = refused(b"code,name,kind\n" + b"1,2\n" * 2000, tmp_path)
    assert detail == "1000 rows up to row 1001 have more or fewer cells than the header, which has 3."


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    for content in (b"code,name", b"code,name\n", b"code,name\r\n\r\n"):
        read = read_bytes(content, "enterprises", tmp_path)
        assert (read.rows, read.issues, read.present) == ([], [], frozenset({"code", "name"}))


def test_one_column_is_enough(tmp_path: Path) -> None:
    read = read_bytes(b"code\n1\n\n2", "enterprises", tmp_path, keys_only=True)
    assert (read.rows, read.table["code"].to_pylist()) == ([2, 4], ["1", "2"])


def test_cells_without_a_title_are_problems(tmp_path: Path) -> None:
    content = b"code,name,,\n1,a,,\n2,b,x,\n3,c,,y\n"
    read = read_bytes(content, "enterprises", tmp_path)
    assert read.issues == [(3, None, "ragged_row", None), (4, None, "ragged_row", None)]
    assert read.bad == [False, True, True]
    assert read_bytes(content, "enterprises", tmp_path, ignore_unknown=True).issues == []


@pytest.mark.parametrize(
    ("content", "offset"),
    [
        (b"code,name\n1,\xff\xfe\n", 12),
        (b"code,name\n1,caf\xe9\n", 15),
        (b"code,name\n1,a\x00b\n", 13),
        ("code,name\n1,企业名称党员".encode() + b"\xc0\n", 30),
        (b"code,name\n1," + b"x" * MIB + b"\xff\n", 12 + MIB),
        (b"code,name\n1," + b"x" * MIB + b"\x00\n", 12 + MIB),
        (b"code,name\n1," + "党".encode() * MIB + b"\xff\n", 12 + 3 * MIB),
        ("code,name\n1,党".encode("gb18030") + b"x" * MIB + b"\xff\n", 14 + MIB),
        (b"code,name\n1,\xe4", 12),
    ],
)
def test_a_byte_that_is_in_no_encoding_is_named(tmp_path: Path, content: bytes, offset: int) -> None:
    assert f"byte at offset {offset} " in refused(content, tmp_path)


def test_the_first_bytes_are_enough_to_refuse_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (
        b"code,name\n1,\xff\xfe\n",
        b"code,name\n1,\x00\n",
        b"\xff\xfec\x00o\x00",
        b"",
        b"\xd0\xcf\x11\xe0old",
    ):
        path.write_bytes(content)
        with pytest.raises(UnreadableFile):
            inspect(path, find_dataset("enterprises"))


def test_a_character_cut_by_the_end_of_the_first_bytes_is_no_mistake(tmp_path: Path) -> None:
    for encoding in ("utf-8", "gb18030"):
        for shift in range(4):
            content = b"code,name\n1," + b"x" * (MIB - 12 - shift) + "党员\n".encode(encoding)
            assert read_bytes(content, "enterprises", tmp_path).table["name"].null_count == 1


def test_the_encoding_is_that_of_the_whole_file_when_the_first_bytes_are_plain(tmp_path: Path) -> None:
    rows = b"".join(b"c%d,n,\n" % row for row in range(150_000))
    assert len(rows) > MIB
    read = read_bytes(b"code,name,kind\n" + rows + "c,党员,企业\n".encode("gb18030"), "enterprises", tmp_path)
    assert read.records[-1] == {"code": "c", "name": "党员", "kind": "enterprise"}
    assert read.rows[-1] == 150_002


def test_a_broken_character_does_not_turn_the_file_into_another_encoding(tmp_path: Path) -> None:
    content = "code,name\n1,厦门市思明区\n2,".encode() + "党员".encode("gb18030") + b"\n"
    assert "is not UTF-8, as the bytes before it are" in refused(content, tmp_path)


OPEN_IN_ROW_3 = 'A quotation mark (") in row 3 is never closed: take it out, or write it twice.'


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path, small_blocks: None) -> None:
    assert "never closed" in refused(b'code,name\n1,"a\n' + b"2,b\n" * 100, tmp_path)
    assert refused(b'code,name\n1,a\n2,"b\n3,c\n', tmp_path) == OPEN_IN_ROW_3
    assert refused(b'code,name,kind\n1,a,\n2,"b,\n3,c,\n', tmp_path) == OPEN_IN_ROW_3


def test_a_cell_of_many_lines_at_the_end_is_no_open_quote(tmp_path: Path) -> None:
    assert read_bytes(b'code,name\n1,"a\nb"\n', "enterprises", tmp_path).records[0]["name"] == "a\nb"
    assert read_bytes(b'name,code\n"a\nb",1\n"a\nb",1,2\n', "enterprises", tmp_path).rows == [2]


def test_a_row_longer_than_a_block_is_refused(tmp_path: Path) -> None:
    assert "longer than" in refused(b"code,name\n1," + b"x" * (5 * MIB) + b"\n", tmp_path)


def test_a_header_that_does_not_fit_is_refused_before_any_row(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(csv_bytes(("code", "nmae"), ("1", "n")))
    with pytest.raises(HeaderRefused) as caught:
        inspect(path, find_dataset("enterprises"))
    unknown, missing = caught.value.errors
    assert unknown.suggestions == ("name",)
    assert missing.suggestions[:4] == ("name", "企业名称", "单位名称", "名称")


@pytest.mark.parametrize("content", [b",,\n,,\n", b" \n", b"\n" * 30])
def test_a_file_of_blank_rows_has_no_header(tmp_path: Path, content: bytes) -> None:
    assert refused(content, tmp_path) == "None of the first 20 rows holds a header."


def test_rows_above_the_header_are_left_out_and_rows_keep_their_numbers(tmp_path: Path, small_blocks: None) -> None:
    above = '非公企业台账\n"填报单位：\n梧村街道",2026.6.30\n\n'
    content = f"{above}企业代码;企业名称\n" + "".join(f"c{row};n\n" for row in range(5, 300)) + "c;n;x\n"
    read = read_bytes(content.encode(), "enterprises", tmp_path)
    assert (read.rows, read.issues) == (list(range(5, 300)), [(300, None, "ragged_row", None)])
    assert [str(note) for note in read.log.notes] == [
        "Row 4 was taken for the header; what stands above it is left out."
    ]


def test_a_header_below_the_first_twenty_rows_is_not_looked_for(tmp_path: Path) -> None:
    read = read_bytes(b"x\n" * 19 + b"code,name\n1,n\n", "enterprises", tmp_path)
    assert read.rows == [21]
    path = tmp_path / "file"
    path.write_bytes(b"x\n" * 20 + b"code,name\n1,n\n")
    with pytest.raises(HeaderRefused):
        inspect(path, find_dataset("enterprises"))


def test_the_table_ends_where_notes_begin(tmp_path: Path, small_blocks: None) -> None:
    rows = "".join(f"c{row},n\n" for row in range(2, 100))
    for notes in (
        "填表人：张三,\n审核人：李四,\n,2026年6月30日\n",
        "填表人：张三\n审核人：李四 电话：1\n",
        "注：1.含分公司\n",
    ):
        read = read_bytes(f"code,name\n{rows}{notes}".encode(), "enterprises", tmp_path)
        assert (read.rows, read.issues) == (list(range(2, 100)), [])
        assert [note.said("zh") for note in read.log.notes] == ["表格到第100行之前为止，其后的说明未读入。"]


def test_a_row_of_the_table_below_the_notes_is_an_error(tmp_path: Path) -> None:
    read = read_bytes("code,name\n1,n\n填表人：张三,\n2,m\n".encode(), "enterprises", tmp_path)
    assert read.rows == [2]
    assert read.issues == [(4, None, "row_below_notes", None)]


def test_totals_are_errors_of_their_own_and_leave_the_rows(tmp_path: Path) -> None:
    words = ("合计", "合 计", "总　计", "小计", "共计：", "Total", "ｔｏｔａｌ", "Grand total")
    rows = [("1", "n", "", ""), *((word, "", "", "12") for word in words), *(("", word, "", "1") for word in words)]
    rows += [("", "", "合计", "9"), ("2", "合计公司", "合计", "1")]
    read = read_bytes(csv_bytes(("code", "name", "序号", "备注"), *rows), "enterprises", tmp_path)
    assert read.records == [{"code": "1", "name": "n"}, {"code": "2", "name": "合计公司"}]
    assert read.issues == [(row, "code", "totals_row", None) for row in range(3, 20)]


def test_a_header_that_is_repeated_for_print_is_no_row(tmp_path: Path) -> None:
    content = "企业代码,企业名称\n1,n\n企业代码,企业名称\n2,m\n".encode()
    read = read_bytes(content, "enterprises", tmp_path)
    assert (read.rows, read.issues) == ([2, 4], [(3, "code", "repeated_header", None)])


def test_what_refuses_a_file_stands_among_its_problems(tmp_path: Path) -> None:
    path, log, dataset = tmp_path / "file", IssueLog(), find_dataset("enterprises")
    path.write_bytes(b'code,name\n1,a\n2,"b\n3,c\n')
    with pytest.raises(UnreadableFile):
        list(read_chunks(path, dataset, inspect(path, dataset), log, today=TODAY))
    assert [(issue.row, issue.rule, issue.told.said("zh")) for issue in log.listed] == [
        (3, "unreadable_file", '第3行有未配对的引号（"）：请删去，或写成两个。')
    ]


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    assert refused(b",".join([b"c"] * 501) + b"\n", tmp_path) == "The file has more than 500 columns."


def test_the_name_of_the_file_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.csv.gz"
    path.write_bytes(b"code,name\n1,n\n")
    assert inspect(path, find_dataset("enterprises")).layout.format is FileFormat.CSV
    assert read_file(path, "enterprises").rows == [2]


def test_progress_ends_at_the_whole_file(tmp_path: Path, small_blocks: None) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"code,name\n" + b"1,n\n" * 5000)
    dataset = find_dataset("enterprises")
    chunks = list(read_chunks(path, dataset, inspect(path, dataset), IssueLog(), today=TODAY))
    progress = [chunk.progress for chunk in chunks]
    assert len(chunks) > 100
    assert progress == sorted(progress)
    assert 0 < progress[0] <= progress[-1] == 1
