"""The one tabular result: columns and rows of a list of statistics, for every file format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from app.catalogue.columns import COLUMN_LABELS
from app.catalogue.measures import BRANCH_MEASURES, MEASURE
from app.catalogue.metrics import METRIC, Metric
from app.errors import ErrorItem, InvalidRequest
from app.publication.figures import count_lists, rate_lists
from app.publication.subjects import describe, field_names
from app.statistics.intervals import Precision
from app.statistics.listed import Listed, Side
from app.statistics.rates import Counts, rates_of

Language = Literal["zh", "en"]

CHUNK = 1000
"""Rows written at once."""

RATE_PARTS = ("", "numerator", "denominator", "low", "high", "status")
"""Columns of a metric: the value itself, then these."""

_LABEL = {measure.code: measure.label for measure in BRANCH_MEASURES} | {code: m.label for code, m in MEASURE.items()}


@dataclass(frozen=True)
class TableOptions:
    """What a file shows: `fields` picks measures and metrics (empty: all), `totals` adds the margins."""

    fields: tuple[str, ...] = ()
    totals: bool = False
    language: Language | None = None


@dataclass(frozen=True)
class Shown:
    """The figures of one side that a file shows."""

    side: Side
    measures: tuple[str, ...]
    metrics: tuple[Metric, ...]


def shown_sides(listed: Listed, options: TableOptions) -> list[Shown]:
    """Return what each side shows.

    Raises
    ------
    InvalidRequest
        A field is neither a measure nor a metric of these rows; all such are listed.
    """
    known = [*listed.sides[0].measures, *(metric.code for metric in listed.sides[0].metrics)]
    unknown = [field for field in options.fields if field not in known]
    if unknown:
        problems = [ErrorItem("query/fields", f"fields cannot have {field!r}", tuple(known)) for field in unknown]
        raise InvalidRequest("; ".join(problem.message for problem in problems), problems)
    wanted = set(options.fields or known)
    return [
        Shown(
            side,
            tuple(code for code in side.measures if code in wanted),
            tuple(metric for metric in side.metrics if metric.code in wanted),
        )
        for side in listed.sides
    ]


def header(listed: Listed, options: TableOptions) -> list[str]:
    """Return the column names: codes, or labels in the language asked for."""
    names = ["row", *_subject_names(listed, options)]
    labels = [_column_label(name, options.language) for name in names]
    for shown in shown_sides(listed, options):
        labels += [_figure_label(shown.side.name, code, "", options.language) for code in shown.measures]
        labels += [
            _figure_label(shown.side.name, metric.code, part, options.language)
            for metric in shown.metrics
            for part in RATE_PARTS
        ]
    return labels


def chunks(listed: Listed, options: TableOptions) -> Iterator[list[list[Any]]]:
    """Yield the rows in pieces, margins last; cells are text, int, float, bool, date or None."""
    sides = shown_sides(listed, options)
    for start in range(0, len(listed.rows), CHUNK):
        rows = listed.rows[start : start + CHUNK]
        fields = [_subject_cells(field, options) for field in describe(listed.snapshot, listed.subject, rows)]
        cells = [_figure_cells(shown, shown.side.count(rows), listed.precision) for shown in sides]
        yield [
            ["subject", *field, *(cell for side in figures for cell in side)]
            for field, *figures in zip(fields, *cells, strict=True)
        ]
    margins = _margins(listed, options, sides[0])
    if margins:
        yield margins


def _margins(listed: Listed, options: TableOptions, shown: Shown) -> list[list[Any]]:
    margins = listed.margins if options.totals else None
    if margins is None:
        return []
    empty = [None] * len(_subject_names(listed, options))
    rows = [["total", *empty, *_figure_cells(shown, margins.total, listed.precision)[0]]]
    if margins.unallocated is not None:
        rates = [None] * (len(shown.metrics) * len(RATE_PARTS))
        rows.append(["unallocated", *empty, *count_lists(margins.unallocated, shown.measures)[0], *rates])
    return rows


def _figure_cells(shown: Shown, counts: Counts, precision: Precision) -> list[list[Any]]:
    counted = count_lists(counts, shown.measures)
    rated = rate_lists(rates_of(counts, shown.metrics, precision)) if shown.metrics else [[] for _ in counted]
    return [
        [*count, *(_cell(part) for rate in rates for part in msgspec.structs.astuple(rate))]
        for count, rates in zip(counted, rated, strict=True)
    ]


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _subject_names(listed: Listed, options: TableOptions) -> list[str]:
    names = list(field_names(listed.subject))
    if options.language is None or "name_zh" not in names:
        return names
    return [name.replace("name_zh", "name") for name in names if name != "name_en"]


def _subject_cells(field: msgspec.Struct, options: TableOptions) -> list[Any]:
    cells = {
        name: ";".join(value) if isinstance(value, tuple) else value
        for name, value in msgspec.structs.asdict(field).items()
    }
    if options.language is not None and "name_zh" in cells:
        english = cells.pop("name_en")
        if options.language == "en" and english is not None:
            cells["name_zh"] = english
    return list(cells.values())


def _column_label(name: str, language: Language | None) -> str:
    return name if language is None else str(getattr(COLUMN_LABELS[name], language))


def _figure_label(side: str, code: str, part: str, language: Language | None) -> str:
    if language is None:
        return "_".join(word for word in (side, code, part) if word)
    label = METRIC[code].label if code in METRIC else _LABEL[code]
    words = [_column_label(side, language)] if side else []
    words.append(str(getattr(label, language)))
    if part:
        words.append(_column_label(part, language))
    return " ".join(words)


def cell_text(value: object) -> str:
    """Return a cell as text: empty for null, `true`/`false`, ISO dates, numbers in full."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def neutral(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def columns_of(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows as records under the column names."""
    return [dict(zip(names, row, strict=True)) for row in rows]
