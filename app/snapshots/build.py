"""Building a snapshot: extract, facts, order, sums, publish; one process, one consistent read."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from filelock import FileLock

from app.access.principals import Tier
from app.catalogue.metrics import SHARES, Metric
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.config import Settings
from app.errors import Report
from app.snapshots.correlation import estimate, estimate_share
from app.snapshots.dates import refuse_future
from app.snapshots.extract import EXTRACTED, extract
from app.snapshots.facts import Facts, compute_facts
from app.snapshots.folders import build_folder, is_whole, publish, write_tables
from app.snapshots.manifests import exact_manifest, public_manifest
from app.snapshots.merging import Source
from app.snapshots.moves import moving
from app.snapshots.ordering import OrderedTree, order_tree
from app.snapshots.public import public_tables
from app.snapshots.releases import refuse_withdrawn, remove_draft
from app.snapshots.replication.push import push_changes
from app.snapshots.replication.state import note_change, refuse_replica
from app.snapshots.rounding import rounding_key
from app.snapshots.shared_extracts import SharedExtract, read_extract
from app.snapshots.sums import Placed
from app.snapshots.tables import Columns, snapshot_tables
from app.store.arrays import Int64
from app.store.manifest import Correlation, ExtractInfo, Manifest, read_manifest
from app.store.shelf import DRAFTS
from app.store.snapshot import Mask

BUILD_LOCK = ".build.lock"
"""Lock file that serializes builds: a later build has read a later registry, and memory stays bounded."""


def build_snapshot(settings: Settings, as_of: date, report: Report, extracts: Sequence[SharedExtract] = ()) -> Manifest:
    """Build the snapshot of a date from the registry as it is now, or from extracts; return its manifest.

    Where `settings.anonymous` is `public`, the protected snapshot is built from the same facts and published first.
    Where `settings.release` is `manual`, both are drafts; what is released already is left as it is. Where there is a
    store, what is new is pushed to it; if that fails, it stays published here.

    Raises
    ------
    FutureDate
        The date is after today in the operator's time zone.
    RoundingKeyRefused
        The rounding key is missing or not that of the published protected snapshots; nothing is built.
    ContentWithdrawn
        The snapshot was withdrawn; nothing is made.
    FolderOfReplica
        The snapshots in the folder come from a store.
    ExtractRefused
        One of the extracts is damaged.
    EngineUnavailable
        The engine cannot be reached or has failed.
    """
    refuse_future(settings, as_of)
    refuse_replica(settings)
    (settings.snapshots_dir / Tier.EXACT).mkdir(parents=True, exist_ok=True)
    report("waiting for its turn", 0, 1)
    with FileLock(settings.snapshots_dir / BUILD_LOCK), build_folder(settings.snapshots_dir) as folder:
        key = rounding_key(settings) if settings.anonymous == "public" else None
        inputs, computed = folder / "registry", folder / "facts"
        for private in (inputs, computed):
            private.mkdir()
        sources = _sources(settings, inputs, extracts, report)
        report("computing", 0, 1)
        facts = compute_facts(computed, sources, settings, as_of)
        shutil.rmtree(inputs)  # the facts stay, until the snapshot is written
        manifest = _publish(settings, facts, folder, key, report, tuple(shared.info for shared in extracts))
    push_changes(settings, report)
    return manifest


def _sources(settings: Settings, inputs: Path, extracts: Sequence[SharedExtract], report: Report) -> list[Source]:
    if not extracts:
        files = extract(settings.registry_url, inputs, lambda done: report("reading", done, len(EXTRACTED)))
        return [Source(files)]
    sources = []
    for number, shared in enumerate(extracts):
        report("reading", number, len(extracts))
        in_place = settings.build_engine != "duckdb"
        sources.append(read_extract(shared, inputs / str(number), in_place=in_place))
    return sources


def _publish(
    settings: Settings,
    facts: Facts,
    folder: Path,
    key: bytes | None,
    report: Report,
    extracts: tuple[ExtractInfo, ...],
) -> Manifest:
    """Write the snapshots into the private build folder, then publish them; return the exact one's manifest."""
    districts, industries = order_tree(facts.districts, DistrictLevel), order_tree(facts.industries, IndustryLevel)
    report("adding up", 0, 1)
    tables, placed = snapshot_tables(facts, districts, industries)
    correlation = _correlation(tables["enterprises"], placed, districts, industries)
    protected = None
    if key is not None:
        rounded = public_tables(facts, tables["enterprises"], placed, districts, industries, key)
        protected = public_manifest(settings, facts.parameters, write_tables(folder / Tier.PUBLIC, rounded), key)
    report("writing", 0, 1)
    exact = exact_manifest(settings, facts.parameters, write_tables(folder / Tier.EXACT, tables), correlation)
    exact = msgspec.structs.replace(exact, extracts=extracts)
    report("writing", 1, 1)
    with moving(settings):
        refuse_withdrawn(settings, exact.id)
        note_change(settings)
        return _place(settings, folder, exact, protected)


def _place(settings: Settings, folder: Path, exact: Manifest, protected: Manifest | None) -> Manifest:
    """Publish both snapshots, or make drafts of what is not released; return the exact one's manifest."""
    root = settings.snapshots_dir
    public_id = None if protected is None else protected.id
    if settings.release == "manual":
        if is_whole(root / Tier.EXACT / exact.id):
            released = read_manifest(root / Tier.EXACT / exact.id)
            if public_id is None or (public_id == released.public_id and is_whole(root / Tier.PUBLIC / public_id)):
                return released
        root /= DRAFTS
    if protected is not None:
        publish(folder / Tier.PUBLIC, root / Tier.PUBLIC, protected)
    published = publish(folder / Tier.EXACT, root / Tier.EXACT, msgspec.structs.replace(exact, public_id=public_id))
    if settings.release == "automatic":
        remove_draft(settings, exact.id)  # of a time when builds made drafts
    return published


def _correlation(
    enterprises: Columns, placed: Placed, districts: OrderedTree, industries: OrderedTree
) -> tuple[Correlation, str]:
    """Estimate over operating enterprises, strata division × county, without those of unknown division or county."""
    county = np.append(districts.nearest(list(DistrictLevel).index(DistrictLevel.COUNTY)), -1)[placed.districts]
    division = np.append(industries.nearest(list(IndustryLevel).index(IndustryLevel.DIVISION)), -1)[placed.industries]
    stratum = division * (len(districts.codes) + 1) + county
    located = placed.bases[Basis.OPERATING] & (county >= 0) & (division >= 0)
    shares = {metric.code: _correlation_of_share(enterprises, metric, located, stratum) for metric in SHARES}
    headcount, members = _whole(enterprises["headcount"]), _whole(enterprises["members"])
    used = located & (headcount >= 1) & np.asarray(enterprises["members"].is_valid())
    found = estimate(members[used], headcount[used], stratum[used])
    return Correlation(found.value, found.strata, found.firms, found.parts, shares), found.source


def _correlation_of_share(enterprises: Columns, metric: Metric, located: Mask, stratum: Int64) -> float:
    added, less = metric.denominator, metric.less
    known = np.logical_and.reduce([np.asarray(enterprises[code].is_valid()) for code in (*added, *less)])
    denominator = _added(enterprises, added) - _added(enterprises, less)
    part = _added(enterprises, metric.numerator)
    used = located & known & (denominator >= 1)
    return estimate_share(part[used], denominator[used], stratum[used]).value


def _added(enterprises: Columns, codes: Sequence[str]) -> Int64:
    total: Int64 = np.sum([_whole(enterprises[code]) for code in codes], axis=0)
    return total


def _whole(column: pa.Array) -> Int64:
    """Return a column of counts; 0 for null."""
    return np.asarray(column.fill_null(0)).astype(np.int64)
