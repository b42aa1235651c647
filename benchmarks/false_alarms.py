"""False alarms of low membership: the share flagged in registries in which no industry differs from any other.

Employees of one firm are correlated: each firm draws a probability around a common mean, and with it the members among
its employees. Each county's divisions are tested against the rest; the same industries are also tested as if all
employees were independent (naive).
"""

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import typer
from scipy.stats import binom

from app.catalogue.analyses import Analysis
from app.config import Settings
from app.demo.generated.files import pick
from app.statistics.inference import Floats, false_discovery_rates
from app.statistics.low_membership import CLASSES, LowMembershipQuestion, list_low_membership
from app.statistics.question import Listing, Page, Population, Subject
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot
from benchmarks.measuring import show
from benchmarks.registries import command

AS_OF = "2017-06-30"
RATIO = 0.08
"""Members per employee, everywhere."""

ALPHA = 0.05


@dataclass(frozen=True)
class Setting:
    """How firms are drawn: lognormal headcounts or 3 to 60 employees (`thin`), and the intra-enterprise correlation."""

    name: str
    correlation: float
    thin: bool = False


SETTINGS = (
    Setting("sizes wide, correlation 0", 0.0),
    Setting("sizes wide, correlation 0.02", 0.02),
    Setting("sizes wide, correlation 0.1", 0.1),
    Setting("sizes wide, correlation 0.3", 0.3),
    Setting("3 to 60 employees, correlation 0.1", 0.1, thin=True),
)


@dataclass(frozen=True)
class Tested:
    """The industries of one county: p of the service (NaN: not tested), p of the naive test, class."""

    p: Floats
    naive: Floats
    classes: tuple[str, ...]


def main(counties: int = 40, firms: int = 4000, seed: int = 1) -> None:
    """Generate a registry of each setting, with counties of `firms` firms each, and print what is flagged."""
    for setting in SETTINGS:
        with tempfile.TemporaryDirectory(prefix="benchmark-false-alarms-") as name:
            settings = Settings(data_dir=Path(name))
            codes = _fill(settings, setting, counties, firms, np.random.default_rng(seed))
            snapshot = Shelf(settings.snapshots_dir / "exact").newest()
            _report(setting, snapshot, [_tested(snapshot, code) for code in codes])


def _fill(settings: Settings, setting: Setting, counties: int, firms: int, rng: np.random.Generator) -> list[str]:
    """Generate and import a registry and build its snapshot with the command line; return the counties."""
    command(settings, "migrate")
    classifications = Path("app/registry/classifications")
    codes = _codes(classifications / "districts.csv", "county")[:counties]
    divisions = _codes(classifications / "industries.csv", "division")
    rows = len(codes) * firms
    headcount = rng.integers(3, 61, rows) if setting.thin else np.ceil(rng.lognormal(2.3, 1.35, rows)).astype(np.int64)
    members = rng.binomial(headcount, _chances(setting.correlation, rows, rng))
    trades = pick(rng.lognormal(0, 1.2, len(divisions)), rows, rng)
    names = [f"F{number:07d}" for number in range(rows)]
    _write(settings.data_dir / "enterprises.csv", ("code", "name"), [(name, name) for name in names])
    _write(
        settings.data_dir / "returns.csv",
        ("enterprise_code", "reported_on", "district_code", "industry_code", "headcount", "members"),
        [
            (name, AS_OF, codes[number // firms], divisions[trade], staff, found)
            for number, (name, trade, staff, found) in enumerate(zip(names, trades, headcount, members, strict=True))
        ],
    )
    for dataset in ("enterprises", "returns"):
        command(settings, "import", dataset, str(settings.data_dir / f"{dataset}.csv"))
    command(settings, "snapshot", "build", "--as-of", AS_OF)
    return codes


def _chances(correlation: float, rows: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw the probability of each firm: beta, with the mean `RATIO` and this intra-enterprise correlation."""
    if correlation == 0:
        return np.full(rows, RATIO)
    weight = 1 / correlation - 1
    return rng.beta(RATIO * weight, (1 - RATIO) * weight, rows)


def _codes(path: Path, level: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["code"] for row in csv.DictReader(file) if row["level"] == level]


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _tested(snapshot: Snapshot, county: str) -> Tested:
    question = LowMembershipQuestion(
        Subject.INDUSTRIES, population=Population(district=county), listing=Listing(level="division"),
        analysis=Analysis.LOW_MEMBERSHIP,
    )  # fmt: skip
    found = list_low_membership(snapshot, question, Page("code"))
    columns, rows = found.comparison.columns, found.comparison.rows
    counts = found.row_list.sides[0].count(rows)
    members, headcount = counts.row("members_matched"), counts.row("headcount_matched")
    naive = 2 * np.minimum(
        binom.cdf(members, headcount, columns["reference_ratio"]),
        binom.sf(members - 1, headcount, columns["reference_ratio"]),
    )
    return Tested(columns["p"], np.minimum(1, naive), tuple(CLASSES[number].value for number in columns["class"]))


def _report(setting: Setting, snapshot: Snapshot, counties: list[Tested]) -> None:
    p, naive = (np.concatenate([getattr(county, name) for county in counties]) for name in ("p", "naive"))
    classes = [kind for county in counties for kind in county.classes]
    tested = ~np.isnan(p)
    estimated = snapshot.manifest.intra_enterprise_correlation.value
    show(f"{setting.name}: estimated", estimated, "")
    show(f"{setting.name}: industries listed", len(p), "")
    show(f"{setting.name}: of them tested", int(tested.sum()), "")
    show(f"{setting.name}: tested with p < {ALPHA}", 100 * float(np.mean(p[tested] < ALPHA)), "%", "nominal 5")
    show(f"{setting.name}: the same, naive", 100 * float(np.mean(naive[tested] < ALPHA)), "%")
    for kinds in (("low",), ("higher",), ("low", "lower", "higher")):
        share = 100 * sum(kind in kinds for kind in classes) / tested.sum()
        show(f"{setting.name}: tested that are {' or '.join(kinds)}", share, "%")
        share = 100 * float(np.mean([bool(set(kinds) & set(county.classes)) for county in counties]))
        show(f"{setting.name}: counties with any {' or '.join(kinds)}", share, "%", "nominal 5")
    flagged = [false_discovery_rates(county.naive[~np.isnan(county.p)]) < ALPHA for county in counties]
    show(f"{setting.name}: naive q < {ALPHA}", 100 * float(np.mean(np.concatenate(flagged))), "%")
    show(f"{setting.name}: counties with any naive q < {ALPHA}", 100 * float(np.mean([q.any() for q in flagged])), "%")


if __name__ == "__main__":
    typer.run(main)
