"""GeoJSON (RFC 7946): a feature for each row of a table of districts, its properties as flat as the records."""

from collections.abc import Iterator
from typing import Any

from app.publication.rows import encode
from app.publication.table import FlatTable
from app.store.boundaries import Boundaries

MEDIA_TYPE = "application/geo+json"


def write_geojson(table: FlatTable, boundaries: Boundaries) -> Iterator[bytes]:
    """Yield the file in pieces; the geometry of a district without boundaries, and of a margin, is null."""
    headings = [column.heading for column in table.columns]
    place = [column.name for column in table.columns].index("code")
    yield b'{"type":"FeatureCollection","meta":%b,"features":[' % encode(table.meta)
    separator = b""
    for rows in table.chunks():
        features = [_feature(row[place], dict(zip(headings, row, strict=True)), boundaries) for row in rows]
        yield separator + b",\n".join(map(encode, features))
        separator = b",\n" if features else separator
    yield b"]}\n"


def _feature(code: str | None, properties: dict[str, Any], boundaries: Boundaries) -> dict[str, Any]:
    named = {} if code is None else {"id": code}
    return {"type": "Feature", **named, "geometry": boundaries.geometries.get(code or ""), "properties": properties}
