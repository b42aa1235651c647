"""Pruning a store: what no list names goes, and then what no manifest names; a day after it came."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from filelock import FileLock

from app.access.principals import Tier
from app.config import Settings
from app.messages import say
from app.snapshots.replication.index import (
    BLOBS,
    StoreRefused,
    blob_name,
    blobs_of,
    manifest_name,
    read_described,
    read_index,
)
from app.snapshots.replication.objects import Objects, addresses, stores
from app.snapshots.replication.push import PUSH_LOCK

_SPARED = timedelta(days=1)
"""Whatever is younger stays: it may belong to a push that is under way."""


def prune_store(settings: Settings) -> list[str]:
    """Remove from the stores what is a day old and named by nothing; return the names of the objects removed.

    Raises
    ------
    StoreUnavailable, StoreRefused
        A store cannot be used, or has a list or a manifest that cannot be read; nothing more of it is removed.
    """
    settings.snapshots_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.snapshots_dir / PUSH_LOCK):
        opened = stores(settings, *Tier)
        once = {addresses(settings)[tier]: objects for tier, objects in opened.items()}
        return [name for objects in once.values() for name in _pruned(objects, settings)]


def _pruned(objects: Objects, settings: Settings) -> Iterator[str]:
    """Remove what is old and not named, of both tiers: a store may hold both, whoever opens it for one."""
    until = objects.now() - _SPARED
    blobs = objects.all(BLOBS)  # before all that may name them
    kept = set[str]()
    for tier in (Tier.PUBLIC, Tier.EXACT):
        manifests = objects.all(f"{tier}/manifests")
        index, _ = read_index(objects, tier, settings.store_signing_key_file)
        if index is None and manifests:
            raise StoreRefused(say("The list of {tier} in the store cannot be read.", tier=tier))
        listed = set() if index is None else index.manifests
        yield from _removed(objects, manifests, {manifest_name(tier, sha256) for sha256 in listed}, until)
        for name, at in manifests.items():
            sha256 = name.rpartition("/")[2].removesuffix(".json")
            if sha256 in listed or at >= until:
                kept |= {blob_name(blob) for _, blob in blobs_of(read_described(objects, tier, sha256))}
    yield from _removed(objects, blobs, kept, until)


def _removed(objects: Objects, there: dict[str, datetime], named: set[str], until: datetime) -> Iterator[str]:
    for name, at in there.items():
        if name not in named and at < until:
            objects.remove(name)
            yield name
