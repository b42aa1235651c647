"""What an answer rests on, as every answer says it."""

from datetime import date

import msgspec

from app.statistics.question import Moment
from app.store.manifest import Correlation, Disclosure, Manifest
from app.store.snapshot import Snapshot


class Meta(msgspec.Struct, frozen=True):
    """What an answer rests on."""

    snapshot: str
    as_of: date
    requested_as_of: date | None
    basis: str | None
    member_source: str
    intra_enterprise_correlation: Correlation
    disclosure: Disclosure
    rows: int
    updated_at: str


def meta_of(snapshot: Snapshot, moment: Moment, basis: str | None, rows: int) -> Meta:
    """Return what an answer that comes from a snapshot rests on; parameters as below."""
    return manifest_meta(snapshot.manifest, moment, basis, rows)


def manifest_meta(manifest: Manifest, moment: Moment, basis: str | None, rows: int) -> Meta:
    """Return what an answer rests on.

    Parameters
    ----------
    manifest, moment
        Of the snapshot that answers, and when it was asked for.
    basis
        Which enterprises rates divide by; null where an answer has no one basis.
    rows
        Of the whole list, over all pages.
    """
    return Meta(
        manifest.id, manifest.as_of, moment.as_of, basis, manifest.member_source, manifest.intra_enterprise_correlation,
        manifest.disclosure, rows, manifest.built_at,
    )  # fmt: skip
