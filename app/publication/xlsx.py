"""XLSX: typed cells under a frozen header with a filter, and a sheet of notes; written with bounded memory."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from app.catalogue.definitions import TABLE_LABELS
from app.catalogue.labels import Label
from app.catalogue.metrics import METRIC
from app.errors import ErrorItem, InvalidRequest
from app.publication.descriptions import describe
from app.publication.table import Cells, Column, FlatTable, Kind, Language, in_language, is_formula

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MOST_ROWS = 1_048_576
"""Rows of a sheet, its header among them (ECMA-376)."""

MOST_CHARACTERS = 32_767
"""Characters of a cell (Excel); longer text is cut, and ends with an ellipsis."""

FIRST_YEAR = 1900
"""Earlier days are no dates to a spreadsheet; they are written as text."""

_WIDTHS = {Kind.TEXT: 16, Kind.COUNT: 10, Kind.RATIO: 10, Kind.FLAG: 8, Kind.DATE: 11}
_NAME_WIDTH = 28
_WIDEST = 40
_FILTER_BUTTON = 3
_PIECE = 2**18
"""Bytes sent at once."""

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
    Label("单位", "Unit"),
    Label("公式", "Formula"),
    Label("定义", "Definition"),
)
_NOTES_WIDTHS = (36, 36, 16, 44, 90)


class _Full(float):
    """A double that is written with all its digits: XlsxWriter asks for 16, of which a few doubles need 17."""

    def __format__(self, _specification: str) -> str:
        return repr(float(self))


def write_xlsx(table: FlatTable) -> Iterator[bytes]:
    """Return the file in pieces; some are empty, so that whoever reads no more can stop the writing.

    Raises
    ------
    InvalidRequest
        The table has more rows than a sheet.
    """
    rows = 1 + table.length + table.margins
    if rows > MOST_ROWS:
        detail = f"An XLSX sheet has {MOST_ROWS} rows; this table has {rows} with its header."
        raise InvalidRequest(detail, [ErrorItem("path/format", detail, ("csv", "parquet"))])
    return _pieces(table)


def _pieces(table: FlatTable) -> Iterator[bytes]:
    with TemporaryDirectory(prefix="orgcoverage-") as folder:
        path = Path(folder, "table.xlsx")
        yield from _written(table, path)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _written(table: FlatTable, path: Path) -> Iterator[bytes]:
    """Write the workbook; yield nothing, now and then."""
    import xlsxwriter  # noqa: PLC0415  # starting stays quick

    options = {"constant_memory": True, "tmpdir": str(path.parent), "use_zip64": True}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        created = datetime.fromisoformat(table.meta.updated_at)
        workbook.set_properties({"title": table.name, "created": created.replace(tzinfo=None)})
        yield from _write_table(workbook, table)
        _write_notes(workbook, table)


def _write_table(workbook: Any, table: FlatTable) -> Iterator[bytes]:
    sheet = workbook.add_worksheet(_title(table))
    sheet.freeze_panes(1, 0)
    heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E7E6E6"})
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, _width(column))
        sheet.write_string(0, place, column.heading, heading)
    writers = [_writer(workbook, sheet, column) for column in table.columns]
    number = 1
    for rows in table.chunks():
        _write_rows(writers, number, rows)
        number += len(rows)
        yield b""
    sheet.autofilter(0, 0, max(table.length, 1), len(table.columns) - 1)


def _write_rows(writers: Sequence[Callable[[int, int, Any], object]], first: int, rows: Cells) -> None:
    for number, row in enumerate(rows, first):
        for place, cell in enumerate(row):
            if cell is not None:
                writers[place](number, place, cell)


def _writer(workbook: Any, sheet: Any, column: Column) -> Callable[[int, int, Any], object]:
    """Return what writes a cell of a column: row, place, value."""
    if column.kind is Kind.COUNT:
        return partial(_write, sheet.write_number, workbook.add_format({"num_format": "#,##0"}))
    if column.kind is Kind.RATIO:
        percent = workbook.add_format({"num_format": "0.00%"}) if column.figure in METRIC else None
        return lambda row, place, cell: sheet.write_number(row, place, _Full(cell), percent)
    if column.kind is Kind.FLAG:
        return partial(_write, sheet.write_boolean, None)
    quoted, plain = workbook.add_format({"quote_prefix": True}), workbook.add_format()
    text = partial(_write_text, sheet, quoted, plain)
    if column.kind is Kind.DATE:
        return partial(_write_date, sheet, workbook.add_format({"num_format": "yyyy-mm-dd"}), text)
    return text


def _write(write: Callable[[int, int, Any, Any], object], form: Any, row: int, place: int, cell: Any) -> None:
    write(row, place, cell, form)


def _write_date(
    sheet: Any, form: Any, text: Callable[[int, int, str], object], row: int, place: int, day: date
) -> None:
    if day.year < FIRST_YEAR:
        text(row, place, day.isoformat())
    else:
        sheet.write_datetime(row, place, day, form)


def _write_text(sheet: Any, quoted: Any, plain: Any, row: int, place: int, text: str) -> None:
    """Write text as text: never as a formula, not even when it is edited later; XlsxWriter takes `<r>` for markup."""
    if len(text) > MOST_CHARACTERS:
        text = f"{text[: MOST_CHARACTERS - 1]}…"
    if text.startswith("<r>"):
        sheet.write_rich_string(row, place, text[:1], plain, text[1:])
    else:
        sheet.write_string(row, place, text, quoted if is_formula(text) else None)


def _write_notes(workbook: Any, table: FlatTable) -> None:
    language = table.language or "en"
    sheet = workbook.add_worksheet(in_language(_NOTES, language))
    wrapped, bold = workbook.add_format({"text_wrap": True, "valign": "top"}), workbook.add_format({"bold": True})
    for place, width in enumerate(_NOTES_WIDTHS):
        sheet.set_column(place, place, width, wrapped)
    number = 0
    for number, (label, value) in enumerate(_meta_lines(table, language)):
        sheet.write_string(number, 0, label, bold)
        sheet.write_string(number, 1, value)
    sheet.write_string(number + 2, 0, in_language(_EMPTY_CELLS, language))
    sheet.write_row(number + 4, 0, [in_language(label, language) for label in _HEADINGS], bold)
    for line, column in enumerate(table.columns, number + 5):
        said = describe(column, language)
        for place, text in enumerate((said.label, column.name, said.unit, said.formula, said.definition)):
            sheet.write_string(line, place, text)


def _meta_lines(table: FlatTable, language: Language) -> Iterator[tuple[str, str]]:
    said = msgspec.structs.asdict(table.meta) | {"disclosure": table.meta.disclosure.policy}
    for name, label in _META.items():
        yield in_language(label, language), "" if said[name] is None else str(said[name])


def _title(table: FlatTable) -> str:
    return table.name if table.language is None else in_language(TABLE_LABELS[table.name], table.language)


def _width(column: Column) -> int:
    """Return the width of a column, in characters; headings break into two lines."""
    if column.name.endswith(("name", "name_zh", "name_en")):
        return _NAME_WIDTH
    wide = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in column.heading)
    return min(max(_WIDTHS[column.kind], wide // 2 + _FILTER_BUTTON), _WIDEST)
