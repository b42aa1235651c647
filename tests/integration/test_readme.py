"""What README.md says: its commands run, and what it shows of their answers is what they give."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.demo.siming import SIMING_DATES
from tests.documentation.commands import Terminal, differences, served
from tests.documentation.markdown import ROOT, Block, chapter, commands, read

README = read("README.md")
STORY = ("organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach")
"""Metrics of the table at the beginning."""


def follow(terminal: Terminal, block: Block) -> None:
    """Carry out a block of commands; those that fail, and the last where an answer is shown, are compared with it."""
    *others, last = terminal.run(block.text)
    for output in others:
        assert not output.failed, f"{output.command}\n{output.text}"
    if block.shown is None:
        assert not last.failed, f"{last.command}\n{last.text}"
    else:
        assert differences(block.shown.language, block.shown.text, last.text) == [], last.command


def story(address: str) -> Iterator[str]:
    """Yield the rows of the table at the beginning, as the demonstration has them."""
    for day in SIMING_DATES:
        query = {"industry_group": "internet", "as_of": day.isoformat()}
        row = httpx.get(f"{address}/v1/statistics/districts/350203", params=query).json()["data"]
        rates = [row["rates"][metric] for metric in STORY]
        shown = [f"{rate['numerator']} / {rate['denominator']} = {100 * rate['value']:.0f} %" for rate in rates]
        yield f"| {' | '.join([day.isoformat(), str(row['counts']['enterprises']), *shown])} |\n"


def test_readme_shows_what_the_demonstration_answers_when_its_tour_is_followed(tmp_path: Path) -> None:
    tour = list(commands(chapter(README, "A tour in ten minutes")))
    assert len(tour) >= 10
    with served(tmp_path, "demo") as address:
        assert "".join(story(address)) in README
        terminal = Terminal(tmp_path, address)
        for block in tour:
            follow(terminal, block)


def test_own_data_are_served_when_readme_is_followed(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    terminal = Terminal(tmp_path)
    [block] = commands(chapter(README, "With your own data"))
    outputs = terminal.run(block.text)
    assert [output.command for output in outputs if output.failed] == []
    assert [output.command for output in outputs if "warning" in output.text and ": 0 warnings" in output.text] == []
    assert '"as_of":"2026-06-30"' in outputs[-1].text


def gate(step: str) -> str:
    """Return the commands of a step of the gate, written as README writes them."""
    script = read(".ci/run").partition(f'step "README: {step}')[2].partition("\n  step ")[0].partition("\nstep ")[0]
    for name in ("runtime", "tests"):
        script = script.replace(f'"$work/{name}"', ".venv").replace(f'"$work/{name}/bin/', ".venv/bin/")
        script = script.replace(f" {name}/bin/", " .venv/bin/")
    return script.replace('"', "").replace(" --quiet", "")


@pytest.mark.parametrize(("step", "last"), [("install and run", "orgcoverage demo"), ("the tests", "python -m pytest")])
def test_gate_runs_what_readme_says_when_installing(step: str, last: str) -> None:
    [line] = [block.text.strip() for block in commands(chapter(README, "Start")) if block.text.strip().endswith(last)]
    script = gate(step)
    places = [script.find(command) for command in line.split(" && ")]
    assert -1 not in places, line
    assert places == sorted(places)


def test_every_place_exists_when_readme_lists_it() -> None:
    rows = chapter(README, "Where things are").split("\n| `")[1:]
    places = [row.partition("`")[0] for row in rows]
    assert [place for place in places if not (ROOT / place).exists()] == []
    stages = {f"app/{path.name}/" for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()}
    assert stages <= set(places)


def test_changes_are_listed_when_a_version_has_been_given() -> None:
    headings = [line for line in read("CHANGELOG.md").splitlines() if line.startswith("## ")]
    assert headings[0] == "## Unreleased"
    sections = {line for line in read("CHANGELOG.md").splitlines() if line.startswith("### ")}
    assert sections <= {"### Added", "### Changed", "### Figures changed", "### Fixed", "### Removed"}
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert version == "0.1.0" or f"## {version}" in "\n".join(headings)
