"""95 % intervals: Wilson score intervals for counts and for effective counts, and what rounding adds to them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.store.manifest import Manifest

Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Precision:
    """What limits how much a snapshot's ratios of persons over headcount tell.

    Parameters
    ----------
    correlation
        Intra-enterprise correlation.
    rounding
        Variance of the rounded value of one enterprise, persons²; null where figures are exact.
    """

    correlation: float
    rounding: float | None = None


def precision_of(manifest: Manifest) -> Precision:
    """Return the precision of a snapshot; the one place where its disclosure decides on intervals.

    A value rounded to steps of b from a start drawn evenly is off by b²·(m/b)(1 − m/b), m its remainder: over all
    remainders (b² − 1)/6 on average, 4 for b = 5.
    """
    b = manifest.disclosure.b
    return Precision(manifest.intra_enterprise_correlation.value, None if b is None else (b * b - 1) / 6)


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


def rounding_error(ratio: Floats, shown: npt.NDArray[Any], headcount: npt.NDArray[Any], variance: float) -> Floats:
    """Return z times the standard error of a ratio of rounded sums: SE² = v·k(1 + r²)/H².

    Parameters
    ----------
    ratio
        r, members per employee.
    shown
        k, enterprises whose rounded members and headcount the two sums are of.
    headcount
        H, employees; above 0.
    variance
        v, of the rounded value of one enterprise, persons².
    """
    error: Floats = Z * np.sqrt(variance * shown * (1 + ratio * ratio)) / headcount
    return error


def widened(ratio: Floats, low: Floats, high: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return ratio ± √(w² + error²), within [0, 1]; w is half the width of the interval from `low` to `high`."""
    half = np.hypot((high - low) / 2, error)
    return np.maximum(ratio - half, 0.0), np.minimum(ratio + half, 1.0)


def effective_rounded(
    ratio: Floats, effective: Floats, shown: npt.NDArray[Any], headcount: npt.NDArray[Any], variance: float
) -> Floats:
    """Return of how many independent draws a headcount tells as much once each enterprise is rounded.

    r(1 − r) / (r(1 − r)/n_eff + v·k(1 + r²)/H²), r the ratio that it is tested against; the others as above.
    """
    spread = ratio * (1 - ratio)
    rounding: Floats = variance * shown * (1 + ratio * ratio) / (headcount * headcount)
    return spread / (spread / effective + rounding)
