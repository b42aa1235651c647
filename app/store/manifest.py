"""The manifest of a snapshot: what it is, how it was built, what it can answer."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from app.catalogue.metrics import SHARES
from app.store.format import FORMAT_VERSION

MANIFEST = "manifest.json"

RELEASE = "release.json"
"""Beside the manifest, outside its checksums; absent in drafts and where what is built is released at once."""


class Part(msgspec.Struct, frozen=True):
    """One of several files of a table: its rows, the SHA-256 of its bytes, and where its rows begin.

    `first_district` is a code; null: its rows have no district.
    """

    rows: int
    sha256: str
    first_district: str | None


class TableInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table: its number of rows and the SHA-256 of its file; where it has several, of their checksums in order."""

    rows: int
    sha256: str
    parts: tuple[Part, ...] = ()

    @classmethod
    def of_parts(cls, parts: Sequence[Part]) -> "TableInfo":
        """Return what is said of a table; one part is a file as of any other table."""
        if len(parts) == 1:
            return cls(parts[0].rows, parts[0].sha256)
        joined = "".join(part.sha256 for part in parts)
        rows = sum(part.rows for part in parts)
        return cls(rows, hashlib.sha256(joined.encode()).hexdigest(), tuple(parts))

    def files(self, name: str) -> dict[str, str]:
        """Return the SHA-256 of each of its files, by file name, in the order of their rows."""
        if not self.parts:
            return {f"{name}.arrow": self.sha256}
        return {f"{name}-{number:04}.arrow": part.sha256 for number, part in enumerate(self.parts)}


class Correlation(msgspec.Struct, frozen=True):
    """The intra-enterprise correlation: its value (4 decimals), and the strata, firms and members it is computed from.

    `shares` has that of each share, by metric. In a protected snapshot all values are a constant, and the three counts
    are null.
    """

    value: float
    strata: int | None
    firms: int | None
    members: int | None
    shares: dict[str, float]


UNDISCLOSED = Correlation(0.1, None, None, None, {metric.code: 0.1 for metric in SHARES})
"""Stands for the correlations where the true ones are not given: to the public, and to keys with a scope."""


class Disclosure(msgspec.Struct, frozen=True):
    """How persons are protected.

    Parameters
    ----------
    policy
        `none`: figures are exact; `rounded-enterprises`: each enterprise is rounded once, before any sum.
    version
        Of the policy; null where figures are exact.
    b
        Width of the rounding, persons; null as above.
    hmin
        Least headcount shown at one place, employees; null as above.
    """

    policy: str = "none"
    version: int | None = None
    b: int | None = None
    hmin: int | None = None


EXACT = Disclosure()
"""Figures are exact."""


class Capabilities(msgspec.Struct, frozen=True):
    """What a snapshot can answer: codes of measures, metrics, bases and levels, names of filters and questions."""

    measures: tuple[str, ...]
    metrics: tuple[str, ...]
    bases: tuple[str, ...]
    district_levels: tuple[str, ...]
    industry_levels: tuple[str, ...]
    filters: tuple[str, ...]
    subjects: tuple[str, ...]
    analyses: tuple[str, ...]


class BuildSettings(msgspec.Struct, frozen=True):
    """The settings a snapshot was built with; part of its id."""

    member_source: str
    surveyed_headcount: int
    surveyed_headcount_social: int
    eligible_full_members: int
    return_window_months: int
    turnover_window_months: int
    active_branch_meetings: int
    branch_least_full_members: int
    general_branch_above: int
    committee_above: int


class Release(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a snapshot was released and withdrawn.

    Parameters
    ----------
    released_at, withdrawn_at
        RFC 3339 instants, UTC; null: not withdrawn.
    released_by, withdrawn_by
        Ids of keys; null on the command line, without a key, and always in protected snapshots.
    note, withdrawal_note
        What the office says of it.
    revises
        Id of the snapshot of the same date that was the newest before; null: there was none.
    """

    released_at: str
    released_by: str | None = None
    note: str | None = None
    revises: str | None = None
    withdrawn_at: str | None = None
    withdrawn_by: str | None = None
    withdrawal_note: str | None = None


class ExtractInfo(msgspec.Struct, frozen=True):
    """An extract that a snapshot was built from: its registry's name and revision, when it was read, its SHA-256."""

    registry: str
    revision: int
    extracted_at: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a snapshot except its rows.

    `member_source` is the one in effect (`register` or `returns`), `settings.member_source` the configured one;
    `built_at` is an RFC 3339 instant, UTC. An exact snapshot has the `public_id` of the protected one built with it; a
    protected one has in `rounding_key` the fingerprint of the key used for rounding. `extracts` are those that an exact
    one was built from, in the order in which they were named; empty: the service's own registry, or a protected one.
    `release` is read from its own file; null: there is none.
    """

    id: str
    format_version: int
    as_of: date
    built_at: str
    settings: BuildSettings
    member_source: str
    intra_enterprise_correlation: Correlation
    correlation_source: str
    tables: dict[str, TableInfo]
    capabilities: Capabilities
    disclosure: Disclosure = EXACT
    rounding_key: str | None = None
    public_id: str | None = None
    extracts: tuple[ExtractInfo, ...] = ()
    release: Release | None = None

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of every file, by file name."""
        return {file: sha256 for name, info in self.tables.items() for file, sha256 in info.files(name).items()}

    @property
    def scoped(self) -> "Manifest":
        """The same without the correlations, as keys with a scope get it."""
        return msgspec.structs.replace(self, intra_enterprise_correlation=UNDISCLOSED, correlation_source="fixed")

    @property
    def recency(self) -> tuple[date, str, str]:
        """Sort key: the newest snapshot has the latest date, then the latest release, which may be its build."""
        released_at = self.built_at if self.release is None else max(self.built_at, self.release.released_at)
        return (self.as_of, released_at, self.id)


class _Written(Manifest, frozen=True, kw_only=True):
    """A manifest as stored: with the SHA-256 of its JSON, keys sorted, without the checksum and the release."""

    checksum: str


class DamagedManifest(Exception):
    """A manifest that cannot be read or does not match its checksum."""


class OutdatedManifest(DamagedManifest):
    """A manifest of another format version, whose date is to be built again.

    Parameters
    ----------
    rounding_key
        Fingerprint of the key, as in manifests of this version.
    """

    def __init__(self, rounding_key: str | None) -> None:
        super().__init__("another format version")
        self.rounding_key = rounding_key


class _Version(msgspec.Struct, frozen=True):
    """What the manifests of all versions have."""

    format_version: int
    rounding_key: str | None = None


def snapshot_id(
    as_of: date, settings: BuildSettings, tables: Mapping[str, TableInfo], disclosure: Disclosure = EXACT
) -> str:
    """Return the id of a snapshot: its date and a digest of settings, format version, checksums and protection."""
    content = {
        "format_version": FORMAT_VERSION,
        "settings": settings,
        "tables": {name: info.sha256 for name, info in tables.items()},
    }
    if disclosure != EXACT:
        content["disclosure"] = disclosure
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
    return f"{as_of:%Y%m%d}-{digest[:16]}"


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest, with its checksum, into its snapshot's folder; return the file."""
    path = folder / MANIFEST
    path.write_bytes(_formatted({**_stored(manifest), "checksum": _checksum(manifest)}))
    return path


def write_release(path: Path, release: Release) -> Path:
    """Write a release into a file; return it."""
    path.write_bytes(_formatted(release))
    return path


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a snapshot's folder, with its release.

    Raises
    ------
    OutdatedManifest
        It is of another format version.
    DamagedManifest
        It, or the release, cannot be read or does not match its checksum.
    """
    content = (folder / MANIFEST).read_bytes()
    try:
        version = msgspec.json.decode(content, type=_Version)
        if version.format_version != FORMAT_VERSION:
            raise OutdatedManifest(version.rounding_key)
        written = msgspec.json.decode(content, type=_Written)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedManifest(type(error).__name__) from error
    manifest = Manifest(**_stored(written))
    if _checksum(manifest) != written.checksum:
        raise DamagedManifest("checksum")
    return msgspec.structs.replace(manifest, release=_read_release(folder))


def _read_release(folder: Path) -> Release | None:
    try:
        return msgspec.json.decode((folder / RELEASE).read_bytes(), type=Release)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedManifest(RELEASE) from error


def _stored(manifest: Manifest) -> dict[str, Any]:
    stored = {name: getattr(manifest, name) for name in Manifest.__struct_fields__ if name != "release"}
    if not manifest.extracts:  # manifests had none, and their checksums stay right
        del stored["extracts"]
    return stored


def _checksum(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(_stored(manifest), order="sorted")).hexdigest()


def _formatted(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=1) + b"\n"
