"""Rows of a file as texts, before they are typed."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.imports.issues import RowIssue
from app.imports.rows.texts import Mask, Texts, null_mask, trimmed

RowNumbers = NDArray[np.int64]
"""Rows as the spreadsheet numbers them, from 1."""


@dataclass(frozen=True)
class RawBatch:
    """Some rows of a file.

    Parameters
    ----------
    rows
        Their numbers, ascending; a row that cannot be split into cells is missing.
    texts
        One array per column of the file, null where blank.
    issues
        Problems found by the reader, in rows of this batch or of the gaps before and in it.
    progress
        Part of the file read with this batch, 0 to 1.
    end
        The first row below the table, if a row that cannot be split into cells shows it; null: not found.
    """

    rows: RowNumbers
    texts: tuple[Texts, ...]
    issues: tuple[RowIssue, ...] = ()
    progress: float = 0.0
    end: int | None = None

    def tidied(self) -> "RawBatch":
        """Return the batch with trimmed texts and without blank rows."""
        batch = replace(self, texts=tuple(trimmed(column) for column in self.texts))
        return batch.where(~_blank_rows(batch.texts, len(self.rows)))

    def where(self, kept: Mask) -> "RawBatch":
        """Return the batch with the flagged rows only."""
        if kept.all():
            return self
        flags = pa.array(kept)
        return replace(self, rows=self.rows[kept], texts=tuple(column.filter(flags) for column in self.texts))


def _blank_rows(texts: tuple[Texts, ...], rows: int) -> Mask:
    blank = np.ones(rows, np.bool_)
    for column in texts:
        if not column.null_count:
            return np.zeros(rows, np.bool_)
        blank &= null_mask(column)
    return blank
