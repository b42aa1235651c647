"""Ledgers as offices keep them, all invented: each file has one habit of real ones, the last has them all.

A ledger is given as its rows; what becomes of it is given beside: the figures that are taken, or what is said of it.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import xlsxwriter

from tests.factories.workbooks import SHEET, rewritten

Cells = Sequence[Any]
Figures = dict[str, tuple[int | None, int | None]]

HEADER = ("统一社会信用代码", "企业名称", "填报日期", "行政区划代码", "职工人数", "党员人数")
FIRST = ("E1", "梧村一号公司", "2017-06-30", "350203008", 120, 6)
SECOND = ("E2", "梧村二号公司", "2017-06-30", "350203008", 35, 0)
BOTH: Figures = {"E1": (120, 6), "E2": (35, 0)}
DAY = date(2017, 6, 30)


@dataclass(frozen=True)
class Ledger:
    """A file and what becomes of it.

    Parameters
    ----------
    habit
        What it does that a plain file does not.
    content
        Its bytes.
    figures
        Headcount and members that are taken, by code; none where it is refused.
    told
        What is said, as parts of sentences in both languages: English, Chinese.
    rules
        Row and rule of each problem.
    options
        Of the import.
    at_once
        Whether it is refused before any row is read.
    """

    habit: str
    content: bytes
    figures: Figures = field(default_factory=dict)
    told: tuple[str, str] = ("", "")
    rules: tuple[tuple[int | None, str], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    at_once: bool = False


def csv(*rows: Cells, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Write rows as CSV; cells with a comma or a line break are quoted."""
    return "".join(f"{delimiter.join(map(_quoted, row))}\r\n" for row in rows).encode(encoding)


def _quoted(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f'"{text}"' if any(sign in text for sign in ",;\t\n") else text


def xlsx(*sheets: tuple[str, Sequence[Cells]], merged: str = "", hidden: Sequence[str] = ()) -> bytes:
    """Write sheets of rows as XLSX."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "yyyy/m/d"})
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            if merged:
                sheet.merge_range(merged, "")
            for down, row in enumerate(rows):
                for right, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(down, right, cell, day)
                    elif cell is not None:
                        sheet.write(down, right, cell)
            if name in hidden:
                sheet.hide()
    return content.getvalue()


def changed(row: Cells, **cells: Any) -> list[Any]:
    """Return a row with other cells: by `code`, `name`, `day`, `place`, `staff`, `members`."""
    places = ("code", "name", "day", "place", "staff", "members")
    return [cells.get(name, cell) for name, cell in zip(places, row, strict=True)]


def renamed(**titles: str) -> list[Any]:
    """Return the header with other titles."""
    return changed(HEADER, **titles)


def uncalculated(content: bytes, cell: str) -> bytes:
    """Make a number of the first sheet a formula that a program wrote and no spreadsheet calculated."""
    start = f'<c r="{cell}">'.encode()

    def without_value(xml: bytes) -> bytes:
        head, _, tail = xml.partition(start)
        return head + start + b"<f>SUM(B9:B12)</f><v></v></c>" + tail.partition(b"</c>")[2]

    return rewritten(content, SHEET, without_value)


def _taken(habit: str, content: bytes, figures: Figures = BOTH, **more: Any) -> Ledger:
    return Ledger(habit, content, figures, **more)


def _wrong(
    habit: str, content: bytes, rules: Sequence[tuple[int | None, str]], told: tuple[str, str], **more: Any
) -> Ledger:
    return Ledger(habit, content, told=told, rules=tuple(rules), **more)


def _at_once(habit: str, content: bytes, told: tuple[str, str], **more: Any) -> Ledger:
    return Ledger(habit, content, told=told, at_once=True, **more)


NOTES = (("填表人：张三", "", "审核人：李四"), ("填报日期：2017年7月1日",), ("注：职工人数含派遣人员",))
TOTAL = ("合 计", "", "", "", 155, 6)
_TITLE = ("梧村街道非公企业党建工作台账",)
_UNIT = ("填报单位：梧村街道党工委", "", "", "", "2017年6月30日")
_NUMBERED = (("序号", *HEADER, "备注"), (1, *FIRST, "含分公司"), (2, *SECOND, ""))

LAYOUTS = (
    _taken("plain", csv(HEADER, FIRST, SECOND)),
    _taken(
        "a merged title and a line of the unit above the header",
        xlsx(("台账", [_TITLE, _UNIT, (), HEADER, FIRST, SECOND]), merged="A1:F1"),
    ),
    _taken("a title above the header of a CSV", csv(_TITLE, _UNIT, HEADER, FIRST, SECOND)),
    _taken(
        "an empty first column and empty rows", xlsx(("台账", [(), ("", *HEADER), (), ("", *FIRST), (), ("", *SECOND)]))
    ),
    _taken("running numbers and remarks", csv(*_NUMBERED)),
    _taken("notes below the table", csv(HEADER, FIRST, SECOND, *NOTES)),
    _taken("notes below the table of a workbook", xlsx(("台账", [HEADER, FIRST, SECOND, (), *NOTES]))),
    _taken(
        "a cover before the sheet",
        xlsx(("封面", [_TITLE]), ("台账", [HEADER, FIRST, SECOND]), ("填写说明", [("各列说明",)])),
    ),
    _taken(
        "an old table hidden behind",
        xlsx(("台账", [HEADER, FIRST, SECOND]), ("上半年", [HEADER, FIRST]), hidden=["上半年"]),
    ),
    _at_once(
        "two tables in one workbook",
        xlsx(("一月", [HEADER, FIRST]), ("二月", [HEADER, SECOND])),
        ("say which one is meant", "请用sheet指明"),
    ),
    _taken(
        "two tables, one of them named",
        xlsx(("一月", [HEADER, FIRST]), ("二月", [HEADER, FIRST, SECOND])),
        options={"sheet": "二月"},
    ),
    _taken("saved by a spreadsheet in China", csv(HEADER, FIRST, SECOND, encoding="gb18030")),
    _taken("semicolons", csv(HEADER, FIRST, SECOND, delimiter=";")),
    _taken("a line break in a title", csv(renamed(staff="职工\n人数"), FIRST, SECOND)),
    _taken(
        "units and marks around titles",
        csv(
            ("＊统一社会信用代码", "企业名称（必填）", "填报日期", "行政区划代码", "职工人数（人）", "其中：党员人数"),
            FIRST,
            SECOND,
        ),
    ),
    _taken(
        "titles of other forms",
        csv(("社会信用代码", "单位详细名称", "统计时间", "所属街道", "从业人员数", "中共党员数量"), FIRST, SECOND),
    ),
    _wrong(
        "the header printed again on the second page",
        csv(HEADER, FIRST, HEADER, SECOND),
        [(3, "repeated_header")],
        ("repeats the header", "与表头重复"),
    ),
    _wrong(
        "a row below the notes",
        csv(HEADER, FIRST, NOTES[0], SECOND),
        [(4, "row_below_notes")],
        ("move it above them", "请将本行移到说明之前"),
    ),
)

CELLS = (
    _taken(
        "letters and digits of full width",
        csv(HEADER, changed(FIRST, code="Ｅ１", staff="１２０", day="２０２６－０６－３０"), SECOND),
    ),
    _wrong(
        "one code in both widths",
        csv(HEADER, FIRST, changed(FIRST, code="Ｅ１")),
        [(2, "duplicate_key"), (3, "duplicate_key")],
        ("row 3 has the same", "与第3行的统一社会信用代码、报告日期相同"),
    ),
    _taken(
        "one code in both cases",
        csv(HEADER, FIRST, changed(SECOND, code="e1")),
        {"E1": (120, 6), "e1": (35, 0)},
        told=("capital and small letters alone", "只有字母大小写不同"),
        rules=((2, "case_variant"), (3, "case_variant")),
    ),
    _taken("groups of three", csv(HEADER, changed(FIRST, staff="1,120"), SECOND), {"E1": (1120, 6), "E2": (35, 0)}),
    _taken("units behind numbers", csv(HEADER, changed(FIRST, staff="120人", members="6名"), SECOND)),
    _taken(
        "a count of the whole country",
        csv(HEADER, changed(FIRST, staff="2,000,000,000", members="87,793,000"), SECOND),
        {"E1": (2_000_000_000, 87_793_000), "E2": (35, 0)},
    ),
    _taken("dates with points", csv(HEADER, changed(FIRST, day="2017.6.30"), changed(SECOND, day="2017.06.30"))),
    _taken("dates in eight digits", csv(HEADER, changed(FIRST, day="20170630"), changed(SECOND, day="2017年6月30日"))),
    _taken(
        "real dates and their serial numbers",
        xlsx(("台账", [HEADER, changed(FIRST, day=DAY), changed(SECOND, day=42916)])),
    ),
    _wrong(
        "a serial number in a CSV",
        csv(HEADER, FIRST, changed(SECOND, day="42916")),
        [(3, "invalid_date")],
        ("write 2026-06-30", "请写成2026-06-30"),
    ),
    _wrong(
        "a month where a day is wanted",
        csv(HEADER, FIRST, changed(SECOND, day="2017年6月")),
        [(3, "invalid_date")],
        ("must be a date", "须为日期"),
    ),
    _wrong(
        "a count in words",
        csv(HEADER, FIRST, changed(SECOND, staff="三十五")),
        [(3, "invalid_count")],
        ("0 for none, nothing for unknown", "没有的填0，不详的留空"),
    ),
    _wrong(
        "none written as a stroke",
        csv(HEADER, FIRST, changed(SECOND, members="—")),
        [(3, "invalid_count")],
        ("0 for none", "没有的填0"),
    ),
    _wrong(
        "groups of four",
        csv(HEADER, FIRST, changed(SECOND, staff="1,0000")),
        [(3, "invalid_count")],
        ("1,234", "1,234"),
    ),
    _wrong(
        "the name of the street instead of its code",
        csv(HEADER, FIRST, changed(SECOND, place="梧村街道")),
        [(3, "unknown_code")],
        ("is not in districts", "“行政区划”中没有这个代码"),
    ),
    _wrong(
        "a formula that was never calculated",
        uncalculated(xlsx(("台账", [HEADER, FIRST, SECOND])), "E3"),
        [(3, "formula_without_value")],
        ("open the file in the spreadsheet and save it", "保存后重报"),
    ),
    _wrong(
        "an enterprise twice",
        csv(HEADER, FIRST, SECOND, FIRST),
        [(2, "duplicate_key"), (4, "duplicate_key")],
        ("row 4 has the same", "与第4行"),
    ),
)

TOTALS = (
    _wrong(
        "a total as the code",
        csv(HEADER, FIRST, SECOND, TOTAL),
        [(4, "totals_row")],
        ("is a total of other rows", "这是合计行"),
    ),
    _wrong(
        "a total as the name",
        csv(HEADER, FIRST, SECOND, changed(TOTAL, code="", name="总计")),
        [(4, "totals_row")],
        ("is a total of other rows", "这是合计行"),
    ),
    _wrong(
        "a total in the running number",
        csv(*_NUMBERED, ("合计", "", "", "", "", 155, 6, "")),
        [(4, "totals_row")],
        ("is a total of other rows", "这是合计行"),
    ),
    _taken(
        "totals that are skipped",
        csv(HEADER, FIRST, changed(TOTAL, code="小计"), SECOND, TOTAL),
        options={"on_error": "skip"},
        rules=((3, "totals_row"), (5, "totals_row")),
    ),
)

_IDENTITY_NUMBER = "11010519491231002X"

REFUSED = (
    _at_once(
        "a person to ask, and a telephone",
        csv((*HEADER, "联系人", "电话"), (*FIRST, "张三", "1")),
        ("it looks like a person's name", "疑似姓名"),
        options={"ignore_unknown": True},
    ),
    _at_once(
        "a column of the office's own",
        csv((*HEADER, "所属片区"), (*FIRST, "东")),
        ("unknown column 所属片区", "不认识的列“所属片区”"),
    ),
    _taken(
        "a column of the office's own, left out",
        csv((*HEADER, "所属片区"), (*FIRST, "东"), (*SECOND, "西")),
        options={"ignore_unknown": True},
    ),
    _wrong(
        "identity numbers in a column of remarks",
        csv((*HEADER, "备注"), (*FIRST, f"身份证{_IDENTITY_NUMBER}")),
        [(2, "identity_number")],
        ("holds an identity number", "含身份证号码"),
    ),
    _wrong(
        "a quotation mark that is never closed",
        csv(HEADER, FIRST)[:-2] + b'\r\nE2,"\xe4\xba\x8c\xe5\x8f\xb7\r\nE3,x,2017-06-30,,1,1\r\n',
        [(3, "unreadable_file")],
        ("is never closed", "未配对的引号"),
    ),
    _at_once("an old workbook", b"\xd0\xcf\x11\xe0" + b"x" * 512, ("save it as .xlsx", "请另存为未加密的.xlsx格式")),
)

_ALL_ROWS: Sequence[Cells] = (
    ("梧村街道非公企业党建工作台账",),
    ("填报单位：梧村街道党工委", "", "", "", "", "2017年6月30日"),
    (),
    ("", "序号", "＊社会信用代码", "单位名称", "填报日期", "所属街道", "从业人员数（人）", "其中：党员数", "备注"),
    ("", 1, "Ｅ１", "梧村一号公司", "2017.6.30", "350203008", "1,120人", "６", "含派遣"),
    (),
    ("", 2, " E2 ", "梧村二号公司", DAY, "350203008", 35, 0, ""),
    ("", 3, "e2", "梧村三号公司", 42916, "350203008", "8名", "", ""),
    ("", "合 计", "", "", "", "", 1163, 6, ""),
    ("", "填表人：张三", "", "审核人：李四"),
)
ALL_AT_ONCE = _taken(
    "everything at once",
    xlsx(("封面", [_TITLE]), ("2017上半年", _ALL_ROWS), ("旧表", [HEADER, FIRST]), hidden=["旧表"]),
    {"E1": (1120, 6), "E2": (35, 0), "e2": (8, None)},
    rules=((7, "case_variant"), (8, "case_variant"), (9, "totals_row")),
    told=("is a total of other rows", "这是合计行"),
    options={"on_error": "skip"},
)

LEDGERS = (*LAYOUTS, *CELLS, *TOTALS, *REFUSED, ALL_AT_ONCE)
