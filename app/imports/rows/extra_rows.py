"""Rows of a ledger without an entity: totals, headers repeated for print, and notes below the table."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.imports.columns import Dataset, Kind
from app.imports.headers import Field
from app.imports.issues import IssueLog, Rule, row_issue
from app.imports.rows.raw import RawBatch
from app.imports.rows.texts import Mask, Texts, folded, null_mask, true_mask
from app.imports.spellings import normal
from app.messages import Message, say

_TOTALS = r"(?i)^(?:[合总小共] *计|(?:grand|sub)? *totals?) *:?$"
"""Words for a total, in half width."""

_NOTE = re.compile(
    r"(?:填表|制表|填报|报送|审核|复核|审批|统计|单位|部门|分管|主管|党组织|经办|负责)+(?:领导|负责)?人?员?"
    r"(?:日期|时间)?(?:\(签[字名章]*\))?(?::|$)"
    r"|(?:联系)?电话:|注\d*[:.、]|(?:备注|说明|填表说明|notes?):"
)
"""The beginnings of notes below a table, in `normal` form."""

_MAY_BE_NOTE = r"^(?:填|制|审|复|负|统|报|经|注|备|说|联|电|单|部|分|主|党|[nN])"

_TWO = 2


def is_note(text: str) -> bool:
    """Say whether a text begins like notes below a table: 填表人：…, 审核人：…, 填报日期：…, 注：…."""
    return _NOTE.match(normal(text)) is not None


def table_rows(
    batches: Iterable[RawBatch], dataset: Dataset, fields: Sequence[Field], issues: IssueLog
) -> Iterator[RawBatch]:
    """Yield the rows of tidied batches down to the notes below the table; the first row of notes is noted.

    A row of the table below the notes is an error: nothing is left out silently.
    """
    end: int | None = None
    for batch in batches:
        if end is None:
            end = _end(batch)
            if end is not None:
                issues.note(say("The table ends above row {row}: the notes from there on are left out.", row=end))
        if end is None:
            yield batch
            continue
        below = batch.rows >= end
        _refuse_below(batch.where(below), end, dataset, fields, issues)
        told = tuple(issue for issue in batch.issues if issue.row is None or issue.row < end)
        yield replace(batch.where(~below), issues=told)


def without_extra_rows(batch: RawBatch, dataset: Dataset, fields: Sequence[Field], issues: IssueLog) -> RawBatch:
    """Return a tidied batch without totals and repeated headers, which are errors."""
    name = dataset.key[0]
    key, title = _under(batch, fields, name)
    totals = are_totals(key)
    if key.null_count:
        totals |= null_mask(key) & _named_totals(batch, fields)
    repeated = _equal(key, title) & ~totals
    message = say("is a total of other rows, not one of them: take it out, or skip rows with errors")
    _tell(batch, totals, Rule.TOTALS_ROW, name, message, issues)
    _tell(batch, repeated, Rule.REPEATED_HEADER, name, say("repeats the header: take it out"), issues)
    return batch.where(~(totals | repeated))


def _end(batch: RawBatch) -> int | None:
    """Return the row of a batch where notes begin; null: nowhere."""
    noted = batch.rows[_are_notes(_first_cells(batch.texts))]
    found = [*(int(row) for row in noted[:1]), *([] if batch.end is None else [batch.end])]
    return min(found, default=None)


def _first_cells(texts: Sequence[Texts]) -> Texts:
    """Return the first non-blank cell of each row."""
    first = texts[0]
    for column in texts[1:]:
        if not first.null_count:
            break
        first = pc.coalesce(first, column)
    return first


def _are_notes(texts: Texts) -> Mask:
    notes = true_mask(pc.match_substring_regex(texts, _MAY_BE_NOTE))
    for place in np.flatnonzero(notes):
        notes[place] = is_note(texts[int(place)].as_py())
    return notes


def _refuse_below(batch: RawBatch, end: int, dataset: Dataset, fields: Sequence[Field], issues: IssueLog) -> None:
    if not len(batch.rows):
        return
    filled = np.sum([~null_mask(column) for column in batch.texts], axis=0)
    key, _ = _under(batch, fields, dataset.key[0])
    message = say("stands below the notes of row {end}, which end the table: move it above them", end=end)
    rows = (filled >= _TWO) & ~null_mask(key) & ~_are_notes(_first_cells(batch.texts))
    _tell(batch, rows, Rule.ROW_BELOW_NOTES, None, message, issues)


def _under(batch: RawBatch, fields: Sequence[Field], name: str) -> tuple[Texts, str]:
    """Return the cells of a column of the dataset, and its title; nulls if it is not in the file."""
    for field, texts in zip(fields, batch.texts, strict=True):
        if field.column is not None and field.column.name == name:
            return texts, field.title
    return pa.nulls(len(batch.rows), pa.string()), ""


def _named_totals(batch: RawBatch, fields: Sequence[Field]) -> Mask:
    """Return the rows with a word for a total as a name, or in a column that is not imported, such as 序号."""
    named = np.zeros(len(batch.rows), np.bool_)
    for field, texts in zip(fields, batch.texts, strict=True):
        if field.column is None or field.column.kind is Kind.TEXT:
            named |= are_totals(texts)
    return named


def are_totals(texts: Texts) -> Mask:
    """Return which texts are words for a total."""
    return true_mask(pc.match_substring_regex(folded(texts), _TOTALS))


def _equal(texts: Texts, title: str) -> Mask:
    same = true_mask(pc.equal(texts, pa.scalar(title.strip(), pa.string())))
    return same if title.strip() else np.zeros(len(texts), np.bool_)


def _tell(batch: RawBatch, rows: Mask, rule: Rule, column: str | None, message: Message, issues: IssueLog) -> None:
    numbers = batch.rows[rows]
    if len(numbers):
        told = (row_issue(int(row), column, None, rule, message) for row in numbers)
        issues.add_many(rule, column, len(numbers), told)
