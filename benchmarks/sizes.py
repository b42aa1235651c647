"""Every benchmark whose figures depend on size, at several sizes: one JSON file, and pictures of cost against size."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.measuring import RECORD

SIZED = {"pages": "--members", "filters": "--members", "imports": "--rows", "build": "--members", "start": "--members",
         "panels": "--members", "refresh": "--members", "whole": "--members"}  # fmt: skip
"""Benchmarks by name, and the option that says how large the registry is."""

IN_ROUNDS = {"pages", "filters", "imports", "build", "start", "refresh"}
"""Those that repeat what they measure, with the option `--rounds`."""

MOST_LINES = 12
"""Lines of a picture; more could not be told apart."""

Figures = list[dict[str, Any]]


def main(
    size: Annotated[list[int], typer.Option(help="Members; repeatable.")],
    only: Annotated[list[str] | None, typer.Option(help="Benchmarks; absent: all. Repeatable.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is repeated where it is compared.")] = 3,
    folder: Annotated[Path, typer.Option(help="Where `sizes.json` and the pictures go.")] = Path("docs/performance"),
) -> None:
    """Run the benchmarks at each size, smallest first; what was measured before stays unless it is measured again.

    One benchmark alone at one size, to measure in pieces: `--size 10000000 --only whole`.
    """
    if unknown := set(only or ()) - set(SIZED):
        raise typer.BadParameter(f"{', '.join(unknown)}: none of {', '.join(SIZED)}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sizes.json"
    for members in sorted(size):
        for name in only or SIZED:
            again = _measured(name, members, rounds)
            # Read after hours of measuring, in which another run may have written.
            known = [one for one in _known(path) if (one["benchmark"], one["members"]) != (name, members)] + again
            machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
            path.write_text(json.dumps({"machine": machine, "figures": known}, indent=1), encoding="utf-8")
    draw(_known(path), folder)


def command(name: str, members: int, rounds: int) -> list[str]:
    """Return the command of a benchmark at a size."""
    repeated = ["--rounds", str(rounds)] if name in IN_ROUNDS else []
    return [sys.executable, "-m", f"benchmarks.{name}", SIZED[name], str(members), *repeated]


def _known(path: Path) -> Figures:
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else []
    return figures


def _measured(name: str, members: int, rounds: int) -> Figures:
    """Run one benchmark in a process of its own, whose lines are shown as they come; return its figures."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as record:
        subprocess.run(command(name, members, rounds), check=True, env=os.environ | {RECORD: record.name})
        lines = record.readlines()
    about = {"benchmark": name, "members": members, "at": datetime.now(UTC).date().isoformat()}
    return [about | json.loads(line) for line in lines]


def draw(figures: Figures, folder: Path) -> None:
    """Draw the figures of each benchmark that were measured at several sizes, one picture per unit."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - the figures are there without it

    lines: defaultdict[tuple[str, str], defaultdict[str, list[tuple[int, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in figures:
        lines[one["benchmark"], one["unit"]][one["what"]].append((one["members"], one["value"]))
    for (name, unit), of in lines.items():
        several = {what: sorted(points) for what, points in of.items() if len(points) > 1}
        if not 0 < len(several) <= MOST_LINES or unit not in ("s", "ms", "MiB", "x"):
            continue
        figure, axes = plt.subplots(figsize=(9, 1 + 0.25 * len(several) + 3), layout="constrained")
        for what, points in several.items():
            axes.plot(*zip(*points, strict=True), marker="o", label=what)
        axes.set(xscale="log", yscale="log", xlabel="members", ylabel=unit, title=name)
        axes.grid(visible=True, which="major", alpha=0.3)
        figure.legend(loc="outside lower center", fontsize=7)
        figure.savefig(folder / f"sizes-{name}-{unit}.png", dpi=110)
        plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
