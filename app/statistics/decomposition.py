"""The difference of two ratios as effects of rates and of mix (Kitagawa 1955)."""

from dataclasses import dataclass
from math import fsum

import numpy as np

from app.statistics.inference import Floats
from app.store.arrays import Int64


@dataclass(frozen=True)
class Stratum:
    """One industry's part in the change of the ratio.

    Parameters
    ----------
    industry
        Node of the tree, the same at both dates; null: everything outside the industries of the level.
    rate, mix
        Effects of its own ratio and of its share of the headcount; ratios.
    """

    industry: int | None
    rate: float
    mix: float


@dataclass(frozen=True)
class RatioAccount:
    """The change of the member ratio: `rate` + `mix` = `difference` to 1e-12, each the sum over the strata."""

    difference: float
    rate: float
    mix: float
    strata: tuple[Stratum, ...]


def ratio_account(a: Int64, b: Int64, nodes: Int64) -> RatioAccount | None:
    """Return the account over the industries of a level and, last, everything outside them.

    Parameters
    ----------
    a, b
        Members and headcount of each stratum at the two dates, shape (2, strata).
    nodes
        The industries, of which there is one less than strata.

    Returns
    -------
    RatioAccount or None
        Null where there is no headcount at a date.
    """
    heads = a[1].sum(), b[1].sum()
    if 0 in heads:
        return None
    ratios = a[0].sum() / heads[0], b[0].sum() / heads[1]
    rate, mix = effects(a, b, (ratios[0] + ratios[1]) / 2)
    present = np.flatnonzero((a[1] > 0) | (b[1] > 0))
    strata = tuple(
        Stratum(int(nodes[place]) if place < len(nodes) else None, float(rate[place]), float(mix[place]))
        for place in present.tolist()
    )
    return RatioAccount(float(ratios[1] - ratios[0]), fsum(rate), fsum(mix), strata)


def effects(a: Int64, b: Int64, mean: float) -> tuple[Floats, Floats]:
    """Return the effects of rate and mix of each stratum; one absent at a date takes the other date's ratio."""
    weights = a[1] / a[1].sum(), b[1] / b[1].sum()
    own = [np.divide(m, h, out=np.zeros(len(h)), where=h > 0) for m, h in (a, b)]
    old, new = np.where(a[1] > 0, own[0], own[1]), np.where(b[1] > 0, own[1], own[0])
    rate = (weights[0] + weights[1]) / 2 * (new - old)
    mix = (weights[1] - weights[0]) * ((old + new) / 2 - mean)
    return rate, mix
