"""Generating clients from the committed document by the commands of `docs/clients.md`."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.api.examples import DOCUMENT
from tests.documentation.markdown import Block, blocks, chapter, read

PAGE = "docs/clients.md"
PACKAGE = "org_coverage_client"


def programs(title: str, language: str) -> list[tuple[Block, Block]]:
    """Return the programs of a chapter of the page, each with the block that shows what it prints."""
    found = blocks(chapter(read(PAGE), title))
    return [(block, found[place + 1]) for place, block in enumerate(found) if block.language == language]


def command(program: str) -> list[str]:
    """Return the words of the one command of the page that runs a program."""
    lines = [line for block in blocks(read(PAGE)) if block.language == "sh" for line in block.text.splitlines()]
    [words] = [words for line in lines if program in (words := shlex.split(line))]
    return words


def generate_python(folder: Path, *options: str) -> None:
    """Make the Python client in a folder; whatever the generator has to say is an error.

    Its exit code is 0 even where it leaves things out.
    """
    shutil.copy(DOCUMENT, folder / "openapi.json")
    scripts = Path(sys.executable).parent
    told = run(folder, [*command("openapi-python-client"), *options], f"{scripts}:{os.environ['PATH']}")
    assert told == f"Generating {PACKAGE}\n"


def run(folder: Path, words: list[str], path: str = os.environ["PATH"]) -> str:
    """Run a program in a folder; return all it says, on both streams.

    Raises
    ------
    AssertionError
        It failed.
    """
    told = subprocess.run(
        words, cwd=folder, env={**os.environ, "PATH": path}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout
    return told.stdout
