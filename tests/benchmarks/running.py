"""Benchmarks run as by a user: in a process of their own, from the root of the repository."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.measuring import RECORD
from benchmarks.registries import CACHE
from tests.documentation.markdown import ROOT

MEMBERS = 1000
"""Of the registries; all scripts that run in one folder share one."""

_PATIENCE = 600.0


def script(name: str, *words: str) -> list[str]:
    """Return the command of a script."""
    return [sys.executable, "-m", f"benchmarks.{name}", *words]


def run(folder: Path, command: Sequence[str]) -> str:
    """Run a command whose temporary files go into a folder, and return what it printed.

    Nothing is left but the cache of registries; servers that it has not stopped end with it.
    """
    temporary, record = folder / "temporary", folder / "record"
    temporary.mkdir(exist_ok=True)
    record.unlink(missing_ok=True)
    places = {"TMPDIR": temporary, RECORD: record, "PYTHONPYCACHEPREFIX": folder / "bytecode"}
    hidden = ("ORGCOVERAGE_", "PYTHONDONTWRITEBYTECODE")  # compiling what each of many processes imports takes longest
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {name: str(place) for name, place in places.items()}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, out + err
    left = {path.name for path in temporary.iterdir()} - {CACHE.name}
    assert left == set(), left
    return out


def figures(folder: Path, command: Sequence[str]) -> list[str]:
    """Run a benchmark and return what its figures are called: each is finite, none comes twice, each has its line."""
    lines = run(folder, command).splitlines()
    shown = [json.loads(line) for line in (folder / "record").read_text(encoding="utf-8").splitlines()]
    names = [one["what"] for one in shown]
    wrong = [one for one in shown if not math.isfinite(one["value"])]
    assert wrong == [], wrong
    assert len(set(names)) == len(names), sorted(names)
    unlike = [(line, name) for line, name in zip(lines, names, strict=True) if not line.startswith(name)]
    assert unlike == [], unlike
    return names


def measured(benchmark: str) -> set[str]:
    """Return what the figures are called of which `docs/performance.md` is made; `sizes.json` follows a new name."""
    known = json.loads((ROOT / "docs/performance/sizes.json").read_text(encoding="utf-8"))["figures"]
    return {one["what"] for one in known if one["benchmark"] == benchmark}
