"""Generating clients from the committed document by the commands of `docs/clients.md`."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.document import DOCUMENT
from tests.documentation.markdown import Block, blocks, chapter, read

PAGE = "docs/clients.md"
PACKAGE = "org_coverage_client"

_SCRIPTS = Path(sys.executable).parent


def programs(title: str, language: str, page: str = PAGE) -> list[tuple[Block, Block]]:
    """Return the programs of a chapter of a page, each with the block that shows what it prints."""
    found = blocks(chapter(read(page), title))
    return [(block, found[place + 1]) for place, block in enumerate(found) if block.language == language]


def command(*start: str) -> list[str]:
    """Return the words of the one command of the page that starts so."""
    lines = [line for block in blocks(read(PAGE)) if block.language == "sh" for line in block.text.splitlines()]
    [words] = [words for line in lines if (words := shlex.split(line))[: len(start)] == list(start)]
    return words


def generate_python(folder: Path, *options: str, says: str = PACKAGE) -> None:
    """Make the Python client in a folder, as the page says but for some options.

    Whatever the generator says besides what it generates is an error: it leaves things out and exits with 0.
    """
    shutil.copy(DOCUMENT, folder / "openapi.json")
    assert run(folder, [*command("openapi-python-client"), *options]) == f"Generating {says}\n"


def run(folder: Path, words: list[str], settings: Mapping[str, str] | None = None) -> str:
    """Run a program in a folder, those of this environment before others; return all it says, on both streams.

    Raises
    ------
    AssertionError
        It failed.
    """
    path = f"{_SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", **(settings or {})}
    told = subprocess.run(
        words, cwd=folder, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert told.returncode == 0, told.stdout
    return told.stdout
