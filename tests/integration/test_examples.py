"""What docs/examples/ shows: its commands and programs run on the demonstration, and give what is shown."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.documentation.commands import ADDRESS, Terminal, differences, served
from tests.documentation.markdown import ROOT, Block, blocks, commands
from tests.integration.test_readme import follow

PAGES = sorted(
    (path for path in (ROOT / "docs" / "examples").glob("*.md") if path.name != "README.md"),
    key=lambda path: ("--data-binary" in path.read_text(encoding="utf-8"), path),
)
"""Those that import a file are last: figures change with it."""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("examples")
    with served(folder, "demo") as address:
        yield Terminal(folder, address)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_example_gives_what_it_shows_when_it_is_run(terminal: Terminal, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in commands(text):
        follow(terminal, block)
    programs = list(programs_of(text))
    assert programs
    for program in programs:
        code = program.text.replace(ADDRESS, terminal.address)
        finished = subprocess.run(
            [sys.executable, "-c", code], cwd=terminal.folder, text=True, capture_output=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        assert program.shown is not None
        assert differences("csv", program.shown.text, finished.stdout) == []


def programs_of(text: str) -> Iterator[Block]:
    """Yield the blocks of Python, each with the block that shows what it prints."""
    found = blocks(text)
    for block, following in pairwise(found):
        if block.language == "python":
            yield Block(block.language, block.text, following)


def test_every_page_is_listed_when_there_is_one() -> None:
    index = (ROOT / "docs" / "examples" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f"]({page.name})" not in index] == []
