"""Building a snapshot: extract, facts, order, sums, publish; one process, one consistent read."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
from filelock import FileLock

from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.config import Settings
from app.snapshots.aside import aside
from app.snapshots.correlation import estimate
from app.snapshots.dates import refuse_future
from app.snapshots.extract import EXTRACTED, extract
from app.snapshots.facts import Facts, state_facts
from app.snapshots.ordering import OrderedTree, order_tree
from app.snapshots.publish import publish, write_tables
from app.snapshots.sums import Placed
from app.snapshots.tables import Columns, snapshot_tables
from app.store.format import FORMAT_VERSION
from app.store.manifest import BuildSettings, Capabilities, Correlation, Manifest, snapshot_id

Report = Callable[[str, int, int], None]
"""Called with the phase, the steps done and the steps in all."""

TURN = ".turn"
"""The lock file by which builds take turns: a later build has read a later registry, and memory stays bounded."""


def build_snapshot(settings: Settings, as_of: date, report: Report) -> Manifest:
    """Build the snapshot of a date from the registry as it is now; return its manifest.

    Raises
    ------
    FutureDate
        The date is after today in the operator's time zone.
    """
    refuse_future(settings, as_of)
    root = settings.snapshots_dir / "exact"
    root.mkdir(parents=True, exist_ok=True)
    report("waiting for its turn", 0, 1)
    with FileLock(settings.snapshots_dir / TURN), aside(settings.snapshots_dir) as folder:
        inputs, output = folder / "registry", folder / "snapshot"
        inputs.mkdir()
        output.mkdir()
        extract(settings.registry_url, inputs, lambda done: report("reading", done, len(EXTRACTED)))
        report("computing", 0, 1)
        facts = state_facts(inputs, settings.registry_url, settings, as_of)
        shutil.rmtree(inputs)
        return _publish(settings, facts, output, root, report)


def _publish(settings: Settings, facts: Facts, output: Path, root: Path, report: Report) -> Manifest:
    districts, industries = order_tree(facts.districts, DistrictLevel), order_tree(facts.industries, IndustryLevel)
    report("adding up", 0, 1)
    tables, placed = snapshot_tables(facts, districts, industries)
    correlation, source = _correlation(tables["enterprises"], placed, districts, industries)
    report("writing", 0, 1)
    written = write_tables(output, tables)
    report("writing", 1, 1)
    build_settings = BuildSettings(member_source=settings.member_source, **vars(settings.thresholds))
    manifest = Manifest(
        id=snapshot_id(facts.parameters.as_of, build_settings, written),
        format_version=FORMAT_VERSION,
        as_of=facts.parameters.as_of,
        built_at="",  # given when it is published
        settings=build_settings,
        member_source=facts.parameters.member_source,
        intra_enterprise_correlation=correlation,
        correlation_source=source,
        tables=written,
        capabilities=_capabilities(),
    )
    return publish(output, root, manifest)


def _correlation(
    enterprises: Columns, placed: Placed, districts: OrderedTree, industries: OrderedTree
) -> tuple[Correlation, str]:
    """Estimate over operating enterprises, strata division x county; the unlocated and unclassified take no part."""
    county = np.append(districts.nearest(list(DistrictLevel).index(DistrictLevel.COUNTY)), -1)[placed.districts]
    division = np.append(industries.nearest(list(IndustryLevel).index(IndustryLevel.DIVISION)), -1)[placed.industries]
    headcount, members = enterprises["headcount"], enterprises["members"]
    h = np.asarray(headcount.fill_null(0)).astype(np.int64)
    m = np.asarray(members.fill_null(0)).astype(np.int64)
    known = (h >= 1) & np.asarray(members.is_valid())
    taken = placed.bases[Basis.OPERATING] & known & (county >= 0) & (division >= 0)
    stratum = division[taken] * (len(districts.codes) + 1) + county[taken]
    return estimate(m[taken], h[taken], stratum)


def _capabilities() -> Capabilities:
    return Capabilities(
        measures=tuple(measure.code for measure in MEASURES),
        metrics=tuple(metric.code for metric in METRICS),
        bases=tuple(basis.value for basis in Basis),
        district_levels=tuple(level.value for level in DistrictLevel),
        industry_levels=tuple(level.value for level in IndustryLevel),
        filters=("enterprise_kind", "ownership", "size_class"),
        subjects=("districts", "industries", "industry-groups", "enterprises", "branches"),
    )
