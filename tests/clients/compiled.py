"""Clients that are compiled: TypeScript, and the Python one as a package under a strict type checker.

Needs npm and mypy, so that pytest does not find this file by itself: `bash .ci/clients` runs it.
"""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.clients.generated import PACKAGE, command, generate_python, programs, run
from tests.document import DOCUMENT
from tests.documentation.commands import ADDRESS

SOURCES = Path(__file__).parent / "typescript"
DOUBTS = re.compile(r"warn|error|deprecat|unsupported|unknown|skip|fail", re.IGNORECASE)
SHOWN = [shown.text for _, shown in programs("TypeScript", "typescript")]


def test_python_program_compiles_strictly_on_the_installed_package(tmp_path: Path) -> None:
    """Checked as sources: of installed packages mypy hides the errors."""
    generate_python(tmp_path, "--meta", "uv", "--output-path", "package", says="package")
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(tmp_path, [*pip, "install", "--quiet", "--no-deps", "--target", str(site), "./package"])
    assert (site / PACKAGE / "py.typed").exists()
    shutil.copy(Path(__file__).with_name("questions.py"), tmp_path)
    for place, (program, _) in enumerate(programs("Python", "python")):
        (tmp_path / f"page_{place}.py").write_text(program.text, encoding="utf-8")
    checked = [str(site / PACKAGE), "questions.py", *(path.name for path in tmp_path.glob("page_*.py"))]
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'mypy'}"]
    told = run(tmp_path, [*mypy, *checked], {"MYPYPATH": str(site)})
    assert told.startswith("Success: no issues found")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """Give a folder with both TypeScript clients and all programs, compiled; no generator had a doubt."""
    folder = tmp_path_factory.mktemp("typescript") / "clients"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(DOCUMENT, folder / "openapi.json")
    for place, (program, _) in enumerate(programs("TypeScript", "typescript")):
        (folder / f"page_{place}.ts").write_text(program.text.replace(ADDRESS, address), encoding="utf-8")
    run(folder, ["npm", "ci", "--no-audit", "--no-fund"])
    for generator in ("openapi-ts", "openapi-typescript"):
        told = run(folder, command("npx", generator))
        assert not DOUBTS.search(told), told
    assert run(folder, ["npx", "tsc", "--project", "."]) == ""
    return folder / "built"


@pytest.mark.parametrize("program", ["hey_api", "openapi_fetch"])
def test_questions_are_answered_when_a_program_asks(
    compiled: Path, address: str, closed_address: str, program: str
) -> None:
    asked = re.findall(r"^async function \w+\(\): Promise<void>", (SOURCES / f"{program}.ts").read_text(), re.MULTILINE)
    told = run(compiled, ["node", f"{program}.js", address, closed_address])
    assert told == f"{len(asked)} questions answered\n"


@pytest.mark.parametrize("place", range(len(SHOWN)))
def test_program_of_the_page_prints_what_is_shown(compiled: Path, place: int) -> None:
    assert run(compiled, ["node", f"page_{place}.js"]) == SHOWN[place]
