"""Where definitions come from, read from the table beside this module."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

OWN = "OrgCoverage"
"""The source of what this service defines itself."""


@cache
def _sources() -> Mapping[str, str]:
    with files("app.catalogue").joinpath("sources.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["source"] for row in csv.DictReader(lines)}


def source_of(code: str) -> str:
    """Return the source of the definition of a measure, metric, basis or dimension."""
    return _sources().get(code, OWN)
