"""Low membership as rows: what a row stands for, the comparison, its figures."""

from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from app.publication.breakdown import cell_parts, with_absent
from app.publication.lists import Answer, page_answer, rows_table
from app.publication.row_cache import Source
from app.publication.rows import Part, Rows
from app.publication.table import FlatTable, TableOptions
from app.statistics.comparison import CLASSES, COLUMNS, Comparison
from app.statistics.low_membership import LowMembershipQuestion, list_low_membership
from app.statistics.question import AsOf, Page
from app.statistics.standardisation import ADJUSTED_COLUMNS
from app.store.arrays import Int64
from app.store.snapshot import Snapshot

_TYPES: dict[str, Any] = dict.fromkeys(ADJUSTED_COLUMNS, float) | {
    "class": str, "shortfall": int | None, "headcount_uncompared": int,
}  # fmt: skip

_FIELDS: dict[tuple[str, ...], type[msgspec.Struct]] = {
    columns: msgspec.defstruct("ComparisonFields", [(name, _TYPES[name]) for name in columns], gc=False)
    for columns in (COLUMNS, ADJUSTED_COLUMNS)
}
"""How a row compares, by its columns; NaN is written as null."""

_STANDARDISED = "standardised_ratio"


class StandardisedRatio(msgspec.Struct, frozen=True):
    """Members over those expected, and its interval; NaN is written as null."""

    value: float
    low: float
    high: float


_PAGE_FIELDS = msgspec.defstruct(
    "AdjustedFields",
    [
        (name, StandardisedRatio | None if name == _STANDARDISED else _TYPES[name])
        for name in ADJUSTED_COLUMNS
        if not name.startswith(f"{_STANDARDISED}_")
    ],
    gc=False,
)
"""The same in pages: the standardised ratio with its interval is an object."""


def low_membership_answer(source: Source, question: LowMembershipQuestion, page: Page) -> Answer:
    """Return one page of the rows of a population, each compared with its reference.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer` and `list_low_membership`.
    """
    return page_answer(source, question, page, _page_rows)


def low_membership_table(
    source: Source, question: LowMembershipQuestion, page: Page, options: TableOptions
) -> FlatTable:
    """Return all of them as a table."""
    return rows_table(source, question, page, options, low_membership_rows)


def low_membership_rows(snapshot: Snapshot, question: LowMembershipQuestion, page: Page) -> Rows:
    """Return the rows: what each stands for, the comparison, the figures."""
    found = list_low_membership(snapshot, question, page)
    parts, keys = cell_parts(snapshot, found.cells)
    columns = COLUMNS if question.adjust is None else ADJUSTED_COLUMNS
    compared = Part(_FIELDS[columns], lambda numbers: _described(found.comparison, columns, numbers))
    margins_key = (question.population, question.by, question.fields, page.status)
    return Rows("low-membership", found.row_list, (*parts, compared), keys, replace(question, when=AsOf()), margins_key)


def _page_rows(snapshot: Snapshot, question: LowMembershipQuestion, page: Page) -> Rows:
    rows = low_membership_rows(snapshot, question, page)
    *parts, compared = rows.parts
    if question.adjust is not None:
        flat = compared.describe
        compared = Part(_PAGE_FIELDS, lambda numbers: [_nested(fields) for fields in flat(numbers)])
    return replace(rows, parts=(*with_absent(parts), compared))


def _nested(fields: Any) -> msgspec.Struct:
    """Return the fields of an adjusted comparison with the standardised ratio as an object."""
    values = msgspec.structs.asdict(fields)
    ratio = StandardisedRatio(*(values.pop(f"{_STANDARDISED}{part}") for part in ("", "_low", "_high")))
    return _PAGE_FIELDS(**values, **{_STANDARDISED: None if np.isnan(ratio.value) else ratio})


def _described(comparison: Comparison, columns: tuple[str, ...], numbers: Int64) -> list[msgspec.Struct]:
    places = np.searchsorted(comparison.rows, numbers)
    values = {name: comparison.columns[name][places].tolist() for name in columns}
    values["class"] = [CLASSES[number].value for number in values["class"]]
    null = comparison.null("shortfall")[places].tolist()
    values["shortfall"] = [None if is_null else count for is_null, count in zip(null, values["shortfall"], strict=True)]
    return [_FIELDS[columns](*row) for row in zip(*values.values(), strict=True)]
