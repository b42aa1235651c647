"""Converting raw rows to typed ones, with all problems of single rows."""

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
        Their numbers in the spreadsheet, ascending, with gaps.
    table
        A column for each column of the dataset in the file, in the dataset's order: string (codes, refs, names,
        values of enumerations), date32, int32 (counts, years), bool. Null if a cell is invalid, or blank in a column
        without default.
    present
        The names of these columns.
    invalid_cells
        A number per row: its own errors, see `imports.columns`; 0: none. Warnings do not count.
    progress
        Part of the file read with this chunk, 0 to 1.
    """

    rows: RowNumbers
    table: pa.Table
    present: frozenset[str]
    invalid_cells: NDArray[np.int32]
    progress: float

    @property
    def bad(self) -> Mask:
        """A flag per row: it has errors of its own."""
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
    """Convert the rows of a tidied batch and note all problems of single rows.

    Parameters
    ----------
    batch
        Rows with a text column for each of `fields`.
    issues
        Receives the problems, those found by the reader included.
    today
        The last allowed day of a return.
    keys_only
        The rows are keys to delete: rules between their cells are not checked.
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
    """Note the cells that contain identity numbers; return their number by column.

    Columns of codes are not checked; all others are, also those that are not imported. The values of a column with an
    identity number are removed from the list of problems, and never added again.
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
    """Records the errors of a batch's rows, and logs their problems."""

    def __init__(self, rows: RowNumbers, issues: IssueLog) -> None:
        self._rows = rows
        self._issues = issues
        self.invalid_cells: NDArray[np.int32] = np.zeros(len(rows), np.int32)

    def take(self, found: Sequence[RowIssue], dataset: Dataset) -> None:
        """Note the reader's problems, in rows of the batch or in rows that it could not parse."""
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
        """Note a problem of all flagged rows, with the error bits `flaw` if it is an error; `values` are shown."""
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
    """Return the rows with a problem found by the reader in this column: their cell seems blank, and is not."""
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
