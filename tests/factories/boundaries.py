"""GeoJSON files of squares."""

import json
from pathlib import Path
from typing import Any

SQUARE = [[118.1, 24.4], [118.2, 24.4], [118.2, 24.5], [118.1, 24.5], [118.1, 24.4]]


def feature(code: object, geometry: object = None, **properties: Any) -> dict[str, Any]:
    """A district with a square, or with something else."""
    drawn = {"type": "Polygon", "coordinates": [SQUARE]} if geometry is None else geometry
    return {"type": "Feature", "properties": {"code": code} | properties, "geometry": drawn}


def collection(*features: object, **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [*features]} | members


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
