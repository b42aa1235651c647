"""Boundaries of districts from a GeoJSON file: every problem of it is told, and nothing of it repeated."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select

from app.catalogue.codes import fold_width
from app.database.engines import make_sync_engine
from app.database.outages import outages_named
from app.database.tables import METADATA
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest
from app.messages import Message, say

T = TypeVar("T")

MOST_BYTES = 20 * 1024**2
"""Largest file, bytes: no browser draws more, and all of it is in memory while it is checked."""

_DECIMALS = 6
"""Decimals of a degree that are kept: a tenth of a metre."""

_MOST_LONGITUDE, _MOST_LATITUDE = 180, 90
"""Degrees."""

_LEAST_POSITIONS = 4
"""Of a ring, whose last is its first."""

_CODES = ("code", "id", "adcode")
"""Properties that hold the code of a district, the first that is there; else the feature's own `id`."""

_DEGREES = ("CRS84", "4326")
"""How names of the reference system end that GeoJSON of old could state and that is the one of today."""

_SHOWN = 100
"""Most problems that are listed; the rest are counted."""

_HELPED = 10
"""Problems with suggestions: the closest of all codes takes a third of a second in a national tree."""


class BoundariesRefused(InvalidRequest):
    """The file has problems; nothing was changed."""

    code = "boundaries-refused"
    title = "Boundaries refused"


@dataclass(frozen=True)
class CheckedBoundaries:
    """The content to keep, how many districts it has, and how many features were left out."""

    content: bytes
    districts: int
    left_out: int


class _Wrong(Exception):
    """A feature cannot be taken."""

    def __init__(self, told: Message, unknown: str | None = None) -> None:
        super().__init__(str(told))
        self.told = told
        self.unknown = unknown


def district_codes(url: str) -> frozenset[str]:
    """Return the codes of all districts of a registry."""
    engine = make_sync_engine(url)
    try:
        with outages_named(), engine.connect() as connection:
            return frozenset(connection.scalars(select(METADATA.tables["district"].c.code)))
    finally:
        engine.dispose()


def check_boundaries(path: Path, codes: Collection[str], *, ignore_unknown: bool = False) -> CheckedBoundaries:
    """Return the boundaries in a GeoJSON file, by code, with coordinates of six decimals.

    Parameters
    ----------
    codes
        Of the districts that there are.
    ignore_unknown
        Leave features of other codes out.

    Raises
    ------
    BoundariesRefused
        It is no FeatureCollection of Polygons and MultiPolygons in degrees, one for each of some districts.
    """
    taken: dict[str, dict[str, Any]] = {}
    problems: list[ErrorItem] = []
    left_out, wanted = 0, None if ignore_unknown else codes
    for number, feature in enumerate(_features(path), 1):
        code = _told(problems, number, codes, partial(_code, feature, wanted, taken))
        geometry = _told(problems, number, codes, partial(_geometry, feature))
        if code is not None and geometry is not None:
            if code in codes:
                taken[code] = {"type": "Feature", "properties": {"code": code}, "geometry": geometry}
            else:
                left_out += 1
    if problems:
        detail = say("Nothing was changed. Problems: {number:,}", number=len(problems))
        raise BoundariesRefused(detail, problems[:_SHOWN])
    features = [taken[code] for code in sorted(taken, key=str.encode)]
    content = msgspec.json.encode({"type": "FeatureCollection", "features": features}) + b"\n"
    return CheckedBoundaries(content, len(taken), left_out)


def _told(problems: list[ErrorItem], number: int, codes: Collection[str], read: Callable[[], T]) -> T | None:
    """Return what is read of a feature; null where it is wrong, which is added to the problems."""
    try:
        return read()
    except _Wrong as wrong:
        message = say("feature {number}: {problem}", number=number, problem=wrong.told)
        is_helped = wrong.unknown is not None and len(problems) < _HELPED
        suggestions = closest(wrong.unknown or "", codes) if is_helped else ()
        problems.append(ErrorItem(ErrorCode.INVALID_VALUE, "", message, suggestions=suggestions))
        return None


def _features(path: Path) -> list[Any]:
    """Return the features of a file."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _refused(say("The file is larger than {most:,} bytes: simplify it first.", most=MOST_BYTES))
    try:
        collection = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _refused(say("The file is no JSON in UTF-8.")) from None
    features = collection.get("features") if _is_a(collection, "FeatureCollection") else None
    if not isinstance(features, list):
        raise _refused(say("The file is no FeatureCollection."))
    if not _is_in_degrees(collection.get("crs")):
        raise _refused(say("Its coordinates are not WGS 84: longitude and latitude in degrees."))
    return features


def _refused(detail: Message) -> BoundariesRefused:
    return BoundariesRefused(detail, [ErrorItem(ErrorCode.INVALID_VALUE, "", detail)])


def _is_a(value: object, kind: str) -> bool:
    return isinstance(value, dict) and value.get("type") == kind


def _is_in_degrees(system: object) -> bool:
    """Return whether a reference system is that of GeoJSON today; null: it is."""
    named = system.get("properties") if isinstance(system, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    return system is None or (isinstance(name, str) and name.endswith(_DEGREES))


def _code(feature: object, codes: Collection[str] | None, taken: Collection[str]) -> str:
    """Return the code of a feature's district: one of `codes`, of which no feature was taken yet."""
    if not isinstance(feature, dict) or not _is_a(feature, "Feature"):
        raise _Wrong(say("it is no Feature"))
    properties = feature.get("properties")
    named: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    given = next((named[name] for name in _CODES if named.get(name) not in (None, "")), feature.get("id"))
    if isinstance(given, bool) or not isinstance(given, str | int) or not (code := fold_width(str(given)).strip()):
        raise _Wrong(say("it has no code of a district in its properties: code or id"))
    if codes is not None and code not in codes:
        raise _Wrong(say("its code is that of no district"), code)
    if code in taken:
        raise _Wrong(say("its district has a feature already"))
    return code


def _geometry(feature: object) -> dict[str, Any]:
    """Return the geometry of a feature, its coordinates in degrees and without heights."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    for kind, read in (("Polygon", _polygon), ("MultiPolygon", _polygons)):
        if isinstance(geometry, dict) and _is_a(geometry, kind):
            return {"type": kind, "coordinates": read(geometry.get("coordinates"))}
    raise _Wrong(say("its geometry is no Polygon and no MultiPolygon"))


def _polygons(value: object) -> list[Any]:
    return [_polygon(one) for one in _list(value)]


def _polygon(value: object) -> list[Any]:
    return [_ring(one) for one in _list(value)]


def _ring(value: object) -> list[Any]:
    ring = [_position(one) for one in _list(value)]
    if len(ring) < _LEAST_POSITIONS or ring[0] != ring[-1]:
        raise _Wrong(say("a ring does not end where it begins, after four positions at least"))
    return ring


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Wrong(say("its coordinates are not lists of positions as its geometry has them"))
    return value


def _position(value: object) -> tuple[float, float]:
    if isinstance(value, list) and {type(number) for number in value[:2]} <= {int, float} and len(value) > 1:
        longitude, latitude = value[:2]
        if abs(longitude) <= _MOST_LONGITUDE and abs(latitude) <= _MOST_LATITUDE:
            return round(float(longitude), _DECIMALS), round(float(latitude), _DECIMALS)
    raise _Wrong(say("a position is no longitude from -180 to 180 and latitude from -90 to 90"))
