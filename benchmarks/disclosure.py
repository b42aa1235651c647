"""The cost of protection: error of the public member ratios, and the steps at which employees are shown.

A generated province: cities, counties and streets of uneven size, headcounts and industries from the demonstration's
generator, one firm in twenty without a street.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer

from app.catalogue.vocabulary import DistrictLevel
from app.config import Settings
from app.database.migrations import upgrade
from app.snapshots.build import build_snapshot
from app.store.snapshot import Snapshot, Tree
from app.store.table import Values
from benchmarks.measuring import show
from tests.factories.asking import Reader
from tests.factories.loading import fill
from tests.factories.province import FIRST, province

STEPS = {
    ("street", "division"): "street and division",
    ("county", "division"): "county and division",
    ("county", "section"): "county and section",
    ("county", None): "county",
}
"""Levels of the places where persons are shown."""


@dataclass(frozen=True)
class Tiers:
    """Exact and public figures of the same facts."""

    exact: Reader
    public: Reader


def main(firms: int = 60_000, seed: int = 0) -> None:
    """Generate a province of `firms` firms, build both tiers, and print the cost of protection."""
    with tempfile.TemporaryDirectory(prefix="benchmark-disclosure-") as name:
        settings = Settings(data_dir=Path(name), anonymous="public", member_source="returns")
        upgrade(settings.registry_url)
        fill(settings.registry_url, province(firms, seed))
        build_snapshot(settings, FIRST, lambda *_: None)
        tiers = Tiers(*(Reader(settings.snapshots_dir / tier) for tier in ("exact", "public")))
        whole = _districts(tiers.exact, DistrictLevel.PROVINCE)[0]["counts"]
        for measure in ("enterprises", "members_matched", "headcount_matched"):
            show(f"disclosure: {measure}", whole[measure], "")
        for level in (DistrictLevel.CITY, DistrictLevel.COUNTY, DistrictLevel.STREET):
            _report_errors(tiers, level)
        _report_steps(tiers.public.shelf.newest(), whole["headcount_matched"])


def _report_errors(tiers: Tiers, level: str) -> None:
    """Print the errors of the ratios of a level, percentage points, over all firms of each district."""
    exact, public = (
        {row["district"]["code"]: row for row in _districts(one, level)} for one in (tiers.exact, tiers.public)
    )
    pairs = [(exact[code]["rates"]["member_ratio"], public[code]["rates"]["member_ratio"]) for code in exact]
    pairs = [(true, rounded) for true, rounded in pairs if true["value"] is not None and rounded["value"] is not None]
    errors = np.abs([100 * (rounded["value"] - true["value"]) for true, rounded in pairs])
    show(f"disclosure: {level}: districts", len(exact), "")
    show(f"disclosure: {level}: of them with a public ratio", len(pairs), "")
    for what, error in (("p50", np.quantile(errors, 0.5)), ("p95", np.quantile(errors, 0.95)), ("most", errors.max())):
        show(f"disclosure: {level}: error of the member ratio, {what}", float(error), "points")
    inside = [
        rounded["low"] <= true["value"] <= rounded["high"] for true, rounded in pairs if rounded["low"] is not None
    ]
    show(f"disclosure: {level}: intervals that hold the exact ratio", 100 * float(np.mean(inside)), "%")
    unreliable = np.array([rounded["status"] == "unreliable" for _, rounded in pairs])
    show(f"disclosure: {level}: unreliable", 100 * float(unreliable.mean()), "%")
    show(f"disclosure: {level}: p95 of the others", float(np.quantile(errors[~unreliable], 0.95)), "points")


def _districts(reader: Reader, level: str) -> list[dict[str, Any]]:
    """Return the rows of all districts of a level."""
    rows: list[dict[str, Any]] = reader.list("districts", {"level": level}, reader.shelf.newest().manifest.id)["data"]
    return rows


def _report_steps(public: Snapshot, headcount: int) -> None:
    """Print the share of all employees shown at each step."""
    staff, everything = public.rows.values("headcount"), slice(0, len(public.rows))
    levels = [
        _levels(public.districts, public.district_of(everything)),
        _levels(public.industries, public.industry_of(everything)),
    ]  # fmt: skip
    at = dict.fromkeys(STEPS, 0)
    for district, industry, count in zip(*levels, staff.tolist(), strict=True):
        if count:
            at[district, industry] += count
    for step, name in STEPS.items():
        show(f"disclosure: employees shown at {name}", 100 * at[step] / headcount, "%")
    show("disclosure: employees not shown", 100 * (1 - sum(at.values()) / headcount), "%")


def _levels(tree: Tree, nodes: Values) -> list[str | None]:
    """Return the level of each node; null for no node."""
    return [tree.levels[node] if node < len(tree.codes) else None for node in nodes.tolist()]


if __name__ == "__main__":
    typer.run(main)
