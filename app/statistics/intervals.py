"""95 % Wilson score intervals, for counts and for effective counts."""

from typing import Any

import numpy as np
import numpy.typing as npt

Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

Floats = npt.NDArray[np.float64]


def wilson(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any], effective: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper bounds of numerator/denominator with an effective number of draws.

    Exactly 0 where the numerator is 0, exactly 1 where it is the denominator; any shape; all of `denominator` and
    `effective` above 0.
    """
    ratio = numerator / denominator
    z2 = Z * Z
    centre = ratio + z2 / (2 * effective)
    margin = Z * np.sqrt(np.maximum(ratio * (1 - ratio), 0) / effective + z2 / (4 * effective * effective))
    scale = 1 + z2 / effective
    low = np.where(numerator == 0, 0.0, np.maximum((centre - margin) / scale, 0.0))
    high = np.where(numerator == denominator, 1.0, np.minimum((centre + margin) / scale, 1.0))
    return low, high


def effective_headcount(headcount: Floats, squared: Floats, correlation: float) -> Floats:
    """Return H² / (H + ρ(Q − H)): of how many independent employees a clustered headcount tells as much."""
    return headcount * headcount / (headcount + correlation * (squared - headcount))
