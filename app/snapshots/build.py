"""Building a snapshot: extract, facts, order, sums, publish; one process, one consistent read."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
from filelock import FileLock

from app.access.principals import Tier
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.config import Settings
from app.errors import Report
from app.snapshots.dates import refuse_future
from app.snapshots.extract import EXTRACTED, extract
from app.snapshots.facts import SIZES, Facts, Sizes, compute_facts
from app.snapshots.folders import build_folder, is_whole, publish, write_in_processes, write_tables
from app.snapshots.manifests import exact_manifest, public_manifest
from app.snapshots.merging import Source
from app.snapshots.moves import moving
from app.snapshots.ordering import order_tree
from app.snapshots.pieces import common_of, correlation_of, work_on, write_enterprises
from app.snapshots.pool import processes_of
from app.snapshots.public import public_tables
from app.snapshots.releases import refuse_withdrawn, remove_draft
from app.snapshots.replication.push import push_changes
from app.snapshots.replication.state import note_change, refuse_replica
from app.snapshots.rounding import rounding_key
from app.snapshots.shards import divide
from app.snapshots.shared_extracts import SharedExtract, read_extract
from app.snapshots.shared_pieces import sharing
from app.snapshots.tables import snapshot_tables, sum_tables
from app.store.manifest import ExtractInfo, Manifest, read_manifest
from app.store.shelf import DRAFTS

BUILD_LOCK = ".build.lock"
"""Lock file that serializes builds: a later build has read a later registry, and memory stays bounded."""


def build_snapshot(
    settings: Settings, as_of: date, report: Report, extracts: Sequence[SharedExtract] = (), sizes: Sizes = SIZES
) -> Manifest:
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
        One of the extracts is damaged, or the first of several does not have all districts, industries and groups.
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
        facts = compute_facts(computed, sources, settings, as_of, sizes)
        shutil.rmtree(inputs)  # the facts stay, until the snapshot is written
        manifest = _publish(settings, facts, folder, key, report, tuple(shared.info for shared in extracts), sizes)
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
    sizes: Sizes,
) -> Manifest:
    """Write the snapshots into the private build folder, then publish them; return the exact one's manifest."""
    districts, industries = order_tree(facts.districts, DistrictLevel), order_tree(facts.industries, IndustryLevel)
    division = divide(facts.enterprises, districts, sizes)
    common = common_of((districts, industries), facts.industry_groups, facts.superseded, division.counts, key)
    with sharing(settings, facts, division, common) as steps:
        paths, sums, pieces = work_on(division, common, folder, processes_of(settings), report, steps)
    report("writing", 0, 1)
    protected = None
    if key is not None:
        places = [piece.places for piece in pieces if piece.places is not None]
        rounded = write_tables(folder / Tier.PUBLIC, public_tables(facts, places, districts, industries))
        protected = public_manifest(settings, facts.parameters, rounded, key)
    exact = folder / Tier.EXACT
    exact.mkdir()
    enterprises = write_enterprises(exact, division, paths, districts.codes)
    files = [exact / file for file in enterprises.files("enterprises")]
    others = snapshot_tables(facts, districts, industries, files, [piece.withheld for piece in pieces])
    tables = write_in_processes(exact, others, processes_of(settings) if len(pieces) > 1 else 1)
    tables |= write_tables(exact, sum_tables(sums, common.axes))
    manifest = exact_manifest(
        settings, facts.parameters, {"enterprises": enterprises, **tables}, correlation_of(pieces)
    )
    manifest = msgspec.structs.replace(manifest, extracts=extracts)
    report("writing", 1, 1)
    with moving(settings):
        refuse_withdrawn(settings, manifest.id)
        note_change(settings)
        return _place(settings, folder, manifest, protected)


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
