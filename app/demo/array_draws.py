"""Draws of whole arrays, one entry per row."""

from datetime import date

import numpy as np
import numpy.typing as npt

from app.demo.arrow_columns import Flags, Integers, day_number

Shares = npt.NDArray[np.float64]
"""Chances, weights or sizes, one per choice or row."""


def happens(share: float, rows: int, rng: np.random.Generator) -> Flags:
    """Draw for each row whether something of that probability (0 to 1) happens."""
    return np.less(rng.random(rows), share)


def days_between(first: date, last: date, rows: int, rng: np.random.Generator) -> Integers:
    """Draw a day from `first` to `last`, both included, for each row."""
    return rng.integers(day_number(first), day_number(last), rows, dtype=np.int32, endpoint=True)


def pick(shares: Shares, rows: int, rng: np.random.Generator) -> Integers:
    """Draw a position for each row, with chances in proportion to the shares."""
    bounds = np.cumsum(shares)
    drawn = np.searchsorted(bounds, rng.random(rows) * bounds[-1], side="right")
    positions: Integers = np.minimum(drawn, len(shares) - 1).astype(np.int32)
    return positions
