"""From raw rows to typed ones, with every problem that a row shows by itself."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.imports.columns import OTHERWISE, Column, Dataset, Kind, unusable
from app.imports.headers import Field, shown_title
from app.imports.issues import IssueLog, RowIssue, Rule, Severity, row_issue
from app.imports.rows.cells import Under, read_cells
from app.imports.rows.identity_numbers import holds_identity_number
from app.imports.rows.raw import RawBatch, RowNumbers
from app.imports.rows.rules import row_findings
from app.imports.rows.texts import Mask, Texts, Values, null_mask
from app.messages import Message


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, typed.

    Parameters
    ----------
    rows
        Their numbers as the spreadsheet has them, ascending, with gaps.
    table
        A column for each column of the dataset that the file has, in the dataset's order: string (codes, refs, names
        and values of enumerations), date32, int32 (counts, years), bool. Null where a cell is blank and its column has
        no default, or cannot be read.
    present
        The names of these columns.
    invalid_cells
        One number per row: which errors it has of its own, as `imports.columns` says; 0: none. Warnings do not
        count.
    progress
        How much of the file is read with this chunk, 0 to 1.
    """

    rows: RowNumbers
    table: pa.Table
    present: frozenset[str]
    invalid_cells: NDArray[np.int32]
    progress: float

    @property
    def bad(self) -> Mask:
        """One flag per row: it has an error of its own."""
        bad: Mask = self.invalid_cells != 0
        return bad


def check_batch(
    batch: RawBatch,
    dataset: Dataset,
    fields: Sequence[Field],
    issues: IssueLog,
    today: date,
    *,
    keys_only: bool = False,
) -> Chunk:
    """Type the rows of a tidied batch and note every problem that one row shows.

    Parameters
    ----------
    batch
        Rows with a text column for each of `fields`.
    issues
        Where problems go, those that the reader found included.
    today
        The last day on which a return may be dated.
    keys_only
        The rows are keys to delete: rules between their cells are not asked.
    """
    marks = _Marks(batch.rows, issues)
    marks.take(batch.issues, dataset)
    columns, blanks = {}, {}
    for field, texts in zip(fields, batch.texts, strict=True):
        if field.column is not None:
            blank = null_mask(texts) & ~_told(batch, field.column.name)
            columns[field.column.name] = _column(dataset, field.column, field.title, texts, blank, marks, today)
            blanks[field.column.name] = blank
    _refuse_unnamed(batch, fields, marks)
    table = pa.table({column.name: columns[column.name] for column in dataset.columns if column.name in columns})
    for finding in () if keys_only else row_findings(dataset, table, today):
        rows = finding.rows & blanks[finding.blank] if finding.blank in blanks else finding.rows
        marks.mark(finding.rule, finding.column, rows, finding.message, columns.get(finding.column))
    return Chunk(batch.rows, table, frozenset(columns), marks.invalid_cells, batch.progress)


def refuse_identity_numbers(batch: RawBatch, fields: Sequence[Field], issues: IssueLog, today: date) -> dict[str, int]:
    """Note the cells that hold identity numbers; return how many there are, by column.

    Columns of codes are not looked at; all others are, those that are not taken in too. The values of a column where
    one is found leave the list of problems, and never enter it again.
    """
    found: dict[str, int] = {}
    marks = _Marks(batch.rows, issues)
    for position, (field, texts) in enumerate(zip(fields, batch.texts, strict=True)):
        if field.column is not None and field.column.kind is Kind.CODE:
            continue
        holding = holds_identity_number(texts, today)
        if holding.any():
            name = field.column.name if field.column else shown_title(field.title, position)
            issues.hide(name)
            marks.mark(Rule.IDENTITY_NUMBER, name, holding, "holds an identity number; the column is refused")
            found[name] = int(holding.sum())
    return found


class _Marks:
    """The invalid_cells of the rows of a batch, and the way of their problems to the log."""

    def __init__(self, rows: RowNumbers, issues: IssueLog) -> None:
        self._rows = rows
        self._issues = issues
        self.invalid_cells: NDArray[np.int32] = np.zeros(len(rows), np.int32)

    def take(self, found: Sequence[RowIssue], dataset: Dataset) -> None:
        """Note what the reader found, in rows of the batch or in rows that it could not make."""
        errors = defaultdict(list)
        for issue in found:
            self._issues.add(issue)
            if issue.severity is Severity.ERROR:
                errors[issue.column].append(issue.row)
        for column, rows in errors.items():
            flaw = OTHERWISE if column is None else unusable(dataset, column)
            self.invalid_cells[np.isin(self._rows, np.array(rows, np.int64))] |= flaw

    def mark(
        self,
        rule: Rule,
        column: str | None,
        rows: Mask,
        message: str | Message,
        values: Values | None = None,
        flaw: int = OTHERWISE,
    ) -> None:
        """Note a problem of all flagged rows, and the flaw that it is if it is an error; `values` are repeated."""
        places = np.flatnonzero(rows)
        if not places.size:
            return
        if rule.severity is Severity.ERROR:
            self.invalid_cells[places] |= flaw
        self._issues.add_many(
            rule,
            column,
            int(places.size),
            (row_issue(int(self._rows[place]), column, _shown(values, int(place)), rule, message) for place in places),
        )


def _shown(values: Values | None, place: int) -> str | None:
    value = None if values is None else values[place].as_py()
    return None if value is None else str(value)


def _told(batch: RawBatch, column: str) -> Mask:
    """Return the rows of which the reader has told a problem of this column: their cell seems blank, and is not."""
    told = [issue.row for issue in batch.issues if issue.column == column]
    return np.isin(batch.rows, np.array(told, np.int64)) if told else np.zeros(len(batch.rows), np.bool_)


def _column(
    dataset: Dataset, column: Column, title: str, texts: Texts, blank: Mask, marks: _Marks, today: date
) -> Values:
    cells, flaw = read_cells(texts, Under(column, title, today)), unusable(dataset, column.name)
    marks.mark(cells.rule, column.name, cells.wrong, cells.complaint, texts, flaw)
    if column.required:
        marks.mark(Rule.REQUIRED, column.name, blank, "must not be blank", flaw=flaw)
    if column.default_when_blank is None or not blank.any():
        return cells.values
    default = pa.scalar(column.default_when_blank, cells.values.type)
    return pc.if_else(pa.array(blank), default, cells.values)


def _refuse_unnamed(batch: RawBatch, fields: Sequence[Field], marks: _Marks) -> None:
    for field, texts in zip(fields, batch.texts, strict=True):
        if field.must_be_blank and texts.null_count < len(texts):
            marks.mark(Rule.RAGGED_ROW, None, ~null_mask(texts), "has a cell in a column without a title")
