"""What problems say of where something is wrong."""

from collections.abc import Mapping
from typing import Any

from app.api.http.problems import ProblemItem


def place_of(item: ProblemItem | Mapping[str, Any]) -> str:
    """Return the parameter, the JSON pointer or the column of an item; empty where it has none."""
    found = item if isinstance(item, Mapping) else item.model_dump()
    return next((found[name] for name in ("parameter", "pointer", "column") if found[name] is not None), "")
