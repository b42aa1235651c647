"""XLSX: typed cells under a frozen header with a filter, and a sheet of notes.

XlsxWriter makes a workbook with the header only; the rows are inserted into its sheet while it is sent. Written cell by
cell by XlsxWriter they would take several times as long, and nothing could be sent before the last.
"""

import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec

from app.catalogue.definitions import TABLE_LABELS
from app.catalogue.metrics import METRIC, RatioRange
from app.catalogue.values import chinese_of
from app.catalogue.vocabulary import Label
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say
from app.publication.descriptions import Sink, describe
from app.publication.table import Column, FlatTable, Kind, cell_text, in_language, is_formula

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MOST_ROWS = 1_048_576
"""Rows of a sheet, its header among them (ECMA-376)."""

MOST_CHARACTERS = 32_767
"""Characters of a cell (Excel); longer text is cut and ends with an ellipsis."""

_DAY_ZERO = date(1899, 12, 30)
"""Dates are days since this one (ECMA-376); dates before `_FIRST_DAY` are written as text."""
_FIRST_DAY = date(1900, 3, 1)

_SHEET = "xl/worksheets/sheet1.xml"

_LARGE = 4 * 2**30 // 60
"""Cells above which a sheet may exceed 4 GiB, at 60 bytes each: its entry is then ZIP64."""

_FORMATS = {
    Kind.TEXT: "@",
    Kind.COUNT: "#,##0",
    Kind.RATIO: "0.00%",
    Kind.NUMBER: "#,##0.0",
    Kind.FLAG: "General",
    Kind.DATE: "yyyy-mm-dd",
}
_PLAIN_NUMBER = "General"
"""Format of numbers that are not always between 0 and 1."""

_WIDTHS = {Kind.TEXT: 16, Kind.COUNT: 10, Kind.RATIO: 10, Kind.NUMBER: 10, Kind.FLAG: 8, Kind.DATE: 11}
_NAME_WIDTH = 28
_WIDEST = 40
_FILTER_BUTTON = 3

_NOTES = Label("说明", "Notes")
_META = {
    "snapshot": Label("快照", "Snapshot"),
    "as_of": Label("统计日期", "As of"),
    "basis": Label("口径", "Basis"),
    "member_source": Label("党员数来源", "Member source"),
    "disclosure": Label("披露保护", "Disclosure policy"),
    "updated_at": Label("更新时间", "Updated at"),
    "rows": Label("行数", "Rows"),
}
_EMPTY_CELLS = Label(
    "空白单元格表示没有数值；比例的原因见其状态列。",
    "An empty cell has no value; of ratios the column of their status says why.",
)
_HEADINGS = (
    Label("列", "Column"),
    Label("代码", "Code"),
    Label("计量单位", "Unit"),
    Label("公式", "Formula"),
    Label("定义", "Definition"),
)
_NOTES_WIDTHS = (36, 36, 16, 44, 90)

_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
"""Characters that XML does not allow, and text that would be read as an escape."""


@dataclass(frozen=True)
class _Style:
    """Column letters and styles (numbers in the workbook's list) of a column; `quoted` for text like a formula."""

    letters: str
    plain: str
    quoted: str


def write_xlsx(table: FlatTable) -> Iterator[bytes]:
    """Return the file in pieces.

    Raises
    ------
    InvalidRequest
        The table has more rows than a sheet.
    """
    rows = _rows(table)
    if rows > MOST_ROWS:
        detail = say("An XLSX sheet has {most} rows; this table has {rows} with its header.", most=MOST_ROWS, rows=rows)
        raise InvalidRequest(detail, [ErrorItem(ErrorCode.TOO_MANY, "path/format", detail, ("csv", "parquet"))])
    return _pieces(table)


def _rows(table: FlatTable) -> int:
    return 1 + table.length + table.margins


def _pieces(table: FlatTable) -> Iterator[bytes]:
    """Yield the workbook of XlsxWriter, with the rows inserted."""
    sink, large = Sink(), _rows(table) * len(table.columns) > _LARGE
    with ZipFile(io.BytesIO(_workbook(table))) as made, ZipFile(sink, "w") as archive:
        for name in made.namelist():
            entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = ZIP_DEFLATED
            is_sheet = name == _SHEET
            with archive.open(entry, "w", force_zip64=large and is_sheet) as file:
                for part in _sheet(table, made.read(name)) if is_sheet else [made.read(name)]:
                    file.write(part)
                    yield sink.taken()
    yield sink.taken()


def _sheet(table: FlatTable, made: bytes) -> Iterator[bytes]:
    """Yield the sheet with all rows in place of the sample rows, whose cells have the styles."""
    before, rest = made.split(b'<row r="2"', 1)
    samples, after = rest.split(b"</sheetData>", 1)
    found = re.findall(r'<c r="([A-Z]+)\d+"(?: s="(\d+)")?', samples.decode())
    *columns, (_, quoted) = [(letters, number or "0") for letters, number in found]
    styles = [_Style(letters, number, quoted) for letters, number in columns]
    extent = f'<dimension ref="A1:{styles[-1].letters}{_rows(table)}"/>'.encode()
    yield re.sub(rb'<dimension ref="[^"]*"/>', extent, before)
    cells = [(_CELLS[column.kind], style) for column, style in zip(table.columns, styles, strict=True)]
    first = 2
    for rows in table.chunks():
        yield "".join(_row(cells, number, row) for number, row in enumerate(rows, first)).encode()
        first += len(rows)
    yield b"</sheetData>" + after


def _row(cells: Sequence[tuple[Callable[[_Style, int, Any], str], _Style]], number: int, row: Sequence[Any]) -> str:
    written = [write(style, number, cell) for (write, style), cell in zip(cells, row, strict=True) if cell is not None]
    return f'<row r="{number}">{"".join(written)}</row>'


def _number(style: _Style, row: int, number: float) -> str:
    return f'<c r="{style.letters}{row}" s="{style.plain}"><v>{number}</v></c>'


def _flag(style: _Style, row: int, flag: bool) -> str:  # noqa: FBT001  # a cell
    return f'<c r="{style.letters}{row}" s="{style.plain}" t="b"><v>{int(flag)}</v></c>'


def _date(style: _Style, row: int, day: date) -> str:
    return _text(style, row, day.isoformat()) if day < _FIRST_DAY else _number(style, row, (day - _DAY_ZERO).days)


def _text(style: _Style, row: int, text: str) -> str:
    """Return a text cell, whatever the text looks like: no formula, not even when it is edited later."""
    shown = text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
    number = style.quoted if is_formula(text) else style.plain
    escaped = escape(_UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", shown))
    return f'<c r="{style.letters}{row}" s="{number}" t="inlineStr"><is><t xml:space="preserve">{escaped}</t></is></c>'


_CELLS: dict[Kind, Callable[[_Style, int, Any], str]] = {
    Kind.TEXT: _text,
    Kind.COUNT: _number,
    Kind.RATIO: _number,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.DATE: _date,
}


def _workbook(table: FlatTable) -> bytes:
    """Return the workbook with two sample rows: a blank cell of each column, and one quoted cell."""
    import xlsxwriter  # noqa: PLC0415  # keeps the start fast

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        created = datetime.fromisoformat(table.meta.updated_at)
        workbook.set_properties({"title": table.name, "created": created.replace(tzinfo=None)})
        _write_header(workbook, table)
        _write_notes(workbook, table)
    return content.getvalue()


def _write_header(workbook: Any, table: FlatTable) -> None:
    language = table.language
    sheet = workbook.add_worksheet(table.name if language is None else in_language(TABLE_LABELS[table.name], language))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(table.length, 1), len(table.columns) - 1)
    heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E7E6E6"})
    formats = {kind: workbook.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
    plain = workbook.add_format({"num_format": _PLAIN_NUMBER})
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, _width(column))
        sheet.write_string(0, place, column.heading, heading)
        sheet.write_blank(1, place, None, formats[column.kind] if _is_formatted(column) else plain)
    sheet.write_blank(2, 0, None, workbook.add_format({"num_format": _FORMATS[Kind.TEXT], "quote_prefix": True}))


def _is_formatted(column: Column) -> bool:
    """Return whether a column has the format of its kind: ratios of no metric, or of at least 1, are no percentages."""
    metric = METRIC.get(column.figure)
    return column.kind is not Kind.RATIO or (metric is not None and metric.range is not RatioRange.FROM_ONE)


def _write_notes(workbook: Any, table: FlatTable) -> None:
    language = table.language or "en"
    sheet = workbook.add_worksheet(in_language(_NOTES, language))
    wrapped, bold = workbook.add_format({"text_wrap": True, "valign": "top"}), workbook.add_format({"bold": True})
    for place, width in enumerate(_NOTES_WIDTHS):
        sheet.set_column(place, place, width, wrapped)
    meta = msgspec.structs.asdict(table.meta) | {"disclosure": table.meta.disclosure.policy}
    for number, (name, label) in enumerate(_META.items()):
        sheet.write_string(number, 0, in_language(label, language), bold)
        text = cell_text(meta[name])
        word = chinese_of(name) if language == "zh" else None
        sheet.write_string(number, 1, word(text) if word is not None else text)
    sheet.write_string(len(_META) + 1, 0, in_language(_EMPTY_CELLS, language))
    sheet.write_row(len(_META) + 3, 0, [in_language(label, language) for label in _HEADINGS], bold)
    for number, column in enumerate(table.columns, len(_META) + 4):
        meaning = describe(column, language)
        for place, text in enumerate((meaning.label, column.name, meaning.unit, meaning.formula, meaning.definition)):
            sheet.write_string(number, place, text)


def _width(column: Column) -> int:
    """Return the width of a column, characters; headings wrap into two lines."""
    if column.name.endswith(("name", "name_zh", "name_en")):
        return _NAME_WIDTH
    wide = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in column.heading)
    return min(max(_WIDTHS[column.kind], wide // 2 + _FILTER_BUTTON), _WIDEST)
