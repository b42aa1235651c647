"""One rounded value per enterprise and figure: all that the public ever learns of its persons.

The value depends on the enterprise's identity and the rounding key alone, so that no later release, filter or
difference is a second draw. Another key would be one, and two values narrow down what was rounded: the key is made
once, and never replaced while anything rounded by it is published.
"""

import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from app.access.principals import Tier
from app.config import Settings
from app.errors import Conflict
from app.store.manifest import DamagedManifest, read_manifest

_KEY_BYTES = 32
_FINGERPRINTED = b"orgcoverage rounding key"

_WHERE = "the file that ORGCOVERAGE_ROUNDING_KEY_FILE names (by default `rounding-key` in the data folder)"


class RoundingKeyRefused(Conflict):
    """Protected figures cannot be rounded as those already published were; nothing is built."""

    code = "rounding-key-refused"
    title = "Rounding key missing or different"


def rounding_key(settings: Settings) -> bytes:
    """Return the rounding key, 32 bytes; made where there is none and no protected snapshot either.

    To be asked for by one process at a time.

    Raises
    ------
    RoundingKeyRefused
        There are protected snapshots, and the key is missing or not the one that they were rounded by; or the file
        holds no key.
    """
    path, root = settings.rounding_key_path, settings.snapshots_dir / Tier.PUBLIC
    if not path.exists():
        if root.is_dir() and any(root.iterdir()):
            detail = f"Protected snapshots are there, but not the key that rounded them: restore {_WHERE} from backup."
            raise RoundingKeyRefused(detail)
        _create(path)
    key = _read(path)
    if _rounded_by(root) - {fingerprint(key)}:
        detail = f"The protected snapshots that are there were rounded by another key: restore {_WHERE} from backup."
        raise RoundingKeyRefused(detail)
    return key


def fingerprint(key: bytes) -> str:
    """Return what tells whether two keys are the same, hexadecimal; nothing of the key follows from it."""
    return hmac.digest(key, _FINGERPRINTED, "sha256").hex()


def _rounded_by(root: Path) -> set[str | None]:
    """Return the fingerprints of the keys of all protected snapshots that can be read, of older formats too."""
    found: set[str | None] = set()
    for folder in root.iterdir() if root.is_dir() else ():
        with suppress(OSError, DamagedManifest):
            found.add(read_manifest(folder).rounding_key)
    return found


def _read(path: Path) -> bytes:
    """Return the key of a file: 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
        others = stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    except (OSError, ValueError):
        key, others = b"", 0
    if len(key) != _KEY_BYTES:
        detail = (
            f"No key of {_KEY_BYTES * 2} hexadecimal digits can be read: restore {_WHERE} from backup; or, where "
            "nothing protected has ever been published, write one there (`openssl rand -hex 32`)."
        )
        raise RoundingKeyRefused(detail)
    if others:
        structlog.get_logger().warning("others may read the rounding key", mode=oct(others))
    return key


def _create(path: Path) -> None:
    """Write a new key beside its place and link it there: the file is whole when it appears, and replaces none."""
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
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


WIDTH = 5
"""Persons between two rounded values: so many counts fit each of them."""

STANDALONE_MEMBERS = 3
"""Members that a branch of the enterprise's own implies; counting up from there keeps `WIDTH` counts possible."""

Int64 = npt.NDArray[np.int64]
Ints = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


def draw_shifts(key: bytes, prefix: str, identities: Sequence[str]) -> Int64:
    """Return the secret shift of each enterprise, 0 … 4.

    HMAC-SHA256 of `prefix|identity` in UTF-8; all of its 32 bytes as one integer, the first the highest, modulo 5.

    Parameters
    ----------
    key
        The rounding key.
    prefix
        What is rounded: `m` members, `h` headcount.
    identities
        Of each enterprise, as `identities_of` gives them.
    """
    begun = hmac.new(key, f"{prefix}|".encode(), "sha256")  # copied for each, it is quicker than begun anew
    return np.fromiter((_shift(begun.copy(), identity) for identity in identities), np.int64, len(identities))


def _shift(code: hmac.HMAC, identity: str) -> int:
    code.update(identity.encode())
    return int.from_bytes(code.digest(), "big") % WIDTH


def round_members(members: Ints, standalone: Mask, shifts: Ints) -> Int64:
    """Return f of each enterprise: its members on the grid z, z + 5, …, where z is 3 for the standalone and else 0."""
    least = least_members(standalone)
    return np.maximum(least, _on_grid(members, least, shifts))


def round_headcount(headcount: Ints, shifts: Ints) -> Int64:
    """Return H′ of each enterprise: its headcount on the grid 0, 5, 10, … of persons."""
    return _on_grid(headcount, np.zeros(len(headcount), np.int64), shifts)


def cap_members(rounded: Ints, headcount: Ints, standalone: Mask, alone: Mask) -> Int64:
    """Return f, of those alone at their place at most z + 5·⌊(H − z − 4)/5⌋.

    Else the largest values of f would prove that all employees are members.
    """
    cap = _on_grid(headcount, least_members(standalone), np.int64(1 - WIDTH))
    return np.where(alone, np.minimum(rounded, cap), rounded)


def least_members(standalone: Mask) -> Int64:
    """Return z, the foot of each enterprise's grid."""
    return np.where(standalone, STANDALONE_MEMBERS, 0).astype(np.int64)


def _on_grid(counts: Ints, foot: Int64, shifts: Ints | np.int64) -> Int64:
    return foot + WIDTH * ((counts.astype(np.int64) - foot + shifts) // WIDTH)


def identities_of(codes: Iterable[str], superseded: Mapping[str, str]) -> list[str]:
    """Return what each enterprise is rounded by: the first code of the chain of those that it continues, or its own."""
    first = first_codes(superseded)
    return [first.get(code, code) for code in codes]


def first_codes(superseded: Mapping[str, str]) -> dict[str, str]:
    """Return the first code of the chain of each enterprise that continues another.

    Parameters
    ----------
    superseded
        Code of the enterprise that each of them continues; that one need not be there any more. A cycle, which no
        import lets in, has no first: it ends where it closes, going up from the codes in their order.
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
