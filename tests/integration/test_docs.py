"""What docs/ says: generated parts are up to date; settings, commands, links, rules and layers are those there are."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from app.cli.commands import cli
from app.cli.statistics import KEY
from app.config import Settings
from app.imports.issues import Rule
from tests.documentation.generated import FILES, sections
from tests.documentation.markdown import ROOT, chapter, generated_sections, read

DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("name", FILES)
def test_generated_sections_are_up_to_date_when_compared(name: str) -> None:
    held, made = generated_sections(read(name)), sections()
    assert held
    assert held == {section: made[section] for section in held}


def test_every_generated_section_has_its_place_when_compared() -> None:
    assert {section for name in FILES for section in generated_sections(read(name))} == set(sections())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere_when_followed(name: str) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", read(name))
    wrong = [target for target in targets if not target.startswith("http") and not _leads(name, target)]
    assert wrong == []


def _leads(name: str, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    return file.exists() and (not anchor or anchor in _anchors(file))


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_settings_are_the_services_own_when_named(name: str) -> None:
    prefix = "ORGCOVERAGE_"
    composed = set(re.findall(rf"\$\{{({prefix}[A-Z_]+)", read("docker-compose.yml")))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    tested = {name for source in sources for name in re.findall(rf"\"({prefix}TEST_[A-Z_]+)\"", source)}
    known = {f"{prefix}{setting.upper()}" for setting in Settings.model_fields} | composed | tested | {KEY}
    assert set(re.findall(rf"{prefix}[A-Z_]+", read(name))) <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_exist_when_named(name: str) -> None:
    assert [line for line in _invocations(read(name)) if not _exists(line)] == []


def _invocations(text: str) -> Iterator[str]:
    """Yield what follows the program's name in blocks of commands and between backticks."""
    found = re.findall(r"(?:^|`|[ /])orgcoverage ((?:[a-z]|--)[^`\n]*)(?:`|\n)", text, re.MULTILINE)
    yield from (line for line in found if not line.startswith("is "))


def _exists(line: str) -> bool:
    command = typer.main.get_command(cli)
    words = shlex.split(line)
    while isinstance(command, TyperGroup) and words:
        found = command.commands.get(words.pop(0))
        if found is None:
            return False
        command = found
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    if command.context_settings.get("ignore_unknown_options"):  # they are the parameters of the HTTP API
        return True
    return {word for word in words if word.startswith("-")} - {"-"} <= options  # a dash alone is standard input


def test_every_rule_is_told_with_its_severity_when_compared() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (error|warning) \|", read("docs/importing.md"), re.MULTILINE)
    assert dict(rows) == {str(rule): str(rule.severity) for rule in Rule}
    assert len(rows) == len(dict(rows))


def test_layers_are_those_that_are_checked_when_compared() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert "```text\n" + "\n".join(layers) + "\n```" in read("docs/architecture.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_places_in_the_source_exist_when_named(name: str) -> None:
    places = re.findall(r"`((?:app|tests|docs|compose|benchmarks|alembic)/[\w./-]*)`", read(name))
    modules = re.findall(r"`(\w+\.(?:py|sql))`", read(name))
    assert [place for place in places if not (ROOT / place).exists()] == []
    assert [module for module in modules if not [*ROOT.glob(f"app/**/{module}")]] == []


def test_what_the_address_of_the_dashboard_may_say_is_listed() -> None:
    defaults = re.search(r"DEFAULTS = \{(.*?)\}", read("app/api/dashboard/page/state.js"))
    assert defaults is not None
    listed = chapter(read("docs/dashboard.md"), "Sharing a view")
    assert re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE) == re.findall(r"(\w+): ", defaults[1])
