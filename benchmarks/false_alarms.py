"""False alarms of low membership: what is flagged among industries and districts of which the truth is known.

Employees of one firm are correlated: each firm draws a probability around the mean of its industry, and with it the
members among its employees. The sums of each county are compared by the service's own functions, with the correlation
estimated as a build does it; the same industries are also tested as if all employees were independent (naive).

*Industries*: three divisions in ten have a part (1, 0.9, 0.85, 0.8) of the ratio that the rest of their county has: at
0.8, the margin, or above, `low` is a false alarm. *Districts*: every industry has the same ratio in all districts of a
county, which differ in their mix of industries alone, so that every flag is false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from scipy.stats import binom

from app.snapshots.correlation import estimate
from app.statistics.comparison import CLASSES, Comparison, ComparisonClass, Matched, compare
from app.statistics.inference import Floats, Precision
from app.statistics.standardisation import adjusted
from benchmarks.measuring import show

RATIO = 0.08
"""Members per employee of an ordinary industry."""

ALPHA, MARGIN = 0.05, Decimal("0.8")
PARTS = (1.0, 0.9, 0.85, 0.8)
AFFECTED = 0.3
"""Share of the divisions whose ratio is a part of that of the rest."""

DIVISIONS, SECTIONS = 97, 18
DISTRICTS = 15
SPREAD_OF_SECTIONS, SPREAD_INSIDE = 0.6, 0.3
"""Standard deviations of the logarithm of an industry's ratio, where districts differ in their mix alone."""

CONCENTRATIONS = {"districts": 50, "specialised districts": 10}
"""Of the mix of each district: sum of the parameters of the Dirichlet distribution around that of the county."""

Ints = npt.NDArray[np.int64]
FLAGS = (ComparisonClass.LOW, ComparisonClass.LOWER, ComparisonClass.HIGHER)


@dataclass(frozen=True)
class Setting:
    """How firms are drawn: lognormal headcounts or 3 to 60 employees (`thin`), and the intra-enterprise correlation."""

    correlation: float
    thin: bool = False

    @property
    def name(self) -> str:
        """What the figures of the setting are called."""
        return f"correlation {self.correlation}{', 3 to 60 employees' if self.thin else ''}"


SETTINGS = (Setting(0.0), Setting(0.02), Setting(0.1), Setting(0.3), Setting(0.1, thin=True))
PLACES = (Setting(0.02), Setting(0.1), Setting(0.3))


@dataclass(frozen=True)
class Firms:
    """Firms of one county after the other: headcount, members, and the number of the division."""

    headcount: Ints
    members: Ints
    division: Ints


@dataclass
class Counted:
    """What was found among some rows of all counties: how many, and in how many counties there was any."""

    rows: int = 0
    tested: int = 0
    p: int = 0
    naive: int = 0
    margin: int = 0
    old_low: int = 0

    def __post_init__(self) -> None:
        """Start without any flag."""
        self.flagged = dict.fromkeys(FLAGS, 0)
        self.counties = dict.fromkeys(FLAGS, 0)

    def add(self, found: Comparison, mask: npt.NDArray[np.bool_], naive: Floats) -> None:
        """Count the rows of a county that are in the mask."""
        columns = {name: column[mask] for name, column in found.columns.items()}
        tested = ~np.isnan(columns["p"])
        self.rows += int(mask.sum())
        self.tested += int(tested.sum())
        self.p += int((columns["p"] < ALPHA).sum())
        self.naive += int((naive[mask][tested] < ALPHA).sum())
        self.margin += int((2 * columns["p_margin"] < ALPHA).sum())
        below = columns["ratio"] < float(MARGIN) * columns["reference_ratio"]
        self.old_low += int(((columns["q"] < ALPHA) & below).sum())
        for flag in FLAGS:
            flags = int((columns["class"] == CLASSES.index(flag)).sum())
            self.flagged[flag] += flags
            self.counties[flag] += flags > 0


def main(
    counties: Annotated[int, typer.Option(min=1)] = 1000,
    firms: Annotated[int, typer.Option(min=100)] = 4000,
    seed: int = 1,
) -> None:
    """Draw so many counties of `firms` firms for each line, and print what is flagged."""
    for setting, part in product(SETTINGS, PARTS):
        _industries(setting, part, counties, firms, np.random.default_rng(seed))
    for setting, kind in product(PLACES, CONCENTRATIONS):
        _places(setting, kind, counties, firms, np.random.default_rng(seed))


# --- industries -------------------------------------------------------------------------------------------------------


def _industries(setting: Setting, part: float, counties: int, firms: int, rng: np.random.Generator) -> None:
    sizes = rng.lognormal(0, 1.2, DIVISIONS)
    weights = sizes / sizes.sum()
    affected = rng.permutation(DIVISIONS) < round(AFFECTED * DIVISIONS)
    drawn = _draw(setting, _means(weights, affected, part), rng.choice(DIVISIONS, counties * firms, p=weights), rng)
    precision = Precision(_estimated(drawn, counties))
    cells = _cells(drawn, np.repeat(np.arange(counties), firms) * DIVISIONS + drawn.division, (counties, DIVISIONS))
    counted = Counted()
    for county in range(counties):
        listed = cells[1][county] > 0
        own = _matched([side[county][listed] for side in cells])
        rest = _matched([side[county].sum() - side[county][listed] for side in cells])
        found = compare(np.flatnonzero(listed), own, rest, np.nan, precision, alpha=ALPHA, margin=MARGIN)
        counted.add(found, affected[listed] | (part == 1), _naive(own, found.columns["reference_ratio"]))
    _report(f"{setting.name}, {part} of the rest", counted, precision.correlation)
    _show_counties(f"{setting.name}, {part} of the rest", counties, counted, FLAGS if part == 1 else FLAGS[:1])


def _means(weights: Floats, affected: npt.NDArray[np.bool_], part: float) -> Floats:
    """Return the ratio of each division; that of the affected ones is the part of what the rest without it has."""
    means = np.full(DIVISIONS, RATIO)
    for _ in range(100):
        rest = ((weights * means).sum() - weights * means) / (1 - weights)
        means = np.where(affected & (part < 1), part * rest, RATIO)
    return means


def _naive(own: Matched, reference: Floats) -> Floats:
    lower, upper = binom.cdf(own.members, own.headcount, reference), binom.sf(own.members - 1, own.headcount, reference)
    return np.asarray(np.minimum(1, 2 * np.minimum(lower, upper)), np.float64)


def _report(name: str, counted: Counted, correlation: float) -> None:
    show(f"{name}: correlation estimated", correlation, "")
    show(f"{name}: rows of this ratio, tested of {counted.rows}", counted.tested, "")
    for label, found in (
        ("p < 0.05", counted.p),
        ("naive p < 0.05", counted.naive),
        ("2 p_margin < 0.05", counted.margin),
        ("low", counted.flagged[ComparisonClass.LOW]),
        ("q < 0.05 and below the margin, as low was before", counted.old_low),
    ):
        show(f"{name}: {label}", 100 * found / max(counted.tested, 1), "% of them")


def _show_counties(name: str, counties: int, counted: Counted, flags: Sequence[ComparisonClass] = FLAGS) -> None:
    for flag in flags:
        show(f"{name}: counties with any {flag}", 100 * counted.counties[flag] / counties, "%")


# --- districts --------------------------------------------------------------------------------------------------------


def _places(setting: Setting, kind: str, counties: int, firms: int, rng: np.random.Generator) -> None:
    section = np.arange(DIVISIONS) % SECTIONS
    of_section = rng.normal(0, SPREAD_OF_SECTIONS, SECTIONS)[section]
    means = np.minimum(RATIO * np.exp(of_section + rng.normal(0, SPREAD_INSIDE, DIVISIONS)), 0.9)
    sizes = rng.lognormal(0, 1.2, DIVISIONS)
    shares = rng.dirichlet(CONCENTRATIONS[kind] * sizes / sizes.sum(), counties * DISTRICTS)
    each = firms // DISTRICTS
    division = _chosen(shares, each, rng)
    drawn = _draw(setting, means, division, rng)
    correlation = _estimated(drawn, counties)
    place = np.repeat(np.arange(counties * DISTRICTS), each)
    cells = _cells(drawn, place * DIVISIONS + division, (counties, DISTRICTS, DIVISIONS))
    for name, strata in (("unadjusted", np.zeros(DIVISIONS, np.int64)), ("by section", section),
                         ("by division", np.arange(DIVISIONS))):  # fmt: skip
        merged = [_merged(side, strata) for side in cells]
        counted = Counted()
        for county in range(counties):
            found = _adjusted([side[county] for side in merged], correlation)
            counted.add(found, np.ones(DISTRICTS, bool), np.ones(DISTRICTS))
        title = f"{kind}, {setting.name}, {name}"
        show(f"{title}: tested of {counted.rows}", counted.tested, "")
        show(f"{title}: p < 0.05", 100 * counted.p / max(counted.tested, 1), "% of them")
        _show_counties(title, counties, counted)


def _chosen(shares: Floats, each: int, rng: np.random.Generator) -> Ints:
    """Return the division of `each` firms of every district, by its own mix."""
    return np.concatenate([rng.choice(DIVISIONS, each, p=row) for row in shares])


def _merged(cells: Ints, strata: Ints) -> Ints:
    """Return the sums of divisions by stratum."""
    merged = np.zeros((*cells.shape[:-1], int(strata.max()) + 1), np.int64)
    np.add.at(np.moveaxis(merged, -1, 0), strata, np.moveaxis(cells, -1, 0))
    return merged


def _adjusted(sides: Sequence[Ints], correlation: float) -> Comparison:
    own, scope = _matched(sides), _matched([side.sum(axis=0) for side in sides])
    return adjusted(np.arange(DISTRICTS), own, scope, correlation, alpha=ALPHA, margin=MARGIN)


# --- firms ------------------------------------------------------------------------------------------------------------


def _draw(setting: Setting, means: Floats, division: Ints, rng: np.random.Generator) -> Firms:
    """Draw headcounts, and members by a beta-binomial law around the mean of each firm's division."""
    rows = len(division)
    headcount = rng.integers(3, 61, rows) if setting.thin else np.ceil(rng.lognormal(2.3, 1.35, rows)).astype(np.int64)
    chances = means[division]
    if setting.correlation > 0:
        weight = 1 / setting.correlation - 1
        chances = rng.beta(chances * weight, (1 - chances) * weight)
    return Firms(headcount, rng.binomial(headcount, chances), division)


def _estimated(drawn: Firms, counties: int) -> float:
    """Return the correlation as a build estimates it: strata of division and county."""
    county = np.arange(len(drawn.division)) // (len(drawn.division) // counties)
    return estimate(drawn.members, drawn.headcount, county * DIVISIONS + drawn.division).value


def _matched(sides: Sequence[Ints]) -> Matched:
    members, headcount, squared = sides
    return Matched(members, headcount, squared, np.zeros_like(members))


def _cells(drawn: Firms, key: Ints, shape: tuple[int, ...]) -> list[Ints]:
    """Return members, headcount and squared headcounts of each cell."""
    sides: tuple[Any, ...] = (drawn.members, drawn.headcount, drawn.headcount**2)
    size = int(np.prod(shape))
    return [np.bincount(key, weights=side, minlength=size).astype(np.int64).reshape(shape) for side in sides]


if __name__ == "__main__":
    typer.run(main)
