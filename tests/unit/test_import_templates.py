import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from app.imports.columns import Dataset, Kind
from app.imports.datasets import DATASETS
from app.imports.spellings import chinese_titles, chinese_values
from app.imports.templates import Language, template
from tests.factories.import_files import read_bytes
from tests.factories.workbooks import SHEET, with_cells

LANGUAGES = ["en", "zh"]
BOTH = pytest.mark.parametrize("language", LANGUAGES)
ALL = pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))


@dataclass(frozen=True)
class Book:
    """A template, looked at from outside."""

    content: bytes

    def part(self, name: str) -> str:
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return unescape(archive.read(name).decode())

    def rows(self, sheet: int) -> list[list[Any]]:
        return CalamineWorkbook.from_filelike(io.BytesIO(self.content)).get_sheet_by_index(sheet).to_python()

    @cached_property
    def lists(self) -> dict[str, list[str]]:
        """The entries of each drop-down list of the first sheet, by the letter of its column; long ones are notes."""
        return {
            letter: source.strip('"').split(",") if source.startswith('"') else self._noted(source)
            for letter, source in self.sources.items()
        }

    @cached_property
    def sources(self) -> dict[str, str]:
        """Where the entries of each list stand: themselves, or a range of the notes."""
        found = r'type="list"[^>]*sqref="([A-Z]+)2:[A-Z]+100001"><formula1>([^<]*)'
        return dict(re.findall(found, self.part(SHEET)))

    def _noted(self, source: str) -> list[str]:
        place = re.fullmatch(r"'(?:Notes|填写说明)'!\$E\$(\d+):\$([A-Z]+)\$\1", source)
        assert place is not None
        entries: list[str] = self.rows(1)[int(place[1]) - 1][4:]
        assert len(entries) == ord(place[2]) - ord("E") + 1 if len(place[2]) == 1 else entries
        return entries

    @cached_property
    def title_styles(self) -> list[str]:
        return re.findall(r'<c r="[A-Z]+1" s="(\d+)"', self.part(SHEET))

    @cached_property
    def column_styles(self) -> list[int]:
        """The style of each column, by place; columns of one style stand together."""
        spans = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<col [^>]*>", self.part(SHEET))]
        return [int(span.get("style", 0)) for span in spans for _ in range(int(span["min"]), int(span["max"]) + 1)]

    @cached_property
    def number_formats(self) -> list[str]:
        """The number format of each column, by place."""
        styles = self.part("xl/styles.xml")
        named = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', styles)) | {
            "0": "",
            "1": "0",
            "49": "@",
        }
        cells = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2].partition("</cellXfs>")[0])
        return [named[cells[style]] for style in self.column_styles]


def book(dataset: Dataset, language: Language) -> Book:
    return Book(template(dataset, language))


def letters(dataset: Dataset) -> list[str]:
    return [chr(ord("A") + place) for place in range(len(dataset.columns))]


@BOTH
@ALL
def test_a_template_has_the_header_of_its_dataset_and_no_rows(
    tmp_path: Path, dataset: Dataset, language: Language
) -> None:
    read = read_bytes(template(dataset, language), dataset.name, tmp_path)
    assert (read.rows, read.issues) == ([], [])
    assert read.present == {column.name for column in dataset.columns}


@BOTH
@ALL
def test_a_template_filled_in_reads_back(tmp_path: Path, dataset: Dataset, language: Language) -> None:
    empty = book(dataset, language)
    samples = {
        Kind.CODE: "007",
        Kind.REF: "m1",
        Kind.TEXT: "名",
        Kind.DATE: 42916,
        Kind.MONTH: 42887,
        Kind.COUNT: 3,
        Kind.YEAR: 1985,
        Kind.FRACTION: "40%",
    }
    cells = []
    for column, letter, style in zip(dataset.columns, letters(dataset), empty.column_styles, strict=True):
        value = empty.lists[letter][0] if letter in empty.lists else samples[column.kind]
        written = f"<v>{value}</v>" if isinstance(value, int) else f"<is><t>{value}</t></is>"
        kind = "" if isinstance(value, int) else ' t="inlineStr"'
        cells.append(f'<c r="{letter}2" s="{style}"{kind}>{written}</c>')
    read = read_bytes(with_cells(empty.content, f'<row r="2">{"".join(cells)}</row>'), dataset.name, tmp_path)
    read_back = {**samples, Kind.DATE: date(2017, 6, 30), Kind.MONTH: date(2017, 6, 1), Kind.BOOLEAN: True}
    read_back[Kind.FRACTION] = "0.4"
    assert read.records == [
        {column.name: (column.choices or (read_back[column.kind],))[0] for column in dataset.columns}
    ]


@BOTH
@ALL
def test_lists_offer_every_choice(dataset: Dataset, language: Language) -> None:
    expected = {}
    for column, letter in zip(dataset.columns, letters(dataset), strict=True):
        if column.kind is Kind.ENUMERATION:
            chinese = chinese_values(column.enumeration)
            expected[letter] = [chinese[v][0] for v in column.choices] if language == "zh" else list(column.choices)
        if column.kind is Kind.BOOLEAN:
            expected[letter] = ["是", "否"] if language == "zh" else ["yes", "no"]
    assert book(dataset, language).lists == expected


@BOTH
@ALL
def test_lists_are_short_enough_for_excel(dataset: Dataset, language: Language) -> None:
    assert all(len(source.strip('"')) <= 255 for source in book(dataset, language).sources.values())


@BOTH
@ALL
def test_headers_are_marked_and_explained(dataset: Dataset, language: Language) -> None:
    made = book(dataset, language)
    comments = re.findall(r"<comment [^>]*>.*?</comment>", made.part("xl/comments1.xml"), re.DOTALL)
    titles = [chinese_titles(dataset)[c.name][0] if language == "zh" else c.name for c in dataset.columns]
    assert made.rows(0) == [titles]
    for column, comment in zip(dataset.columns, comments, strict=True):
        assert (column.zh if language == "zh" else column.en) in comment
        assert (("必填。" if language == "zh" else "Required. ") in comment) == column.required
    styles = {(column.required, style) for column, style in zip(dataset.columns, made.title_styles, strict=True)}
    assert len(styles) == len({style for _, style in styles}) == len({required for required, _ in styles})


@BOTH
@ALL
def test_columns_are_formatted_for_what_they_hold(dataset: Dataset, language: Language) -> None:
    formats = {
        Kind.CODE: "@",
        Kind.REF: "@",
        Kind.TEXT: "@",
        Kind.DATE: "yyyy-mm-dd",
        Kind.MONTH: "yyyy-mm",
        Kind.COUNT: "0",
        Kind.YEAR: "0",
        Kind.FRACTION: "",
        Kind.BOOLEAN: "",
        Kind.ENUMERATION: "",
    }
    assert book(dataset, language).number_formats == [formats[column.kind] for column in dataset.columns]


@BOTH
@ALL
def test_notes_explain_every_column(dataset: Dataset, language: Language) -> None:
    _, *notes = book(dataset, language).rows(1)
    yes = "是" if language == "zh" else "yes"
    for column, (_, meaning, required, how, *_) in zip(dataset.columns, notes, strict=True):
        assert meaning == (column.zh if language == "zh" else column.en)
        assert (required == yes) == column.required
        assert how


def test_the_same_template_has_the_same_bytes() -> None:
    assert template(DATASETS["ledger"], "zh") == template(DATASETS["ledger"], "zh")
