"""The key that protected figures are rounded by: made once, then never another while anything of it is published.

Another key would give every enterprise a second rounded value, and two of them narrow down what was rounded.
"""

import hmac
import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

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
