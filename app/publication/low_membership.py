"""Low membership as rows: the industry or group, the comparison, its figures."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from app.publication.lists import Answer, page_answer, rows_table
from app.publication.row_cache import Source
from app.publication.rows import Part, Rows
from app.publication.subjects import subject_part
from app.publication.table import FlatTable, TableOptions
from app.statistics.low_membership import CLASSES, COLUMNS, Comparison, LowMembershipQuestion, list_low_membership
from app.statistics.question import AsOf, Page, Subject
from app.store.arrays import Int64
from app.store.snapshot import Snapshot

_TYPES: dict[str, Any] = dict.fromkeys(COLUMNS, float) | {"class": str, "shortfall": int | None}

ComparisonFields = msgspec.defstruct("ComparisonFields", [(name, _TYPES[name]) for name in COLUMNS], gc=False)
"""How a row compares; NaN is written as null."""


class NoFields(msgspec.Struct):
    """The fields of a subject that rows do not have."""


def low_membership_answer(source: Source, question: LowMembershipQuestion, page: Page) -> Answer:
    """Return one page of the industries or groups of a population, each compared with its reference.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `page_answer` and `list_low_membership`.
    """
    return page_answer(source, question, page, low_membership_rows)


def low_membership_table(
    source: Source, question: LowMembershipQuestion, page: Page, options: TableOptions
) -> FlatTable:
    """Return all of them as a table."""
    return rows_table(source, question, page, options, low_membership_rows)


def low_membership_rows(snapshot: Snapshot, question: LowMembershipQuestion, page: Page) -> Rows:
    """Return the rows: the industry or the group, the comparison, the figures."""
    found = list_low_membership(snapshot, question, page)
    subjects = (Subject.INDUSTRIES, Subject.INDUSTRY_GROUPS)
    parts = [
        subject_part(snapshot, subject) if subject is question.subject else _nothing(subject_part(snapshot, subject))
        for subject in subjects
    ]
    compared = Part(ComparisonFields, lambda numbers: _described(found.comparison, numbers))
    row_key = replace(question, when=AsOf())
    margins_key = (question.population, question.subject, question.listing)
    return Rows("low-membership", found.row_list, (*parts, compared), ("code",), row_key, margins_key)


def _nothing(part: Part) -> Part:
    """Return a part that is null in every row and has no column in files."""
    return Part(NoFields, lambda numbers: [None] * len(numbers), part.key)


def _described(comparison: Comparison, numbers: Int64) -> list[msgspec.Struct]:
    places = np.searchsorted(comparison.rows, numbers)
    columns = {name: comparison.columns[name][places].tolist() for name in COLUMNS}
    columns["class"] = [CLASSES[number].value for number in columns["class"]]
    null = comparison.null("shortfall")[places].tolist()
    columns["shortfall"] = [
        None if is_null else count for is_null, count in zip(null, columns["shortfall"], strict=True)
    ]
    return [ComparisonFields(*values) for values in zip(*columns.values(), strict=True)]
