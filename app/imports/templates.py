"""Empty sheets to fill in: headers, notes, drop-down lists; a filled sheet can be imported."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from app.imports.columns import Column, Dataset, Kind
from app.imports.readers.xlsx_extent import MOST_ROWS
from app.imports.rows.cells import COUNT_LIMIT, FIRST_BIRTH_YEAR
from app.imports.spellings import chinese_titles, chinese_values
from app.imports.tables import table

Language = Literal["en", "zh"]

_CREATED = datetime(2017, 6, 30, tzinfo=UTC)
"""Date of creation in every template, so that the same template has the same bytes."""

_WIDTH = 18
_NOTES_WIDTHS = {"en": (24, 44, 12, 60), "zh": (18, 44, 10, 60)}
_TEXT_FORMAT, _WHOLE_FORMAT = 49, 1
"""Numbers of two built-in formats of all spreadsheets: text, and whole numbers."""

_LONGEST_LIST = 255
"""Longest list of words in a rule for cells, characters."""

_NUMBER_FORMATS: Mapping[Kind, int | str] = {
    Kind.CODE: _TEXT_FORMAT,
    Kind.REF: _TEXT_FORMAT,
    Kind.TEXT: _TEXT_FORMAT,
    Kind.DATE: "yyyy-mm-dd",
    Kind.MONTH: "yyyy-mm",
    Kind.COUNT: _WHOLE_FORMAT,
    Kind.YEAR: _WHOLE_FORMAT,
}
_NOTES = {
    "en": ("Notes", ("Column", "Meaning", "Required", "How to fill it in"), {True: "yes", False: "no"}),
    "zh": ("填写说明", ("列", "含义", "是否必填", "填写方法"), {True: "是", False: "否"}),
}


def template(dataset: Dataset, language: Language = "en") -> bytes:
    """Return an XLSX workbook with the headers of a dataset and no rows; the same bytes every time.

    The first sheet is for the rows: required columns are marked, codes are formatted as text and dates as dates,
    headers have comments, enumerations and booleans have drop-down lists. The second sheet explains every column.

    Parameters
    ----------
    dataset
        What the rows are.
    language
        `en`: the columns' own names and values. `zh`: the usual Chinese words for both.
    """
    import xlsxwriter  # noqa: PLC0415  # loaded only when needed

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": dataset.name, "created": _CREATED.replace(tzinfo=None)})
        _write_sheet(workbook, dataset, language)
        _write_notes(workbook, dataset, language)
    return content.getvalue()


def _write_sheet(workbook: Any, dataset: Dataset, language: Language) -> None:
    sheet = workbook.add_worksheet(dataset.name)
    sheet.freeze_panes(1, 0)
    titles = {
        True: workbook.add_format({"bold": True, "bg_color": "#FFE699", "border": 1}),
        False: workbook.add_format({"bold": True, "bg_color": "#E7E6E6", "border": 1}),
    }
    for place, column in enumerate(dataset.columns):
        cells = workbook.add_format({"num_format": _NUMBER_FORMATS.get(column.kind, "General")})
        sheet.set_column(place, place, _WIDTH, cells)
        sheet.write_string(0, place, _title(dataset, column, language), titles[column.required])
        sheet.write_comment(0, place, _comment(column, language), {"x_scale": 2})
        if rule := _validation(column, language, place + 1):
            sheet.data_validation(1, place, MOST_ROWS, place, {**rule, "ignore_blank": True})


def _write_notes(workbook: Any, dataset: Dataset, language: Language) -> None:
    name, heads, words = _NOTES[language]
    sheet = workbook.add_worksheet(name)
    wrapped, bold = workbook.add_format({"text_wrap": True, "valign": "top"}), workbook.add_format({"bold": True})
    for place, width in enumerate(_NOTES_WIDTHS[language]):
        sheet.set_column(place, place, width, wrapped)
    sheet.write_row(0, 0, heads, bold)
    for row, column in enumerate(dataset.columns, start=1):
        meaning = column.zh if language == "zh" else column.en
        audit_details = (_title(dataset, column, language), meaning, words[column.required], _how(column, language))
        sheet.write_row(row, 0, audit_details)
        if _is_long(words_of := _words(column, language)):
            sheet.write_row(row, len(audit_details), words_of)


def _title(dataset: Dataset, column: Column, language: Language) -> str:
    return chinese_titles(dataset)[column.name][0] if language == "zh" else column.name


def _comment(column: Column, language: Language) -> str:
    meaning = column.zh if language == "zh" else column.en
    required = {"zh": "必填。", "en": "Required. "}[language] if column.required else ""
    return f"{required}{meaning}\n{_how(column, language)}"


def _how(column: Column, language: Language) -> str:
    audit_details = next(row[language] for row in table("kind_notes.csv") if row["kind"] == column.kind)
    if column.kind is not Kind.ENUMERATION:
        return audit_details
    return f"{audit_details} {', '.join(_words(column, language))}"


def _words(column: Column, language: Language) -> tuple[str, ...]:
    """Return the entries of a column's drop-down list; empty if it has none."""
    if column.kind not in {Kind.ENUMERATION, Kind.BOOLEAN}:
        return ()
    if language == "zh":
        chinese = chinese_values(column.enumeration)
        return tuple(chinese[value][0] for value in column.choices or ("true", "false"))
    return column.choices or ("yes", "no")


def _is_long(words: Sequence[str]) -> bool:
    """Say whether a list is longer than a rule of a spreadsheet may be: then it stands in the notes."""
    return len(",".join(words)) > _LONGEST_LIST


def _validation(column: Column, language: Language, row: int) -> dict[str, Any] | None:
    """Return the rule for the cells of a column; `row` is that of its notes."""
    from xlsxwriter.utility import xl_range_abs  # noqa: PLC0415  # loaded only when needed

    if words := _words(column, language):
        heads = len(_NOTES[language][1])
        place = f"='{_NOTES[language][0]}'!{xl_range_abs(row, heads, row, heads + len(words) - 1)}"
        return {"validate": "list", "source": place if _is_long(words) else list(words)}
    if column.kind is Kind.FRACTION:
        return {"validate": "decimal", "criteria": "between", "minimum": 0, "maximum": 1}
    if column.kind is Kind.COUNT:
        return {"validate": "integer", "criteria": "between", "minimum": 0, "maximum": COUNT_LIMIT}
    if column.kind is Kind.YEAR:
        return {"validate": "integer", "criteria": ">=", "value": FIRST_BIRTH_YEAR}
    if column.kind in {Kind.DATE, Kind.MONTH}:
        return {"validate": "date", "criteria": ">=", "value": datetime(1900, 1, 1)}  # noqa: DTZ001  # a day
    return None
