"""Rounding: one rounded value per enterprise and figure, all that is ever published of its persons.

The random shift depends only on the enterprise's identity and the rounding key, so that no later release, filter or
difference reveals a second rounding. Another key would, and two roundings narrow down the exact value: the key is
created once, and never replaced while anything rounded by it is published.
"""

import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from app.access.principals import Tier
from app.config import Settings
from app.errors import Conflict
from app.messages import say
from app.snapshots.folders import sync
from app.store.manifest import DamagedManifest, OutdatedManifest, read_manifest
from app.store.shelf import DRAFTS, WITHDRAWN

WIDTH = 5
"""Distance of two rounded values, persons: this many exact counts are possible for each."""

STANDALONE_MEMBERS = 3
"""Least members of an enterprise with a branch of its own; a grid from there keeps `WIDTH` counts possible."""

_KEY_BYTES = 32
_FINGERPRINTED = b"orgcoverage rounding key"

_WHERE = say("the file of ORGCOVERAGE_ROUNDING_KEY_FILE (default: `rounding-key` in the data folder)")

Int64 = npt.NDArray[np.int64]
Ints = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


class RoundingKeyRefused(Conflict):
    """The rounding key is missing, unreadable or not that of the published protected snapshots; nothing is built."""

    code = "rounding-key-refused"
    title = "Rounding key missing or different"


def rounding_key(settings: Settings) -> bytes:
    """Return the rounding key, 32 bytes; created if there is neither a key nor a protected snapshot.

    Not for concurrent calls: builds are serialized.

    Raises
    ------
    RoundingKeyRefused
        There are protected snapshots, and the key is missing or not theirs; or the file contains no key.
    """
    path, folder = settings.rounding_key_path, settings.snapshots_dir
    roots = [place / Tier.PUBLIC for place in (folder, folder / DRAFTS, folder / WITHDRAWN)]
    if not path.exists():
        if any(root.is_dir() and any(root.iterdir()) for root in roots):
            detail = say(
                "The key of the existing protected snapshots is missing: restore {where} from a backup.",
                where=_WHERE,
            )
            raise RoundingKeyRefused(detail)
        _create(path)
    key = _read(path)
    if set().union(*map(_rounded_by, roots)) - {fingerprint(key)}:
        detail = say(
            "The existing protected snapshots were rounded with another key: restore {where} from a backup.",
            where=_WHERE,
        )
        raise RoundingKeyRefused(detail)
    return key


def same_key(settings: Settings, wanted: str) -> bytes:
    """Return the rounding key if its fingerprint is that of the service that builds; it is never created.

    Raises
    ------
    RoundingKeyRefused
        It is another key, or there is none.
    """
    try:
        key = _read(settings.rounding_key_path)
    except RoundingKeyRefused:
        key = b""
    if fingerprint(key) != wanted:
        detail = say("The build rounds with another key: put a copy of its own into {where} of this job.", where=_WHERE)
        raise RoundingKeyRefused(detail)
    return key


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a key, hexadecimal: it identifies the key and reveals nothing of it."""
    return hmac.digest(key, _FINGERPRINTED, "sha256").hex()


def draw_shifts(key: bytes, prefix: str, identities: Sequence[str]) -> Int64:
    """Return the secret shift of each enterprise, 0 … 4.

    HMAC-SHA256 of `prefix|identity` in UTF-8; all of its 32 bytes as one integer, the first the highest, modulo 5.

    Parameters
    ----------
    key
        The rounding key.
    prefix
        The figure: `m` members, `h` headcount.
    identities
        Identity of each enterprise: the first code of the chain that it supersedes, or its own.
    """
    start = hmac.new(key, f"{prefix}|".encode(), "sha256")  # copying it is faster than creating one for each
    return np.fromiter((_shift(start.copy(), identity) for identity in identities), np.int64, len(identities))


def round_members(members: Ints, standalone: Mask, shifts: Ints) -> Int64:
    """Return f of each enterprise: its members on the grid z, z + 5, …, where z is 3 if standalone, else 0."""
    least = least_members(standalone)
    return np.maximum(least, _on_grid(members, least, shifts))


def round_headcount(headcount: Ints, shifts: Ints) -> Int64:
    """Return H′ of each enterprise: its headcount on the grid 0, 5, 10, … of persons."""
    return _on_grid(headcount, np.zeros(len(headcount), np.int64), shifts)


def cap_members(rounded: Ints, headcount: Ints, standalone: Mask, alone: Mask) -> Int64:
    """Return f, capped at z + 5·⌊(H − z − 4)/5⌋ for enterprises alone at their place.

    Without the cap, the largest values of f would prove that all employees are members.
    """
    cap = _on_grid(headcount, least_members(standalone), np.int64(1 - WIDTH))
    return np.where(alone, np.minimum(rounded, cap), rounded)


def least_members(standalone: Mask) -> Int64:
    """Return z, the start of each enterprise's grid."""
    return np.where(standalone, STANDALONE_MEMBERS, 0).astype(np.int64)


def first_codes(superseded: Mapping[str, str]) -> dict[str, str]:
    """Return the first code of the chain of each enterprise that supersedes another.

    Parameters
    ----------
    superseded
        Code of the enterprise that each of them supersedes, which need not exist any more. A cycle, which imports
        refuse, has no first code: the chain ends where it closes, starting from the codes in sorted order.
    """
    first: dict[str, str] = {}
    for code in sorted(superseded):
        path: dict[str, None] = {}
        at = code
        while at in superseded and at not in first and at not in path:
            path[at] = None
            at = superseded[at]
        first.update(dict.fromkeys(path, first.get(at, at)))
    return first


def _rounded_by(root: Path) -> set[str | None]:
    """Return the key fingerprints of all readable protected snapshots, of older formats too."""
    found: set[str | None] = set()
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            found.add(read_manifest(folder).rounding_key)
        except OutdatedManifest as outdated:
            found.add(outdated.rounding_key)
        except (OSError, DamagedManifest):
            continue
    return found


def _read(path: Path) -> bytes:
    """Return the key in a file: 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
        others = stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    except (OSError, ValueError):
        key, others = b"", 0
    if len(key) != _KEY_BYTES:
        detail = say(
            "No key of {digits} hexadecimal digits can be read: restore {where} from a backup; or, "
            "if protected figures were never published, create one there (`openssl rand -hex 32`).",
            digits=_KEY_BYTES * 2,
            where=_WHERE,
        )
        raise RoundingKeyRefused(detail)
    if others:
        structlog.get_logger().warning("rounding key readable by others", mode=oct(others))
    return key


def _create(path: Path) -> None:
    """Write a new key to a temporary file and hard-link it: the file appears complete, and never replaces another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # readable by the owner alone
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    finally:
        Path(name).unlink()
    sync(path.parent)


def _shift(code: hmac.HMAC, identity: str) -> int:
    code.update(identity.encode())
    return int.from_bytes(code.digest(), "big") % WIDTH


def _on_grid(counts: Ints, foot: Int64, shifts: Ints | np.int64) -> Int64:
    return foot + WIDTH * ((counts.astype(np.int64) - foot + shifts) // WIDTH)
