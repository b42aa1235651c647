"""A list as one flat table, columns and rows, from which every file format is written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Literal, get_args, get_type_hints

import msgspec
import numpy as np

from app.catalogue.definitions import COLUMN_LABELS
from app.catalogue.measures import BRANCH_MEASURES, MEASURE
from app.catalogue.metrics import METRIC, Metric
from app.catalogue.vocabulary import Label
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say, together
from app.publication.rows import Meta, Part, Rows, count_lists, rate_lists
from app.statistics.inference import Precision
from app.statistics.question import Subject
from app.statistics.rates import Counts, rates_of
from app.statistics.row_list import Side

Language = Literal["zh", "en"]
Cells = list[list[Any]]

CHUNK = 1000
"""Rows written at once."""

RATE_PARTS = ("", "numerator", "denominator", "low", "high", "status")
"""Columns of a metric: the value itself, then these."""

_LABEL = {measure.code: measure.label for measure in BRANCH_MEASURES} | {code: m.label for code, m in MEASURE.items()}


class Kind(StrEnum):
    """Type of the cells of a column; null always means no value."""

    TEXT = "text"
    COUNT = "count"
    RATIO = "ratio"
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
        For branches `own` or `subtree`, else empty.
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
    """What a file shows: `fields` selects measures and metrics (empty: all), `totals` adds the margins."""

    fields: tuple[str, ...] = ()
    totals: bool = False
    language: Language | None = None


@dataclass(frozen=True)
class Shown:
    """The figures of one side that a file shows."""

    side: Side
    measures: tuple[str, ...]
    metrics: tuple[Metric, ...]


def flat_table(rows: Rows, meta: Meta, options: TableOptions) -> FlatTable:
    """Return a list as a table.

    Raises
    ------
    InvalidRequest
        A field is neither a measure nor a metric of these rows; all such are listed.
    """
    sides = _shown_sides(rows, options)
    fields = [column for part in rows.parts for column in part_columns(part, options.language)]
    figures = [column for shown in sides for column in figure_columns(shown, options.language)]
    columns = (plain_column("row", Kind.TEXT, options.language), *fields, *figures)
    margins = _margins(rows, sides[0], len(fields)) if options.totals else []

    def chunks() -> Iterator[Cells]:
        yield from _subjects(rows, sides, options)
        if margins:
            yield margins

    return FlatTable(
        rows.name, columns, rows.keys, meta, len(rows.row_list.rows), chunks, options.language, rows.row_list.subject,
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
    words = [COLUMN_LABELS.get(column.side), figure, COLUMN_LABELS.get(column.part)]
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


def figure_columns(shown: Shown, language: Language | None) -> Iterator[Column]:
    """Yield the columns of measures, then those of metrics."""
    for code in shown.measures:
        yield _figure_column(shown.side.name, code, "", Kind.COUNT, language)
    yield from metric_columns(shown.metrics, language, shown.side.name)


def metric_columns(metrics: Sequence[Metric], language: Language | None, side: str = "") -> Iterator[Column]:
    """Yield the columns of metrics."""
    for metric in metrics:
        for part in RATE_PARTS:
            yield _figure_column(side, metric.code, part, _PART_KINDS[part], language)


def figure_cells(shown: Shown, counts: Counts, precision: Precision) -> Cells:
    """Return the cells of the figures of some rows."""
    counted = count_lists(counts, shown.measures)
    rated = rate_lists(rates_of(counts, shown.metrics, precision)) if shown.metrics else [[] for _ in counted]
    return [
        [*count, *(_plain(part) for rate in rates for part in msgspec.structs.astuple(rate))]
        for count, rates in zip(counted, rated, strict=True)
    ]


def _shown_sides(rows: Rows, options: TableOptions) -> list[Shown]:
    sides = rows.row_list.sides
    known = [code for side in sides[:1] for code in (*side.measures, *(metric.code for metric in side.metrics))]
    unknown = [field for field in options.fields if field not in known]
    if unknown:
        problems = [
            ErrorItem(
                ErrorCode.UNKNOWN_FIELD, "query/fields", say("fields cannot have {field!r}", field=field), tuple(known)
            )
            for field in unknown
        ]
        raise InvalidRequest(together([problem.message for problem in problems]), problems)
    wanted = set(options.fields or known)
    return [
        Shown(
            side,
            tuple(code for code in side.measures if code in wanted),
            tuple(metric for metric in side.metrics if metric.code in wanted),
        )
        for side in sides
    ]


def _subjects(rows: Rows, sides: Sequence[Shown], options: TableOptions) -> Iterator[Cells]:
    row_list = rows.row_list
    for start in range(0, len(row_list.rows), CHUNK):
        numbers = row_list.rows[start : start + CHUNK]
        described = [part.describe(numbers) for part in rows.parts]
        figures = [figure_cells(shown, shown.side.count(numbers), row_list.precision) for shown in sides]
        yield [
            [
                "subject",
                *(
                    cell
                    for part, fields in zip(rows.parts, described, strict=True)
                    for cell in part_cells(part, fields[place], options.language)
                ),
                *(cell for figure in figures for cell in figure[place]),
            ]
            for place in range(len(numbers))
        ]


def _margins(rows: Rows, shown: Shown, fields: int) -> Cells:
    margins = rows.row_list.margins
    if margins is None:
        return []
    empty = [None] * fields
    made = [["total", *empty, *figure_cells(shown, margins.total, rows.row_list.precision)[0]]]
    if margins.unallocated is not None:
        rates = [None] * (len(shown.metrics) * len(RATE_PARTS))
        made.append(["unallocated", *empty, *count_lists(margins.unallocated, shown.measures)[0], *rates])
    return made


def _figure_column(side: str, code: str, part: str, kind: Kind, language: Language | None) -> Column:
    name = "_".join(word for word in (side, code, part) if word)
    return _headed(Column(name, name, kind, code, part, side), language)


def _headed(column: Column, language: Language | None) -> Column:
    return column if language is None else replace(column, heading=label_of(column, language))


_PART_KINDS = dict.fromkeys(RATE_PARTS, Kind.RATIO) | {
    "numerator": Kind.COUNT,
    "denominator": Kind.COUNT,
    "status": Kind.TEXT,
}

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
