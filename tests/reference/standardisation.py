"""Rows compared with what their own industries have elsewhere, by the plain reading of the design.

One stratum after the other, in fractions; a stratum is the sums M, H, Q of a row and those of the scope without it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.reference.low_membership import LEAST_EXPECTED, Z998, add_q, tests
from tests.reference.rates import Z95, wilson
from tests.reference.registry import Row


@dataclass(frozen=True)
class Side:
    """Members, headcount and the sum of its squares."""

    members: int
    headcount: int
    squares: int


Stratum = tuple[Side, Side]
"""An industry of the row, and the same industry in the scope without the row."""


@dataclass(frozen=True)
class Added:
    """What the strata that can be compared add up to."""

    members: int
    headcount: int
    expected: Fraction
    variance: float


def adjusted(rows: Sequence[Sequence[Stratum]], rho: float, alpha: float, margin: float) -> list[Row]:
    """All rows of a list, each of its strata."""
    found = [row_of(strata, rho, margin) for strata in rows]
    add_q(found, alpha)
    return [
        {name: value for name, value in one.items() if name not in ("applicable", "own", "wanted")} for one in found
    ]


def can_compare(stratum: Stratum) -> bool:
    """Whether there is anybody elsewhere, and not only members."""
    return stratum[1].headcount > 0 and stratum[1].members < stratum[1].headcount


def variance_of(stratum: Stratum, rho: float) -> float:
    """What one stratum adds to V."""
    own, other = stratum
    there = Fraction(other.members, other.headcount)
    common = Fraction(own.members + other.members, own.headcount + other.headcount)
    spread = float(max(there * (1 - there), common * (1 - common)))
    clustered = own.headcount + rho * (own.squares - own.headcount)
    elsewhere = other.headcount + rho * (other.squares - other.headcount)
    return spread * (clustered + own.headcount**2 * elsewhere / other.headcount**2)


def added(strata: Sequence[Stratum], rho: float) -> Added:
    """O, H, E and V."""
    return Added(
        sum(own.members for own, _ in strata),
        sum(own.headcount for own, _ in strata),
        sum((own.headcount * Fraction(other.members, other.headcount) for own, other in strata), Fraction(0)),
        math.fsum(variance_of(one, rho) for one in strata),
    )


def row_of(strata: Sequence[Stratum], rho: float, margin: float) -> Row:
    """One row without the two q and the class."""
    present = [one for one in strata if one[0].headcount > 0]
    compared = [one for one in present if can_compare(one)]
    found: Row = {"headcount_uncompared": sum(one[0].headcount for one in present if not can_compare(one))}
    sums = added(compared, rho)
    if sums.headcount == 0 or sums.expected == 0:
        return dict.fromkeys(NULL) | found | {"applicable": False, "wanted": None}
    return found | with_tests(sums, margin)


NULL = (
    "n_eff", "ratio", "reference_ratio", "expected", "p", "p_margin", "shortfall", "members_expected",
    "standardised_ratio", "standardised_ratio_low", "standardised_ratio_high", "precision", "limit_95_low",
    "limit_95_high", "limit_998_low", "limit_998_high",
)  # fmt: skip


def with_tests(sums: Added, margin: float) -> Row:
    """A row of which something can be compared."""
    expected = float(sums.expected)
    ratio, wanted = sums.members / sums.headcount, expected / sums.headcount
    n_t = expected * (sums.headcount - expected) / sums.variance
    consistent = sums.members <= sums.headcount
    low, high = wilson(ratio, n_t) if consistent else (math.nan, math.nan)
    precision = expected**2 / sums.variance
    return {
        "applicable": True,
        "own": sums,
        "wanted": sums.expected / sums.headcount,
        "n_eff": n_t,
        "ratio": ratio,
        "reference_ratio": wanted,
        "expected": n_t * wanted,
        **tests(ratio, wanted, n_t, margin, testable=consistent and n_t * wanted >= LEAST_EXPECTED),
        "shortfall": max(0, math.ceil(sums.expected) - sums.members),
        "members_expected": expected,
        "standardised_ratio": sums.members / expected,
        "standardised_ratio_low": low / wanted if consistent else None,
        "standardised_ratio_high": high / wanted if consistent else None,
        "precision": precision,
        **around_one(precision),
    }


def around_one(precision: float) -> Row:
    """The limits of the funnel plot of O/E."""
    found: Row = {}
    for name, z in (("95", Z95), ("998", Z998)):
        half = z / math.sqrt(precision)
        found |= {f"limit_{name}_low": max(0.0, 1 - half), f"limit_{name}_high": 1 + half}
    return found
