"""Benchmarks that need wrk, Chromium or matplotlib, at a tiny size; the table and the pictures of all.

pytest does not find this file by itself: `.ci/run` runs it, with requirements-dev.lock.
"""

import json
from pathlib import Path

import pytest

from benchmarks.sizes import command
from tests.benchmarks.running import MEMBERS, figures, measured, run, script
from tests.documentation import measured as documented
from tests.documentation.markdown import read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with everything that the scripts write, registries too."""
    return tmp_path_factory.mktemp("benchmarks")


def test_pages_give_the_figures_that_are_published(folder: Path) -> None:
    words = ("--small", str(MEMBERS), "--seconds", "1")
    assert measured("pages") <= set(figures(folder, [*command("pages", MEMBERS, rounds=1), *words]))


def test_the_dashboard_gives_all_of_its_figures(folder: Path) -> None:
    each = 1 + 2 + 2 + 3 + 1  # bytes, those of two kinds, requests and the second visit, times, ratio
    assert len(figures(folder, script("dashboard", "--rounds", "1"))) == 1 + 2 * each


def test_sizes_are_added_to_what_was_measured_and_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, results = read("docs/performance/sizes.json"), folder / "results"
    results.mkdir()
    figure = {"benchmark": "pages", "members": 7, "at": "2026-11-29", "what": "kept", "value": 1, "unit": "x"}
    again = figure | {"benchmark": "filters", "members": MEMBERS, "what": "measured again"}
    written = results / "sizes.json"
    written.write_text(json.dumps({"figures": [figure | {"target": ""}, again | {"target": ""}]}), encoding="utf-8")
    words = ("--only", "filters", "--rounds", "1", "--folder", str(results))
    for size in (MEMBERS, 2 * MEMBERS):
        run(folder, script("sizes", "--size", str(size), *words))
    found = [(one["benchmark"], one["members"]) for one in json.loads(written.read_text("utf-8"))["figures"]]
    each = len(measured("filters"))
    assert found == [("pages", 7), *[("filters", MEMBERS)] * each, *[("filters", 2 * MEMBERS)] * each]
    assert {path.name for path in results.glob("*.png")} == {"sizes-filters-ms.png", "sizes-filters-x.png"}
    (results / "goals.csv").write_text(read("docs/performance/goals.csv"), encoding="utf-8")
    monkeypatch.setattr(documented, "FOLDER", str(results))
    rows = [line.split(" | ") for line in documented.goals().splitlines() if line.endswith("`filters` |")]
    assert len(rows) == 2
    assert all(cell.strip() for row in rows for cell in row[3:5])
    assert documented.figures().count("performance/sizes-filters-") == 2
    assert read("docs/performance/sizes.json") == before
