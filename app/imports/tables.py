"""The CSV tables beside the modules of imports: headers, values, notes and messages."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def table(name: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of one of the tables."""
    with files("app.imports").joinpath(name).open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines))
