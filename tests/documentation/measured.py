"""The figures of `docs/performance.md`: what `benchmarks.sizes` measured, the goals first, then a table a benchmark."""

import csv
import json
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.documentation.markdown import ROOT, read, table

FOLDER = "docs/performance"
"""`sizes.json` and pictures, as `benchmarks.sizes` writes them, and `goals.csv`.

A goal has its text, what to reach with the aim in brackets, its benchmark and the figure there; for a ratio, what is
measured beside it.
"""

Figure = Mapping[str, Any]


def goals() -> str:
    """Return the goals with what was measured at each size; of a ratio, that of the processor times in brackets."""
    found = {(figure["benchmark"], figure["what"], figure["members"]): figure["value"] for figure in _figures()}
    sizes = sorted({members for _, _, members in found})

    def cell(goal: Mapping[str, str], members: int) -> str:
        whats = [goal["what"]]
        if goal["rival"]:
            whats = [
                f"{goal['what']}: {what}"
                for what in (f"speed over {goal['rival']}", f"CPU time of {goal['rival']} over ours")
            ]
        values = [found.get((goal["benchmark"], what, members)) for what in whats]
        first, *others = [_shown(value) for value in values if value is not None] or [""]
        return " ".join([first, *(f"({other})" for other in others)])

    asked = csv.DictReader(read(f"{FOLDER}/goals.csv").splitlines())
    rows = (
        (goal["text"], goal["reach"], *(cell(goal, size) for size in sizes), f"`{goal['benchmark']}`") for goal in asked
    )
    return table(("what", "reach (aim)", *(f"{size:,}" for size in sizes), "benchmark"), rows)


def figures() -> str:
    """Return a section per benchmark: its pictures, and all its figures, a column per size."""
    by_name = groupby(sorted(_figures(), key=itemgetter("benchmark")), itemgetter("benchmark"))
    return "\n".join(_benchmark(name, list(group)) for name, group in by_name)


def _figures() -> list[Figure]:
    found: list[Figure] = json.loads(read(f"{FOLDER}/sizes.json"))["figures"]
    return found


def _benchmark(name: str, measured: list[Figure]) -> str:
    sizes = sorted({figure["members"] for figure in measured})
    days = ", ".join(sorted({figure["at"] for figure in measured}))
    shown = {(figure["what"], figure["members"]): _shown(figure["value"]) for figure in measured}
    kinds = dict.fromkeys((figure["what"], figure["unit"], figure["target"]) for figure in measured)
    rows = ((what, *(shown.get((what, size), "") for size in sizes), unit, target) for what, unit, target in kinds)
    head = ("figure", *(f"{size:,}" for size in sizes), "unit", "goal")
    pictures = sorted(Path(ROOT / FOLDER).glob(f"sizes-{name}-*.png"))
    drawn = "".join(f"![{name}: cost against size](performance/{path.name})\n" for path in pictures)
    return f"### {name}\n\n`python -m benchmarks.{name}`, {days}.\n\n{drawn}\n{table(head, rows)}"


def _shown(value: float) -> str:
    """Return three significant digits."""
    digits = next((number for number, least in enumerate((100, 10, 1)) if value >= least), 3)
    return f"{value:,.{digits}f}"


WRITERS = {"goals": goals, "figures": figures}
"""The sections' writers by their names."""
