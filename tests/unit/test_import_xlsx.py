import io
import re
import struct
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter

from app.imports.datasets import find_dataset
from app.imports.readers.file import inspect
from app.imports.readers.layout import FileFormat, UnreadableFile
from app.imports.readers.xlsx import SheetNeeded
from app.imports.readers.xlsx_archive import Archive
from app.imports.readers.xlsx_extent import sheet_extent
from app.imports.readers.xlsx_sheet import read_book
from tests.factories.import_files import read_bytes
from tests.factories.workbooks import SHEET, rewritten, with_cells, xlsx_bytes

D = date(2017, 6, 30)
HEADER = ("code", "name", "registered_on")
ROW = ("1", "n", D)
PLAIN = xlsx_bytes(HEADER, ROW)


def refused(content: bytes, tmp_path: Path, dataset: str = "enterprises") -> str:
    with pytest.raises(UnreadableFile) as caught:
        read_bytes(content, dataset, tmp_path)
    return str(caught.value)


def extent(content: bytes, tmp_path: Path) -> tuple[int, int]:
    path = tmp_path / "file"
    path.write_bytes(content)
    with Archive(path) as archive:
        found = sheet_extent(archive, read_book(archive).sheets[0])
    return found.rows, found.columns


def test_the_first_sheet_is_read(tmp_path: Path) -> None:
    read = read_bytes(xlsx_bytes(("统一社会信用代码", "企业名称", "注册日期"), ROW), "enterprises", tmp_path)
    assert (read.rows, read.issues) == ([2], [])
    assert read.records == [{"code": "1", "name": "n", "registered_on": D}]


def test_the_header_is_found_without_reading_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(PLAIN)
    layout = inspect(path, find_dataset("enterprises")).layout
    assert (layout.format, layout.titles, layout.sheet) == (FileFormat.XLSX, HEADER, "Rows")


def test_cells_of_every_type_are_read(tmp_path: Path) -> None:
    titles = ("enterprise_code", "reported_on", "district_code", "headcount", "members", "operating", "fixed_premises")
    rows = [
        ("007", D, 350203008, 12, 3.0, True, "是"),
        (7, "2017年6月30日", "350203008", "12.0", "", False, 0),
        (914403001922038, datetime.fromisoformat("2017-06-30"), 0.5, None, 0, 1, "yes"),
    ]
    read = read_bytes(xlsx_bytes(titles, *rows), "returns", tmp_path)
    assert read.issues == []
    assert [tuple(record.values()) for record in read.records] == [
        ("007", D, "350203008", True, True, 12, 3),
        ("7", D, "350203008", False, False, 12, None),
        ("914403001922038", D, "0.5", True, True, None, 0),
    ]


@pytest.mark.parametrize(
    ("cell", "rule", "value"),
    [
        (datetime.fromisoformat("2017-06-30T12:05"), "invalid_date", "2017-06-30 12:05:00"),
        (2017, "invalid_date", "2017"),
        ("30.6.2017", "invalid_date", "30.6.2017"),
        (True, "invalid_date", "true"),
    ],
)
def test_a_cell_that_is_no_date_is_a_problem(tmp_path: Path, cell: object, rule: str, value: str) -> None:
    read = read_bytes(xlsx_bytes(HEADER, ROW, ("2", "n", cell)), "enterprises", tmp_path)
    assert read.issues == [(3, "registered_on", rule, value)]


@pytest.mark.parametrize("count", [1.5, -1, True, D, "十二"])
def test_a_cell_that_is_no_count_is_a_problem(tmp_path: Path, count: object) -> None:
    content = xlsx_bytes(("enterprise_code", "reported_on", "headcount"), ("e", D, count))
    assert [issue[:3] for issue in read_bytes(content, "returns", tmp_path).issues] == [
        (2, "headcount", "invalid_count")
    ]


def test_a_number_that_a_spreadsheet_cannot_keep_is_a_problem(tmp_path: Path) -> None:
    read = read_bytes(xlsx_bytes(HEADER, (914403001922038216, "n"), (999999999999999, "n")), "enterprises", tmp_path)
    assert read.issues == [(2, "code", "inexact_number", None)]
    assert read.bad == [True, False]


def test_an_error_of_the_spreadsheet_is_a_problem_and_no_blank(tmp_path: Path) -> None:
    content = xlsx_bytes((*HEADER, "remark"), ("x", "n", D, "y"), ("2", "x", D, "y"))
    broken = rewritten(
        content, SHEET, lambda xml: xml.replace(b'<c r="A2" t="s"><v>4</v>', b'<c r="A2" t="e"><v>#N/A</v>')
    )
    assert broken != content
    read = read_bytes(broken, "enterprises", tmp_path, ignore_unknown=True)
    assert read.issues == [(2, "code", "spreadsheet_error", None)]
    assert read.bad == [True, False]


def test_rows_are_numbered_as_the_spreadsheet_does(tmp_path: Path) -> None:
    rows = [HEADER, (), ROW, ("", " ", None), (), ("2", "", None), (None, None, None, "stray")]
    read = read_bytes(xlsx_bytes(*rows), "enterprises", tmp_path)
    assert read.rows == [3, 6]
    assert read.issues == [(6, "name", "required", None), (7, None, "ragged_row", None)]


def test_columns_are_counted_from_the_first_of_the_sheet(tmp_path: Path) -> None:
    read = read_bytes(xlsx_bytes(HEADER, ROW, column=2), "enterprises", tmp_path)
    assert (read.rows, read.issues, read.records[0]["code"]) == ([2], [], "1")


def test_rows_above_the_header_are_left_out_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    rows = [("台账",), (), ("填报单位：梧村街道", D), HEADER, ROW, (), ("合计", "", None), ("填表人：张三",)]
    read = read_bytes(xlsx_bytes(*rows, row=1, column=1), "enterprises", tmp_path)
    assert (read.rows, read.issues) == ([6], [(8, "code", "totals_row", None)])
    assert [str(note) for note in read.log.notes] == [
        "Sheet Rows was taken.",
        "Row 5 was taken for the header; what stands above it is left out.",
        "The table ends above row 9: the notes from there on are left out.",
    ]
    assert refused(sheets_of(("a", [])), tmp_path) == "None of the first 20 rows holds a header."


def sheets_of(*sheets: tuple[str, Sequence[Sequence[str]]], hidden: Sequence[str] = ()) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for place, cells in enumerate(rows):
                sheet.write_row(place, 0, cells)
            if name in hidden:
                sheet.hide()
    return content.getvalue()


COVER, TABLE = ("封面", [("填报说明",)]), ("台账", [("code", "name"), ("1", "n")])
OTHER = ("二月", [("标题",), ("code", "name"), ("2", "m")])


def test_the_sheet_with_a_known_header_is_taken_wherever_it_stands(tmp_path: Path) -> None:
    assert read_bytes(sheets_of(COVER, TABLE), "enterprises", tmp_path).records[0]["code"] == "1"
    assert (
        read_bytes(sheets_of(COVER, OTHER, TABLE, hidden=["二月"]), "enterprises", tmp_path).records[0]["code"] == "1"
    )


def test_which_sheet_is_asked_when_several_have_a_known_header(tmp_path: Path) -> None:
    content = sheets_of(COVER, TABLE, OTHER)
    with pytest.raises(SheetNeeded) as caught:
        read_bytes(content, "enterprises", tmp_path)
    (error,) = caught.value.errors
    assert (error.place, error.allowed) == ("query/sheet", ("台账", "二月"))
    assert "请用sheet指明" in error.message.said("zh")
    assert read_bytes(content, "enterprises", tmp_path, sheet="二月").records[0]["code"] == "2"
    with pytest.raises(SheetNeeded) as caught:
        read_bytes(content, "enterprises", tmp_path, sheet="三月")
    assert caught.value.errors[0].allowed == ("封面", "台账", "二月")


@pytest.mark.parametrize("value", ["", "<v></v>", "<v/>"])
def test_a_formula_that_was_never_calculated_is_no_blank(tmp_path: Path, value: str) -> None:
    titles = ("enterprise_code", "reported_on", "headcount", "members")
    content = xlsx_bytes(titles, ("e", D, 1, 1), ("f", D, 1, 1))
    cells = f'<c r="C3"><f>SUM(1,2)</f>{value}</c><c r="D3"><f>1+1</f><v>2</v></c></row>'
    changed = rewritten(
        content, SHEET, lambda xml: xml.replace(b'<c r="C3"><v>1</v></c><c r="D3"><v>1</v></c></row>', cells.encode())
    )
    assert changed != content
    read = read_bytes(changed, "returns", tmp_path)
    assert read.issues == [(3, "headcount", "formula_without_value", None)]
    assert read.records[1]["members"] == 2
    assert "保存后重报" in read.issue().told.said("zh")


def test_a_formula_whose_text_is_empty_is_blank(tmp_path: Path) -> None:
    content = rewritten(
        xlsx_bytes((*HEADER, "kind"), (*ROW, "x")),
        SHEET,
        lambda xml: re.sub(b'<c r="D2" t="s"><v>[0-9]+</v></c>', b'<c r="D2" t="str"><f>IF(1,"")</f><v></v></c>', xml),
    )
    read = read_bytes(content, "enterprises", tmp_path)
    assert (read.issues, read.records[0]["kind"]) == ([], "enterprise")


def test_serial_numbers_are_days_in_columns_of_dates_alone(tmp_path: Path) -> None:
    content = xlsx_bytes(HEADER, (42916, "n", 42916), (2, "n", 20170630), (3, "n", 2017), (4, "n", 42916.5))
    read = read_bytes(content, "enterprises", tmp_path)
    assert [row["registered_on"] for row in read.records] == [D, D, None, None]
    assert read.records[0]["code"] == "42916"
    assert read.issues == [
        (row, "registered_on", "invalid_date", value) for row, value in ((4, "2017"), (5, "42916.5"))
    ]
    old = rewritten(content, "xl/workbook.xml", lambda xml: xml.replace(b"<workbookPr ", b'<workbookPr date1904="1" '))
    assert read_bytes(old, "enterprises", tmp_path).records[0]["registered_on"] == date(2021, 7, 1)


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    read = read_bytes(xlsx_bytes(HEADER), "enterprises", tmp_path)
    assert (read.rows, read.issues) == ([], [])


def test_titles_are_read_when_written_inline_or_as_rich_text(tmp_path: Path) -> None:
    text = b'<r><t>co</t></r><r><t>de</t></r><rPh sb="0" eb="1"><t>x</t></rPh>'
    inline = b'<row r="1"><c r="A1" t="inlineStr"><is>%s</is></c>' % text
    content = rewritten(
        PLAIN, SHEET, lambda xml: xml.replace(b'<row r="1" spans="1:3"><c r="A1" t="s"><v>0</v></c>', inline)
    )
    assert content != PLAIN
    assert read_bytes(content, "enterprises", tmp_path).records[0]["code"] == "1"


def test_xml_is_read_when_cells_do_not_say_where_they_are_or_carry_a_prefix(tmp_path: Path) -> None:
    def bare(xml: bytes) -> bytes:
        for name in (b"A1", b"B1", b"C1", b"A2", b"B2", b"C2"):
            xml = xml.replace(b' r="%s"' % name, b"")
        return xml.replace(b' r="1" spans="1:3"', b"").replace(b' r="2" spans="1:3"', b"")

    content = rewritten(PLAIN, SHEET, bare)
    assert extent(content, tmp_path) == (2, 3)
    assert read_bytes(content, "enterprises", tmp_path).records[0]["code"] == "1"
    prefixed = rewritten(
        PLAIN,
        SHEET,
        lambda xml: (
            xml.replace(b"<c ", b"<x:c ")
            .replace(b"</c>", b"</x:c>")
            .replace(b"<worksheet ", b'<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ')
        ),
    )
    assert extent(prefixed, tmp_path) == (2, 3)


def test_the_extent_counts_every_cell_with_something_in_it(tmp_path: Path) -> None:
    assert extent(with_cells(PLAIN, '<row r="90"><c r="AA90"><v>1</v></c></row>'), tmp_path) == (90, 27)
    assert extent(with_cells(PLAIN, "<row r='90'><c r='D90'><v>1</v></c></row>"), tmp_path) == (90, 4)


def test_formatted_blank_cells_do_not_count_when_they_would_make_the_sheet_too_large(tmp_path: Path) -> None:
    content = with_cells(PLAIN, '<row r="1048576"><c r="XFD1048576" s="1"/></row>')
    assert extent(content, tmp_path) == (2, 3)
    assert read_bytes(content, "enterprises", tmp_path).rows == [2]


@pytest.mark.parametrize(
    "form", ['<c r="{0}"><v>1</v></c>', "<c r='{0}'><v>1</v></c>", '<c s="1" r="{0}"><v>1</v></c>']
)
@pytest.mark.parametrize(
    ("place", "told"),
    [("A100002", "more than 100000 rows"), ("XFD2", "at most 500 columns"), ("CV99999", "5000000 cells")],
)
def test_a_sheet_that_is_too_large_is_refused_before_room_is_made_for_it(
    tmp_path: Path, place: str, told: str, form: str
) -> None:
    assert told in refused(with_cells(PLAIN, f"<row>{form.format(place)}</row>"), tmp_path)


def test_a_hundred_thousand_rows_are_read(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="B{row}" t="inlineStr"><is><t>n</t></is></c></row>'
        for row in range(3, 100_002)
    )
    read = read_bytes(with_cells(PLAIN, rows), "enterprises", tmp_path)
    assert (len(read.rows), read.rows[-1], read.log.errors) == (100_000, 100_001, 0)
    assert read.records[-1] == {"code": "100001", "name": "n", "registered_on": None}


def zip_of(**parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return content.getvalue()


def test_an_archive_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    assert refused(zip_of(text="x"), tmp_path) == "The file is a ZIP archive but no XLSX workbook."
    assert "no whole ZIP archive" in refused(PLAIN[:-30], tmp_path)
    assert "no whole ZIP archive" in refused(b"PK\x03\x04" + b"x" * 1000, tmp_path)


@pytest.mark.parametrize("keep", [100, 500, 1000, 2000, 3000])
def test_a_workbook_with_bytes_changed_is_refused_or_read(tmp_path: Path, keep: int) -> None:
    damaged = PLAIN[:keep] + bytes(255 - byte for byte in PLAIN[keep : keep + 40]) + PLAIN[keep + 40 :]
    try:
        read = read_bytes(damaged, "enterprises", tmp_path)
    except UnreadableFile:
        return
    assert read.rows == [2]


def test_a_text_of_the_header_is_refused_when_it_is_a_bomb(tmp_path: Path) -> None:
    content = rewritten(PLAIN, "xl/sharedStrings.xml", lambda _xml: b"<sst><si><t>" + b" " * (4 << 20))
    assert "more than 1048576 characters" in refused(content, tmp_path)


def test_an_entry_that_inflates_to_more_than_it_states_is_refused(tmp_path: Path) -> None:
    honest = rewritten(PLAIN, SHEET, lambda xml: xml + b" " * (1 << 20))
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        size = archive.getinfo(SHEET).file_size
    lying = honest.replace(struct.pack("<I", size), struct.pack("<I", 2000))
    assert lying != honest
    assert "another size than it states" in refused(lying, tmp_path)


def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO(PLAIN)
    with zipfile.ZipFile(content, "a") as archive:
        for number in range(1001):
            archive.writestr(f"x{number}", b"")
    assert refused(content.getvalue(), tmp_path) == "The workbook has more than 1000 parts."


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO(PLAIN)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(SHEET.upper(), b"<worksheet/>")
    assert refused(content.getvalue(), tmp_path) == "The workbook has two parts of one name."


def test_unusual_compression_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    assert "packed in a way that XLSX does not know" in refused(content.getvalue(), tmp_path)


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/sharedStrings.xml"])
def test_xml_that_declares_entities_is_refused(tmp_path: Path, part: str) -> None:
    declaration = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'
    content = rewritten(PLAIN, part, lambda xml: xml.replace(b"?>", b"?>" + declaration, 1))
    assert "declares a document type" in refused(content, tmp_path)


def test_a_tag_without_an_end_is_refused(tmp_path: Path) -> None:
    content = rewritten(PLAIN, SHEET, lambda xml: xml.replace(b"<sheetData>", b'<x a="' + b"y" * (12 << 20)))
    assert "has a tag of more than 1048576 bytes" in refused(content, tmp_path)


def test_an_encoding_that_there_is_not_is_refused(tmp_path: Path) -> None:
    for part in (SHEET, "xl/workbook.xml"):
        content = rewritten(PLAIN, part, lambda xml: xml.replace(b'"UTF-8"', b'"UTF-0"'))
        assert refused(content, tmp_path) == "The XML of the workbook is broken."


def test_broken_xml_is_refused(tmp_path: Path) -> None:
    assert refused(rewritten(PLAIN, SHEET, lambda xml: xml.replace(b"</row>", b"</wor>")), tmp_path)
