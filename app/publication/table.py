"""A list as one flat table, columns and rows, from which every file format is written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Literal, get_args, get_type_hints

import msgspec
import numpy as np

from app.catalogue.definitions import COLUMN_LABELS, PART_LABELS
from app.catalogue.measures import BRANCH_MEASURES, MEASURE
from app.catalogue.metrics import METRIC, Metric
from app.catalogue.vocabulary import Label
from app.publication.rows import Meta, Part, Rate, Rows, count_lists, shown_rates
from app.statistics.inference import Precision
from app.statistics.question import Subject
from app.statistics.rates import Counts
from app.statistics.row_list import Side

Language = Literal["zh", "en"]
Cells = list[list[Any]]

CHANGE = "change"
"""Prefix of the columns of changes."""

CHUNK = 1000
"""Rows written at once."""

RATE_PARTS = ("", "numerator", "denominator", "n_eff", "low", "high", "status")
"""Columns of a metric: the value itself, then these."""

_LABEL = {measure.code: measure.label for measure in BRANCH_MEASURES} | {code: m.label for code, m in MEASURE.items()}


class Kind(StrEnum):
    """Type of the cells of a column; null always means no value."""

    TEXT = "text"
    COUNT = "count"
    RATIO = "ratio"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name
        Its code, the same in every language.
    heading
        Its heading in files.
    kind
        Type of its cells.
    figure, part
        Code of the measure or metric, and which part of a metric (empty: its value); both empty for columns that are
        not figures.
    side
        For branches `own` or `subtree`, else empty; with `change` where it is a change since another date.
    """

    name: str
    heading: str
    kind: Kind
    figure: str = ""
    part: str = ""
    side: str = ""


@dataclass(frozen=True)
class FlatTable:
    """A whole list as columns and rows.

    Parameters
    ----------
    name
        What is listed: the stem of its file.
    columns
        The first, `row`, has the kind of row: `subject`, `total` or `unallocated`.
    keys
        Names of the columns that identify a subject, outermost first.
    meta
        Snapshot, date, basis and sources of the figures.
    length
        Number of rows that are subjects.
    chunks
        Yields the rows in pieces, margins last; cells are text, int, float, bool, date or None.
    language
        Of headings; null: codes.
    subject
        What its rows are about; null if they are not about a subject.
    margins
        Number of rows below the subjects.
    rests_on
        Ids of the snapshots that the figures are from, and when they were built; null: those in `meta`.
    """

    name: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    meta: Meta
    length: int
    chunks: Callable[[], Iterator[Cells]]
    language: Language | None = None
    subject: Subject | None = None
    margins: int = 0
    rests_on: tuple[str, str] | None = None


@dataclass(frozen=True)
class TableOptions:
    """How a table is shown: `totals` adds the margins, `language` gives labels instead of codes."""

    totals: bool = False
    language: Language | None = None


def flat_table(rows: Rows, meta: Meta, options: TableOptions) -> FlatTable:
    """Return a list as a table."""
    sides, language = rows.row_list.sides, options.language
    fields = [column for part in rows.parts for column in part_columns(part, language)]
    figures = [column for side in sides for column in figure_columns(side, language)]
    columns = (plain_column("row", Kind.TEXT, language), *fields, *figures)
    margins = _margins(rows, len(fields)) if options.totals else []

    def chunks() -> Iterator[Cells]:
        yield from _subjects(rows, language)
        if margins:
            yield margins

    return FlatTable(
        rows.name, columns, rows.keys, meta, len(rows.row_list.rows), chunks, language, rows.row_list.subject,
        len(margins),
    )  # fmt: skip


def plain_column(name: str, kind: Kind, language: Language | None, prefix: str = "") -> Column:
    """Return a column that is not a figure."""
    return _headed(Column(f"{prefix}{name}", f"{prefix}{name}", kind), language)


def label_of(column: Column, language: Language) -> str:
    """Return the label of a column."""
    if not column.figure:
        return in_language(COLUMN_LABELS[column.name], language)
    figure = METRIC[column.figure].label if column.figure in METRIC else _LABEL[column.figure]
    words = [*(COLUMN_LABELS[word] for word in column.side.split("_") if word), figure, PART_LABELS.get(column.part)]
    return " ".join(in_language(word, language) for word in words if word is not None)


def part_columns(part: Part, language: Language | None) -> list[Column]:
    """Return the columns of a part; in a language, one name instead of two."""
    hints = get_type_hints(part.struct)
    names = list(part.struct.__struct_fields__)
    if language is not None and "name_zh" in names:
        names = ["name" if name == "name_zh" else name for name in names if name != "name_en"]
    kinds = {name: _kind(hints.get(name, str)) for name in names}
    return [plain_column(name, kind, language, part.prefix) for name, kind in kinds.items()]


def part_cells(part: Part, fields: msgspec.Struct | None, language: Language | None) -> list[Any]:
    """Return the cells of a part of one row."""
    names = part.struct.__struct_fields__
    cells = {name: None if fields is None else _plain(getattr(fields, name)) for name in names}
    if language is not None and "name_zh" in cells:
        english = cells.pop("name_en")
        if language == "en" and english is not None:
            cells["name_zh"] = english
    return list(cells.values())


def figure_columns(side: Side, language: Language | None) -> Iterator[Column]:
    """Yield the columns of the measures that a side shows, then those of its metrics."""
    yield from count_columns(side.measures_shown, language, side.name)
    yield from metric_columns(side.metrics_shown, language, side.name)


def count_columns(codes: Sequence[str], language: Language | None, side: str = "") -> Iterator[Column]:
    """Yield the columns of measures."""
    for code in codes:
        yield _figure_column(side, code, "", Kind.COUNT, language)


def metric_columns(metrics: Sequence[Metric], language: Language | None, side: str = "") -> Iterator[Column]:
    """Yield the columns of metrics."""
    for metric in metrics:
        for part in RATE_PARTS:
            yield _figure_column(side, metric.code, part, PART_KINDS[part], language)


def named_rate_columns(name: str, metric: Metric, side: str, language: Language | None) -> Iterator[Column]:
    """Yield the columns of a metric under another name."""
    for part in RATE_PARTS:
        column = _figure_column(side, metric.code, part, PART_KINDS[part], language)
        own = f"{name}_{part}" if part else name
        yield replace(column, name=own, heading=own if language is None else column.heading)


def change_columns(side: Side, language: Language | None) -> Iterator[Column]:
    """Yield a column for the change of each figure that a side shows."""
    name = f"{side.name}_{CHANGE}" if side.name else CHANGE
    for code in side.measures_shown:
        yield _figure_column(name, code, "", Kind.COUNT, language)
    for metric in side.metrics_shown:
        yield _figure_column(name, metric.code, "", Kind.RATIO, language)


def figure_cells(side: Side, counts: Counts, precision: Precision) -> Cells:
    """Return the cells of the figures of some rows."""
    counted, rated = count_lists(counts, side.measures_shown), shown_rates(counts, side, precision)
    return [
        [*count, *(cell for rate in rates for cell in rate_cells(rate))]
        for count, rates in zip(counted, rated, strict=True)
    ]


def rate_cells(rate: Rate) -> list[Any]:
    """Return the cells of one rate."""
    return [_plain(part) for part in msgspec.structs.astuple(rate)]


def _subjects(rows: Rows, language: Language | None) -> Iterator[Cells]:
    row_list = rows.row_list
    for start in range(0, len(row_list.rows), CHUNK):
        numbers = row_list.some(start, start + CHUNK)
        described = [part.describe(numbers) for part in rows.parts]
        figures = [figure_cells(side, side.count(numbers), row_list.precision) for side in row_list.sides]
        yield [
            [
                "subject",
                *(
                    cell
                    for part, fields in zip(rows.parts, described, strict=True)
                    for cell in part_cells(part, fields[place], language)
                ),
                *(cell for figure in figures for cell in figure[place]),
            ]
            for place in range(len(numbers))
        ]


def _margins(rows: Rows, fields: int) -> Cells:
    margins = rows.row_list.margins
    if margins is None or margins.total is None:
        return []
    side, empty = rows.row_list.sides[0], [None] * fields
    made = [["total", *empty, *figure_cells(side, margins.total, rows.row_list.precision)[0]]]
    if margins.unallocated is not None:
        rates = [None] * (len(side.metrics_shown) * len(RATE_PARTS))
        made.append(["unallocated", *empty, *count_lists(margins.unallocated, side.measures_shown)[0], *rates])
    return made


def _figure_column(side: str, code: str, part: str, kind: Kind, language: Language | None) -> Column:
    name = "_".join(word for word in (side, code, part) if word)
    return _headed(Column(name, name, kind, code, part, side), language)


def _headed(column: Column, language: Language | None) -> Column:
    return column if language is None else replace(column, heading=label_of(column, language))


PART_KINDS = dict.fromkeys(RATE_PARTS, Kind.RATIO) | {
    "numerator": Kind.COUNT,
    "denominator": Kind.COUNT,
    "n_eff": Kind.NUMBER,
    "status": Kind.TEXT,
}
"""Type of each part of a metric."""

_KINDS: dict[type, Kind] = {bool: Kind.FLAG, int: Kind.COUNT, float: Kind.RATIO, date: Kind.DATE}


def _kind(annotation: Any) -> Kind:
    """Return the kind of a field's column; lists become one text."""
    return next((_KINDS[choice] for choice in (annotation, *get_args(annotation)) if choice in _KINDS), Kind.TEXT)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return ";".join(map(str, value))
    return None if isinstance(value, float) and np.isnan(value) else value


def in_language(label: Label, language: Language) -> str:
    """Return a label in a language."""
    return label.zh if language == "zh" else label.en


def cell_text(value: object) -> str:
    """Return a cell as text: empty for null, `true`/`false`, ISO dates, numbers in full."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would treat a text as a formula."""
    return text.startswith(("=", "+", "-", "@", "\t", "\r"))


def neutral(text: str) -> str:
    """Return text that no spreadsheet treats as a formula: with an apostrophe before it if need be."""
    return f"'{text}" if is_formula(text) else text
