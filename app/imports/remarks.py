"""The uploaded file with remarks: each row's problems are written beside it, so that it can be returned to its sender.

It contains only what is imported: cells above the header, below the table and in columns that are left out or refused
are blank. For datasets with members it contains the remarks alone, so that refs are not kept after an import.
"""

import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from app.imports.columns import Dataset
from app.imports.headers import Field
from app.imports.issues import IssueCount, IssueLog, RowIssue, Rule
from app.imports.options import ImportMode, ImportOptions
from app.imports.readers.file import READERS, inspect, with_whole_encoding
from app.imports.readers.layout import Header
from app.imports.rows.extra_rows import are_totals, table_rows
from app.imports.rows.texts import Texts, true_mask, without
from app.imports.spellings import is_ignored
from app.messages import Language, say

WHOLE_ROWS = 20_000
"""Rows of the file returned in full, which takes some seconds; beyond, only those with remarks."""

LAST_ROW = 1_048_576
"""Last possible row of a workbook."""

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_NUMBER = r"^[0-9]{1,6}(\.0)?$"
_REMARKS_WIDTH = 60
_WORDS = {
    "en": ("Remarks", "Row", "Counts", ("Rule", "Severity", "Column", "Number"), "; "),
    "zh": ("问题说明", "行", "汇总", ("规则", "程度", "列", "数量"), "；"),
}

Cells = Mapping[int, str | None]
"""The cells of a row by column index."""


def write_remarks(
    path: Path,
    workbook: Path,
    dataset: Dataset,
    options: ImportOptions,
    issues: Sequence[RowIssue],
    counts: Sequence[IssueCount],
    *,
    scratch: Path,
) -> None:
    """Write the workbook of a file and its problems, in the language of the file's header and in bounded memory.

    Rows keep their numbers. The second sheet counts the problems by rule and column.

    Parameters
    ----------
    path, dataset, options
        The file, and how it was imported.
    workbook
        Where the workbook goes.
    issues, counts
        The listed problems, and the counts of all.
    scratch
        A folder for temporary files.
    """
    import xlsxwriter  # noqa: PLC0415  # loaded only when needed

    header = inspect(
        path,
        dataset,
        ignore_unknown=options.ignore_unknown,
        keys_only=options.mode is ImportMode.DELETE,
        sheet=options.sheet,
    )
    header = with_whole_encoding(path, dataset, header)
    language: Language = "zh" if any(_CHINESE.search(title) for title in header.layout.titles) else "en"
    told = _by_row(issues, language)
    refused = {count.column for count in counts if count.rule is Rule.IDENTITY_NUMBER}
    rows = iter(()) if dataset.hidden else _rows(path, header, dataset, refused, told)
    with xlsxwriter.Workbook(str(workbook), {"constant_memory": True, "tmpdir": str(scratch)}) as book:
        _write_rows(book, header, dataset, _with_the_others(rows, sorted(told)), told, language)
        _write_counts(book, counts, language)


def _by_row(issues: Sequence[RowIssue], language: Language) -> Mapping[int, str]:
    """Return the remarks of each row."""
    told: dict[int, list[str]] = defaultdict(list)
    for issue in issues:
        if issue.row is not None:
            named = _named(issue, language)
            told[issue.row].append(f"{named}{issue.told.said(language)}{_closest(issue, language)}")
    return {row: _WORDS[language][-1].join(texts) for row, texts in told.items()}


def _named(issue: RowIssue, language: Language) -> str:
    name = issue.header or issue.column
    return "" if name is None else f"{name}：" if language == "zh" else f"{name}: "


def _closest(issue: RowIssue, language: Language) -> str:
    if not issue.suggestions:
        return ""
    if language == "zh":
        return f"（相近的：{'、'.join(issue.suggestions)}）"
    return f" (the closest: {', '.join(issue.suggestions)})"


def _rows(
    path: Path, header: Header, dataset: Dataset, refused: Set[str | None], told: Mapping[int, str]
) -> Iterator[tuple[int, Cells]]:
    """Yield the rows of the table by number: those returned in full, and those with remarks."""
    kept = [_kept(field, dataset, refused) for field in header.fields]
    batches = (raw.tidied() for raw in READERS[header.layout.format].batches(path, header))
    for batch in table_rows(batches, dataset, header.fields, IssueLog()):
        wanted = (batch.rows <= WHOLE_ROWS) | np.isin(batch.rows, list(told))
        few = batch.where(wanted)
        columns = [keep(texts).to_pylist() for texts, keep in zip(few.texts, kept, strict=True) if keep]
        places = [place for place, keep in enumerate(kept) if keep]
        for row, *cells in zip(few.rows.tolist(), *columns, strict=True):
            yield row, dict(zip(places, cells, strict=True))


def _kept(field: Field, dataset: Dataset, refused: Set[str | None]) -> Callable[[Texts], Texts] | None:
    """Return the filter of a column's cells (all if imported; in 序号 numbers and words for totals); null: none."""
    if field.column is not None:
        return None if field.column.name in refused else lambda texts: texts
    return _numbers_alone if is_ignored(field.title, dataset) else None


def _numbers_alone(texts: Texts) -> Texts:
    return without(texts, ~(true_mask(pc.match_substring_regex(texts, _NUMBER)) | are_totals(texts)))


def _with_the_others(rows: Iterator[tuple[int, Cells]], told: Sequence[int]) -> Iterator[tuple[int, Cells]]:
    """Yield the rows and, without cells, rows with remarks that could not be split into cells; by number."""
    merged = heapq.merge(rows, ((row, {}) for row in told), key=lambda it: it[0])
    for row, same in groupby(merged, key=lambda it: it[0]):
        yield row, next(same)[1]


def _write_rows(
    book: Any,
    header: Header,
    dataset: Dataset,
    rows: Iterator[tuple[int, Cells]],
    told: Mapping[int, str],
    language: Language,
) -> None:
    remarks, number, *_ = _WORDS[language]
    sheet = book.add_worksheet(dataset.name)
    marked = book.add_format({"bg_color": "#FFF2CC", "text_wrap": True})
    titles = [number] if dataset.hidden else [" ".join(title.split()) for title in header.layout.titles]
    at = len(titles)
    sheet.set_column(at, at, _REMARKS_WIDTH)
    for place, title in enumerate([*titles, remarks]):
        sheet.write_string(header.layout.header_row - 1, place, title)
    for row, cells in rows:
        if row > LAST_ROW:
            break
        for place, cell in ({0: str(row)} if dataset.hidden else cells).items():
            if cell is not None:
                sheet.write_string(row - 1, place, cell)
        if row in told:
            sheet.write_string(row - 1, at, told[row], marked)


def _write_counts(book: Any, counts: Sequence[IssueCount], language: Language) -> None:
    *_, name, heads, _separator = _WORDS[language]
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, heads)
    for row, count in enumerate(counts, start=1):
        column = count.header or count.column or ""
        rule, severity = (say(word).said(language) for word in (count.rule, count.severity))
        sheet.write_row(row, 0, (rule, severity, column, count.number))
