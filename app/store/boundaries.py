"""Boundaries of districts, for maps: one GeoJSON file of the data folder, which the operator imports."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

_DIGEST = 16
"""Hex digits that tell one file from another."""


class _Properties(msgspec.Struct):
    code: str


class _Feature(msgspec.Struct):
    """One district, in a file that was checked when it was imported."""

    properties: _Properties
    geometry: msgspec.Raw


class _Collection(msgspec.Struct):
    features: list[_Feature]


@dataclass(frozen=True)
class Boundaries:
    """The geometry of each district that has one, as JSON, by code; and a digest of all of them, empty for none."""

    geometries: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    digest: str = ""


class BoundariesFile:
    """The file of boundaries; it is read again when it has changed, so that looking costs one `stat`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None
        self._boundaries = Boundaries()

    def read(self) -> Boundaries:
        """Return the boundaries; none where there is no file, or where it is damaged, which is logged."""
        try:
            found = self._path.stat()
        except OSError:
            return Boundaries()
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen != self._seen:
            self._boundaries, self._seen = self._parsed(), seen
        return self._boundaries

    def _parsed(self) -> Boundaries:
        try:
            content = self._path.read_bytes()
            features = msgspec.json.decode(content, type=_Collection).features
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            structlog.get_logger().error("boundaries cannot be read", reason=type(error).__name__)
            return Boundaries()
        digest = hashlib.sha256(content).hexdigest()[:_DIGEST]
        return Boundaries({one.properties.code: one.geometry for one in features}, digest)


def write_boundaries(path: Path, content: bytes) -> None:
    """Replace the file by rename: readers see all of the old or of the new; only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # readable by the owner alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
