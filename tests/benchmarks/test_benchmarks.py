"""Benchmarks that need nothing but Python, at a tiny size; `tools.py` has the others."""

import csv
from pathlib import Path

import pytest

from benchmarks.sizes import SIZED, command
from tests.benchmarks.running import MEMBERS, figures, measured, script
from tests.documentation.markdown import ROOT, read

IN_TOOLS = {"dashboard", "pages", "sizes"}

OTHERS = {
    # Databases by kinds by changes, median and 95 %.
    "changes": (("--members", str(MEMBERS), "--times", "2"), 2 + 2 * 4 * 3 * 2),
    # All, three levels, the steps and what is not shown.
    "disclosure": (("--firms", "3000"), 3 + 3 * 8 + 4 + 1),
    "extracts": (("{folder}/extract", "--members", str(MEMBERS)), 4),
    # Settings by parts, of which the first has all flags; settings by mixes by strata.
    "false_alarms": (("--counties", "2", "--firms", "200"), 5 * 4 * 7 + 5 * (3 + 3 * 1) + 3 * 2 * 3 * (2 + 3)),
}
"""Scripts that are not run at several sizes: their words, and how many figures they give."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with everything that the scripts write, the registry that they have in common too."""
    return tmp_path_factory.mktemp("benchmarks")


def test_each_script_is_run_and_listed() -> None:
    scripts = {path.stem for path in ROOT.glob("benchmarks/*.py") if "typer.run(main)" in path.read_text("utf-8")}
    assert scripts == SIZED.keys() | OTHERS.keys() | IN_TOOLS
    listed = [line.split("`")[1] for line in read("benchmarks/README.md").splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(scripts)


def test_each_goal_has_a_figure_that_is_measured() -> None:
    goals = csv.DictReader(read("docs/performance/goals.csv").splitlines())
    ratios = ("{what}: speed over {rival}", "{what}: CPU time of {rival} over ours")
    asked = {
        (goal["benchmark"], shape.format_map(goal))
        for goal in goals
        for shape in (ratios if goal["rival"] else ("{what}",))
    }
    assert asked <= {(name, figure) for name in SIZED for figure in measured(name)}


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(SIZED.keys() - IN_TOOLS))
def test_a_script_gives_the_figures_that_are_published(name: str, folder: Path) -> None:
    assert measured(name) <= set(figures(folder, command(name, MEMBERS, rounds=1)))


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_script_gives_all_of_its_figures(name: str, folder: Path) -> None:
    words, number = OTHERS[name]
    assert len(figures(folder, script(name, *(word.format(folder=folder) for word in words)))) == number
