"""What README.md, the tour and the drill say: their commands run, and give the answers that are shown."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.config import VERSION
from app.demo.siming import SIMING_DATES
from tests.documentation.commands import Output, Terminal, differences, served
from tests.documentation.markdown import ROOT, Block, chapter, commands, read

README = read("README.md")
STORY = ("organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach")
"""Metrics of the table at the beginning."""


def follow(terminal: Terminal, block: Block) -> list[Output]:
    """Carry out a block of commands: the last one gives what is shown, an error too; no other one fails."""
    *others, last = outputs = terminal.run(block.text)
    for output in others:
        assert not output.failed, f"{output.command}\n{output.text}"
    if block.shown is None:
        assert not last.failed, f"{last.command}\n{last.text}"
    else:
        assert differences(block.shown.language, block.shown.text, last.text) == [], last.command
    return outputs


def story(address: str) -> Iterator[str]:
    """Yield the rows of the table at the beginning, as the demonstration has them."""
    for day in SIMING_DATES:
        query = {"industry_group": "internet", "as_of": day.isoformat()}
        row = httpx.get(f"{address}/v1/statistics/districts/350203", params=query).json()["data"]
        rates = [row["rates"][metric] for metric in STORY]
        shown = [f"{rate['numerator']} / {rate['denominator']} = {100 * rate['value']:.0f} %" for rate in rates]
        yield f"| {' | '.join([day.isoformat(), str(row['counts']['enterprises']), *shown])} |\n"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("demonstration")
    with served(folder, "demo") as address:
        yield Terminal(folder, address)


@pytest.mark.long
def test_table_at_the_beginning_is_the_demonstrations_when_asked(demonstration: Terminal) -> None:
    assert "".join(story(demonstration.address)) in README


@pytest.mark.long
def test_questions_have_the_answers_shown_when_asked(demonstration: Terminal) -> None:
    questions = list(commands(chapter(README, "Six questions")))
    assert [block.shown is not None for block in questions] == [True] * 6
    for block in questions:
        follow(demonstration, block)


@pytest.mark.long
def test_tour_gives_what_it_shows_when_it_is_followed(demonstration: Terminal) -> None:
    tour = list(commands(read("docs/tour.md")))
    assert len(tour) >= 10
    for block in tour:
        follow(demonstration, block)


@pytest.mark.long
def test_ledger_becomes_a_figure_when_readme_is_followed(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    terminal = Terminal(tmp_path)
    *others, served_last = [
        output
        for block in commands(chapter(README, "A ledger, from template to figure"))
        for output in follow(terminal, block)
    ]
    assert [one.command for one in others if "warning" in one.text and ": 0 warnings" in one.text] == []
    assert '"as_of":"2026-06-30"' in served_last.text


@pytest.mark.long
def test_restored_backup_gives_the_same_figures_when_the_drill_is_followed(
    tmp_path: Path, demonstration: Terminal
) -> None:
    [drill] = [
        block
        for block in commands(chapter(read("docs/operations.md"), "Backup"))
        if "ORGCOVERAGE_DATA_DIR=drill" in block.text
    ]
    terminal = Terminal(tmp_path, ORGCOVERAGE_DATA_DIR=str(demonstration.folder / "orgcoverage-demo"))
    outputs = follow(terminal, drill)
    assert [output.command for output in outputs if output.failed] == []
    assert len((tmp_path / "before.csv").read_text(encoding="utf-8-sig").splitlines()) > 5


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


def test_every_stage_has_its_place_when_readme_lists_folders() -> None:
    places = set(re.findall(r"`(app/\w+/)`", chapter(README, "Where to read on")))
    assert {f"app/{path.name}/" for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()} <= places


def test_answer_stands_where_it_is_decided_when_readme_names_the_place() -> None:
    table = chapter(README, "Where to read on").partition("| Where is … decided? |")[2]
    named = re.findall(r"`(app/[\w./-]+)` \(`(\w+)`\)", table)
    assert len(named) >= 8
    assert [(path, name) for path, name in named if name not in read(path)] == []


def test_changes_are_listed_when_a_version_has_been_given() -> None:
    headings = [line for line in read("CHANGELOG.md").splitlines() if line.startswith("## ")]
    assert headings[0] == "## Unreleased"
    sections = {line for line in read("CHANGELOG.md").splitlines() if line.startswith("### ")}
    assert sections <= {"### Added", "### Changed", "### Figures changed", "### Fixed", "### Removed"}
    assert VERSION == "0.1.0" or f"## {VERSION}" in "\n".join(headings)
