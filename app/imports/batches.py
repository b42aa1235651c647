"""Rows as they stand in a file, before anything is known of their meaning."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.imports.issues import RowIssue
from app.imports.texts import Mask, Texts, null_mask, trimmed

RowNumbers = NDArray[np.int64]
"""Rows as the spreadsheet numbers them, the header being 1."""


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
        What the reader itself found wrong, with rows of this batch or of the gaps before and in it.
    progress
        How much of the file is read with this batch, 0 to 1.
    """

    rows: RowNumbers
    texts: tuple[Texts, ...]
    issues: tuple[RowIssue, ...] = ()
    progress: float = 0.0

    def tidied(self) -> "RawBatch":
        """Return the batch with trimmed texts and without rows that are blank all over."""
        texts = tuple(trimmed(column) for column in self.texts)
        blank = _blank_rows(texts, len(self.rows))
        if not blank.any():
            return RawBatch(self.rows, texts, self.issues, self.progress)
        kept = pa.array(~blank)
        return RawBatch(self.rows[~blank], tuple(column.filter(kept) for column in texts), self.issues, self.progress)


def _blank_rows(texts: tuple[Texts, ...], rows: int) -> Mask:
    blank = np.ones(rows, np.bool_)
    for column in texts:
        if not column.null_count:
            return np.zeros(rows, np.bool_)
        blank &= null_mask(column)
    return blank
