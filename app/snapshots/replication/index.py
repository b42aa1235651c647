"""What a store holds of a tier: its list of snapshots, which alone is ever changed, and what the list names.

`<tier>/index.json` lists the snapshots of each place by id. It names `<tier>/manifests/<sha256>.json`, and these name
`blobs/<sha256>`: both are made once and found by the checksum of what they hold, so that neither can be half there
when a list names it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.access.principals import Tier
from app.errors import Conflict
from app.messages import say
from app.snapshots.replication.objects import Found, Objects, StoreUnavailable, Tag
from app.store.manifest import Release, TableInfo
from app.store.shelf import DRAFTS, WITHDRAWN

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PLACES: Mapping[Tier, tuple[str, ...]] = {
    Tier.PUBLIC: (Tier.PUBLIC, f"{WITHDRAWN}/{Tier.PUBLIC}"),
    Tier.EXACT: (Tier.EXACT, f"{DRAFTS}/{Tier.EXACT}", f"{DRAFTS}/{Tier.PUBLIC}", f"{WITHDRAWN}/{Tier.EXACT}"),
}
"""Folders of snapshots that each tier's list has; drafts of protected ones are nobody's but the exact tier's."""

BLOBS = "blobs"


class StoreRefused(Conflict):
    """What is in the object store is not what was written there; nothing of it is taken."""

    code = "store-refused"
    title = "Object store refused"


class Entry(msgspec.Struct, frozen=True):
    """A snapshot in a list: the SHA-256 of its manifest, and its release; null: as in the snapshot's folder."""

    manifest: str
    release: Release | None = None


Places = dict[str, dict[str, Entry]]
"""The snapshots of each place, by id."""


class Index(msgspec.Struct, frozen=True):
    """The list of a tier.

    Parameters
    ----------
    sequence
        Greater by one with every change; it orders lists, so that no two clocks are compared.
    """

    tier: Tier
    sequence: int
    places: Places

    @property
    def manifests(self) -> set[str]:
        """The manifests that it names."""
        return {entry.manifest for place in self.places.values() for entry in place.values()}


class Described(msgspec.Struct, frozen=True):
    """The content of `manifests/<sha256>.json`.

    Parameters
    ----------
    manifest
        The text of the snapshot's `manifest.json`, whose SHA-256 is the name.
    parts
        SHA-256 of each part of the files that have more than one, by file name.
    """

    manifest: str
    parts: dict[str, tuple[str, ...]]


class _Tables(msgspec.Struct):
    tables: dict[str, TableInfo]


class _Sealed(msgspec.Struct, frozen=True):
    """The content of `index.json`: the list as it was signed, and the signature, hexadecimal; null: not signed."""

    index: msgspec.Raw
    signature: str | None


def read_index(objects: Objects, tier: Tier, key: Path | None, known: Tag | None = None) -> tuple[Index | None, Found]:
    """Return the list of a tier as the store has it; null where it is as known, or there is none.

    Parameters
    ----------
    key
        File of the key that verifies it, or of the one that signs; null: it need not be signed.

    Raises
    ------
    StoreRefused
        It is no list of this tier, or not signed by the key.
    """
    found = objects.get(index_name(tier), known)
    if found.content is None:
        return None, found
    try:
        sealed = msgspec.json.decode(found.content, type=_Sealed)
        index = msgspec.json.decode(sealed.index, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreRefused(say("The list of {tier} in the store cannot be read.", tier=tier)) from error
    if key is not None and not _is_signed(bytes(sealed.index), sealed.signature, key):
        raise StoreRefused(say("The list of {tier} in the store is not signed by the key that is set.", tier=tier))
    if index.tier is not tier or not index.places.keys() <= set(PLACES[tier]):
        raise StoreRefused(say("The list of {tier} in the store is of another tier.", tier=tier))
    return index, found


def replace_index(objects: Objects, index: Index, key: Path | None, tag: Tag | None) -> bool:
    """Put a list in the place of the one that was read; return whether that was still there."""
    content = msgspec.json.encode(index, order="sorted")
    signature = None if key is None else _signed(content, key)
    return objects.replace(index_name(index.tier), msgspec.json.encode(_Sealed(msgspec.Raw(content), signature)), tag)


def read_described(objects: Objects, tier: Tier, sha256: str) -> Described:
    """Return a manifest of the store, its checksum verified."""
    found = objects.get(manifest_name(tier, sha256))
    try:
        described = msgspec.json.decode(found.content or b"", type=Described)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(sha256) from error
    if hashlib.sha256(described.manifest.encode()).hexdigest() != sha256:
        raise _damaged(sha256)
    return described


def blobs_of(described: Described) -> Iterator[tuple[str, str]]:
    """Yield the file and the SHA-256 of every blob that a manifest names, the parts of a file in their order."""
    for name, table in msgspec.json.decode(described.manifest, type=_Tables).tables.items():
        for file, sha256 in table.files(name).items():
            for part in described.parts.get(file, (sha256,)):
                yield file, part


def index_name(tier: Tier) -> str:
    """Return the name of a tier's list."""
    return f"{tier}/index.json"


def manifest_name(tier: Tier, sha256: str) -> str:
    """Return the name of a manifest."""
    return f"{tier}/manifests/{sha256}.json"


def blob_name(sha256: str) -> str:
    """Return the name of a file's bytes, or of a part of them."""
    return f"{BLOBS}/{sha256}"


def _damaged(sha256: str) -> StoreRefused:
    return StoreRefused(say("The manifest {sha256} in the store is damaged or missing.", sha256=sha256))


def _signed(content: bytes, path: Path) -> str:
    return _private(path).sign(content).hex()


def _is_signed(content: bytes, signature: str | None, path: Path) -> bool:
    """Say whether something is signed, by a public key or by the private one that goes with it."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - of an extra

    is_private = b"PRIVATE" in _read_key(path)
    try:
        (_private(path).public_key() if is_private else _public(path)).verify(bytes.fromhex(signature or ""), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - of an extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

    try:
        key = serialization.load_pem_private_key(_read_key(path), None)
    except (ValueError, TypeError) as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def _public(path: Path) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - of an extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    try:
        key = serialization.load_pem_public_key(_read_key(path))
    except ValueError as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path)
    return key


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _no_key(path) from error


def _no_key(path: Path) -> StoreUnavailable:
    return StoreUnavailable(say("{file} holds no ed25519 key for this.", file=str(path)))
